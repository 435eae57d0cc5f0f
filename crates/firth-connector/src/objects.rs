//! The object-store side of a remote.

use std::sync::Arc;

use async_trait::async_trait;
use firth_diagnostic::Result;
use futures::future::BoxFuture;
use object_store::{ObjectStore, PutPayload, UpdateVersion, path::Path};

/// Where a uri leads: a bucket (or container, or the local root) and a key or pattern in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectLocation {
    /// The bucket, as [`Objects::store`] takes it. Fit to be the host of a url.
    pub bucket: String,
    /// The key, or a pattern with one `*`, decoded and without a leading slash.
    pub key: String,
}

/// One part of an upload: its number, and where in the file it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartPlace {
    /// The number, from zero.
    pub index: usize,
    /// The bytes of all parts before it.
    pub offset: u64,
}

/// What a commit of many files needs of a store: uploads that are visible only when told to be, which
/// another process can complete too, and a put that is made only if nobody else made one.
///
/// Nothing is visible under an upload's path before [`Staging::complete`]. Upload and part ids are texts
/// that outlive the process.
#[async_trait]
pub trait Staging: Send + Sync {
    /// Begins an upload to `path` and answers its id. Two uploads to one path do not disturb each other.
    async fn begin(&self, path: &Path) -> object_store::Result<String>;

    /// Makes the place for the parts of an upload that was begun: what a store does that lets the writer choose
    /// the id, so that nothing is there before the id is known. Stores that choose it have nothing to do.
    async fn prepare(&self, _path: &Path, _upload: &str) -> object_store::Result<()> {
        Ok(())
    }

    /// Sends a part; the future answers the part's id. Parts are told of in order by calling this, and
    /// may arrive in any. All but the last have the same size, of at least 5 MiB.
    fn put_part(
        &self,
        path: &Path,
        upload: &str,
        place: PartPlace,
        payload: PutPayload,
    ) -> BoxFuture<'static, object_store::Result<String>>;

    /// Waits until every part that has arrived would survive a crash of the store.
    async fn make_durable(&self, path: &Path, upload: &str) -> object_store::Result<()>;

    /// Makes the file visible, in the place of what was there. Fails, or changes nothing, if the upload
    /// was completed before.
    async fn complete(&self, path: &Path, upload: &str, parts: &[String]) -> object_store::Result<()>;

    /// Forgets an upload.
    async fn abort(&self, path: &Path, upload: &str) -> object_store::Result<()>;

    /// Puts an object if what is there now is `expected`: nothing, or this version of it. Fails with
    /// `AlreadyExists` or `Precondition` otherwise.
    async fn put_if(
        &self,
        path: &Path,
        payload: PutPayload,
        expected: Option<&UpdateVersion>,
    ) -> object_store::Result<()>;
}

/// Files of an opened connection.
pub trait Objects: Send + Sync {
    /// Reads a uri. Fails on a scheme that is not this connection's, and on a `*` in the bucket.
    fn locate(&self, uri: &str) -> Result<ObjectLocation>;

    /// The uri of an object, as a user would write it.
    fn uri(&self, bucket: &str, path: &Path) -> String;

    /// The store of a bucket. Made once and kept: it holds the client's pool.
    fn store(&self, bucket: &str) -> Result<Arc<dyn ObjectStore>>;

    /// How files of a bucket are committed together; `None` where the store cannot do that.
    fn staging(&self, bucket: &str) -> Result<Option<Arc<dyn Staging>>>;
}
