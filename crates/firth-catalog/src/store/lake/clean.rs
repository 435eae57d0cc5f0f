//! Old snapshots: forgotten together with the files that only they have.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use firth_diagnostic::Result;
use rusqlite::{Connection, Transaction};

use super::snapshot;
use crate::{Actor, AsOf, Catalog, error::StoreResult, store::audit};

/// What [`Catalog::expire_snapshots`] forgot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Snapshots that are gone.
    pub snapshots: u64,
    /// Files that no snapshot has any more.
    pub files: u64,
}

impl Catalog {
    /// Forgets the snapshots that were replaced before this time: tables can be read as they were at it, or later.
    /// The files that no snapshot has any more are left where they are.
    pub fn expire_snapshots(&self, actor: Actor<'_>, before: DateTime<Utc>) -> Result<Expired> {
        self.write(|transaction| {
            // The newest of that time is still read at it.
            let Some(oldest) = snapshot::find(transaction, AsOf::Time(before))? else {
                return Ok(Expired::default());
            };
            let known = paths(transaction)?.len();
            let snapshots =
                transaction.execute("DELETE FROM ducklake_snapshot WHERE snapshot_id < ?", [oldest])?;
            forget(transaction, oldest)?;
            let files = known - paths(transaction)?.len();
            audit::succeeded(transaction, actor, "CLEAN_TABLES", &"snapshots")?;
            Ok(Expired { snapshots: snapshots as u64, files: files as u64 })
        })
    }

    /// The files that any snapshot has, below the data folder.
    pub fn native_files(&self) -> Result<HashSet<String>> {
        self.read(|transaction| paths(transaction))
    }
}

/// Forgets what ended at or before the oldest snapshot that is kept.
fn forget(transaction: &Transaction<'_>, oldest: i64) -> StoreResult<()> {
    for text in [
        "DELETE FROM ducklake_snapshot_changes WHERE snapshot_id < ?",
        "DELETE FROM ducklake_file_column_stats WHERE data_file_id IN
           (SELECT data_file_id FROM ducklake_data_file WHERE end_snapshot <= ?)",
        "DELETE FROM ducklake_data_file WHERE end_snapshot <= ?",
        "DELETE FROM ducklake_delete_file WHERE end_snapshot <= ?",
        // A file that is older than a column's end may hold it: its number is not given to another column.
        "DELETE FROM ducklake_column AS ended WHERE end_snapshot <= ? AND NOT EXISTS
           (SELECT 1 FROM ducklake_data_file AS file
            WHERE file.table_id = ended.table_id AND file.begin_snapshot < ended.end_snapshot)",
        "DELETE FROM ducklake_table WHERE end_snapshot <= ?",
        "DELETE FROM ducklake_schema WHERE end_snapshot <= ?",
    ] {
        transaction.execute(text, [oldest])?;
    }
    for table in ["ducklake_table_stats", "ducklake_schema_versions"] {
        transaction.execute(
            &format!("DELETE FROM {table} WHERE table_id NOT IN (SELECT table_id FROM ducklake_table)"),
            [],
        )?;
    }
    Ok(())
}

fn paths(connection: &Connection) -> StoreResult<HashSet<String>> {
    let mut statement = connection.prepare(
        "SELECT s.path || t.path || f.path FROM ducklake_table AS t
           JOIN ducklake_schema AS s ON s.schema_id = t.schema_id
           JOIN (SELECT table_id, path FROM ducklake_data_file
                 UNION ALL SELECT table_id, path FROM ducklake_delete_file) AS f ON f.table_id = t.table_id",
    )?;
    let paths = statement.query_map([], |row| row.get(0))?;
    Ok(paths.collect::<Result<_, _>>()?)
}
