//! Refreshing a materialized view: its query is run, and its rows take the place of the old ones at once.

use arrow::datatypes::Schema;
use chrono::{DateTime, SecondsFormat, Utc};
use firth_catalog::{AsOf, Commit, MaterializedView, NativeChange, NativeState, TableName};
use firth_diagnostic::{Code, Diagnostic, Result};
use firth_sql::{Query, Statement};

use super::{known_view, turn::Turn};
use crate::{
    files::sql_type,
    native::{TablePlace, assigned, columns_of, plain_columns, write_rows},
    resolve::{Resolver, no_table},
    sink::changed_meanwhile,
    statement::{blaming, clustered},
};

/// What became of a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refreshed {
    /// It was done, and there are so many rows.
    Done(u64),
    /// Another one did it meanwhile.
    ByAnother,
}

/// Refreshes a view if `is_due`, which is asked again when it is this statement's turn.
///
/// With an error the rows are those that were there.
pub(crate) async fn refresh(
    resolver: &Resolver<'_>,
    name: &TableName,
    is_due: impl Fn(&MaterializedView) -> Result<bool> + Sync,
) -> Result<Refreshed> {
    let catalog = resolver.session.catalog()?;
    let state_now = || {
        let state = catalog.native_table(name, AsOf::Now)?;
        state.ok_or_else(|| no_table(name, std::iter::empty()))
    };
    loop {
        let before = state_now()?;
        let place = TablePlace::new(catalog, &before.folder)?;
        let _turn = Turn::wait(&catalog.data_folder().join(&before.folder)).await?;
        // While it waited another may have refreshed the view, or replaced it: that one has a folder of its own.
        let view = known_view(catalog, name)?;
        let state = state_now()?;
        if state.table_id != before.table_id || view.table_id != state.table_id {
            continue;
        }
        if !is_due(&view)? {
            return Ok(Refreshed::ByAnother);
        }
        let rows = replace_rows(resolver, name, &view, &state, &place);
        return rows.await.map(Refreshed::Done).map_err(|error| not_refreshed(error, name, &view));
    }
}

async fn replace_rows(
    resolver: &Resolver<'_>,
    name: &TableName,
    view: &MaterializedView,
    state: &NativeState,
    place: &TablePlace,
) -> Result<u64> {
    let session = resolver.session;
    let query = query_of(name, view)?;
    let own = resolver.for_view(name)?;
    // The age of rows counts from before the first of them was read.
    let refreshed_at = Utc::now();
    let planned = own.typed(own.plan_view(&query, 1).await?)?;
    let columns = plain_columns(&state.columns);
    let found = columns_of(&planned)?;
    check_columns(&columns, &found)?;
    let every: Vec<usize> = (0..columns.fields().len()).collect();
    let planned = clustered(assigned(planned, &columns, &every)?, &view.cluster_by)?;
    let rows = blaming(&own, own.run(planned).await?);
    let threads = own.context.state().config().target_partitions();
    let files = write_rows(place, &state.columns, rows, threads).await?;
    session.checkpoints.reach("rows_written");
    let count = files.iter().map(|file| file.rows).sum();
    let change = NativeChange {
        name: name.clone(),
        table_id: state.table_id,
        base: state.snapshot,
        add: files,
        delete: Vec::new(),
        remove: state.files.iter().map(|file| file.id).collect(),
    };
    let discard = || place.discard(change.add.iter().map(|file| file.name.as_str()));
    let catalog = session.catalog()?;
    let committed = catalog.refresh_materialized_view(session.actor(), &change, refreshed_at);
    match committed.inspect_err(|_| discard())? {
        Commit::Done(_) => {
            session.checkpoints.reach("rows_committed");
            Ok(count)
        }
        Commit::Conflict => {
            discard();
            Err(changed_meanwhile(name))
        }
    }
}

/// The query of a view.
pub(crate) fn query_of(name: &TableName, view: &MaterializedView) -> Result<Query> {
    match firth_sql::parse(&view.sql)? {
        Statement::Query(query) => Ok(query),
        _ => Err(Diagnostic::internal(format!("materialized view {name} is not a query"))),
    }
}

/// Fails if the query no longer has the columns that the view was made with.
fn check_columns(columns: &Schema, found: &Schema) -> Result<()> {
    let shown = |schema: &Schema| {
        let columns: Vec<String> =
            schema.fields().iter().map(|field| format!("{} {}", field.name(), sql_type(field))).collect();
        columns.join(", ")
    };
    let is_same = columns.fields().len() == found.fields().len()
        && columns.fields().iter().zip(found.fields()).all(|(column, found)| {
            column.name().eq_ignore_ascii_case(found.name()) && sql_type(column) == sql_type(found)
        });
    if is_same {
        return Ok(());
    }
    Err(Diagnostic::error(Code::Conflict, "its query has other columns than it was made with")
        .detail(format!("then: {}\nnow: {}", shown(columns), shown(found)))
        .hint("Make it anew with CREATE OR REPLACE MATERIALIZED VIEW, or name its columns in the query."))
}

/// The error of a refresh, which points nowhere: the query is in another text.
fn not_refreshed(error: Diagnostic, name: &TableName, view: &MaterializedView) -> Diagnostic {
    let message = format!("materialized view {name} could not be refreshed: {}", error.message());
    error.reworded(message).hint(format!("Its rows of {} are kept.", shown(view.refreshed_at)))
}

fn shown(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
