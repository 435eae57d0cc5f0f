//! The manifest: what exports to a folder have committed, and the log to redo a commit from.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use firth_connector::object_error;
use firth_diagnostic::{Code, Diagnostic, Result};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _, UpdateVersion, path::Path};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ColumnBounds;

/// The layout of manifests that this version writes and reads.
const LAYOUT: u32 = 1;

/// Every export that was committed to a folder, by pattern.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The layout's number.
    firth_manifest: u32,
    /// By the pattern of the files' names, such as `x-*.csv`.
    pub(crate) exports: BTreeMap<String, Export>,
}

/// One committed export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Export {
    pub(crate) state: State,
    /// The run that wrote it.
    pub(crate) run: Uuid,
    pub(crate) committed_at: DateTime<Utc>,
    /// New with each put of the entry: whose put it is.
    pub(crate) token: Uuid,
    pub(crate) format: String,
    pub(crate) columns: Vec<Column>,
    /// SHA-256 of the query's text.
    pub(crate) query_hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) idempotency_key: Option<String>,
    /// What was read, and at which state: see `sources`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) sources: Vec<serde_json::Value>,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) files: Vec<ManifestFile>,
    /// Whether `_SUCCESS` stands beside them.
    #[serde(default)]
    pub(crate) success_marker: bool,
    /// Names of an earlier export that the commit deletes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) delete: Vec<String>,
}

/// Whether everything the manifest says has been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// The export will be there: whoever comes next finishes it.
    Committing,
    /// It is there.
    Complete,
}

/// A column of the files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Column {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) sql_type: String,
}

/// A file of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ManifestFile {
    /// Below the manifest's folder.
    pub(crate) name: String,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// Of its bytes, in hexadecimal.
    pub(crate) crc32: String,
    /// What lies around the values of its columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) columns: Vec<ColumnBounds>,
    /// As listings have it. Known when the export is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) e_tag: Option<String>,
    /// What completes it. Gone when the export is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) upload: Option<StagedUpload>,
}

/// An upload of which every part has arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StagedUpload {
    pub(crate) id: String,
    pub(crate) parts: Vec<String>,
    /// The ETag of the object that it replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replaces: Option<String>,
}

/// A manifest as it was read: what it says, and which version of it that is.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) manifest: Manifest,
    /// `None`: there was none.
    pub(crate) version: Option<UpdateVersion>,
}

impl Snapshot {
    /// Reads the manifest at `path`, which is empty if there is none.
    pub(crate) async fn read(store: &dyn ObjectStore, path: &Path, uri: &str) -> Result<Self> {
        let read = match store.get(path).await {
            Ok(read) => read,
            Err(object_store::Error::NotFound { .. }) => {
                let manifest = Manifest { firth_manifest: LAYOUT, exports: BTreeMap::new() };
                return Ok(Snapshot { manifest, version: None });
            }
            Err(error) => return Err(object_error(error, uri)),
        };
        let ObjectMeta { e_tag, version, .. } = read.meta.clone();
        let bytes = read.bytes().await.map_err(|error| object_error(error, uri))?;
        let unreadable = |detail: String| {
            Diagnostic::error(Code::BadData, format!("the manifest {uri:?} cannot be read")).detail(detail).hint(
                "It says which files belong to an export. A newer Firth, or another program, wrote it: use that, or \
                 delete the manifest to take the files as they are.",
            )
        };
        let manifest: Manifest =
            serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        if manifest.firth_manifest != LAYOUT {
            return Err(unreadable(format!("it has layout {}", manifest.firth_manifest)));
        }
        Ok(Snapshot { manifest, version: Some(UpdateVersion { e_tag, version }) })
    }

    /// The entry of a pattern.
    pub(crate) fn export(&self, pattern: &str) -> Option<&Export> {
        self.manifest.exports.get(pattern)
    }
}

impl Manifest {
    /// The manifest as an object.
    pub(crate) fn to_bytes(&self) -> Result<Bytes> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| Diagnostic::internal(format!("a manifest could not be written: {error}")))?;
        Ok(Bytes::from(text))
    }
}

/// Whether nothing says that two sightings are of different objects. Some S3 servers list without ETags;
/// there the size has to do, and a read that begins is held to its object by its own ETag.
pub(crate) fn may_be_same(one: Option<&str>, other: Option<&str>) -> bool {
    one.is_none() || other.is_none() || same_tag(one, other)
}

/// An ETag without its quotes: Cloud Storage leaves them out of listings.
pub(crate) fn same_tag(one: Option<&str>, other: Option<&str>) -> bool {
    one.map(|tag| tag.trim_matches('"')) == other.map(|tag| tag.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_differ_only_if_both_are_known() {
        assert!(may_be_same(Some("\"a\""), Some("a")));
        assert!(!may_be_same(Some("\"a\""), Some("\"b\"")));
        assert!(may_be_same(None, Some("\"b\"")), "a server that lists without ETags");
        assert!(!same_tag(None, Some("\"b\"")));
    }
}
