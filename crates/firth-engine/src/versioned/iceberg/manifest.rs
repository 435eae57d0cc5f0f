//! Manifests: which files a snapshot has, and what is known of them.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use datafusion::common::ScalarValue;
use firth_diagnostic::{Code, Diagnostic, Result};

use super::avro_record::{Record, Records, bytes, number};

/// An entry of a manifest list.
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) path: String,
    /// Version 1's manifests say it themselves.
    spec: Option<i32>,
    sequence: i64,
    snapshot: Option<i64>,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Rows,
    /// Places of rows that are gone.
    Positions,
    /// Values of rows that are gone.
    Values,
}

/// A file that a manifest names.
#[derive(Debug)]
pub(super) struct FileEntry {
    pub(super) content: Content,
    pub(super) path: String,
    pub(super) format: String,
    pub(super) spec: i32,
    pub(super) partition: Vec<ScalarValue>,
    pub(super) rows: u64,
    pub(super) size: u64,
    pub(super) sequence: i64,
    /// Which snapshot added it.
    pub(super) snapshot: i64,
    pub(super) nulls: HashMap<i32, u64>,
    pub(super) values: HashMap<i32, u64>,
    pub(super) nans: HashMap<i32, u64>,
    pub(super) least: HashMap<i32, Arc<[u8]>>,
    pub(super) greatest: HashMap<i32, Arc<[u8]>>,
    /// The columns whose values it lists.
    pub(super) equality_ids: Vec<i32>,
    /// Of a deletion vector: the file whose rows it marks, and its place in the Puffin file.
    pub(super) referenced: Option<String>,
    pub(super) vector: Option<std::ops::Range<u64>>,
}

/// The manifests of a list.
pub(super) fn manifest_list(content: Bytes, path: &str) -> Result<Vec<Manifest>> {
    let records = Records::try_new(content, path)?;
    records
        .iter()
        .map(|record| {
            Ok(Manifest {
                path: record.text("manifest_path").ok_or_else(|| lacks(path, "manifest_path"))?.to_owned(),
                spec: record.number("partition_spec_id").and_then(|spec| i32::try_from(spec).ok()),
                sequence: record.number("sequence_number").unwrap_or(0),
                snapshot: record.number("added_snapshot_id"),
            })
        })
        .collect()
}

impl Manifest {
    /// A manifest that version 1's metadata name themselves.
    pub(super) fn named(path: &str) -> Self {
        Manifest { path: path.to_owned(), spec: None, sequence: 0, snapshot: None }
    }

    /// The files that it says the table has.
    pub(super) fn entries(&self, content: Bytes) -> Result<Vec<FileEntry>> {
        let path = &self.path;
        let records = Records::try_new(content, path)?;
        let spec = match self.spec {
            Some(spec) => spec,
            None => records.head("partition-spec-id").and_then(|spec| spec.parse().ok()).unwrap_or(0),
        };
        let mut entries = Vec::new();
        for record in records.iter() {
            let status = record.number("status").ok_or_else(|| lacks(path, "status"))?;
            const ADDED: i64 = 1;
            const DELETED: i64 = 2;
            if status == DELETED {
                continue;
            }
            // What was added takes its number from the manifest: it was not known when the file was written.
            let sequence = match record.number("sequence_number") {
                Some(sequence) => sequence,
                None if status == ADDED || self.sequence == 0 => self.sequence,
                None => return Err(lacks(path, "sequence_number")),
            };
            let snapshot = record.number("snapshot_id").or(self.snapshot).unwrap_or_default();
            let file = record.record("data_file").ok_or_else(|| lacks(path, "data_file"))?;
            entries.push(entry(file, path, spec, sequence, snapshot)?);
        }
        Ok(entries)
    }
}

fn entry(file: Record<'_>, path: &str, spec: i32, sequence: i64, snapshot: i64) -> Result<FileEntry> {
    let amount = |name: &str| {
        file.number(name).and_then(|value| u64::try_from(value).ok()).ok_or_else(|| lacks(path, name))
    };
    let counts = |name: &str| file.map(name, |column, row| u64::try_from(number(column, row)?).ok());
    let partition = match file.record("partition") {
        Some(partition) => partition
            .fields()
            .map(|(_, column)| {
                ScalarValue::try_from_array(column, partition.row()).map_err(crate::error::from_datafusion)
            })
            .collect::<Result<_>>()?,
        None => Vec::new(),
    };
    let content = match file.number("content").unwrap_or(0) {
        0 => Content::Rows,
        1 => Content::Positions,
        2 => Content::Values,
        other => {
            return Err(Diagnostic::error(
                Code::Unsupported,
                format!("the Iceberg table has files of content {other}, which is not in this version"),
            ));
        }
    };
    if file.number("key_metadata").is_some() {
        return Err(Diagnostic::error(
            Code::Unsupported,
            "the table is encrypted, which is not in this version",
        ));
    }
    let vector = match (file.number("content_offset"), file.number("content_size_in_bytes")) {
        (Some(start), Some(size)) => {
            let start = u64::try_from(start).map_err(|_| lacks(path, "content_offset"))?;
            let size = u64::try_from(size).map_err(|_| lacks(path, "content_size_in_bytes"))?;
            Some(start..start.saturating_add(size))
        }
        _ => None,
    };
    Ok(FileEntry {
        content,
        path: file.text("file_path").ok_or_else(|| lacks(path, "file_path"))?.to_owned(),
        format: file.text("file_format").unwrap_or_default().to_uppercase(),
        spec,
        partition,
        rows: amount("record_count")?,
        size: amount("file_size_in_bytes")?,
        sequence,
        snapshot,
        nulls: counts("null_value_counts"),
        values: counts("value_counts"),
        nans: counts("nan_value_counts"),
        least: file.map("lower_bounds", bytes),
        greatest: file.map("upper_bounds", bytes),
        equality_ids: file
            .numbers("equality_ids")
            .unwrap_or_default()
            .into_iter()
            .filter_map(|id| i32::try_from(id).ok())
            .collect(),
        referenced: file.text("referenced_data_file").map(str::to_owned),
        vector,
    })
}

fn lacks(path: &str, field: &str) -> Diagnostic {
    Diagnostic::error(Code::BadData, format!("{path:?} has an entry without {field}"))
        .hint("It is a manifest of an Iceberg table; the table cannot be read without it.")
}
