//! What remotes answered about their tables, so that a restart need not ask again.
//!
//! A cache: its rows go with the connection, and with any change of it. Not audited.

use chrono::{DateTime, Utc};
use firth_connector::{TableDescription, TableSpec};
use firth_diagnostic::Result;
use rusqlite::{OptionalExtension as _, Transaction, params};
use uuid::Uuid;

use super::value;
use crate::{Catalog, ConnectionRecord, error::StoreResult};

impl Catalog {
    /// Keeps a description that was asked for through `connection`, in place of an earlier one.
    ///
    /// Does nothing if the connection has been altered, replaced or dropped since it was read: the
    /// description may then be of another server's table.
    pub fn remember_description(
        &self,
        connection: &ConnectionRecord,
        description: &TableDescription,
    ) -> Result<()> {
        self.write(|transaction| {
            transaction.execute(
                "INSERT OR REPLACE INTO descriptions
                     (connection, schema_name, table_name, description, described_at)
                 SELECT uuid, ?, ?, ?, ? FROM connections WHERE uuid = ? AND version = ?",
                params![
                    description.table.schema,
                    description.table.name,
                    value::to_json(description)?,
                    value::now().timestamp_micros(),
                    connection.uuid.to_string(),
                    connection.version as i64,
                ],
            )?;
            Ok(())
        })
    }

    /// The description that is kept of a table, and when it was asked for. One that this Firth cannot
    /// read is none.
    pub fn remembered_description(
        &self,
        connection: Uuid,
        table: &TableSpec,
    ) -> Result<Option<(TableDescription, DateTime<Utc>)>> {
        self.read(|transaction| {
            let row: Option<(String, i64)> = transaction
                .prepare_cached(
                    "SELECT description, described_at FROM descriptions
                     WHERE connection = ? AND schema_name = ? AND table_name = ?",
                )?
                .query_row(params![connection.to_string(), table.schema, table.name], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()?;
            let Some((text, micros)) = row else { return Ok(None) };
            match serde_json::from_str(&text) {
                Ok(description) => Ok(Some((description, value::time(micros)?))),
                Err(_) => Ok(None),
            }
        })
    }
}

pub(super) fn forget(transaction: &Transaction<'_>, connection: Uuid) -> StoreResult<()> {
    transaction.execute("DELETE FROM descriptions WHERE connection = ?", [connection.to_string()])?;
    Ok(())
}
