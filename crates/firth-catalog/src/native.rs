//! Native tables: what is known of one at a snapshot, and what a statement changes of it.
//!
//! They are kept as DuckLake 1.0 has them: Parquet files below the home, and rows in the catalog's
//! database that say which files are a table's at which snapshot. `store/lake/` has the rows.

use std::collections::BTreeMap;

use arrow::datatypes::{FieldRef, SchemaRef};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::TableName;

/// The metadata key of an Arrow field under which its column's number is, as Parquet writers know it.
pub const COLUMN_ID: &str = "PARQUET:field_id";

/// What the catalog keeps of a native table beside its columns and files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NativeTable {
    /// Its number in the lake.
    pub table_id: i64,
    /// The PARTITION BY as written. Kept for SHOW CREATE TABLE; files are not divided by it.
    pub partition_by: Option<String>,
    /// The columns of CLUSTER BY: what is written by one statement is sorted by them.
    pub cluster_by: Vec<String>,
    /// The other options.
    pub options: BTreeMap<String, serde_json::Value>,
}

/// What ALTER TABLE changes of a native table: all but its rows.
#[derive(Clone, Debug, PartialEq)]
pub struct NativeShape {
    /// The name. Its dataset stays.
    pub name: TableName,
    /// The columns, each with its number as [`COLUMN_ID`]; those that are new have none yet, and are the last.
    pub columns: Vec<FieldRef>,
    /// What the catalog keeps beside.
    pub table: NativeTable,
    /// The option `description`.
    pub description: Option<String>,
}

/// A native table that is to be made.
#[derive(Clone, Debug)]
pub struct NativeDefinition {
    /// The name.
    pub name: TableName,
    /// The columns, numbered by [`numbered_columns`](crate::numbered_columns).
    pub columns: SchemaRef,
    /// The folder of its files, below [`Catalog::data_folder`](crate::Catalog::data_folder), from
    /// [`Catalog::new_table_folder`](crate::Catalog::new_table_folder).
    pub folder: String,
    /// PARTITION BY as written.
    pub partition_by: Option<String>,
    /// CLUSTER BY.
    pub cluster_by: Vec<String>,
    /// The other options.
    pub options: BTreeMap<String, serde_json::Value>,
    /// The option `description`.
    pub description: Option<String>,
    /// The rows it begins with.
    pub files: Vec<NewDataFile>,
}

/// Which state of the tables is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// The newest.
    Now,
    /// A snapshot by its number.
    Snapshot(i64),
    /// The newest that was there at this time.
    Time(DateTime<Utc>),
}

/// A native table at one snapshot.
#[derive(Clone, Debug)]
pub struct NativeState {
    /// The snapshot.
    pub snapshot: i64,
    /// The table's number.
    pub table_id: i64,
    /// The columns, each with its number as [`COLUMN_ID`].
    pub columns: SchemaRef,
    /// Columns that another program gave a value for rows that name none. What it is, that program knows.
    pub defaulted: Vec<String>,
    /// The folder of its files, below the data folder.
    pub folder: String,
    /// The files.
    pub files: Vec<DataFile>,
}

/// A file of a native table. It never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile {
    /// Its number.
    pub id: i64,
    /// Below the data folder.
    pub path: String,
    /// Its rows, the deleted ones too.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// Which of its rows are deleted.
    pub deletes: Option<DeleteFile>,
}

/// A file that lists deleted rows of one data file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteFile {
    /// Below the data folder.
    pub path: String,
    /// How many rows it lists.
    pub rows: u64,
}

/// A data file that was written and is in no snapshot yet.
#[derive(Clone, Debug, PartialEq)]
pub struct NewDataFile {
    /// Its name in the table's folder.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// The size of its footer.
    pub footer_bytes: u64,
    /// What is known of its columns.
    pub columns: Vec<ColumnStatistics>,
}

/// What is known of one column of a data file.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnStatistics {
    /// The column's number.
    pub column_id: i64,
    /// Its compressed bytes.
    pub bytes: u64,
    /// Its values, NULLs among them.
    pub values: u64,
    /// How many are NULL.
    pub nulls: Option<u64>,
    /// The least and the greatest, as text that casts to the column's type.
    pub range: Option<(String, String)>,
}

/// A file of deleted rows that was written and is in no snapshot yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDeleteFile {
    /// The data file that the rows are in.
    pub data_file: i64,
    /// Its name in the table's folder.
    pub name: String,
    /// How many rows it lists: those that were deleted earlier too.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// The size of its footer.
    pub footer_bytes: u64,
}

/// What one statement changes of a table's rows.
#[derive(Clone, Debug)]
pub struct NativeChange {
    /// The table.
    pub name: TableName,
    /// Its number, as the statement read it.
    pub table_id: i64,
    /// The snapshot that the statement read.
    pub base: i64,
    /// Files that are added.
    pub add: Vec<NewDataFile>,
    /// Rows that go. Each list takes the place of the file's earlier one.
    pub delete: Vec<NewDeleteFile>,
    /// Files that go, by number.
    pub remove: Vec<i64>,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// It is in this snapshot.
    Done(i64),
    /// Nothing was changed: since the statement read it, another changed the same table.
    Conflict,
}
