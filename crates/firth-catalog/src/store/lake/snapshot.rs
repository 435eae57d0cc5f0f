//! Snapshots: one for each statement that changes tables.

use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use uuid::Uuid;

use crate::{
    AsOf, DatasetName,
    error::{StoreError, StoreResult},
    name::LOCAL,
    store::value,
};

/// The version of the format.
const VERSION: &str = "1.0";

/// A snapshot in the making. Nobody sees it before its transaction is committed.
pub(super) struct NewSnapshot<'a> {
    transaction: &'a Transaction<'a>,
    pub(super) id: i64,
    schema_version: i64,
    next_catalog_id: i64,
    next_file_id: i64,
    changes: Vec<String>,
    author: String,
}

impl<'a> NewSnapshot<'a> {
    /// Begins a snapshot, and the lake if there is none yet. `data_path` is where the files are now.
    pub(super) fn begin(
        transaction: &'a Transaction<'a>,
        data_path: &str,
        author: &str,
    ) -> StoreResult<Self> {
        prepare(transaction, data_path)?;
        let (id, schema_version, next_catalog_id, next_file_id) = transaction.query_row(
            "SELECT snapshot_id, schema_version, next_catalog_id, next_file_id FROM ducklake_snapshot
             ORDER BY snapshot_id DESC LIMIT 1",
            [],
            |row| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )?;
        Ok(NewSnapshot {
            transaction,
            id: id + 1,
            schema_version,
            next_catalog_id,
            next_file_id,
            changes: Vec::new(),
            author: author.to_owned(),
        })
    }

    /// A number for a schema or a table.
    pub(super) fn catalog_id(&mut self) -> i64 {
        self.next_catalog_id += 1;
        self.next_catalog_id - 1
    }

    /// A number for a file.
    pub(super) fn file_id(&mut self) -> i64 {
        self.next_file_id += 1;
        self.next_file_id - 1
    }

    /// Notes a change, in DuckLake's words.
    pub(super) fn note(&mut self, change: String) {
        self.changes.push(change);
    }

    /// Notes that a table's columns are new or others.
    pub(super) fn schema_changed(&mut self, table_id: i64) -> StoreResult<()> {
        self.schema_version += 1;
        self.transaction.execute(
            "INSERT INTO ducklake_schema_versions (begin_snapshot, schema_version, table_id) VALUES (?, ?, ?)",
            params![self.id, self.schema_version, table_id],
        )?;
        Ok(())
    }

    /// Notes that something is gone.
    pub(super) fn schema_shrank(&mut self) {
        self.schema_version += 1;
    }

    /// Writes the snapshot. It is later than every other, whatever the clock says.
    pub(super) fn end(self) -> StoreResult<i64> {
        let last: Option<String> = self
            .transaction
            .query_row(
                "SELECT snapshot_time FROM ducklake_snapshot ORDER BY snapshot_id DESC LIMIT 1",
                [],
                |row| row.get(0),
            )
            .optional()?;
        let mut time = value::now();
        if let Some(last) = last {
            time = time.max(parse_time(&last)? + chrono::Duration::microseconds(1));
        }
        self.transaction.execute(
            "INSERT INTO ducklake_snapshot (snapshot_id, snapshot_time, schema_version, next_catalog_id, next_file_id)
             VALUES (?, ?, ?, ?, ?)",
            params![self.id, time_text(time), self.schema_version, self.next_catalog_id, self.next_file_id],
        )?;
        self.transaction.execute(
            "INSERT INTO ducklake_snapshot_changes (snapshot_id, changes_made, author) VALUES (?, ?, ?)",
            params![self.id, self.changes.join(","), self.author],
        )?;
        Ok(self.id)
    }

