//! The object-store side of a remote.

use std::sync::Arc;

use firth_diagnostic::Result;
use object_store::{ObjectStore, multipart::MultipartStore, path::Path};

/// Where a uri leads: a bucket (or container, or the local root) and a key or pattern in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectLocation {
    /// The bucket, as [`Objects::store`] takes it. Fit to be the host of a url.
    pub bucket: String,
    /// The key, or a pattern with one `*`, decoded and without a leading slash.
    pub key: String,
}

/// Whether a store can put an object only if none is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionalPut {
    /// It can.
    Supported,
    /// It cannot, or nobody checked.
    Unsupported,
}

/// Files of an opened connection.
pub trait Objects: Send + Sync {
    /// Reads a uri. Fails on a scheme that is not this connection's, and on a `*` in the bucket.
    fn locate(&self, uri: &str) -> Result<ObjectLocation>;

    /// The uri of an object, as a user would write it.
    fn uri(&self, bucket: &str, path: &Path) -> String;

    /// The store of a bucket. Made once and kept: it holds the client's pool.
    fn store(&self, bucket: &str) -> Result<Arc<dyn ObjectStore>>;

    /// Multipart uploads whose completion is in the caller's hand, where the store has them.
    fn multipart(&self, bucket: &str) -> Result<Option<Arc<dyn MultipartStore>>>;

    /// Whether a put can be made conditional.
    fn conditional_put(&self) -> ConditionalPut {
        ConditionalPut::Unsupported
    }
}
