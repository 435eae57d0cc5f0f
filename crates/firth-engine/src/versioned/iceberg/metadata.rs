//! A table's metadata: the JSON that names its schemas, its partitionings and its snapshots.

use std::{collections::HashMap, io::Read as _};

use chrono::{DateTime, Utc};
use firth_diagnostic::{Code, Diagnostic, Result};
use serde::Deserialize;

use super::schema::SchemaJson;

/// The versions of the format that are read.
const NEWEST: u32 = 3;
/// What a file that is compressed begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Metadata {
    format_version: u32,
    pub(super) location: String,
    #[serde(default)]
    schemas: Vec<SchemaJson>,
    current_schema_id: Option<i32>,
    /// Version 1 has one.
    schema: Option<SchemaJson>,
    #[serde(default)]
    partition_specs: Vec<PartitionSpec>,
    #[serde(default)]
    default_spec_id: i32,
    partition_spec: Option<Vec<PartitionField>>,
    current_snapshot_id: Option<i64>,
    #[serde(default)]
    snapshots: Vec<Snapshot>,
    #[serde(default)]
    snapshot_log: Vec<LogEntry>,
    #[serde(default)]
    properties: HashMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct PartitionSpec {
    pub(super) spec_id: i32,
    pub(super) fields: Vec<PartitionField>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct PartitionField {
    /// Absent in version 3's transforms of several columns.
    pub(super) source_id: Option<i32>,
    pub(super) transform: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Snapshot {
    pub(super) snapshot_id: i64,
    timestamp_ms: i64,
    pub(super) manifest_list: Option<String>,
    /// Version 1 may list manifests here.
    #[serde(default)]
    pub(super) manifests: Vec<String>,
    schema_id: Option<i32>,
    key_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct LogEntry {
    snapshot_id: i64,
    timestamp_ms: i64,
}

/// Names of columns in files that do not number them, as the property of a table has them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct NameMapping {
    pub(super) field_id: Option<i32>,
    #[serde(default)]
    pub(super) names: Vec<String>,
    #[serde(default)]
    pub(super) fields: Vec<NameMapping>,
}

impl Metadata {
    /// Reads the text of the file `path`.
    pub(super) fn parse(bytes: &[u8], path: &str) -> Result<Self> {
        let damaged = |why: String| {
            Diagnostic::error(Code::BadData, format!("{path:?} is not the metadata of an Iceberg table"))
                .detail(why)
                .hint("Option uris names the table's newest file metadata/….metadata.json, or the table's folder.")
        };
        let mut text = Vec::new();
        let mut bytes = bytes;
        if bytes.starts_with(&GZIP) {
            let mut decoder = flate2::read::MultiGzDecoder::new(bytes);
            decoder.read_to_end(&mut text).map_err(|error| damaged(error.to_string()))?;
            bytes = &text;
        }
        let metadata: Metadata = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        if metadata.format_version > NEWEST {
            return Err(Diagnostic::error(
                Code::Unsupported,
                format!("{path:?} is of version {} of Iceberg's format", metadata.format_version),
            )
            .hint(format!("Versions 1 to {NEWEST} are read.")));
        }
        Ok(metadata)
    }

    /// The snapshot that queries read and the schema they see: the newest, or that of a time.
    pub(super) fn at(&self, time: Option<DateTime<Utc>>) -> Result<(Option<&Snapshot>, &SchemaJson)> {
        let Some(time) = time else {
            // Tables that never had a row have none, which version 1 writes as -1.
            let current = self.current_snapshot_id.filter(|id| *id >= 0);
            let snapshot = current.map(|id| self.snapshot(id)).transpose()?;
            return Ok((snapshot, self.schema(self.current_schema_id)?));
        };
        let millis = time.timestamp_millis();
        // The log tells what was current; a snapshot of another branch is not in it.
        let entry = self.snapshot_log.iter().rfind(|entry| entry.timestamp_ms <= millis);
        let snapshot = match entry {
            Some(entry) => Some(self.snapshot(entry.snapshot_id)?),
            None if self.snapshot_log.is_empty() => {
                let earlier = self.snapshots.iter().filter(|snapshot| snapshot.timestamp_ms <= millis);
                earlier.max_by_key(|snapshot| snapshot.timestamp_ms)
            }
            None => None,
        };
        let Some(snapshot) = snapshot else {
            return Err(Diagnostic::error(Code::NotFound, format!("the table has no snapshot of {time}"))
                .hint("Its first may be younger, or older ones were expired."));
        };
        Ok((Some(snapshot), self.schema(snapshot.schema_id.or(self.current_schema_id))?))
    }

    fn snapshot(&self, id: i64) -> Result<&Snapshot> {
        let found = self.snapshots.iter().find(|snapshot| snapshot.snapshot_id == id);
        let snapshot = found.ok_or_else(|| {
            Diagnostic::error(Code::NotFound, format!("snapshot {id} of the table was expired"))
        })?;
        if snapshot.key_id.is_some() {
            return Err(Diagnostic::error(
                Code::Unsupported,
                "the table is encrypted, which is not in this version",
            ));
        }
        Ok(snapshot)
    }

    fn schema(&self, id: Option<i32>) -> Result<&SchemaJson> {
        let listed = match id {
            Some(id) => self.schemas.iter().find(|schema| schema.schema_id == id),
            None => None,
        };
        listed.or(self.schema.as_ref()).ok_or_else(|| {
            Diagnostic::error(Code::BadData, "the metadata of the table name a schema that they do not have")
        })
    }

    /// All schemas, for columns that the table no longer has.
    pub(super) fn schemas(&self) -> impl Iterator<Item = &SchemaJson> {
        self.schemas.iter().chain(&self.schema)
    }

    /// How files of this number are partitioned.
    pub(super) fn partition_fields(&self, spec: i32) -> Result<&[PartitionField]> {
        if let Some(spec) = self.partition_specs.iter().find(|known| known.spec_id == spec) {
            return Ok(&spec.fields);
        }
        match &self.partition_spec {
            Some(fields) if self.partition_specs.is_empty() => Ok(fields),
            _ => Err(Diagnostic::error(
                Code::BadData,
                format!("the metadata of the table lack partition spec {spec}"),
            )),
        }
    }

    /// How new files are partitioned.
    pub(super) fn current_partition_fields(&self) -> Result<&[PartitionField]> {
        self.partition_fields(self.default_spec_id)
    }

    /// How columns are called in files that do not number them.
    pub(super) fn name_mapping(&self) -> Result<Vec<NameMapping>> {
        let Some(text) = self.properties.get("schema.name-mapping.default") else { return Ok(Vec::new()) };
        serde_json::from_str(text).map_err(|error| {
            Diagnostic::error(Code::BadData, "the name mapping of the table cannot be read")
                .detail(error.to_string())
        })
    }
}
