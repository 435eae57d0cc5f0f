//! Datasets.

use firth_diagnostic::Result;
use rusqlite::{Connection, Params, Row, Transaction, params};
use uuid::Uuid;

use super::{audit, connections, lake, tables, value};
use crate::{
    Actor, Catalog, ConnectionName, Created, DatasetDefinition, DatasetKind, DatasetName, DatasetRecord,
    OnExisting,
    error::{self, StoreResult},
};

impl Catalog {
    /// Every dataset, in name order.
    pub fn datasets(&self) -> Result<Vec<DatasetRecord>> {
        self.read(|transaction| select(transaction, "ORDER BY project, name", []))
    }

    /// The dataset of this name.
    pub fn dataset(&self, name: &DatasetName) -> Result<Option<DatasetRecord>> {
        self.read(|transaction| find(transaction, name))
    }

    /// Makes a dataset. An external one needs its connection to exist now, though not for ever.
    ///
    /// A dataset that holds tables is not replaced, and neither is `main`.
    pub fn create_dataset(
        &self,
        actor: Actor<'_>,
        definition: &DatasetDefinition,
        on_existing: OnExisting,
    ) -> Result<Created> {
        let name = &definition.name;
        self.write(|transaction| {
            let existing = find(transaction, name)?;
            let created = match (&existing, on_existing) {
                (None, _) => Created::New,
                (Some(_), OnExisting::Skip) => Created::Skipped,
                (Some(_), OnExisting::Fail) => return Err(error::exists("schema", name).into()),
                (Some(existing), OnExisting::Replace) => {
                    refuse_unless_empty(transaction, existing, "replaced")?;
                    delete(transaction, existing.uuid)?;
                    Created::Replaced
                }
            };
            if created != Created::Skipped {
                if let Some(connection) = definition.kind.connection() {
                    connections::require(transaction, connection)?;
                }
                insert(transaction, definition)?;
            }
            let method = match definition.kind {
                DatasetKind::Native => "CREATE_SCHEMA",
                DatasetKind::External { .. } => "CREATE_EXTERNAL_SCHEMA",
            };
            audit::succeeded(transaction, actor, method, name)?;
            Ok(created)
        })
    }

    /// Drops a dataset, with `cascade` also the tables and views in it, and answers their names.
    pub fn drop_dataset(&self, actor: Actor<'_>, name: &DatasetName, cascade: bool) -> Result<Vec<String>> {
        self.write(|transaction| {
            let existing = require(transaction, name)?;
            let tables = tables::in_dataset(transaction, &existing)?;
            let held: Vec<String> = tables.iter().map(|table| table.name.to_string()).collect();
            if cascade {
                refuse_main(name, "dropped")?;
            } else {
                refuse_unless_empty(transaction, &existing, "dropped")?;
            }
            lake::end_dataset(self, transaction, actor, name, &tables)?;
            delete(transaction, existing.uuid)?;
            audit::succeeded(transaction, actor, "DROP_SCHEMA", name)?;
            Ok(held)
        })
    }
}

pub(super) fn find(connection: &Connection, name: &DatasetName) -> StoreResult<Option<DatasetRecord>> {
    Ok(select(connection, "WHERE project = ? AND name = ?", [&name.project, &name.dataset])?.pop())
}

/// The dataset, which must exist.
pub(super) fn require(connection: &Connection, name: &DatasetName) -> StoreResult<DatasetRecord> {
    if let Some(dataset) = find(connection, name)? {
        return Ok(dataset);
    }
    let known: Vec<String> = select(connection, "ORDER BY project, name", [])?
        .iter()
        .map(|dataset| dataset.name.to_string())
        .collect();
    Err(error::not_found("schema", name, &known, "SHOW SCHEMAS").into())
}

/// The external datasets that use this connection, as they print.
pub(super) fn bound_to(connection: &Connection, name: &ConnectionName) -> StoreResult<Vec<String>> {
    let bound = select(connection, "WHERE connection = ?", [name.path()])?;
    Ok(bound.iter().map(|dataset| dataset.name.to_string()).collect())
}

pub(super) fn delete_bound_to(transaction: &Transaction<'_>, name: &ConnectionName) -> StoreResult<()> {
    transaction.execute("DELETE FROM datasets WHERE connection = ?", [name.path()])?;
    Ok(())
}

fn refuse_main(name: &DatasetName, verb: &str) -> StoreResult<()> {
    match *name == DatasetName::main() {
        true => Err(error::main_dataset(name, verb).into()),
        false => Ok(()),
    }
}

fn refuse_unless_empty(connection: &Connection, dataset: &DatasetRecord, verb: &str) -> StoreResult<()> {
    refuse_main(&dataset.name, verb)?;
    let held = tables::in_dataset(connection, dataset)?;
    if held.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = held.iter().map(|table| table.name.to_string()).collect();
    Err(error::dataset_not_empty(&dataset.name, &names).into())
}

fn insert(transaction: &Transaction<'_>, definition: &DatasetDefinition) -> StoreResult<()> {
    transaction.execute(
        "INSERT INTO datasets (uuid, project, name, connection, definition, description, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        params![
            Uuid::new_v4().to_string(),
            definition.name.project,
            definition.name.dataset,
            definition.kind.connection().map(ConnectionName::path),
            value::to_json(&definition.kind)?,
            definition.description,
            value::now().timestamp_micros(),
        ],
    )?;
    Ok(())
}

/// Takes its tables with it.
fn delete(transaction: &Transaction<'_>, uuid: Uuid) -> StoreResult<()> {
    transaction.execute("DELETE FROM datasets WHERE uuid = ?", [uuid.to_string()])?;
    Ok(())
}

fn select(
    connection: &Connection,
    clause: &'static str,
    params: impl Params,
) -> StoreResult<Vec<DatasetRecord>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT uuid, project, name, definition, description, created_at FROM datasets {clause}"
    ))?;
    let mut rows = statement.query(params)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(record(row)?);
    }
    Ok(records)
}

fn record(row: &Row<'_>) -> StoreResult<DatasetRecord> {
    Ok(DatasetRecord {
        uuid: value::uuid(&row.get::<_, String>(0)?)?,
        name: DatasetName { project: row.get(1)?, dataset: row.get(2)? },
        kind: value::from_json("a schema's definition", &row.get::<_, String>(3)?)?,
        description: row.get(4)?,
        created_at: value::time(row.get(5)?)?,
    })
}
