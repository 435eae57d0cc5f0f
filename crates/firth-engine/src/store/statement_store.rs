//! A store as one statement reads it: every object stays the one that was listed, every byte is counted.

use std::{
    collections::HashMap,
    fmt,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use firth_connector::SourceMetrics;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, path::Path,
};

/// How an object is called to a user.
type Namer = Box<dyn Fn(&Path) -> String + Send + Sync>;

/// Wraps one bucket for one statement.
///
/// - Reads send `If-Match` with the ETag that the listing or the first read saw, so that an object
///   overwritten in mid-query fails the query loudly. DataFusion's readers never send it. A store
///   without ETags is compared by size and time of change.
/// - Requests and bytes are counted for `--stats`.
/// - Paths begin with the connection's identity; see the module.
pub(crate) struct StatementStore {
    inner: Arc<dyn ObjectStore>,
    prefix: Path,
    metrics: Arc<SourceMetrics>,
    namer: Namer,
    seen: Mutex<HashMap<Path, Seen>>,
}

#[derive(Clone)]
struct Seen {
    e_tag: Option<String>,
    version: Option<String>,
    size: u64,
    modified: chrono::DateTime<chrono::Utc>,
}

impl From<&ObjectMeta> for Seen {
    fn from(meta: &ObjectMeta) -> Self {
        // A weak ETag never matches in If-Match (RFC 9110, 13.1.1).
        let e_tag = meta.e_tag.as_deref().filter(|tag| !tag.starts_with("W/")).map(str::to_owned);
        Seen { e_tag, version: meta.version.clone(), size: meta.size, modified: meta.last_modified }
    }
}

/// An ETag without its quotes: Cloud Storage leaves them out of listings.
fn unquoted(tag: &str) -> &str {
    tag.trim_matches('"')
}

impl StatementStore {
    pub(crate) fn new(
        inner: Arc<dyn ObjectStore>,
        prefix: Path,
        metrics: Arc<SourceMetrics>,
        namer: Namer,
    ) -> Self {
        StatementStore { inner, prefix, metrics, namer, seen: Mutex::default() }
    }

    /// The path in plans of a key in the bucket.
    pub(crate) fn outer(&self, key: &Path) -> Path {
        self.prefix.parts().chain(key.parts()).collect()
    }

    /// The key in the bucket of a path in plans.
    pub(crate) fn inner_path(&self, location: &Path) -> Path {
        match location.prefix_match(&self.prefix) {
            Some(parts) => parts.collect(),
            None => location.clone(),
        }
    }

    /// The uri that a user would write for a path in plans.
    pub(crate) fn uri(&self, location: &Path) -> String {
        (self.namer)(&self.inner_path(location))
    }

    /// Remembers a listed object: from now on it is this one, or an error.
    pub(crate) fn remember(&self, meta: &ObjectMeta) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(meta.location.clone(), Seen::from(meta));
    }

    /// The bucket's own store, for writing; nothing is counted.
    pub(crate) fn bucket(&self) -> &Arc<dyn ObjectStore> {
        &self.inner
    }

    fn seen(&self, key: &Path) -> Option<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn pinned(&self, key: &Path, mut options: GetOptions) -> (GetOptions, Option<Seen>) {
        let seen = self.seen(key);
        if let Some(seen) = &seen {
            if options.if_match.is_none() {
                options.if_match = seen.e_tag.clone();
            }
            if options.version.is_none() {
                options.version = seen.version.clone();
            }
        }
        (options, seen)
    }

    fn check(&self, key: &Path, seen: Option<&Seen>, meta: &ObjectMeta) -> Result<()> {
        let Some(seen) = seen else {
            self.remember(meta);
            return Ok(());
        };
        let same = match (&seen.e_tag, &meta.e_tag) {
            (Some(a), Some(b)) => unquoted(a) == unquoted(b),
            // A listing may tell milliseconds where `Last-Modified` has seconds only.
            _ => seen.size == meta.size && seen.modified.timestamp() == meta.last_modified.timestamp(),
        };
        if same { Ok(()) } else { Err(changed((self.namer)(key))) }
    }

    async fn pinned_get(&self, key: &Path, options: GetOptions) -> Result<GetResult> {
        let (options, seen) = self.pinned(key, options);
        self.metrics.add_request();
        let result = self.inner.get_opts(key, options).await.map_err(|error| match error {
            object_store::Error::Precondition { .. } => changed((self.namer)(key)),
            other => other,
        })?;
        self.check(key, seen.as_ref(), &result.meta)?;
        Ok(result)
    }
}

/// The error for an object that is not the one listed. `firth_engine::error` knows it by its source.
fn changed(uri: String) -> object_store::Error {
    object_store::Error::Precondition { path: uri, source: Box::new(ChangedWhileReading) }
}

/// Marks the error of an object that was replaced while a query read it.
#[derive(Debug)]
pub(crate) struct ChangedWhileReading;

impl fmt::Display for ChangedWhileReading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the object was replaced while the query read it")
    }
}

impl std::error::Error for ChangedWhileReading {}

#[async_trait]
impl ObjectStore for StatementStore {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let key = self.inner_path(location);
        let mut result = self.pinned_get(&key, options).await?;
        result.meta.location = location.clone();
        let metrics = Arc::clone(&self.metrics);
        result.payload = match result.payload {
            GetResultPayload::Stream(stream) => GetResultPayload::Stream(
                stream.inspect_ok(move |bytes| metrics.add_bytes(bytes.len())).boxed(),
            ),
            file @ GetResultPayload::File(..) => {
                metrics
                    .add_bytes(usize::try_from(result.range.end - result.range.start).unwrap_or(usize::MAX));
                file
            }
        };
        Ok(result)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        // The store's own get_ranges coalesces, but sends no If-Match; so coalesce here and get each.
        object_store::coalesce_ranges(
            ranges,
            |range| async move {
                let options = GetOptions { range: Some(range.into()), ..GetOptions::default() };
                self.get_opts(location, options).await?.bytes().await
            },
            object_store::OBJECT_STORE_COALESCE_DEFAULT,
        )
        .await
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.metrics.add_request();
        let key = prefix.map(|prefix| self.inner_path(prefix));
        let outer = self.prefix.clone();
        self.inner
            .list(key.as_ref())
            .map_ok(move |meta| ObjectMeta {
                location: outer.parts().chain(meta.location.parts()).collect(),
                ..meta
            })
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.metrics.add_request();
        let key = prefix.map(|prefix| self.inner_path(prefix));
        let mut result = self.inner.list_with_delimiter(key.as_ref()).await?;
        for meta in &mut result.objects {
            meta.location = self.outer(&meta.location);
        }
        for prefix in &mut result.common_prefixes {
            *prefix = self.outer(prefix);
        }
        Ok(result)
    }

    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.metrics.add_request();
        self.inner.put_opts(&self.inner_path(location), payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.metrics.add_request();
        self.inner.put_multipart_opts(&self.inner_path(location), options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let prefix = self.prefix.clone();
        let keys = locations.map_ok(move |location| match location.prefix_match(&prefix) {
            Some(parts) => parts.collect(),
            None => location.clone(),
        });
        self.inner.delete_stream(keys.boxed())
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(&self.inner_path(from), &self.inner_path(to), options).await
    }
}

impl fmt::Debug for StatementStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatementStore").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl fmt::Display for StatementStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.prefix)
    }
}
