//! OPTIMIZE and CLEAN TABLES: many small files become few, and what no query can read any more goes.

use std::{collections::HashSet, fs, path::Path, time::Duration};

use chrono::Utc;
use datafusion::{datasource::provider_as_source, logical_expr::LogicalPlanBuilder};
use firth_catalog::{Commit, DataFile, NativeChange, NativeState, TableKind};
use firth_diagnostic::{Code, Diagnostic, Name, Result, Spanned};
use firth_sql::CleanTables;
use futures::FutureExt as _;
use std::sync::Arc;

use super::{audited, create_table::clustered};
use crate::{
    Outcome, Session,
    error::from_datafusion,
    materialized::LOCK,
    native::{TablePlace, plain_columns, write_rows},
    report::Report,
    resolve::{PlannedQuery, Resolver, TableHome},
    sink::changed_meanwhile,
};

/// A file of fewer bytes is put together with others.
const SMALL: u64 = 64 << 20;
/// Times that OPTIMIZE looks at the table again because another statement changed it.
const ATTEMPTS: usize = 10;
/// How long the states of tables are kept if nothing else is said: as in BigQuery.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

pub(super) async fn optimize(
    session: &Session,
    resolver: &Resolver<'_>,
    name: &Spanned<Name>,
) -> Result<Outcome> {
    let result = attempts(session, resolver, name).boxed().await.map_err(|error| error.or_at(name.span));
    audited(session, "OPTIMIZE", &name.value.dotted(), result)
}

async fn attempts(session: &Session, resolver: &Resolver<'_>, name: &Spanned<Name>) -> Result<Outcome> {
    let home = resolver.home_of(&name.value, false)?;
    for _ in 0..ATTEMPTS {
        let resolver = Resolver::try_new(session, Arc::clone(&resolver.remotes))?;
        if let Some((before, after)) = attempt(&resolver, &home).await? {
            let integer = |number: usize| [i64::try_from(number).unwrap_or(i64::MAX)];
            return Ok(Report::new()
                .integers("files_before", integer(before))
                .integers("files_after", integer(after))
                .outcome());
        }
    }
    Err(changed_meanwhile(&home.name))
}

/// Writes the small files, and those with deleted rows, anew. `None`: another statement was faster.
async fn attempt(resolver: &Resolver<'_>, home: &TableHome<'_>) -> Result<Option<(usize, usize)>> {
    let session = resolver.session;
    let state = resolver.native_state(home)?;
    let files: Vec<DataFile> = state.files.iter().filter(|file| is_worth_it(file)).cloned().collect();
    let count = state.files.len();
    if files.iter().all(|file| file.deletes.is_none()) && files.len() < 2 {
        return Ok(Some((count, count)));
    }
    let place = TablePlace::new(home.catalog, &state.folder)?;
    let rewritten = NativeState { files: files.clone(), ..state.clone() };
    let planned = all_rows(resolver, home, &rewritten).await?;
    let rows = resolver.run(planned).await?;
    let threads = resolver.context.state().config().target_partitions();
    let add = write_rows(&place, &state.columns, rows, threads).await?;
    session.checkpoints.reach("rows_written");
    let after = count - files.len() + add.len();
    let change = NativeChange {
        name: home.name.clone(),
        table_id: state.table_id,
        base: state.snapshot,
        add,
        delete: Vec::new(),
        remove: files.iter().map(|file| file.id).collect(),
    };
    let committed = home.catalog.change_native_table(session.actor(), "OPTIMIZE", &change);
    if !matches!(committed, Ok(Commit::Done(_))) {
        place.discard(change.add.iter().map(|file| file.name.as_str()));
    }
    Ok(match committed? {
        Commit::Done(_) => {
            session.checkpoints.reach("rows_committed");
            Some((count, after))
        }
        Commit::Conflict => None,
    })
}

fn is_worth_it(file: &DataFile) -> bool {
    file.bytes < SMALL || file.deletes.is_some()
}

/// The rows of these files, in the order of the table's clustering columns.
async fn all_rows(
    resolver: &Resolver<'_>,
    home: &TableHome<'_>,
    state: &NativeState,
) -> Result<PlannedQuery> {
    let files = resolver.native_files(home.catalog, state, false).await?;
    let plan = LogicalPlanBuilder::scan("files", provider_as_source(Arc::new(files)), None)
        .and_then(LogicalPlanBuilder::build)
        .map_err(from_datafusion)?;
    let columns = plain_columns(&state.columns);
    let headers = columns.fields().iter().map(|field| field.name().clone()).collect();
    let cluster_by = match home.catalog.table(&home.name)?.map(|record| record.kind) {
        Some(TableKind::Native(table)) => table.cluster_by,
        _ => Vec::new(),
    };
    clustered(PlannedQuery { plan, headers }, &cluster_by)
}

/// Forgets old states of tables, and removes the files that no state has.
pub(super) fn clean(session: &Session, statement: &CleanTables) -> Result<Outcome> {
    let attempt = || {
        let catalog = session.catalog()?;
        let kept = match statement.older_than {
            Some(days) => Duration::from_secs(days.value.saturating_mul(24 * 60 * 60)),
            None => KEPT,
        };
        let before =
            chrono::Duration::from_std(kept).ok().and_then(|kept| Utc::now().checked_sub_signed(kept));
        let Some(before) = before else {
            return Err(Diagnostic::error(Code::Invalid, "there was no time that long ago")
                .at(statement.older_than.map(|days| days.span).unwrap_or_default()));
        };
        let expired = catalog.expire_snapshots(session.actor(), before)?;
        // A file that is being written is in no state yet: nothing is removed while somebody writes.
        let removed = match TablePlace::alone(catalog)? {
            Some(_alone) => {
                let known = catalog.native_files()?;
                let folder = catalog.data_folder();
                remove_unknown(&folder, "", &known)
            }
            None => {
                return Err(Diagnostic::error(Code::Conflict, "another statement is writing to a table")
                    .hint("Old states are forgotten. Run the statement again to remove their files."));
            }
        };
        let integer = |number: u64| [i64::try_from(number).unwrap_or(i64::MAX)];
        Ok(Report::new()
            .integers("snapshots_removed", integer(expired.snapshots))
            .integers("files_removed", integer(removed))
            .outcome())
    };
    audited(session, "CLEAN_TABLES", "tables", attempt())
}

/// Removes the Parquet files below a folder that are not known, and answers how many there were.
fn remove_unknown(folder: &Path, prefix: &str, known: &HashSet<String>) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let mut removed = 0;
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = format!("{prefix}{name}");
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => {
                removed += remove_unknown(&entry.path(), &format!("{path}/"), known);
                // Only an empty folder goes.
                let _ = fs::remove_dir(entry.path());
            }
            Ok(_) if name.starts_with("firth-") && name.ends_with(".parquet") && !known.contains(&path) => {
                removed += u64::from(fs::remove_file(entry.path()).is_ok());
            }
            // Whoever refreshes a view has the folder's lock too, so nobody does.
            Ok(_) if name == LOCK && !known.iter().any(|known| known.starts_with(prefix)) => {
                let _ = fs::remove_file(entry.path());
            }
            Ok(_) | Err(_) => {}
        }
    }
    removed
}
