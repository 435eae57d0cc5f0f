//! The names under which objects are kept.

use std::{fmt, sync::Arc};

use object_store::path::Path;
use uuid::Uuid;

/// A bucket as one version of a connection sees it. Connections share nothing, and a connection that was
/// altered may lead elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StoreId(Arc<str>);

impl StoreId {
    pub(crate) fn new(connection: Uuid, version: u64, bucket: &str) -> Self {
        StoreId(format!("{}/{version}/{bucket}", connection.simple()).into())
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One state of one object. Another state has another key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ObjectKey(Arc<str>);

impl ObjectKey {
    /// The key of an object; `None` if neither ETag nor version tells its states apart.
    pub(crate) fn try_new(
        store: &StoreId,
        path: &Path,
        e_tag: Option<&str>,
        version: Option<&str>,
        size: u64,
    ) -> Option<Self> {
        // A weak ETag may stay the same when bytes change (RFC 9110, 8.8.1).
        let e_tag = e_tag.filter(|tag| !tag.starts_with("W/")).map(|tag| tag.trim_matches('"'));
        if e_tag.is_none() && version.is_none() {
            return None;
        }
        let (e_tag, version) = (e_tag.unwrap_or_default(), version.unwrap_or_default());
        // A NUL stands in neither an ETag, nor a version, nor a path.
        Some(ObjectKey(format!("{store}\0{path}\0{e_tag}\0{version}\0{size}").into()))
    }

    /// The connection's id.
    pub(super) fn connection(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether this is an object of the connection.
    pub(crate) fn belongs_to(&self, connection: Uuid) -> bool {
        self.0.starts_with(&connection.simple().to_string())
    }
}
