//! Delta Lake tables: a log of commits and checkpoints. docs/adr/0037.

mod action;
mod log;
mod schema;
mod stats;
mod vector;

use arrow::datatypes::DataType;
use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use firth_diagnostic::{Code, Diagnostic, Result};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::ObjectMeta;

use self::{
    action::{Add, Protocol},
    stats::Stats,
};
use super::{
    place::TablePlace,
    table::{ColumnBounds, DataFile, TableColumn, TableVersion},
};

/// The newest way of reading, in which a table lists what a reader must know.
const NEWEST: i32 = 3;
/// What of that is read.
const FEATURES: [&str; 7] = [
    "columnMapping",
    "deletionVectors",
    "timestampNtz",
    "typeWidening",
    "typeWidening-preview",
    "v2Checkpoint",
    "vacuumProtocolCheck",
];
/// Deletion vectors that are read at once.
const AT_ONCE: usize = 8;
/// A file of which the log does not know how many rows it has has no more.
const MOST_ROWS: u64 = 1 << 32;

/// The table in a folder, now or as it was at a time.
pub(super) async fn read(
    place: TablePlace<'_>,
    uri: &str,
    time: Option<DateTime<Utc>>,
) -> Result<(TableVersion, Vec<String>)> {
    let folder = uri.trim_end_matches('/');
    let state = log::replay(&place, folder, time).await?;
    check(&state.protocol)?;
    let columns = schema::columns(&state.meta_data)?;
    let keys = keys(&columns, &state.meta_data.partition_columns)?;
    let (place, columns) = (&place, columns.as_slice());
    let mut reads = Vec::with_capacity(state.files.len());
    for add in &state.files {
        let keys = &keys;
        reads.push(async move { file(place, folder, add, columns, keys).await });
    }
    let files: Vec<DataFile> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
    let version =
        TableVersion { columns: columns.to_vec(), hidden: Vec::new(), files, deleted_values: Vec::new() };
    Ok((version, state.meta_data.partition_columns))
}

/// Fails for a table that asks more of a reader than this one knows.
fn check(protocol: &Protocol) -> Result<()> {
    let unknown: Vec<&str> = protocol
        .reader_features
        .iter()
        .flatten()
        .map(String::as_str)
        .filter(|feature| !FEATURES.contains(feature))
        .collect();
    if protocol.min_reader_version <= NEWEST && unknown.is_empty() {
        return Ok(());
    }
    let what = match unknown.as_slice() {
        [] => format!("reader version {}", protocol.min_reader_version),
        features => features.join(", "),
    };
    Err(Diagnostic::error(
        Code::Unsupported,
        format!("the Delta Lake table needs of its readers what is not in this version: {what}"),
    )
    .hint(format!("Reader versions 1 to {NEWEST} are read, and of features {}.", FEATURES.join(", "))))
}

/// Where among the columns those are by which the table is partitioned.
fn keys(columns: &[TableColumn], names: &[String]) -> Result<Vec<usize>> {
    let mut keys = Vec::with_capacity(names.len());
    for name in names {
        let at = columns.iter().position(|column| column.field.name().eq_ignore_ascii_case(name));
        keys.push(at.ok_or_else(|| {
            Diagnostic::error(
                Code::BadData,
                format!("the Delta Lake table is partitioned by {name:?}, which is no column of it"),
            )
        })?);
    }
    keys.sort_unstable();
    Ok(keys)
}

async fn file(
    place: &TablePlace<'_>,
    folder: &str,
    add: &Add,
    columns: &[TableColumn],
    keys: &[usize],
) -> Result<DataFile> {
    let path = decoded(&add.path);
    let is_absolute = path.contains("://") || path.starts_with('/') || path.starts_with("file:/");
    let located = place.locate(&if is_absolute { path } else { format!("{folder}/{path}") })?;
    let meta = located.handle.planned(ObjectMeta {
        location: located.key,
        last_modified: DateTime::UNIX_EPOCH,
        size: add.size,
        // Files never change under their names; the time tells a table from another in its place.
        e_tag: Some(format!("delta-{}", add.modification_time)),
        version: None,
    });
    let stats = Stats::parse(add.stats.as_deref());
    let mut bounds: Vec<ColumnBounds> = columns.iter().map(|column| stats.bounds(column)).collect();
    let mut constants = Vec::with_capacity(keys.len());
    for at in keys {
        let value = partition_value(add, &columns[*at])?;
        bounds[*at] = if value.is_null() {
            ColumnBounds { nulls: stats.num_records, ..ColumnBounds::default() }
        } else {
            let bound = Some(value.clone());
            ColumnBounds { least: bound.clone(), greatest: bound, nulls: Some(0), bucket: None }
        };
        constants.push((*at, value));
    }
    let deletions = match &add.deletion_vector {
        None => None,
        Some(vector) => {
            Some(vector::read(place, folder, vector, stats.num_records.unwrap_or(MOST_ROWS)).await?)
        }
    };
    Ok(DataFile {
        handle: located.handle,
        meta,
        rows: stats.num_records,
        constants,
        bounds,
        deletions,
        sequence: 0,
        partition: 0,
    })
}

/// The value of a partition column, which the log has as text.
fn partition_value(add: &Add, column: &TableColumn) -> Result<ScalarValue> {
    let data_type = column.field.data_type();
    let names = [column.source.names.first(), Some(column.field.name())];
    let text = names.into_iter().flatten().find_map(|name| add.partition_values.get(name));
    let value = match text.cloned().flatten().filter(|text| !text.is_empty()) {
        None => ScalarValue::try_from(data_type),
        Some(text) => match escaped_bytes(&text) {
            Some(bytes) if *data_type == DataType::Binary => Ok(ScalarValue::Binary(Some(bytes))),
            _ => ScalarValue::from(text.as_str()).cast_to(data_type),
        },
    };
    value.map_err(|error| {
        Diagnostic::error(
            Code::BadData,
            format!(
                "{:?} of the Delta Lake table has no value for partition column {:?}",
                add.path,
                column.field.name()
            ),
        )
        .detail(error.to_string())
    })
}

/// Bytes as the log has them: each as `\uXXXX`. Writers that do not escape them are taken at their word.
fn escaped_bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\u")?.split("\\u");
    digits
        .map(|byte| u8::from_str_radix(byte.strip_prefix("00").filter(|hex| hex.len() == 2)?, 16).ok())
        .collect()
}

/// Paths in the log are urls: what a url cannot hold is `%XX`.
fn decoded(path: &str) -> String {
    percent_decoded(path).unwrap_or_else(|| path.to_owned())
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_escaped_one_by_one() {
        assert_eq!(escaped_bytes(r"\u0000\u00ff\u0061"), Some(vec![0, 0xff, b'a']));
        assert_eq!(escaped_bytes(r"\u0061b"), None);
        assert_eq!(escaped_bytes(r"\u0161"), None);
        assert_eq!(escaped_bytes("abc"), None);
    }
}
