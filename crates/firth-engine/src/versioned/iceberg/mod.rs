//! Iceberg tables: metadata JSON, manifest list, manifests. docs/adr/0036.
//!
//! ```text
//! metadata.json ── snapshot ── manifest list ──┬── manifest ── data files, with bounds of their columns
//!   schemas, partition specs                   └── manifest ── lists of deleted rows
//! ```

mod avro_record;
mod manifest;
mod metadata;
mod positions;
mod schema;
mod transform;
mod value;

use std::collections::HashMap;

use arrow::datatypes::DataType;
use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use firth_diagnostic::{Code, Diagnostic, Result};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::ObjectMeta;

use self::{
    manifest::{Content, FileEntry, Manifest, manifest_list},
    metadata::{Metadata, NameMapping, PartitionField},
    schema::in_column,
    transform::Transform,
    value::from_bytes,
};
use super::{
    place::TablePlace,
    table::{ColumnBounds, DataFile, DeletedValues, TableColumn, TableVersion},
};
use crate::native::Deletions;

/// Manifests that are read at once.
const AT_ONCE: usize = 8;

/// What a query is told of an Iceberg table.
pub(super) struct IcebergTable {
    pub(super) version: TableVersion,
    /// The names of the columns by which new files are partitioned.
    pub(super) partitioned_by: Vec<String>,
}

/// The table whose metadata `uri` names, or whose folder; now or as it was at a time.
pub(super) async fn read(
    place: TablePlace<'_>,
    uri: &str,
    allow_moved_paths: bool,
    time: Option<DateTime<Utc>>,
) -> Result<IcebergTable> {
    let path = if uri.ends_with(".json") { uri.to_owned() } else { newest(&place, uri).await? };
    let metadata = Metadata::parse(&place.read(&path).await?, &path)?;
    let place = match path.rsplit_once("/metadata/") {
        Some((folder, _)) if allow_moved_paths => place.moved(&metadata.location, folder),
        _ => place,
    };
    let (snapshot, schema) = metadata.at(time)?;
    let names = metadata.name_mapping()?;
    let columns = schema.columns(&names)?;
    let partitioned_by = metadata
        .current_partition_fields()?
        .iter()
        .filter_map(|field| Some(schema.column(field.source_id?, &names)?.ok()?.field.name().clone()))
        .collect();
    let manifests = match snapshot {
        None => Vec::new(),
        Some(snapshot) => match &snapshot.manifest_list {
            Some(list) => manifest_list(place.read(list).await?, list)?,
            None => snapshot.manifests.iter().map(|path| Manifest::named(path)).collect(),
        },
    };
    let mut reads = Vec::new();
    for manifest in &manifests {
        let place = &place;
        reads.push(async move { manifest.entries(place.read(&manifest.path).await?) });
    }
    let entries: Vec<Vec<FileEntry>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
    let version = Builder {
        place: &place,
        metadata: &metadata,
        names,
        columns,
        hidden: Vec::new(),
        partitions: HashMap::new(),
    }
    .build(entries.into_iter().flatten().collect())
    .await?;
    Ok(IcebergTable { version, partitioned_by })
}

/// The newest metadata of the table in a folder.
async fn newest(place: &TablePlace<'_>, folder: &str) -> Result<String> {
    let folder = format!("{}/metadata", folder.trim_end_matches('/'));
    let files = place.list(&folder).await?;
    let named = |name: &str| format!("{folder}/{name}");
    // "v3.metadata.json" or "00003-….metadata.json"; compressed ones have ".gz" before the ending.
    let version = |name: &str| -> Option<u64> {
        let rest = name.strip_suffix(".metadata.json")?.trim_end_matches(".gz");
        let rest = rest.strip_prefix('v').unwrap_or(rest);
        rest.split('-').next()?.parse().ok()
    };
    let mut found: Vec<(u64, String)> = files
        .iter()
        .filter_map(|file| file.location.filename())
        .filter_map(|name| Some((version(name)?, name.to_owned())))
        .collect();
    found.sort();
    match found.as_slice() {
        [] => Err(Diagnostic::error(Code::NotFound, format!("{folder:?} has no file ….metadata.json"))
            .hint("Option uris names the table's newest file metadata/….metadata.json, or the table's folder.")),
        [.., (one, _), (two, _)] if one == two => Err(Diagnostic::error(
            Code::Invalid,
            format!("{folder:?} has two files of metadata with number {one}: only the table's catalog knows which holds"),
        )
        .hint("Name the file in option uris.")),
        [.., (_, name)] => Ok(named(name)),
    }
}

