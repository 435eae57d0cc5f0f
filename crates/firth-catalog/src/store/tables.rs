//! External tables and views, and the names of native tables.

use firth_diagnostic::Result;
use rusqlite::{Connection, Params, Row, Transaction, params};
use uuid::Uuid;

use super::{audit, connections, datasets, lake, value};
use crate::{
    Actor, Catalog, ConnectionName, Created, DatasetKind, DatasetName, DatasetRecord, OnExisting,
    TableDefinition, TableKind, TableKindName, TableName, TableRecord,
    error::{self, StoreResult},
};

impl Catalog {
    /// The table or view of this name.
    pub fn table(&self, name: &TableName) -> Result<Option<TableRecord>> {
        self.read(|transaction| find(transaction, name))
    }

    /// The tables and views of a dataset, in name order; none if there is no such dataset.
    pub fn tables(&self, dataset: &DatasetName) -> Result<Vec<TableRecord>> {
        self.read(|transaction| match datasets::find(transaction, dataset)? {
            Some(dataset) => in_dataset(transaction, &dataset),
            None => Ok(Vec::new()),
        })
    }

    /// Makes an external table or a view. Its dataset, and its connection if it has one, must exist.
    ///
    /// Only a table of the same kind is replaced.
    pub fn create_table(
        &self,
        actor: Actor<'_>,
        definition: &TableDefinition,
        on_existing: OnExisting,
    ) -> Result<Created> {
        let name = &definition.name;
        let kind = definition.kind.name();
        self.write(|transaction| {
            let dataset = datasets::require(transaction, &name.dataset_name())?;
            match dataset.kind {
                DatasetKind::Native => {}
                DatasetKind::External { .. } => return Err(error::external_dataset(&dataset.name).into()),
            }
            let existing = find(transaction, name)?;
            let created = match (&existing, on_existing) {
                (None, _) => Created::New,
                (Some(_), OnExisting::Skip) => Created::Skipped,
                (Some(existing), OnExisting::Fail) => {
                    return Err(error::exists(object_word(existing.kind.name()), name).into());
                }
                (Some(existing), OnExisting::Replace) => {
                    let is = existing.kind.name();
                    if is != kind {
                        return Err(error::wrong_kind_to_replace(name, is, kind).into());
                    }
                    delete(transaction, existing.uuid)?;
                    Created::Replaced
                }
            };
            if created != Created::Skipped {
                if let Some(connection) = definition.kind.connection() {
                    connections::require(transaction, connection)?;
                }
                insert(transaction, &dataset, definition)?;
            }
            let method = match kind {
                TableKindName::Native => "CREATE_TABLE",
                TableKindName::External => "CREATE_EXTERNAL_TABLE",
                TableKindName::View => "CREATE_VIEW",
                TableKindName::Materialized => "CREATE_MATERIALIZED_VIEW",
            };
            audit::succeeded(transaction, actor, method, name)?;
            Ok(created)
        })
    }

    /// Drops a table or a view, if it is of the kind that `expect` says. Its files in the lake stay for the snapshots
    /// before.
    pub fn drop_table(&self, actor: Actor<'_>, name: &TableName, expect: TableKindName) -> Result<()> {
        self.write(|transaction| {
            let existing = require(transaction, name, object_word(expect))?;
            let is = existing.kind.name();
            if is != expect {
                return Err(error::wrong_kind_to_drop(name, is, expect).into());
            }
            if let Some(table_id) = existing.kind.lake_table() {
                lake::end_one(self, transaction, actor, table_id)?;
            }
            delete(transaction, existing.uuid)?;
            let method = match expect {
                TableKindName::Native => "DROP_TABLE",
                TableKindName::External => "DROP_EXTERNAL_TABLE",
                TableKindName::View => "DROP_VIEW",
                TableKindName::Materialized => "DROP_MATERIALIZED_VIEW",
            };
            audit::succeeded(transaction, actor, method, name)
        })
    }
}

