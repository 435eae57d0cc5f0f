//! Tables and views: as defined by a statement, and as recorded.

use std::{collections::BTreeMap, fmt};

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{ConnectionName, NativeTable, TableName};

/// What CREATE EXTERNAL TABLE or CREATE VIEW asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct TableDefinition {
    /// The name.
    pub name: TableName,
    /// What it is.
    pub kind: TableKind,
    /// The option `description`.
    pub description: Option<String>,
}

/// What a table is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TableKind {
    /// Firth's own rows.
    Native(NativeTable),
    /// Files.
    External(ExternalTable),
    /// A query.
    View(View),
    /// A query, and the rows that it had.
    Materialized(MaterializedView),
}

impl TableKind {
    /// Its kind alone.
    pub fn name(&self) -> TableKindName {
        match self {
            TableKind::Native(_) => TableKindName::Native,
            TableKind::External(_) => TableKindName::External,
            TableKind::View(_) => TableKindName::View,
            TableKind::Materialized(_) => TableKindName::Materialized,
        }
    }

    /// The connection it needs.
    pub fn connection(&self) -> Option<&ConnectionName> {
        match self {
            TableKind::External(table) => table.connection.as_ref(),
            TableKind::Native(_) | TableKind::View(_) | TableKind::Materialized(_) => None,
        }
    }

    /// The number in the lake of the table that has its rows.
    pub fn lake_table(&self) -> Option<i64> {
        match self {
            TableKind::Native(table) => Some(table.table_id),
            TableKind::Materialized(view) => Some(view.table_id),
            TableKind::External(_) | TableKind::View(_) => None,
        }
    }
}

/// The kinds of tables, without their contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKindName {
    /// A native table.
    Native,
    /// An external table.
    External,
    /// A view.
    View,
    /// A materialized view.
    Materialized,
}

impl TableKindName {
    /// The word in `INFORMATION_SCHEMA.TABLES.table_type`, and in the store.
    pub const fn word(self) -> &'static str {
        match self {
            TableKindName::Native => "BASE TABLE",
            TableKindName::External => "EXTERNAL",
            TableKindName::View => "VIEW",
            TableKindName::Materialized => "MATERIALIZED VIEW",
        }
    }

    /// The words of a sentence: "an external table".
    pub const fn with_article(self) -> &'static str {
        match self {
            TableKindName::Native => "a table",
            TableKindName::External => "an external table",
            TableKindName::View => "a view",
            TableKindName::Materialized => "a materialized view",
        }
    }
}

/// Prints [`TableKindName::word`].
impl fmt::Display for TableKindName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A table over files.
///
/// Its columns are stored, so that planning needs no network. The connection is bound by name: one
/// that was dropped and made again serves the table again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExternalTable {
    /// The connection that reaches the files; none for local ones.
    pub connection: Option<ConnectionName>,
    /// `PARQUET`, `CSV` …
    pub format: String,
    /// Where the files are, as written.
    pub uris: Vec<String>,
    /// The other options as validated: for reading the files and for SHOW CREATE TABLE.
    pub options: BTreeMap<String, serde_json::Value>,
    /// The columns of the files, in the source's spelling, without partition columns.
    pub columns: SchemaRef,
    /// Whether the statement listed the columns, rather than the files.
    pub declared: bool,
    /// Whether WITH PARTITION COLUMNS was given, with or without a list.
    pub partitioned: bool,
    /// The columns read from the paths: name and GoogleSQL type.
    pub partition_columns: Vec<(String, String)>,
}

/// A stored query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The query's text.
    pub sql: String,
    /// The columns' names, if the statement listed them.
    pub columns: Option<Vec<String>>,
}

/// A stored query, and a table of the lake that has its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaterializedView {
    /// The table's number in the lake.
    pub table_id: i64,
    /// The query's text.
    pub sql: String,
    /// PARTITION BY as written. Kept for SHOW CREATE MATERIALIZED VIEW.
    pub partition_by: Option<String>,
    /// The columns of CLUSTER BY: rows are sorted by them.
    pub cluster_by: Vec<String>,
    /// The options as they were validated.
    pub options: BTreeMap<String, serde_json::Value>,
    /// When the query that gave the rows began to read.
    pub refreshed_at: DateTime<Utc>,
}

/// A table as it was recorded when it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct TableRecord {
    /// The identity.
    pub uuid: Uuid,
    /// The name.
    pub name: TableName,
    /// What it is.
    pub kind: TableKind,
    /// The option `description`.
    pub description: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}
