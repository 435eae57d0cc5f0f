//! The audit trail's table. Triggers keep its rows from being changed.

use firth_diagnostic::{Diagnostic, Result};
use rusqlite::{Connection, params};

use super::value;
use crate::{Actor, AuditRecord, Catalog, error::StoreResult};

const OK: &str = "ok";

/// Adds the row of a method that succeeds if its transaction does.
pub(super) fn succeeded(
    connection: &Connection,
    actor: Actor<'_>,
    method: &str,
    resource: &impl ToString,
) -> StoreResult<()> {
    insert(connection, actor, method, &resource.to_string(), OK)
}

fn insert(
    connection: &Connection,
    actor: Actor<'_>,
    method: &str,
    resource: &str,
    outcome: &str,
) -> StoreResult<()> {
    connection
        .prepare_cached(
            "INSERT INTO audit (time, principal, method, resource, outcome) VALUES (?, ?, ?, ?, ?)",
        )?
        .execute(params![value::now().timestamp_micros(), actor.principal, method, resource, outcome])?;
    Ok(())
}

impl Catalog {
    /// Records a management statement that failed, and so changed nothing else.
    pub fn audit_failure(
        &self,
        actor: Actor<'_>,
        method: &str,
        resource: &str,
        outcome: &Diagnostic,
    ) -> Result<()> {
        self.write(|transaction| insert(transaction, actor, method, resource, outcome.code().word()))
    }

    /// The latest rows, newest first.
    pub fn audit(&self, limit: usize) -> Result<Vec<AuditRecord>> {
        self.read(|transaction| {
            let mut statement = transaction.prepare_cached(
                "SELECT id, time, principal, method, resource, outcome FROM audit ORDER BY id DESC LIMIT ?",
            )?;
            let mut rows = statement.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
            let mut records = Vec::new();
            while let Some(row) = rows.next()? {
                records.push(AuditRecord {
                    id: row.get(0)?,
                    time: value::time(row.get(1)?)?,
                    principal: row.get(2)?,
                    method: row.get(3)?,
                    resource: row.get(4)?,
                    outcome: row.get(5)?,
                });
            }
            Ok(records)
        })
    }
}
