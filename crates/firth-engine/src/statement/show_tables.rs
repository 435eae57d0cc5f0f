//! SHOW TABLES and DESCRIBE.

use firth_catalog::{DatasetKind, DatasetName, TableKindName};
use firth_diagnostic::{Name, Result, Spanned};

use crate::{Outcome, report::Report, resolve::Resolver};

pub(super) async fn execute(resolver: &Resolver<'_>, schema: Option<&Spanned<Name>>) -> Result<Outcome> {
    let name = match schema {
        Some(name) => DatasetName::try_from_name(&name.value).map_err(|error| error.or_at(name.span))?,
        None => DatasetName::main(),
    };
    let place = |error: firth_diagnostic::Diagnostic| match schema {
        Some(name) => error.or_at(name.span),
        None => error,
    };
    let dataset = resolver.dataset(&name).map_err(place)?;
    let rows: Vec<(String, &'static str, Option<String>)> = match &dataset.kind {
        DatasetKind::Native => {
            let tables = resolver.session.catalog()?.tables(&name)?;
            let row = |table: firth_catalog::TableRecord| {
                let kind = table.kind.name().word();
                (table.name.table, kind, table.kind.connection().map(ToString::to_string))
            };
            tables.into_iter().map(row).collect()
        }
        DatasetKind::External { connection, schema: spec, .. } => {
            let remote = resolver.open_named(connection, None).map_err(place)?;
            let tables = remote.remote.list(spec).await.map_err(place)?;
            let kind = TableKindName::External.word();
            tables.into_iter().map(|table| (table.name, kind, Some(connection.to_string()))).collect()
        }
    };
    Ok(Report::new()
        .texts("table_name", rows.iter().map(|(name, _, _)| name))
        .texts("table_type", rows.iter().map(|(_, kind, _)| kind))
        .strings("connection", rows.iter().map(|(_, _, connection)| connection.as_ref()))
        .outcome())
}

pub(super) async fn describe(resolver: &Resolver<'_>, name: &Spanned<Name>) -> Result<Outcome> {
    let columns = resolver.columns(&name.value).await.map_err(|error| error.or_at(name.span))?;
    Ok(Report::new()
        .texts("column_name", columns.iter().map(|column| &column.name))
        .texts("data_type", columns.iter().map(|column| &column.type_name))
        .bools("is_nullable", columns.iter().map(|column| column.nullable))
        .outcome())
}
