//! How rows are laid out over files: sizes, and folders for the values of columns.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{ArrayRef, RecordBatch},
    compute::partition,
    datatypes::{Schema, SchemaRef},
};
use firth_connector::Options;
use firth_diagnostic::{Code, Diagnostic, Result, did_you_mean};

use super::{options::positive, writer::row_bytes};
use crate::value::Values;

/// The folder that Hive writes for NULL.
const NULL_FOLDER: &str = "__HIVE_DEFAULT_PARTITION__";
/// Bytes of a file's rows in memory after which the next begins: as BigQuery's, about 1 GB.
const ROW_BYTES: u64 = 1 << 30;
/// Chunks of a file of the size that was asked for, at least: it is passed by one of them at most.
const CHUNKS_OF_FILE: usize = 4;
/// Rows that a chunk may always have: fewer are not worth their trouble, however small the files are to be.
const LEAST_ROWS: usize = 256;

/// The layout that the options ask for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    /// Bytes of a file, as written.
    file_bytes: Option<u64>,
    most_files: Option<u64>,
    partition_by: Vec<String>,
}

impl Layout {
    pub(crate) fn try_new(options: &Options) -> Result<Self> {
        let layout = Layout {
            file_bytes: positive(options, "file_size")?,
            most_files: positive(options, "max_files")?,
            partition_by: options.strings("partition_by").unwrap_or_default().to_vec(),
        };
        if layout.most_files.is_some() && !layout.partition_by.is_empty() {
            return Err(Diagnostic::error(
                Code::Invalid,
                "options \"max_files\" and \"partition_by\" exclude each other",
            )
            .hint("Every partition has at least one file: leave one of the two out."));
        }
        Ok(layout)
    }

    /// The partition columns' places in the rows.
    pub(crate) fn partition_columns(&self, schema: &Schema) -> Result<Vec<usize>> {
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let mut columns = Vec::new();
        for wanted in &self.partition_by {
            let found = names.iter().position(|name| name.eq_ignore_ascii_case(wanted));
            let Some(column) = found else {
                let near = did_you_mean(wanted, names.iter().copied());
                return Err(Diagnostic::error(
                    Code::NotFound,
                    format!("partition column {wanted:?} is not a column of the query"),
                )
                .hint_if(near.map(|near| format!("Did you mean {near:?}?"))));
            };
            if schema.field(column).data_type().is_nested() || columns.contains(&column) {
                return Err(Diagnostic::error(
                    Code::Invalid,
                    format!("column {wanted:?} cannot be a partition column"),
                )
                .hint("Partition columns are different from each other, and neither ARRAY nor STRUCT."));
            }
            columns.push(column);
        }
        if !columns.is_empty() && columns.len() == names.len() {
            return Err(Diagnostic::error(Code::Invalid, "every column is a partition column")
                .hint("The files need at least one column of their own."));
        }
        Ok(columns)
    }

    /// The columns of the files.
    pub(crate) fn file_schema(&self, schema: &SchemaRef) -> Result<SchemaRef> {
        let partition = self.partition_columns(schema)?;
        let kept: Vec<usize> =
            (0..schema.fields().len()).filter(|column| !partition.contains(column)).collect();
        let schema = schema.project(&kept).map_err(|error| Diagnostic::internal(error.to_string()))?;
        Ok(Arc::new(schema))
    }

    /// Whether the next rows begin a new file, when one has so many bytes and `files` were begun.
    pub(crate) fn is_full(&self, written: u64, row_bytes: u64, files: u64) -> bool {
        let is_large = match self.file_bytes {
            Some(bytes) => written >= bytes,
            None => row_bytes >= ROW_BYTES,
        };
        is_large && self.most_files.is_none_or(|most| files < most)
    }

    /// The most rows of a chunk, if they are as large as these: a file is looked at after each chunk, so chunks
    /// of files that are to be small are smaller still. What is larger in memory than as written, as in Parquet,
    /// makes more chunks for each file.
    pub(crate) fn chunk_rows(&self, rows: &RecordBatch) -> usize {
        let Some(bytes) = self.file_bytes else { return usize::MAX };
        let row = (row_bytes(rows) / rows.num_rows().max(1)).max(1);
        (usize::try_from(bytes).unwrap_or(usize::MAX) / row / CHUNKS_OF_FILE).max(LEAST_ROWS)
    }

