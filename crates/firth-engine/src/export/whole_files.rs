//! Writing to stores that cannot commit several files together: each file is there as a whole or not at
//! all, and nothing is known after a crash.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use firth_connector::{PartPlace, Staging};
use futures::future::BoxFuture;
use object_store::{
    Error, MultipartUpload, ObjectStore, ObjectStoreExt as _, PutPayload, Result, UpdateVersion, path::Path,
};
use uuid::Uuid;

/// Uploads of this process alone, by the store's own means.
pub(crate) struct WholeFiles {
    store: Arc<dyn ObjectStore>,
    uploads: Mutex<HashMap<String, Box<dyn MultipartUpload>>>,
}

impl WholeFiles {
    pub(crate) fn new(store: Arc<dyn ObjectStore>) -> Self {
        WholeFiles { store, uploads: Mutex::default() }
    }

    fn take(&self, upload: &str) -> Result<Box<dyn MultipartUpload>> {
        let mut uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        uploads.remove(upload).ok_or_else(|| unknown(upload))
    }
}

#[async_trait]
impl Staging for WholeFiles {
    async fn begin(&self, path: &Path) -> Result<String> {
        let upload = self.store.put_multipart(path).await?;
        let id = Uuid::new_v4().simple().to_string();
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), upload);
        Ok(id)
    }

    fn put_part(
        &self,
        _path: &Path,
        upload: &str,
        _place: PartPlace,
        payload: PutPayload,
    ) -> BoxFuture<'static, Result<String>> {
        // The order of parts is the order of these calls.
        let mut uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        let sending = match uploads.get_mut(upload) {
            Some(upload) => upload.put_part(payload),
            None => {
                let error = unknown(upload);
                return Box::pin(async move { Err(error) });
            }
        };
        Box::pin(async move { sending.await.map(|()| String::new()) })
    }

    async fn make_durable(&self, _path: &Path, _upload: &str) -> Result<()> {
        Ok(())
    }

    async fn complete(&self, _path: &Path, upload: &str, _parts: &[String]) -> Result<()> {
        self.take(upload)?.complete().await.map(drop)
    }

    async fn abort(&self, _path: &Path, upload: &str) -> Result<()> {
        self.take(upload)?.abort().await
    }

    async fn put_if(&self, path: &Path, _: PutPayload, _: Option<&UpdateVersion>) -> Result<()> {
        Err(Error::NotImplemented {
            operation: format!("a conditional put of {path}"),
            implementer: self.to_string(),
        })
    }
}

impl fmt::Display for WholeFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

fn unknown(upload: &str) -> Error {
    Error::NotFound { path: upload.to_owned(), source: "there is no such upload".into() }
}
