//! A store as one statement reads it: every object stays the one that was listed, every byte is counted.

use std::{
    collections::HashMap,
    fmt,
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::common::runtime::SpawnedTask;
use firth_connector::{SourceMetrics, object_error};
use firth_diagnostic::{Code, Diagnostic};
use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, path::Path,
};

use super::cache::{Caches, FileColumns, ObjectKey, StoreId};
use crate::files::Footer;

/// Ranges that lie this near to each other are fetched in one request: bytes between them cost less than
/// another round trip.
const GAP: u64 = 1024 * 1024;
/// The same for local files, of which a read costs little.
const LOCAL_GAP: u64 = 64 * 1024;
/// Ranges are not joined to requests of more than this: several at once are faster than a large one.
const REQUEST_AT_MOST: u64 = 8 * 1024 * 1024;
/// How many objects a store tells of in one answer to a listing.
pub(crate) const LIST_PAGE: usize = 1000;
/// Requests of one read at once.
const AT_ONCE: usize = 10;

/// How an object is called to a user.
type Namer = Box<dyn Fn(&Path) -> String + Send + Sync>;

/// Wraps one bucket for one statement.
///
/// - Reads send `If-Match` with the ETag that the listing or the first read saw, so that an object
///   overwritten in mid-query fails the query loudly. DataFusion's readers never send it. A store
///   without ETags is compared by size and time of change.
/// - What was read of an object is kept by the session's caches and found there again, as long as the object
///   has the ETag it had. Local files are left to the operating system.
/// - Requests and bytes are counted for `--stats`.
/// - Paths begin with the connection's identity; see the module.
pub(crate) struct StatementStore {
    inner: Arc<dyn ObjectStore>,
    prefix: Path,
    metrics: Arc<SourceMetrics>,
    namer: Namer,
    seen: Mutex<HashMap<Path, Seen>>,
    id: StoreId,
    caches: Arc<Caches>,
    /// Whether reads have answered with local files.
    local: AtomicBool,
}

#[derive(Clone)]
struct Seen {
    e_tag: Option<String>,
    version: Option<String>,
    size: u64,
    modified: chrono::DateTime<chrono::Utc>,
}