    /// About how many bytes a file may get.
    pub(crate) fn expected_bytes(&self) -> u64 {
        match (self.most_files, self.file_bytes) {
            (None, Some(bytes)) => bytes,
            (None, None) => ROW_BYTES,
            // The last file takes all that is left.
            (Some(_), _) => 64 * ROW_BYTES,
        }
    }
}

/// The rows of one partition, without its columns: `day=1/`, or nothing if there are none.
pub(crate) fn partitions(batch: &RecordBatch, columns: &[usize]) -> Result<Vec<(String, RecordBatch)>> {
    if columns.is_empty() {
        return Ok(vec![(String::new(), batch.clone())]);
    }
    let internal = |error: arrow::error::ArrowError| Diagnostic::internal(error.to_string());
    let keys: Vec<ArrayRef> = columns.iter().map(|column| Arc::clone(batch.column(*column))).collect();
    let kept: Vec<usize> = (0..batch.num_columns()).filter(|column| !columns.contains(column)).collect();
    let rows = batch.project(&kept).map_err(internal)?;
    let schema = batch.schema();
    let values: Vec<(&str, Values)> = columns
        .iter()
        .map(|column| {
            let field = schema.field(*column);
            Ok((field.name().as_str(), Values::try_new(field, batch.column(*column)).map_err(internal)?))
        })
        .collect::<Result<_>>()?;
    let ranges = partition(&keys).map_err(internal)?.ranges();
    let of_range =
        |range: Range<usize>| Ok((folder(&values, range.start)?, rows.slice(range.start, range.len())));
    ranges.into_iter().map(of_range).collect()
}

/// The folder of a row's values. Fails on a text that is the folder of NULL.
fn folder(values: &[(&str, Values)], row: usize) -> Result<String> {
    let mut folder = String::new();
    let mut text = String::new();
    for (name, values) in values {
        push_encoded(name, &mut folder);
        folder.push('=');
        if values.is_null(row) {
            folder.push_str(NULL_FOLDER);
        } else {
            text.clear();
            values.push_text(row, &mut text);
            if text == NULL_FOLDER {
                return Err(Diagnostic::error(
                    Code::BadData,
                    format!(
                        "partition column {name:?} has the text {NULL_FOLDER:?}, which stands for NULL there"
                    ),
                )
                .hint("Write another text in its place, or leave the column out of `partition_by`."));
            }
            push_encoded(&text, &mut folder);
        }
        folder.push('/');
    }
    Ok(folder)
}

/// Hive writes what a folder cannot hold as `%XX`.
fn push_encoded(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.:+ ".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::{
        array::{Int64Array, StringArray},
        datatypes::{DataType, Field},
    };

    use super::*;

    #[test]
    fn rows_go_to_the_folder_of_their_values() {
        let schema = Arc::new(Schema::new(vec![
            Field::new("n", DataType::Int64, true),
            Field::new("Region", DataType::Utf8, true),
        ]));
        let regions = StringArray::from(vec![None, Some("no/rth"), Some("no/rth"), Some("é=1")]);
        let batch = RecordBatch::try_new(
            Arc::clone(&schema),
            vec![Arc::new(Int64Array::from(vec![1, 2, 3, 4])), Arc::new(regions)],
        )
        .expect("a batch");
        let layout = Layout { partition_by: vec!["region".to_owned()], ..Layout::default() };
        let columns = layout.partition_columns(&schema).expect("it is there");
        let shown: Vec<(String, usize)> = partitions(&batch, &columns)
            .expect("split")
            .into_iter()
            .map(|(folder, rows)| (folder, rows.num_rows()))
            .collect();
        let expected =
            [("Region=__HIVE_DEFAULT_PARTITION__/", 1), ("Region=no%2Frth/", 2), ("Region=%C3%A9%3D1/", 1)];
        assert_eq!(shown, expected.map(|(folder, rows)| (folder.to_owned(), rows)));
        assert_eq!(layout.file_schema(&schema).expect("valid").fields().len(), 1);
    }

    #[test]
    fn the_last_file_takes_the_rest() {
        let layout = Layout { file_bytes: Some(10), most_files: Some(2), ..Layout::default() };
        assert!(!layout.is_full(9, 0, 1));
        assert!(layout.is_full(10, 0, 1));
        assert!(!layout.is_full(1000, 0, 2));
    }
}