/// What messages call a table of this kind.
pub(super) fn object_word(kind: TableKindName) -> &'static str {
    match kind {
        TableKindName::Native => "table",
        TableKindName::External => "external table",
        TableKindName::View => "view",
        TableKindName::Materialized => "materialized view",
    }
}

/// The tables and views of a dataset, in name order.
pub(super) fn in_dataset(connection: &Connection, dataset: &DatasetRecord) -> StoreResult<Vec<TableRecord>> {
    select(connection, "WHERE tables.dataset = ? ORDER BY tables.name", [dataset.uuid.to_string()])
}

/// The tables that use this connection, as they print.
pub(super) fn bound_to(connection: &Connection, name: &ConnectionName) -> StoreResult<Vec<String>> {
    let bound = select(connection, "WHERE tables.connection = ?", [name.path()])?;
    Ok(bound.iter().map(|table| table.name.to_string()).collect())
}

pub(super) fn delete_bound_to(transaction: &Transaction<'_>, name: &ConnectionName) -> StoreResult<()> {
    transaction.execute("DELETE FROM tables WHERE connection = ?", [name.path()])?;
    Ok(())
}

pub(super) fn find(connection: &Connection, name: &TableName) -> StoreResult<Option<TableRecord>> {
    let clause = "WHERE datasets.project = ? AND datasets.name = ? AND tables.name = ?";
    Ok(select(connection, clause, [&name.project, &name.dataset, &name.table])?.pop())
}

/// What has this name, or an error that calls it `object`.
pub(super) fn require(connection: &Connection, name: &TableName, object: &str) -> StoreResult<TableRecord> {
    let dataset = datasets::require(connection, &name.dataset_name())?;
    if let Some(existing) = find(connection, name)? {
        return Ok(existing);
    }
    let known = in_dataset(connection, &dataset)?;
    let known: Vec<String> = known.iter().map(|table| table.name.to_string()).collect();
    Err(error::not_found(object, name, &known, "SHOW TABLES").into())
}

pub(super) fn insert(
    transaction: &Transaction<'_>,
    dataset: &DatasetRecord,
    definition: &TableDefinition,
) -> StoreResult<()> {
    transaction.execute(
        "INSERT INTO tables (uuid, dataset, name, connection, definition, description, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        params![
            Uuid::new_v4().to_string(),
            dataset.uuid.to_string(),
            definition.name.table,
            definition.kind.connection().map(ConnectionName::path),
            value::to_json(&definition.kind)?,
            definition.description,
            value::now().timestamp_micros(),
        ],
    )?;
    Ok(())
}

/// Gives a table another name in its dataset, or another definition.
pub(super) fn change(
    transaction: &Transaction<'_>,
    uuid: Uuid,
    name: &TableName,
    kind: &TableKind,
    description: Option<&str>,
) -> StoreResult<()> {
    transaction.execute(
        "UPDATE tables SET name = ?, definition = ?, description = ? WHERE uuid = ?",
        params![name.table, value::to_json(kind)?, description, uuid.to_string()],
    )?;
    Ok(())
}

pub(super) fn delete(transaction: &Transaction<'_>, uuid: Uuid) -> StoreResult<()> {
    transaction.execute("DELETE FROM tables WHERE uuid = ?", [uuid.to_string()])?;
    Ok(())
}

fn select(
    connection: &Connection,
    clause: &'static str,
    params: impl Params,
) -> StoreResult<Vec<TableRecord>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT tables.uuid, datasets.project, datasets.name, tables.name, tables.definition,
                tables.description, tables.created_at
         FROM tables JOIN datasets ON datasets.uuid = tables.dataset {clause}"
    ))?;
    let mut rows = statement.query(params)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(record(row)?);
    }
    Ok(records)
}

fn record(row: &Row<'_>) -> StoreResult<TableRecord> {
    Ok(TableRecord {
        uuid: value::uuid(&row.get::<_, String>(0)?)?,
        name: TableName { project: row.get(1)?, dataset: row.get(2)?, table: row.get(3)? },
        kind: value::from_json("a table's definition", &row.get::<_, String>(4)?)?,
        description: row.get(5)?,
        created_at: value::time(row.get(6)?)?,
    })
}
