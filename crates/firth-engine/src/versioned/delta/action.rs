//! What a line of Delta Lake's log says, as far as a reader must know.

use std::collections::HashMap;

use serde::Deserialize;

/// One line. Others than these say nothing to a reader.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Action {
    pub(super) add: Option<Add>,
    pub(super) remove: Option<Remove>,
    pub(super) meta_data: Option<MetaData>,
    pub(super) protocol: Option<Protocol>,
    pub(super) commit_info: Option<CommitInfo>,
    /// Of a checkpoint: another file with lines of it.
    pub(super) sidecar: Option<Sidecar>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Add {
    pub(super) path: String,
    #[serde(default)]
    pub(super) partition_values: HashMap<String, Option<String>>,
    pub(super) size: u64,
    #[serde(default)]
    pub(super) modification_time: i64,
    /// A text of JSON.
    pub(super) stats: Option<String>,
    pub(super) deletion_vector: Option<DeletionVector>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Remove {
    pub(super) path: String,
    pub(super) deletion_vector: Option<DeletionVector>,
}

/// Which rows of a file are gone, or where that is written.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeletionVector {
    pub(super) storage_type: String,
    pub(super) path_or_inline_dv: String,
    pub(super) offset: Option<u64>,
    pub(super) size_in_bytes: u64,
    pub(super) cardinality: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MetaData {
    pub(super) schema_string: String,
    #[serde(default)]
    pub(super) partition_columns: Vec<String>,
    #[serde(default)]
    pub(super) configuration: HashMap<String, Option<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Protocol {
    pub(super) min_reader_version: i32,
    #[serde(default)]
    pub(super) reader_features: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CommitInfo {
    pub(super) in_commit_timestamp: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Sidecar {
    pub(super) path: String,
}

impl DeletionVector {
    /// What tells it from others: a file is the same only with the same deleted rows.
    pub(super) fn id(&self) -> String {
        format!("{}{}@{}", self.storage_type, self.path_or_inline_dv, self.offset.unwrap_or_default())
    }
}