struct Builder<'a> {
    place: &'a TablePlace<'a>,
    metadata: &'a Metadata,
    names: Vec<NameMapping>,
    columns: Vec<TableColumn>,
    hidden: Vec<TableColumn>,
    /// The numbers of partitions, by spec and values.
    partitions: HashMap<(i32, Vec<ScalarValue>), i64>,
}

impl Builder<'_> {
    async fn build(mut self, entries: Vec<FileEntry>) -> Result<TableVersion> {
        let (mut rows, mut positions, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for entry in entries {
            match entry.content {
                Content::Rows => rows.push(entry),
                Content::Positions => positions.push(entry),
                Content::Values => values.push(entry),
            }
        }
        let mut gone = positions::deletions(self.place, &rows, &positions).await?;
        let mut deleted_values: Vec<DeletedValues> = Vec::new();
        for entry in values {
            let columns = entry.equality_ids.iter().map(|id| self.column(*id)).collect::<Result<Vec<_>>>()?;
            if columns.is_empty() {
                return Err(Diagnostic::error(
                    Code::BadData,
                    format!("{:?} lists deleted values of no column", entry.path),
                ));
            }
            let everywhere =
                self.metadata.partition_fields(entry.spec)?.iter().all(|field| field.transform == "void");
            // Its columns are its own: bounds and constants would be of the table's.
            let file = self.file(&entry, &[], None)?;
            let like = |list: &&mut DeletedValues| list.columns == columns && list.everywhere == everywhere;
            match deleted_values.iter_mut().find(like) {
                Some(list) => list.files.push(file),
                None => deleted_values.push(DeletedValues { columns, everywhere, files: vec![file] }),
            }
        }
        let columns: Vec<TableColumn> = self.columns.iter().chain(&self.hidden).cloned().collect();
        let mut files = Vec::with_capacity(rows.len());
        for (at, entry) in rows.iter().enumerate() {
            files.push(self.file(entry, &columns, gone.remove(&at))?);
        }
        Ok(TableVersion { columns: self.columns, hidden: self.hidden, files, deleted_values })
    }

    /// Where the column of this number is, among the table's and the hidden ones.
    fn column(&mut self, id: i32) -> Result<usize> {
        let known = |column: &TableColumn| column.source.id == Some(id);
        if let Some(at) = self.columns.iter().chain(&self.hidden).position(known) {
            return Ok(at);
        }
        let dropped = self.metadata.schemas().find_map(|schema| schema.column(id, &self.names));
        let Some(dropped) = dropped else {
            return Err(Diagnostic::error(
                Code::Unsupported,
                "the Iceberg table lists deleted values of a field within a column, which is not in this version",
            ));
        };
        let mut dropped = dropped?;
        let name = format!("_firth_dropped_{id}");
        dropped.field = std::sync::Arc::new(dropped.field.as_ref().clone().with_name(name));
        self.hidden.push(dropped);
        Ok(self.columns.len() + self.hidden.len() - 1)
    }

    fn file(
        &mut self,
        entry: &FileEntry,
        columns: &[TableColumn],
        deletions: Option<Deletions>,
    ) -> Result<DataFile> {
        if entry.format != "PARQUET" {
            return Err(Diagnostic::error(
                Code::Unsupported,
                format!("the Iceberg table has files of format {}: {:?}", entry.format, entry.path),
            )
            .hint("Data files are read as Parquet only, as in BigQuery."));
        }
        let located = self.place.locate(&entry.path)?;
        let meta = located.handle.planned(ObjectMeta {
            location: located.key,
            last_modified: DateTime::UNIX_EPOCH,
            size: entry.size,
            // Files never change under their names; the snapshot tells a table from another in its place.
            e_tag: Some(format!("iceberg-{}", entry.snapshot)),
            version: None,
        });
        let fields = self.metadata.partition_fields(entry.spec)?;
        let mut bounds: Vec<ColumnBounds> = columns.iter().map(|column| entry.bounds(column)).collect();
        let mut constants = Vec::new();
        if fields.len() != entry.partition.len() {
            return Err(Diagnostic::error(
                Code::BadData,
                format!(
                    "{:?} has {} partition values in place of {}",
                    entry.path,
                    entry.partition.len(),
                    fields.len()
                ),
            ));
        }
        for (field, value) in fields.iter().zip(&entry.partition) {
            let Some(at) = source_of(field, columns) else { continue };
            let transform = Transform::named(&field.transform);
            if transform == Transform::Identity
                && !constants.iter().any(|(known, _)| *known == at)
                && let Some(value) = in_column(value, &columns[at])
            {
                constants.push((at, value));
            }
            bounds[at].narrow(transform.bounds(value, &columns[at], entry.rows));
        }
        constants.sort_by_key(|(at, _)| *at);
        let next = i64::try_from(self.partitions.len()).unwrap_or(i64::MAX);
        let partition = *self.partitions.entry((entry.spec, entry.partition.clone())).or_insert(next);
        Ok(DataFile {
            handle: located.handle,
            meta,
            rows: Some(entry.rows),
            constants,
            bounds,
            deletions,
            sequence: entry.sequence,
            partition,
        })
    }
}

