//! SHOW CACHES and REFRESH EXTERNAL TABLE.

use datafusion::common::runtime::SpawnedTask;
use firth_catalog::{TableKind, TableName};
use firth_diagnostic::{Code, Diagnostic, Name, Result, Spanned};

use crate::{
    Outcome, Session,
    files::refresh_listing,
    report::Report,
    resolve::{Resolver, external_table_options, is_of_objects},
    store::CacheReport,
    versioned::VersionedFormat,
};

pub(super) async fn show(session: &Session) -> Result<Outcome> {
    let mut caches = session.caches.report();
    if let Some(disk) = session.caches.disk() {
        let (entries, bytes) =
            SpawnedTask::spawn_blocking(move || disk.report()).join().await.unwrap_or_default();
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        caches.push(CacheReport { name: "disk", entries, bytes });
    }
    Ok(Report::new()
        .texts("cache", caches.iter().map(|cache| cache.name))
        .integers("entries", caches.iter().map(|cache| cache.entries as i64))
        .integers("bytes", caches.iter().map(|cache| cache.bytes as i64))
        .outcome())
}

/// Lists the files of a table now, whatever its `max_staleness` allows.
pub(super) async fn refresh(resolver: &Resolver<'_>, name: &Spanned<Name>) -> Result<Outcome> {
    let table = TableName::try_from_name(&name.value).map_err(|error| error.or_at(name.span))?;
    let dataset = resolver.dataset(&table.dataset_name()).map_err(|error| error.or_at(name.span))?;
    let catalog = resolver.session.catalog()?;
    let Some(record) = catalog.table(&table)? else {
        let tables = catalog.tables(&dataset.name)?;
        let known = tables.iter().map(|table| table.name.table.as_str());
        return Err(crate::resolve::no_table(&table, known).at(name.span));
    };
    if let TableKind::Materialized(_) = &record.kind {
        return Err(Diagnostic::error(Code::Invalid, format!("{table} is a materialized view"))
            .at(name.span)
            .hint("Use `REFRESH MATERIALIZED VIEW`."));
    }
    let TableKind::External(external) = &record.kind else {
        return Err(Diagnostic::error(
            Code::Invalid,
            format!("{table} is {}: only external tables are refreshed", record.kind.name().with_article()),
        )
        .at(name.span));
    };
    // Every query lists its objects.
    if is_of_objects(external) {
        return Ok(Outcome::nothing());
    }
    // Its log says what it is now, and is read by every query.
    if VersionedFormat::try_new(&external_table_options(external))?.is_some() {
        return Ok(Outcome::nothing());
    }
    let connection = external.connection.as_ref().map(|name| (name, None));
    let remote =
        resolver.open_for_files(connection, &external.uris).map_err(|error| error.or_at(name.span))?;
    refresh_listing(&resolver.stores, &remote, &external.uris)
        .await
        .map_err(|error| error.or_at(name.span))?;
    Ok(Outcome::nothing())
}
