//! CREATE, DROP, REFRESH and SHOW MATERIALIZED VIEW(S).

use std::sync::Arc;

use arrow::datatypes::Schema;
use chrono::Utc;
use firth_catalog::{
    AsOf, DatasetKind, DatasetName, MaterializedView, OnExisting, TableKind, TableKindName, TableName,
};
use firth_connector::Options;
use firth_diagnostic::{Code, Diagnostic, Name, Result, Spanned};
use firth_sql::{CreateMaterializedView, Drop, Parameters};
use futures::FutureExt as _;

use super::{
    audited,
    create_external_table::{drop_table, given_options},
    create_table::NewTable,
    dry_run,
    insert::row_counts,
    options,
    schema::on_existing,
};
use crate::{
    Outcome, Session,
    materialized::{Freshness, MATERIALIZED_VIEW_OPTIONS, Refreshed, known_view, query_of, refresh},
    native::columns_of,
    report::Report,
    resolve::Resolver,
};

pub(super) async fn create(
    session: &Session,
    resolver: &Resolver<'_>,
    statement: &CreateMaterializedView,
) -> Result<Outcome> {
    let name =
        TableName::try_from_name(&statement.name.value).map_err(|error| error.or_at(statement.name.span))?;
    let result = try_create(session, resolver, statement, &name).boxed().await;
    audited(session, "CREATE_MATERIALIZED_VIEW", &name.to_string(), result)
}

async fn try_create(
    session: &Session,
    resolver: &Resolver<'_>,
    statement: &CreateMaterializedView,
    name: &TableName,
) -> Result<Outcome> {
    let at_name = |error: Diagnostic| error.or_at(statement.name.span);
    let given = options::given(session, &statement.options.value)?;
    let options =
        Options::validate("materialized views", MATERIALIZED_VIEW_OPTIONS, &given, statement.options.span)?;
    let stored = given_options(&options);
    let freshness = Freshness::try_new(&stored).map_err(|error| error.or_at(statement.options.span))?;
    let dataset = resolver.dataset(&name.dataset_name()).map_err(at_name)?;
    if matches!(dataset.kind, DatasetKind::External { .. }) {
        let message = format!("schema {} is external: no view can be kept in it", dataset.name);
        return Err(at_name(
            Diagnostic::error(Code::Invalid, message).hint("Make the view in another schema."),
        ));
    }
    let on_existing = on_existing(statement.creation);
    let catalog = session.catalog()?;
    // Said before the query runs for hours; the catalog looks again.
    if let Some(existing) = catalog.table(name)? {
        let is = existing.kind.name();
        match on_existing {
            OnExisting::Skip => return Ok(Outcome::nothing()),
            OnExisting::Fail => {
                let message = format!("{name} already exists: it is {}", is.with_article());
                return Err(at_name(Diagnostic::error(Code::AlreadyExists, message).hint(
                    "Use `CREATE MATERIALIZED VIEW IF NOT EXISTS` to keep it, or `CREATE OR REPLACE MATERIALIZED VIEW`.",
                )));
            }
            OnExisting::Replace if is != TableKindName::Materialized => {
                let message =
                    format!("cannot replace {name}, which is {}, by a materialized view", is.with_article());
                return Err(at_name(
                    Diagnostic::error(Code::Invalid, message).hint("Drop it first, or choose another name."),
                ));
            }
            OnExisting::Replace => {}
        }
    }
    refuse_parameters(session, statement)?;
    let own = resolver.for_view(name)?;
    // The age of rows counts from before the first of them was read.
    let refreshed_at = Utc::now();
    let planned = own.plan_rows(&statement.query, 1).await?;
    let columns = columns_of(&planned).map_err(|error| error.or_at(statement.query.span))?;
    // What the query happens to give says nothing about later rows.
    let fields = columns.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    let reads = match session.options.rehearsal {
        true => Some(dry_run::reads_of(&own, &planned).await?),
        false => None,
    };
    let table = NewTable {
        name,
        catalog,
        columns: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
        partition_by: statement.partition_by.as_ref().map(|text| text.value.clone()),
        cluster_by: &statement.cluster_by,
        options: stored,
        description: options.string("description").map(str::to_owned),
        on_existing,
    };
    let sql = &statement.query.text;
    let made = table.create_by(&own, Some(planned), |definition| {
        catalog.create_materialized_view(session.actor(), definition, sql, refreshed_at, on_existing)
    });
    let rows = made.await.map_err(|error| error.or_at(statement.query.span))?;
    if let Some(reads) = reads {
        return Ok(reads);
    }
    let warnings = if freshness.allows_nothing() { vec![useless(statement)] } else { Vec::new() };
    Ok(Outcome { warnings, ..row_counts(rows.unwrap_or_default(), 0, 0) })
}