/// An object as the statement saw it first.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct SeenObject {
    pub(crate) uri: String,
    pub(crate) bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) e_tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// As RFC 3339 has it.
    pub(crate) modified: String,
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
        id: StoreId,
        caches: Arc<Caches>,
    ) -> Self {
        let (seen, local) = (Mutex::default(), AtomicBool::new(false));
        StatementStore { inner, prefix, metrics, namer, seen, id, caches, local }
    }

    /// Whether the bucket is a folder of this machine, as far as reads have shown.
    pub(crate) fn is_local(&self) -> bool {
        self.local.load(Ordering::Relaxed)
    }

    /// The bucket's identity in caches.
    pub(crate) fn id(&self) -> &StoreId {
        &self.id
    }

    /// The footer of a listed Parquet file, if the caches have it.
    pub(crate) fn footer(&self, file: &ObjectMeta) -> Option<Arc<Footer>> {
        self.caches.footer(&self.object_key(file)?)
    }

    /// Lets the caches keep the footer of a listed Parquet file.
    pub(crate) fn keep_footer(&self, file: &ObjectMeta, footer: &Arc<Footer>) {
        if let Some(object) = self.object_key(file) {
            self.caches.keep_footer(&object, Arc::clone(footer));
        }
    }

    /// What the caches have of the decoded columns of a listed Parquet file. `None` if nothing tells its states apart.
    pub(crate) fn columns(&self, file: &ObjectMeta) -> Option<FileColumns> {
        Some(FileColumns::new(Arc::clone(&self.caches), self.object_key(file)?))
    }

    /// What caches call an object of which the listing told.
    fn object_key(&self, file: &ObjectMeta) -> Option<ObjectKey> {
        let key = self.inner_path(&file.location);
        ObjectKey::try_new(&self.id, &key, file.e_tag.as_deref(), file.version.as_deref(), file.size)
    }

    /// What caches call an object that this statement has seen.
    fn seen_key(&self, key: &Path) -> Option<ObjectKey> {
        let seen = self.seen(key)?;
        ObjectKey::try_new(&self.id, key, seen.e_tag.as_deref(), seen.version.as_deref(), seen.size)
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

    /// Every object that the statement has found or read.
    pub(crate) fn all_seen(&self) -> Vec<SeenObject> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let object = |(path, seen): (&Path, &Seen)| SeenObject {
            uri: (self.namer)(path),
            bytes: seen.size,
            e_tag: seen.e_tag.clone(),
            version: seen.version.clone(),
            modified: seen.modified.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        };
        seen.iter().map(object).collect()
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
        if !same {
            return Err(changed((self.namer)(key)));
        }
        // One object has one size: an answer of another one was cut on its way, and would be fewer rows.
        if seen.size != meta.size {
            let (listed, answered) = (seen.size, meta.size);
            let diagnostic = Diagnostic::error(
                Code::Remote,
                format!("the store answers {answered} bytes of {:?}, which has {listed}", (self.namer)(key)),
            )
            .hint(
                "Run the statement again; if this stays, something between here and the store cuts answers.",
            );
            return Err(object_store::Error::Generic { store: "store", source: Box::new(diagnostic) });
        }
        Ok(())
    }

    async fn pinned_get(&self, key: &Path, options: GetOptions) -> Result<GetResult> {
        let (options, seen) = self.pinned(key, options);
        self.metrics.add_request();
        let result = self.inner.get_opts(key, options).await.map_err(|error| match error {
            object_store::Error::Precondition { .. } => changed((self.namer)(key)),
            other => named(other, &(self.namer)(key)),
        })?;
        self.check(key, seen.as_ref(), &result.meta)?;
        Ok(result)
    }

    /// Fills in what files keep of the ranges that have not been found.
    async fn read_from_disk(&self, object: &ObjectKey, ranges: &[Range<u64>], found: &mut [Option<Bytes>]) {
        let Some(disk) = self.caches.disk() else { return };
        let wanted: Vec<(usize, Range<u64>)> =
            ranges.iter().cloned().enumerate().filter(|(at, _)| found[*at].is_none()).collect();
        let key = object.clone();
        let read = SpawnedTask::spawn_blocking(move || {
            let read = |(at, range): (usize, Range<u64>)| Some((at, range.start, disk.read(&key, &range)?));
            wanted.into_iter().filter_map(read).collect::<Vec<_>>()
        });
        // A reader that died has found nothing.
        for (at, start, bytes) in read.join().await.unwrap_or_default() {
            self.metrics.add_cache_bytes(bytes.len());
            self.caches.keep_bytes(object, start, bytes.clone());
            found[at] = Some(bytes);
        }
    }

    /// Keeps ranges in files as they were asked for, so that another process that asks alike finds them.
    async fn keep_on_disk(
        &self,
        object: ObjectKey,
        ranges: &[Range<u64>],
        requests: &[Range<u64>],
        fetched: &[Bytes],
    ) {
        let Some(disk) = self.caches.disk() else { return };
        let kept = ranges.iter().filter_map(|range| {
            let at = requests.partition_point(|request| request.start <= range.start).checked_sub(1)?;
            let bytes = part(&fetched[at], requests[at].start, range);
            (bytes.len() as u64 == range.end - range.start).then(|| (range.clone(), bytes))
        });
        let kept: Vec<(Range<u64>, Bytes)> = kept.collect();
        let written = SpawnedTask::spawn_blocking(move || {
            for (range, bytes) in kept {
                disk.write(&object, &range, &bytes);
            }
        });
        // Waited for, so that a process that ends with its query has kept what it read.
        let _ = written.join().await;
    }
}

/// Ranges in order, those that lie no more than `gap` apart joined.
fn joined(mut ranges: Vec<Range<u64>>, gap: u64) -> Vec<Range<u64>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last)
                if range.start <= last.end
                    || (range.start - last.end <= gap && range.end - last.start <= REQUEST_AT_MOST) =>
            {
                last.end = last.end.max(range.end);
            }
            _ => joined.push(range),
        }
    }
    joined
}

/// The part of what was fetched from `start` on that `range` asks for; less where the object has ended.
fn part(fetched: &Bytes, start: u64, range: &Range<u64>) -> Bytes {
    let within = |at: u64| usize::try_from(at - start).unwrap_or(usize::MAX).min(fetched.len());
    fetched.slice(within(range.start)..within(range.end))
}

/// `error` in words for a person, who learns which object it was about. Of what callers decide by, nothing changes.
fn named(error: object_store::Error, uri: &str) -> object_store::Error {
    use object_store::Error;
    let source: Box<dyn std::error::Error + Send + Sync> = Box::new(object_error(&error, uri));
    match error {
        Error::Generic { store, .. } => Error::Generic { store, source },
        Error::PermissionDenied { path, .. } => Error::PermissionDenied { path, source },
        Error::Unauthenticated { path, .. } => Error::Unauthenticated { path, source },
        other => other,
    }
}

