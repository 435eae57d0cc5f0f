//! Counts what an export asks of its store, for `--stats json`.
//!
//! Calls are counted, not packets: a call that the client repeats after a fault is one, and so is one that a
//! store answers without being asked (Azure begins an upload without a word).

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use firth_connector::{PartPlace, Staging};
use futures::{StreamExt as _, future::BoxFuture, stream::BoxStream};
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UpdateVersion, path::Path,
};

use crate::store::LIST_PAGE;

/// How many calls there were so far; clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests(Arc<AtomicU64>);

impl Requests {
    /// The calls so far.
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Writes through `inner`, counted.
pub(crate) struct CountedStaging {
    pub(crate) inner: Arc<dyn Staging>,
    pub(crate) requests: Requests,
}

#[async_trait]
impl Staging for CountedStaging {
    async fn begin(&self, path: &Path) -> Result<String> {
        self.requests.one();
        self.inner.begin(path).await
    }

    async fn prepare(&self, path: &Path, upload: &str) -> Result<()> {
        // Object stores have nothing to do here either.
        self.inner.prepare(path, upload).await
    }

    fn put_part(
        &self,
        path: &Path,
        upload: &str,
        place: PartPlace,
        payload: PutPayload,
    ) -> BoxFuture<'static, Result<String>> {
        self.requests.one();
        self.inner.put_part(path, upload, place, payload)
    }

    async fn make_durable(&self, path: &Path, upload: &str) -> Result<()> {
        // Object stores have nothing to do here, and a disk is not asked.
        self.inner.make_durable(path, upload).await
    }

    async fn complete(&self, path: &Path, upload: &str, parts: &[String]) -> Result<()> {
        self.requests.one();
        self.inner.complete(path, upload, parts).await
    }

    async fn abort(&self, path: &Path, upload: &str) -> Result<()> {
        self.requests.one();
        self.inner.abort(path, upload).await
    }

    async fn put_if(&self, path: &Path, payload: PutPayload, expected: Option<&UpdateVersion>) -> Result<()> {
        self.requests.one();
        self.inner.put_if(path, payload, expected).await
    }
}

/// Reads, lists and deletes through `inner`, counted.
#[derive(Debug)]
pub(crate) struct CountedStore {
    pub(crate) inner: Arc<dyn ObjectStore>,
    pub(crate) requests: Requests,
}

impl CountedStore {
    /// A listing counts by its pages, the first also where it is empty.
    fn pages(
        &self,
        listing: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let requests = self.requests.clone();
        requests.one();
        let counted = listing.enumerate().map(move |(index, meta)| {
            if index > 0 && index % LIST_PAGE == 0 {
                requests.one();
            }
            meta
        });
        counted.boxed()
    }
}

impl fmt::Display for CountedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for CountedStore {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.requests.one();
        self.inner.put_opts(path, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.requests.one();
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.requests.one();
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let requests = self.requests.clone();
        // An export deletes file after file, each with a call of its own.
        self.inner.delete_stream(paths.inspect(move |_| requests.one()).boxed())
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.pages(self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.pages(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.requests.one();
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.requests.one();
        self.inner.copy_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt as _;
    use object_store::{ObjectStoreExt as _, memory::InMemory};

    use super::*;

    #[tokio::test]
    async fn every_call_is_one_and_a_listing_as_many_as_it_has_pages() -> Result<()> {
        let requests = Requests::default();
        let store = CountedStore { inner: Arc::new(InMemory::new()), requests: requests.clone() };
        let file = |number: usize| Path::from(format!("{number}"));
        for number in 0..LIST_PAGE {
            store.put(&file(number), PutPayload::new()).await?;
        }
        let puts = requests.count();
        let listed: Vec<ObjectMeta> = store.list(None).try_collect().await?;
        let page = requests.count() - puts;
        store.put(&file(LIST_PAGE), PutPayload::new()).await?;
        let before = requests.count();
        let more: Vec<ObjectMeta> = store.list(None).try_collect().await?;
        let pages = requests.count() - before;
        assert_eq!((puts, listed.len(), page, more.len(), pages), (1000, 1000, 1, 1001, 2));
        let before = requests.count();
        store.head(&Path::from("0")).await?;
        store.delete(&Path::from("0")).await?;
        assert_eq!(requests.count() - before, 2);
        Ok(())
    }
}