/// Fails if the query means something else with other parameters: whoever refreshes the view has not these.
fn refuse_parameters(session: &Session, statement: &CreateMaterializedView) -> Result<()> {
    firth_sql::rewrite(&statement.query, &session.options.parameters)?;
    firth_sql::rewrite(&statement.query, &Parameters::default()).map(|_| ()).map_err(|error| {
        let place = error.span().unwrap_or(statement.query.span);
        Diagnostic::error(Code::Invalid, "a materialized view takes no parameters").at(place).hint(
            "Write the value itself: another session that refreshes the view has other parameters, or none.",
        )
    })
}

fn useless(statement: &CreateMaterializedView) -> Diagnostic {
    Diagnostic::warning(
        Code::Invalid,
        "without max_staleness every read runs the query, as that of a view: no kept row is young enough",
    )
    .at(statement.name.span)
    .hint("Say how old rows may be: OPTIONS (max_staleness = INTERVAL 30 MINUTE).")
}

pub(super) fn drop(session: &Session, statement: &Drop) -> Result<Outcome> {
    drop_table(session, statement, TableKindName::Materialized, "DROP_MATERIALIZED_VIEW")
}

pub(super) async fn refresh_now(
    session: &Session,
    resolver: &Resolver<'_>,
    name: &Spanned<Name>,
) -> Result<Outcome> {
    let view = TableName::try_from_name(&name.value).map_err(|error| error.or_at(name.span))?;
    let attempt = async {
        resolver.dataset(&view.dataset_name())?;
        let catalog = session.catalog()?;
        known_view(catalog, &view)?;
        // Rows that were read before may lack what was written just now.
        let asked_at = Utc::now();
        match refresh(resolver, &view, |view: &MaterializedView| Ok(view.refreshed_at < asked_at)).await? {
            Refreshed::Done(rows) => Ok((rows, true)),
            Refreshed::ByAnother => {
                let state = catalog.native_table(&view, AsOf::Now)?;
                let rows = state.iter().flat_map(|state| &state.files).map(|file| file.rows).sum();
                Ok((rows, false))
            }
        }
    };
    let result = attempt.boxed().await.map_err(|error: Diagnostic| error.or_at(name.span));
    let (rows, by_this) = audited(session, "REFRESH_MATERIALIZED_VIEW", &view.to_string(), result)?;
    Ok(Report::new()
        .integers("row_count", super::insert::integer(rows))
        .bools("refreshed_by_this_statement", [by_this])
        .outcome())
}

/// What a refresh would read.
pub(super) async fn rehearse(resolver: &Resolver<'_>, name: &Spanned<Name>) -> Result<Outcome> {
    let view = TableName::try_from_name(&name.value).map_err(|error| error.or_at(name.span))?;
    let known = known_view(resolver.session.catalog()?, &view).map_err(|error| error.or_at(name.span))?;
    let own = resolver.for_view(&view)?;
    let planned = own.plan_view(&query_of(&view, &known)?, 1).await.map_err(Diagnostic::without_span)?;
    dry_run::reads_of(&own, &planned).await
}

pub(super) fn show(resolver: &Resolver<'_>, schema: Option<&Spanned<Name>>) -> Result<Outcome> {
    let place = |error: Diagnostic| match schema {
        Some(name) => error.or_at(name.span),
        None => error,
    };
    let dataset = match schema {
        Some(name) => DatasetName::try_from_name(&name.value).map_err(place)?,
        None => DatasetName::main(),
    };
    resolver.dataset(&dataset).map_err(place)?;
    let catalog = resolver.session.catalog()?;
    let mut views = Vec::new();
    for table in catalog.tables(&dataset)? {
        let TableKind::Materialized(view) = table.kind else { continue };
        let state = catalog.native_table(&table.name, AsOf::Now)?;
        let rows: u64 = state.iter().flat_map(|state| &state.files).map(|file| file.rows).sum();
        let bytes: u64 = state.iter().flat_map(|state| &state.files).map(|file| file.bytes).sum();
        views.push((table.name.table, view, rows, bytes));
    }
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let option = |view: &MaterializedView, name: &str| view.options.get(name).cloned();
    let staleness = |view: &MaterializedView| {
        option(view, "max_staleness").and_then(|text| text.as_str().map(|text| format!("INTERVAL {text}")))
    };
    Ok(Report::new()
        .texts("view_name", views.iter().map(|(name, ..)| name))
        .timestamps("last_refresh_time", views.iter().map(|(_, view, ..)| view.refreshed_at))
        .strings("max_staleness", views.iter().map(|(_, view, ..)| staleness(view)))
        .optional_integers(
            "refresh_interval_minutes",
            views.iter().map(|(_, view, ..)| option(view, "refresh_interval_minutes")?.as_i64()),
        )
        .bools(
            "enable_refresh",
            views.iter().map(|(_, view, ..)| {
                option(view, "enable_refresh").and_then(|value| value.as_bool()).unwrap_or(true)
            }),
        )
        .integers("row_count", views.iter().map(|(.., rows, _)| number(*rows)))
        .integers("bytes", views.iter().map(|(.., bytes)| number(*bytes)))
        .outcome())
}