fn source_of(field: &PartitionField, columns: &[TableColumn]) -> Option<usize> {
    let id = field.source_id?;
    columns.iter().position(|column| column.source.id == Some(id))
}

impl FileEntry {
    /// What the manifest knows of a column.
    fn bounds(&self, column: &TableColumn) -> ColumnBounds {
        let Some(id) = column.source.id else { return ColumnBounds::default() };
        let nulls = self.nulls.get(&id).copied();
        // Of a column that the file lacks nothing is known, whatever its rows have.
        if column.field.data_type().is_nested()
            || self.values.get(&id).is_some_and(|count| *count != self.rows)
        {
            return ColumnBounds::default();
        }
        // NaN is within no bounds, and greater than all else.
        let has_bounds = match column.field.data_type() {
            DataType::Float64 => self.nans.get(&id) == Some(&0),
            _ => true,
        };
        let bound = |of: &HashMap<i32, std::sync::Arc<[u8]>>| {
            of.get(&id).filter(|_| has_bounds).and_then(|bytes| from_bytes(bytes, column))
        };
        ColumnBounds { least: bound(&self.least), greatest: bound(&self.greatest), nulls, bucket: None }
    }
}

impl ColumnBounds {
    /// Takes what the partition tells too.
    fn narrow(&mut self, other: ColumnBounds) {
        let tighter =
            |own: &Option<ScalarValue>, other: &Option<ScalarValue>, wanted: std::cmp::Ordering| match (
                own, other,
            ) {
                (Some(own), Some(other)) => other.partial_cmp(own) == Some(wanted),
                (None, Some(_)) => true,
                _ => false,
            };
        if tighter(&self.least, &other.least, std::cmp::Ordering::Greater) {
            self.least = other.least;
        }
        if tighter(&self.greatest, &other.greatest, std::cmp::Ordering::Less) {
            self.greatest = other.greatest;
        }
        self.nulls = self.nulls.or(other.nulls);
        self.bucket = self.bucket.or(other.bucket);
    }
}