    /// The schema of a dataset, made if there is none.
    pub(super) fn schema(&mut self, dataset: &DatasetName) -> StoreResult<i64> {
        let name = schema_name(dataset);
        let found: Option<i64> = self
            .transaction
            .query_row(
                "SELECT schema_id FROM ducklake_schema WHERE schema_name = ? AND end_snapshot IS NULL",
                [&name],
                |row| row.get(0),
            )
            .optional()?;
        if let Some(found) = found {
            return Ok(found);
        }
        let id = self.catalog_id();
        self.transaction.execute(
            "INSERT INTO ducklake_schema (schema_id, schema_uuid, begin_snapshot, schema_name, path, path_is_relative)
             VALUES (?, ?, ?, ?, ?, 1)",
            params![id, Uuid::new_v4().to_string(), self.id, name, schema_folder(dataset)],
        )?;
        self.note(format!("created_schema:{}", quoted(&name)));
        Ok(id)
    }
}

/// Makes the lake if there is none, and says where its files are now: a home may have been moved.
fn prepare(transaction: &Transaction<'_>, data_path: &str) -> StoreResult<()> {
    let known: Option<String> = transaction
        .query_row("SELECT value FROM ducklake_metadata WHERE key = 'data_path'", [], |row| row.get(0))
        .optional()?;
    match known {
        Some(known) if known == data_path => return Ok(()),
        Some(_) => {
            transaction
                .execute("UPDATE ducklake_metadata SET value = ? WHERE key = 'data_path'", [data_path])?;
            return Ok(());
        }
        None => {}
    }
    let created_by = concat!("Firth ", env!("CARGO_PKG_VERSION"));
    for (key, value) in
        [("version", VERSION), ("created_by", created_by), ("data_path", data_path), ("encrypted", "false")]
    {
        transaction.execute("INSERT INTO ducklake_metadata (key, value) VALUES (?, ?)", [key, value])?;
    }
    transaction.execute("INSERT INTO ducklake_snapshot VALUES (0, ?, 0, 1, 0)", [time_text(value::now())])?;
    transaction.execute(
        "INSERT INTO ducklake_snapshot_changes (snapshot_id, changes_made) VALUES (0, 'created_schema:\"main\"')",
        [],
    )?;
    transaction.execute(
        "INSERT INTO ducklake_schema VALUES (0, ?, 0, NULL, 'main', ?, 1)",
        params![Uuid::new_v4().to_string(), schema_folder(&DatasetName::main())],
    )?;
    Ok(())
}

/// The number of the snapshot that is asked for. `None` if there is none.
pub(super) fn find(connection: &Connection, as_of: AsOf) -> StoreResult<Option<i64>> {
    match as_of {
        AsOf::Snapshot(id) => Ok(Some(id)),
        AsOf::Now => {
            Ok(connection
                .query_row("SELECT MAX(snapshot_id) FROM ducklake_snapshot", [], |row| row.get(0))?)
        }
        AsOf::Time(time) => {
            // Texts of other writers may have fewer digits: times are compared, not texts.
            let mut statement = connection.prepare_cached(
                "SELECT snapshot_id, snapshot_time FROM ducklake_snapshot ORDER BY snapshot_id DESC",
            )?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                if parse_time(&row.get::<_, String>(1)?)? <= time {
                    return Ok(Some(row.get(0)?));
                }
            }
            Ok(None)
        }
    }
}

/// What DuckLake calls a dataset.
pub(super) fn schema_name(dataset: &DatasetName) -> String {
    match dataset.project.as_str() {
        LOCAL => dataset.dataset.clone(),
        project => format!("{project}.{}", dataset.dataset),
    }
}

/// The folder of a dataset's tables: its name, with what may mean something in a path as numbers.
pub(crate) fn schema_folder(dataset: &DatasetName) -> String {
    let mut folder = String::new();
    for byte in schema_name(dataset).bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => folder.push(char::from(byte)),
            other => folder.push_str(&format!("-{other:02x}")),
        }
    }
    folder.push('/');
    folder
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn time_text(time: DateTime<Utc>) -> String {
    let text = time.to_rfc3339_opts(SecondsFormat::Micros, true);
    text.replace('T', " ").replace('Z', "+00")
}

pub(super) fn parse_time(text: &str) -> StoreResult<DateTime<Utc>> {
    DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z")
        .map(|time| time.with_timezone(&Utc))
        .map_err(|error| StoreError::stored("a snapshot's time", error))
}
