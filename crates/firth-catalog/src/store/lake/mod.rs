//! Native tables: a DuckLake catalog inside the catalog's database.
//!
//! One database holds a table's name, its lake rows and the audit row, so that each statement is one
//! transaction and one snapshot. Files are written before it, and are nobody's until it is committed.

mod alter;
mod clean;
mod columns;
mod files;
pub(crate) mod layout;
mod materialized;
mod snapshot;

use std::path::PathBuf;

use firth_diagnostic::Result;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use uuid::Uuid;

use super::{audit, datasets, tables};
use crate::{
    Actor, AsOf, Catalog, Commit, Created, DatasetKind, DatasetName, NativeChange, NativeDefinition,
    NativeState, NativeTable, OnExisting, TableDefinition, TableKind, TableKindName, TableName,
    error::{self, StoreResult},
};
use snapshot::{NewSnapshot, quoted, schema_folder, schema_name};

pub use clean::Expired;
pub use columns::numbered_columns;

impl Catalog {
    /// The folder of the files of native tables. It is there when the first file is written.
    pub fn data_folder(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// A folder for the files of a new table in this dataset, below [`Self::data_folder`].
    pub fn new_table_folder(&self, dataset: &DatasetName) -> String {
        format!("{}{}/", schema_folder(dataset), Uuid::new_v4().simple())
    }

    /// Makes a native table, with the rows of its files. Its name may be a native table's, which is replaced.
    pub fn create_native_table(
        &self,
        actor: Actor<'_>,
        definition: &NativeDefinition,
        on_existing: OnExisting,
    ) -> Result<Created> {
        let kind = |table_id| {
            TableKind::Native(NativeTable {
                table_id,
                partition_by: definition.partition_by.clone(),
                cluster_by: definition.cluster_by.clone(),
                options: definition.options.clone(),
            })
        };
        self.create_in_lake(actor, "CREATE_TABLE", definition, on_existing, TableKindName::Native, kind)
    }

    /// Makes a table of the lake, and under its name what `kind` makes of the table's number.
    fn create_in_lake(
        &self,
        actor: Actor<'_>,
        method: &str,
        definition: &NativeDefinition,
        on_existing: OnExisting,
        expect: TableKindName,
        kind: impl FnOnce(i64) -> TableKind,
    ) -> Result<Created> {
        let name = &definition.name;
        let data_path = self.data_path();
        self.write(|transaction| {
            let dataset = datasets::require(transaction, &name.dataset_name())?;
            if !matches!(dataset.kind, DatasetKind::Native) {
                return Err(error::external_dataset(&dataset.name).into());
            }
            let existing = tables::find(transaction, name)?;
            let created = match (&existing, on_existing) {
                (None, _) => Created::New,
                (Some(_), OnExisting::Skip) => Created::Skipped,
                (Some(_), OnExisting::Fail) => {
                    return Err(error::exists(tables::object_word(expect), name).into());
                }
                (Some(_), OnExisting::Replace) => Created::Replaced,
            };
            if created != Created::Skipped {
                let mut snapshot = NewSnapshot::begin(transaction, &data_path, actor.principal)?;
                if let Some(existing) = &existing {
                    let is = existing.kind.name();
                    let Some(table_id) = existing.kind.lake_table().filter(|_| is == expect) else {
                        return Err(error::wrong_kind_to_replace(name, is, expect).into());
                    };
                    end_table(transaction, &mut snapshot, table_id)?;
                    tables::delete(transaction, existing.uuid)?;
                }
                let table_id = insert_table(transaction, &mut snapshot, definition)?;
                let description = definition.description.clone();
                let stored = TableDefinition { name: name.clone(), kind: kind(table_id), description };
                tables::insert(transaction, &dataset, &stored)?;
                snapshot.end()?;
            }
            audit::succeeded(transaction, actor, method, name)?;
            Ok(created)
        })
    }

    /// A native table as it is, or was. `None` if there was none of this name.
    pub fn native_table(&self, name: &TableName, as_of: AsOf) -> Result<Option<NativeState>> {
        self.read(|transaction| {
            let Some(snapshot) = snapshot::find(transaction, as_of)? else { return Ok(None) };
            let Some((table_id, folder)) = find_table(transaction, name, snapshot)? else { return Ok(None) };
            columns::refuse_values_of_old_rows(transaction, table_id, snapshot)?;
            Ok(Some(NativeState {
                snapshot,
                table_id,
                columns: columns::read(transaction, table_id, snapshot)?,
                defaulted: columns::defaulted(transaction, table_id, snapshot)?,
                files: files::read(transaction, table_id, &folder, snapshot)?,
                folder,
            }))
        })
    }

    /// Changes the rows of a native table, unless another statement was there since `change.base`: then
    /// nothing happens. Adding rows conflicts with a change of the columns only.
    pub fn change_native_table(
        &self,
        actor: Actor<'_>,
        method: &str,
        change: &NativeChange,
    ) -> Result<Commit> {
        let data_path = self.data_path();
        self.write(|transaction| {
            if !still_holds(transaction, change)? {
                return Ok(Commit::Conflict);
            }
            let id = make_change(transaction, &data_path, actor, change)?;
            audit::succeeded(transaction, actor, method, &change.name)?;
            Ok(Commit::Done(id))
        })
    }

    fn data_path(&self) -> String {
        let folder = self.data_folder();
        let whole = std::path::absolute(&folder).unwrap_or(folder);
        format!("{}/", whole.display())
    }
}

/// Makes a change that still holds, and answers its snapshot.
fn make_change(
    transaction: &Transaction<'_>,
    data_path: &str,
    actor: Actor<'_>,
    change: &NativeChange,
) -> StoreResult<i64> {
    let mut snapshot = NewSnapshot::begin(transaction, data_path, actor.principal)?;
    if !change.add.is_empty() {
        snapshot.note(format!("inserted_into_table:{}", change.table_id));
        files::add(transaction, &mut snapshot, change.table_id, &change.add)?;
    }
    if !change.delete.is_empty() || !change.remove.is_empty() {
        snapshot.note(format!("deleted_from_table:{}", change.table_id));
        files::delete_rows(transaction, &mut snapshot, change.table_id, &change.delete)?;
        files::remove(transaction, snapshot.id, &change.remove)?;
    }
    snapshot.end()
}

/// Ends a table that is dropped.
pub(super) fn end_one(
    catalog: &Catalog,
    transaction: &Transaction<'_>,
    actor: Actor<'_>,
    table_id: i64,
) -> StoreResult<()> {
    let mut snapshot = NewSnapshot::begin(transaction, &catalog.data_path(), actor.principal)?;
    end_table(transaction, &mut snapshot, table_id)?;
    snapshot.end()?;
    Ok(())
}

/// Ends the native tables of a dataset that is dropped.
pub(super) fn end_dataset(
    catalog: &Catalog,
    transaction: &Transaction<'_>,
    actor: Actor<'_>,
    dataset: &DatasetName,
    held: &[crate::TableRecord],
) -> StoreResult<()> {
    let natives: Vec<i64> = held.iter().filter_map(|table| table.kind.lake_table()).collect();
    let schema: Option<i64> = transaction
        .query_row(
            "SELECT schema_id FROM ducklake_schema WHERE schema_name = ? AND end_snapshot IS NULL",
            [schema_name(dataset)],
            |row| row.get(0),
        )
        .optional()?;
    let Some(schema) = schema else { return Ok(()) };
    let mut snapshot = NewSnapshot::begin(transaction, &catalog.data_path(), actor.principal)?;
    for table_id in natives {
        end_table(transaction, &mut snapshot, table_id)?;
    }
    transaction
        .execute("UPDATE ducklake_schema SET end_snapshot = ? WHERE schema_id = ?", [snapshot.id, schema])?;
    snapshot.note(format!("dropped_schema:{schema}"));
    snapshot.schema_shrank();
    snapshot.end()?;
    Ok(())
}

fn insert_table(
    transaction: &Transaction<'_>,
    snapshot: &mut NewSnapshot<'_>,
    definition: &NativeDefinition,
) -> StoreResult<i64> {
    let dataset = definition.name.dataset_name();
    let schema_id = snapshot.schema(&dataset)?;
    let table_id = snapshot.catalog_id();
    let own = definition.folder.strip_prefix(&schema_folder(&dataset)).unwrap_or(&definition.folder);
    transaction.execute(
        "INSERT INTO ducklake_table (table_id, table_uuid, begin_snapshot, schema_id, table_name, path, path_is_relative)
         VALUES (?, ?, ?, ?, ?, ?, 1)",
        params![table_id, Uuid::new_v4().to_string(), snapshot.id, schema_id, definition.name.table, own],
    )?;
    columns::insert(transaction, snapshot.id, table_id, &definition.columns)?;
    snapshot.note(format!(
        "created_table:{}.{}",
        quoted(&schema_name(&dataset)),
        quoted(&definition.name.table)
    ));
    if !definition.files.is_empty() {
        snapshot.note(format!("inserted_into_table:{table_id}"));
    }
    files::add(transaction, snapshot, table_id, &definition.files)?;
    snapshot.schema_changed(table_id)?;
    Ok(table_id)
}

/// From this snapshot on there is no such table.
fn end_table(
    transaction: &Transaction<'_>,
    snapshot: &mut NewSnapshot<'_>,
    table_id: i64,
) -> StoreResult<()> {
    for table in ["ducklake_table", "ducklake_column", "ducklake_data_file", "ducklake_delete_file"] {
        transaction.execute(
            &format!("UPDATE {table} SET end_snapshot = ? WHERE table_id = ? AND end_snapshot IS NULL"),
            [snapshot.id, table_id],
        )?;
    }
    snapshot.note(format!("dropped_table:{table_id}"));
    snapshot.schema_shrank();
    Ok(())
}

/// The table that had this name at a snapshot: its number and its folder below the data folder.
fn find_table(
    connection: &Connection,
    name: &TableName,
    snapshot: i64,
) -> StoreResult<Option<(i64, String)>> {
    let dataset = name.dataset_name();
    Ok(connection
        .query_row(
            "SELECT t.table_id, s.path || t.path FROM ducklake_table AS t JOIN ducklake_schema AS s
               ON s.schema_id = t.schema_id
             WHERE s.schema_name = ?1 AND t.table_name = ?2
               AND t.begin_snapshot <= ?3 AND (t.end_snapshot IS NULL OR t.end_snapshot > ?3)",
            params![schema_name(&dataset), name.table, snapshot],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?)
}

/// Whether a change can be made though other statements may have come in between.
fn still_holds(transaction: &Transaction<'_>, change: &NativeChange) -> StoreResult<bool> {
    let Some(now) = snapshot::find(transaction, AsOf::Now)? else { return Ok(false) };
    match find_table(transaction, &change.name, now)? {
        Some((table_id, _)) if table_id == change.table_id => {}
        Some(_) | None => return Ok(false),
    }
    let columns: Option<i64> = transaction
        .query_row(
            "SELECT 1 FROM ducklake_column WHERE table_id = ?1 AND (begin_snapshot > ?2 OR end_snapshot > ?2) LIMIT 1",
            [change.table_id, change.base],
            |row| row.get(0),
        )
        .optional()?;
    if columns.is_some() {
        return Ok(false);
    }
    let only_adds = change.delete.is_empty() && change.remove.is_empty();
    Ok(only_adds || !files::changed_since(transaction, change.table_id, change.base, true)?)
}