/// The error for an object that is not the one listed. `firth_engine::error` knows it by its source.
fn changed(uri: String) -> object_store::Error {
    object_store::Error::Precondition { path: uri, source: Box::new(ChangedWhileReading) }
}

/// The error for an object that has fewer bytes than whoever named it said.
fn cut_short(uri: String, end: u64) -> object_store::Error {
    object_store::Error::Generic { store: "store", source: format!("{uri} ends before byte {end}").into() }
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
        let asks_only = options.head;
        let mut result = self.pinned_get(&key, options).await?;
        result.meta.location = location.clone();
        if matches!(result.payload, GetResultPayload::File(..)) {
            self.local.store(true, Ordering::Relaxed);
        }
        // A local file's answer to such a question holds the open file, which nobody reads.
        if asks_only {
            return Ok(result);
        }
        let metrics = Arc::clone(&self.metrics);
        result.payload = match result.payload {
            GetResultPayload::Stream(stream) => {
                let uri = (self.namer)(&key);
                GetResultPayload::Stream(
                    stream
                        .inspect_ok(move |bytes| metrics.add_bytes(bytes.len()))
                        .map_err(move |error| named(error, &uri))
                        .boxed(),
                )
            }
            file @ GetResultPayload::File(..) => {
                metrics
                    .add_bytes(usize::try_from(result.range.end - result.range.start).unwrap_or(usize::MAX));
                file
            }
        };
        Ok(result)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let key = self.inner_path(location);
        let object = if self.is_local() { None } else { self.seen_key(&key) };
        let kept = |range: &Range<u64>| object.as_ref().and_then(|object| self.caches.bytes(object, range));
        let mut found: Vec<Option<Bytes>> = ranges.iter().map(kept).collect();
        let cached: usize = found.iter().flatten().map(Bytes::len).sum();
        self.metrics.add_cache_bytes(cached);
        if let Some(object) = &object
            && found.iter().any(Option::is_none)
        {
            self.read_from_disk(object, ranges, &mut found).await;
        }
        let missing: Vec<Range<u64>> = ranges
            .iter()
            .zip(&found)
            .filter(|(_, found)| found.is_none())
            .map(|(range, _)| range.clone())
            .collect();
        // The store's own get_ranges joins ranges, but sends no If-Match; so join here and get each.
        let wanted = missing.clone();
        let requests = joined(missing, if self.is_local() { LOCAL_GAP } else { GAP });
        let mut gets = Vec::with_capacity(requests.len());
        for request in &requests {
            let options = GetOptions { range: Some(request.clone().into()), ..GetOptions::default() };
            gets.push(async move { self.get_opts(location, options).await?.bytes().await });
        }
        let fetched: Vec<Bytes> = stream::iter(gets).buffered(AT_ONCE).try_collect().await?;
        // The first read may have been the one that pinned the object, or showed that it is a local file.
        if !self.is_local()
            && let Some(object) = self.seen_key(&key)
        {
            for (request, bytes) in requests.iter().zip(&fetched) {
                self.caches.keep_bytes(&object, request.start, bytes.clone());
            }
            self.keep_on_disk(object, &wanted, &requests, &fetched).await;
        }
        for (range, found) in ranges.iter().zip(&mut found) {
            if found.is_none() {
                let at = requests.partition_point(|request| request.start <= range.start) - 1;
                let bytes = part(&fetched[at], requests[at].start, range);
                // Sizes may come from elsewhere than the store, which answers with what there is.
                if u64::try_from(bytes.len()) != Ok(range.end - range.start) {
                    return Err(cut_short((self.namer)(&key), range.end));
                }
                *found = Some(bytes);
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.metrics.add_list();
        let key = prefix.map(|prefix| self.inner_path(prefix));
        let outer = self.prefix.clone();
        let metrics = Arc::clone(&self.metrics);
        let mut objects = 0;
        self.inner
            .list(key.as_ref())
            .map_ok(move |meta| {
                // Stores answer in pages, which the client asks for one after the other.
                if objects > 0 && objects % LIST_PAGE == 0 {
                    metrics.add_list();
                }
                objects += 1;
                ObjectMeta { location: outer.parts().chain(meta.location.parts()).collect(), ..meta }
            })
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let key = prefix.map(|prefix| self.inner_path(prefix));
        let mut result = self.inner.list_with_delimiter(key.as_ref()).await?;
        let entries = result.objects.len() + result.common_prefixes.len();
        for _ in 0..entries.div_ceil(LIST_PAGE).max(1) {
            self.metrics.add_list();
        }
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
