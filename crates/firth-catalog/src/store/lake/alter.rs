//! ALTER TABLE: a table's name, columns and options become others at one snapshot. Its files stay as they are.

use firth_diagnostic::{Code, Diagnostic, Result};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{
    columns, snapshot,
    snapshot::{NewSnapshot, quoted, schema_name},
};
use crate::{
    Actor, AsOf, Catalog, NativeShape, TableKind, TableKindName, TableName,
    error::{self, StoreError, StoreResult},
    store::{audit, tables},
};

impl Catalog {
    /// Changes all of a native table but its rows. `change` is told what it is and answers what it becomes, and
    /// nothing comes in between. A statement that has read the table and adds rows to it later finds it changed.
    pub fn alter_native_table(
        &self,
        actor: Actor<'_>,
        name: &TableName,
        change: &dyn Fn(NativeShape) -> Result<NativeShape>,
    ) -> Result<()> {
        let data_path = self.data_path();
        self.write(|transaction| {
            let existing = tables::require(transaction, name, "table")?;
            let TableKind::Native(native) = &existing.kind else {
                let is = existing.kind.name();
                return Err(error::wrong_kind_to_alter(name, is, TableKindName::Native).into());
            };
            let now = snapshot::find(transaction, AsOf::Now)?
                .ok_or_else(|| StoreError::stored("a table", "there is no snapshot"))?;
            let before = NativeShape {
                name: name.clone(),
                columns: columns::read(transaction, native.table_id, now)?.fields().to_vec(),
                table: native.clone(),
                description: existing.description.clone(),
            };
            let after = change(before.clone())?;
            if after != before {
                let mut snapshot = NewSnapshot::begin(transaction, &data_path, actor.principal)?;
                let table_id = native.table_id;
                if after.columns != before.columns {
                    refuse_mapped(transaction, table_id, name)?;
                    columns::change(transaction, snapshot.id, table_id, &before.columns, &after.columns)?;
                }
                if after.name != *name {
                    if tables::find(transaction, &after.name)?.is_some() {
                        return Err(error::exists("table", &after.name).into());
                    }
                    rename(transaction, snapshot.id, table_id, &after.name)?;
                    // DuckDB's word for a table under a new name.
                    let schema = quoted(&schema_name(&name.dataset_name()));
                    snapshot.note(format!("created_table:{schema}.{}", quoted(&after.name.table)));
                } else {
                    snapshot.note(format!("altered_table:{table_id}"));
                }
                snapshot.schema_changed(table_id)?;
                snapshot.end()?;
                let kind = TableKind::Native(after.table);
                tables::change(transaction, existing.uuid, &after.name, &kind, after.description.as_deref())?;
            }
            audit::succeeded(transaction, actor, "ALTER_TABLE", name)
        })
    }
}

/// Files that another program took in have no numbers of columns: they are read by names, which must stay.
fn refuse_mapped(transaction: &Transaction<'_>, table_id: i64, name: &TableName) -> StoreResult<()> {
    let found: Option<i64> = transaction
        .query_row(
            "SELECT 1 FROM ducklake_data_file WHERE table_id = ? AND mapping_id IS NOT NULL LIMIT 1",
            [table_id],
            |row| row.get(0),
        )
        .optional()?;
    match found {
        None => Ok(()),
        Some(_) => Err(Diagnostic::error(
            Code::Unsupported,
            format!(
                "{name} has files that another program added to it, whose columns are known by name only"
            ),
        )
        .hint("Copy the table by CREATE TABLE … COPY, and alter the copy.")
        .into()),
    }
}

/// The table under its new name from this snapshot on; under the old one before.
fn rename(transaction: &Transaction<'_>, snapshot: i64, table_id: i64, name: &TableName) -> StoreResult<()> {
    transaction.execute(
        "UPDATE ducklake_table SET end_snapshot = ? WHERE table_id = ? AND end_snapshot IS NULL",
        [snapshot, table_id],
    )?;
    transaction.execute(
        "INSERT INTO ducklake_table (table_id, table_uuid, begin_snapshot, schema_id, table_name, path, path_is_relative)
         SELECT table_id, table_uuid, ?1, schema_id, ?2, path, path_is_relative FROM ducklake_table
         WHERE table_id = ?3 AND end_snapshot = ?1",
        params![snapshot, name.table, table_id],
    )?;
    Ok(())
}

/// Whether columns of the table were changed since it was made: those of files without numbers are then unknown.
pub(super) fn was_altered(connection: &Connection, table_id: i64) -> StoreResult<bool> {
    Ok(connection.query_row(
        "SELECT COUNT(DISTINCT begin_snapshot) > 1 OR COUNT(DISTINCT IFNULL(end_snapshot, -1)) > 1
         FROM ducklake_column WHERE table_id = ?",
        [table_id],
        |row| row.get(0),
    )?)
}
