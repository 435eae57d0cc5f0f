//! Commits of many files in a cloud: multipart uploads, and puts with a precondition.

use std::sync::Arc;

use async_trait::async_trait;
use firth_connector::{PartPlace, Staging};
use futures::future::BoxFuture;
use object_store::{
    ObjectStore, PutMode, PutOptions, PutPayload, Result, UpdateVersion,
    multipart::{MultipartStore, PartId},
    path::Path,
};

use super::cloud::Bucket;

/// One bucket's uploads.
///
/// On Azure an upload is a list of blocks without an id of its own: its id is the empty text, and its
/// blocks go when anybody else writes the blob. So an upload there that lost a race cannot be completed.
pub(super) struct CloudStaging {
    store: Arc<dyn ObjectStore>,
    multipart: Arc<dyn MultipartStore>,
}

impl CloudStaging {
    /// The uploads of `bucket`.
    pub(super) fn new(bucket: Bucket) -> Self {
        CloudStaging { store: bucket.store, multipart: bucket.multipart }
    }
}

#[async_trait]
impl Staging for CloudStaging {
    async fn begin(&self, path: &Path) -> Result<String> {
        self.multipart.create_multipart(path).await
    }

    fn put_part(
        &self,
        path: &Path,
        upload: &str,
        place: PartPlace,
        payload: PutPayload,
    ) -> BoxFuture<'static, Result<String>> {
        let (multipart, path, upload) = (Arc::clone(&self.multipart), path.clone(), upload.to_owned());
        Box::pin(async move {
            let part = multipart.put_part(&path, &upload, place.index, payload).await?;
            Ok(part.content_id)
        })
    }

    async fn make_durable(&self, _path: &Path, _upload: &str) -> Result<()> {
        // A part that a cloud has acknowledged is kept.
        Ok(())
    }

    async fn complete(&self, path: &Path, upload: &str, parts: &[String]) -> Result<()> {
        let parts = parts.iter().map(|part| PartId { content_id: part.clone() }).collect();
        self.multipart.complete_multipart(path, &upload.to_owned(), parts).await?;
        Ok(())
    }

    async fn abort(&self, path: &Path, upload: &str) -> Result<()> {
        self.multipart.abort_multipart(path, &upload.to_owned()).await
    }

    async fn put_if(&self, path: &Path, payload: PutPayload, expected: Option<&UpdateVersion>) -> Result<()> {
        let mode = match expected {
            None => PutMode::Create,
            Some(version) => PutMode::Update(version.clone()),
        };
        self.store.put_opts(path, payload, PutOptions::from(mode)).await?;
        Ok(())
    }
}
