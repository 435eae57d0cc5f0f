//! What metadata say of a table at one moment, in words that all formats share.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use object_store::ObjectMeta;

use super::reshape::field_id;
use crate::{native::Deletions, store::StoreHandle};

/// A table at one moment: its columns, its files, and which of their rows are gone.
pub(crate) struct TableVersion {
    /// In the table's order.
    pub(crate) columns: Vec<TableColumn>,
    /// Columns that the table no longer has, which lists of deleted rows name.
    pub(super) hidden: Vec<TableColumn>,
    pub(super) files: Vec<DataFile>,
    /// Rows that are gone because their values are in a list.
    pub(super) deleted_values: Vec<DeletedValues>,
}

/// A column, and how files hold it.
#[derive(Clone, Debug)]
pub(crate) struct TableColumn {
    /// Its name and GoogleSQL's type for it.
    pub(crate) field: FieldRef,
    pub(super) source: ColumnSource,
}

/// How a column, or a field within one, is found in a data file.
#[derive(Clone, Debug, Default)]
pub(super) struct ColumnSource {
    /// Its number, for files whose columns are numbered.
    pub(super) id: Option<i32>,
    /// Its names in files whose columns are not.
    pub(super) names: Vec<String>,
    /// What rows have in files that lack it.
    pub(super) default: Option<ScalarValue>,
    /// Of a STRUCT its fields, of an ARRAY its element, of a map key and value.
    pub(super) children: Vec<ColumnSource>,
}

impl ColumnSource {
    /// How a column is found that has its number in its metadata, and within it its fields.
    pub(super) fn of(field: &Field) -> Self {
        let children = match field.data_type() {
            DataType::Struct(fields) => fields.iter().map(|field| ColumnSource::of(field)).collect(),
            DataType::List(item) => vec![ColumnSource::of(item)],
            _ => Vec::new(),
        };
        ColumnSource { id: field_id(field), names: vec![field.name().clone()], default: None, children }
    }
}

/// A Parquet file with rows of the table.
pub(super) struct DataFile {
    pub(super) handle: StoreHandle,
    /// With the path that plans use.
    pub(super) meta: ObjectMeta,
    /// Those that are gone too. Not every log knows.
    pub(super) rows: Option<u64>,
    /// Columns that have one value in the whole file, which is taken from the metadata: their places in
    /// the table, ascending.
    pub(super) constants: Vec<(usize, ScalarValue)>,
    /// What is known of each column of the table.
    pub(super) bounds: Vec<ColumnBounds>,
    /// Its rows that are gone.
    pub(super) deletions: Option<Deletions>,
    /// When it came: values that were deleted later are gone from it.
    pub(super) sequence: i64,
    /// The number of its partition, among those of the table.
    pub(super) partition: i64,
}

/// What metadata know of a column's values in one file. The bounds need not be values that occur.
#[derive(Clone, Debug, Default)]
pub(super) struct ColumnBounds {
    pub(super) least: Option<ScalarValue>,
    pub(super) greatest: Option<ScalarValue>,
    pub(super) nulls: Option<u64>,
    pub(super) bucket: Option<Bucket>,
}

/// The part of a column's values that share a remainder of their hash.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    pub(super) count: u32,
    pub(super) number: i32,
}

/// Files with values; rows that came before such a file and have its values are gone.
pub(super) struct DeletedValues {
    /// The columns that are compared: their places in the table's columns, then in the hidden ones.
    pub(super) columns: Vec<usize>,
    /// Whether they are gone from all partitions, or from the files' own.
    pub(super) everywhere: bool,
    /// The files; they are read as the table's own are.
    pub(super) files: Vec<DataFile>,
}

impl TableVersion {
    /// The columns of the table and then the hidden ones.
    pub(super) fn all_columns(&self) -> Arc<[TableColumn]> {
        self.columns.iter().chain(&self.hidden).cloned().collect()
    }
}
