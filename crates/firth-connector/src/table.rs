//! Tables of a remote: asked for (`Spec`) and answered (`Description`).

use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};

/// Which tables of a remote an external schema shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SchemaSpec {
    /// The `external_source` as written.
    pub source: String,
    /// The schema at the source; empty for the default one.
    pub schema: String,
}

/// One table of a remote, spelled as the source spells it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TableSpec {
    /// The schema at the source; empty for the default one.
    pub schema: String,
    /// The table.
    pub name: String,
}

/// What is known of a remote table without asking again: stored in the catalog and in plans.
///
/// Says nothing about the rows at any later time; statistics are estimates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableDescription {
    /// The table.
    pub table: TableSpec,
    /// The columns, with the source's spelling of their names, and the Arrow types that scans deliver.
    pub schema: SchemaRef,
    /// More about each column, in the order of `schema`.
    pub columns: Vec<ColumnDescription>,
    /// The primary key's columns, if there is one.
    pub primary_key: Vec<String>,
    /// About how many rows.
    pub row_count: Option<u64>,
    /// About how many bytes at the source.
    pub total_bytes: Option<u64>,
    /// How many splits may be read at once, at most.
    pub max_splits: usize,
}

/// What is known of a column beyond its Arrow type. The counts are estimates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnDescription {
    /// The type in the source's words, such as `character(10)` or `numeric(12,2)`.
    pub remote_type: String,
    /// The type, in the source's words, that the source is asked to cast the column to whenever it is
    /// named, because its own cannot be read here.
    #[serde(default)]
    pub read_as: Option<String>,
    /// What the column is called in messages, if its name in the schema is not what a user would know it by.
    #[serde(default)]
    pub label: Option<String>,
    /// About how many values are NULL.
    #[serde(default)]
    pub null_count: Option<u64>,
    /// About how many different values there are, NULL aside.
    #[serde(default)]
    pub distinct_count: Option<u64>,
    /// About how many bytes a value has at the source.
    #[serde(default)]
    pub average_bytes: Option<u64>,
}

impl ColumnDescription {
    /// A column of this type, of whose values nothing is known.
    pub fn of_type(remote_type: impl Into<String>) -> Self {
        ColumnDescription { remote_type: remote_type.into(), ..ColumnDescription::default() }
    }
}
