//! The database's layout, as the steps that lead to it.
//!
//! SQLite's `user_version` counts the steps taken. A step that has been released never changes; a new
//! layout is a new step at the end.

use std::path::Path;

use chrono::Utc;
use rusqlite::{Connection, TransactionBehavior, params};
use uuid::Uuid;

use crate::{
    DatasetKind,
    error::{self, StoreError, StoreResult},
    name::{LOCAL, MAIN},
    store::{lake, value},
};

/// `FRTH`: how a file says whose database it is.
const APPLICATION_ID: i64 = 0x4652_5448;

const STEPS: &[&str] = &[
    // 1: connections, datasets, tables, audit.
    "
    CREATE TABLE sealing_key (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        source TEXT NOT NULL,
        salt BLOB,
        memory_kib INTEGER,
        passes INTEGER,
        lanes INTEGER,
        check_value BLOB NOT NULL
    ) STRICT;
    CREATE TABLE connections (
        uuid TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,           -- project.location.id
        connection_type TEXT NOT NULL,
        when_option TEXT,
        when_value TEXT,
        options TEXT NOT NULL,               -- JSON, without secrets
        created_at INTEGER NOT NULL,         -- microseconds since 1970, UTC
        modified_at INTEGER NOT NULL,
        version INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE secrets (
        connection TEXT NOT NULL REFERENCES connections (uuid) ON DELETE CASCADE,
        option TEXT NOT NULL,
        sealed BLOB NOT NULL,
        PRIMARY KEY (connection, option)
    ) STRICT;
    CREATE TABLE descriptions (
        connection TEXT NOT NULL REFERENCES connections (uuid) ON DELETE CASCADE,
        schema_name TEXT NOT NULL,
        table_name TEXT NOT NULL,
        description TEXT NOT NULL,           -- JSON
        described_at INTEGER NOT NULL,
        PRIMARY KEY (connection, schema_name, table_name)
    ) STRICT;
    CREATE TABLE datasets (
        uuid TEXT PRIMARY KEY,
        project TEXT NOT NULL,
        name TEXT NOT NULL,
        connection TEXT,                     -- a name, not a reference: it may be dropped and made again
        definition TEXT NOT NULL,            -- JSON
        description TEXT,
        created_at INTEGER NOT NULL,
        UNIQUE (project, name)
    ) STRICT;
    CREATE TABLE tables (
        uuid TEXT PRIMARY KEY,
        dataset TEXT NOT NULL REFERENCES datasets (uuid) ON DELETE CASCADE,
        name TEXT NOT NULL,
        connection TEXT,                     -- as in datasets
        definition TEXT NOT NULL,            -- JSON
        description TEXT,
        created_at INTEGER NOT NULL,
        UNIQUE (dataset, name)
    ) STRICT;
    CREATE INDEX datasets_by_connection ON datasets (connection) WHERE connection IS NOT NULL;
    CREATE INDEX tables_by_connection ON tables (connection) WHERE connection IS NOT NULL;
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        time INTEGER NOT NULL,
        principal TEXT NOT NULL,
        method TEXT NOT NULL,
        resource TEXT NOT NULL,
        outcome TEXT NOT NULL
    ) STRICT;
    CREATE TRIGGER audit_is_not_updated BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'audit rows are only added'); END;
    CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'audit rows are only added'); END;
    ",
    // 2: the journal of exports.
    "
    CREATE TABLE export_runs (
        run TEXT PRIMARY KEY,
        connection TEXT,                     -- a name, as in datasets
        uri TEXT NOT NULL,
        begun_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE export_uploads (
        run TEXT NOT NULL,
        path TEXT NOT NULL,
        upload TEXT NOT NULL,
        PRIMARY KEY (run, path)
    ) STRICT;
    ",
    // 3: native tables.
    lake::layout::TABLES,
];

/// Whether the database has today's layout and is in WAL mode. Changes nothing.
///
/// Fails if the database is not ours, or a newer Firth's.
pub(crate) fn is_current(connection: &Connection, path: &Path) -> StoreResult<bool> {
    // One view of all that is looked at: another shell may be preparing the database right now.
    let view = connection.unchecked_transaction()?;
    look(&view, path)
}

fn look(connection: &Connection, path: &Path) -> StoreResult<bool> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application != APPLICATION_ID {
        let objects: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        return match application == 0 && version == 0 && objects == 0 {
            true => Ok(false),
            false => Err(error::not_a_catalog(path).into()),
        };
    }
    let known = STEPS.len() as i64;
    if version > known {
        return Err(error::newer_catalog(path, version, known).into());
    }
    Ok(version == known)
}

/// Takes the steps that are missing: all of them or, after a crash, none.
pub(crate) fn run(connection: &mut Connection, path: &Path) -> StoreResult<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if look(&transaction, path)? {
        return Ok(());
    }
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let taken = usize::try_from(version).map_err(|error| StoreError::stored("user_version", error))?;
    for step in &STEPS[taken..] {
        transaction.execute_batch(step)?;
    }
    if taken == 0 {
        transaction.execute(
            "INSERT INTO datasets (uuid, project, name, definition, created_at) VALUES (?, ?, ?, ?, ?)",
            params![
                Uuid::new_v4().to_string(),
                LOCAL,
                MAIN,
                value::to_json(&DatasetKind::Native)?,
                Utc::now().timestamp_micros()
            ],
        )?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", STEPS.len() as i64)?;
    transaction.commit()?;
    Ok(())
}
