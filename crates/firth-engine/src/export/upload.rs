//! One file on its way to a store: all its bytes are sent, and it is not there yet.

use bytes::{Bytes, BytesMut};
use firth_connector::{Canceller, object_error};
use firth_diagnostic::Result;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload, path::Path};
use tokio::task::JoinSet;

/// The size of a part. S3 allows ten thousand of at least 5 MiB: with 8 MiB a file may have 80 GiB.
const PART: usize = 8 << 20;
/// Parts under way at once, for one file: with [`PART`] the memory an upload holds.
const PARTS_AT_ONCE: usize = 4;

/// A multipart upload to a file's final name.
///
/// Nothing is visible under that name before [`Upload::complete`]: S3 and GCS show no unfinished upload,
/// Azure no uncommitted block, and a local file is written beside its place. Dropping an upload that was
/// not completed aborts it; after a crash its parts stay at the store, invisible, until the bucket's
/// lifecycle rule removes them.
pub(crate) struct Upload {
    uri: String,
    upload: Option<Box<dyn MultipartUpload>>,
    buffer: BytesMut,
    parts: JoinSet<object_store::Result<()>>,
    bytes: u64,
}

impl Upload {
    /// Begins an upload.
    pub(crate) async fn begin(store: &dyn ObjectStore, path: &Path, uri: String) -> Result<Self> {
        let upload = store.put_multipart(path).await.map_err(|error| object_error(error, &uri))?;
        Ok(Upload { uri, upload: Some(upload), buffer: BytesMut::new(), parts: JoinSet::new(), bytes: 0 })
    }

    /// The file's uri.
    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }

    /// How many bytes were written so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Sends bytes. Waits while as many parts are under way as may be.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        while self.buffer.len() >= PART {
            let part = self.buffer.split_to(PART).freeze();
            self.send(part).await?;
        }
        Ok(())
    }

    /// Sends what is left and waits until every part has arrived. The file is still invisible.
    pub(crate) async fn flush(&mut self) -> Result<()> {
        if !self.buffer.is_empty() {
            let part = self.buffer.split().freeze();
            self.send(part).await?;
        }
        while let Some(sent) = self.parts.join_next().await {
            self.arrived(sent)?;
        }
        Ok(())
    }

    /// Makes the file visible. Everything must have been flushed.
    pub(crate) async fn complete(mut self) -> Result<()> {
        if let Some(mut upload) = self.upload.take() {
            upload.complete().await.map_err(|error| object_error(error, &self.uri))?;
        }
        Ok(())
    }

    /// Ends the upload and waits until the store has forgotten it.
    pub(crate) async fn abort(mut self) {
        self.parts.abort_all();
        if let Some(mut upload) = self.upload.take() {
            // The export has failed already, and that error is the one to report.
            let _ = upload.abort().await;
        }
    }

    async fn send(&mut self, part: Bytes) -> Result<()> {
        while self.parts.len() >= PARTS_AT_ONCE {
            if let Some(sent) = self.parts.join_next().await {
                self.arrived(sent)?;
            }
        }
        if let Some(upload) = &mut self.upload {
            self.parts.spawn(upload.put_part(PutPayload::from(part)));
        }
        Ok(())
    }

    fn arrived(&self, sent: Result<object_store::Result<()>, tokio::task::JoinError>) -> Result<()> {
        match sent {
            Ok(sent) => sent.map_err(|error| object_error(error, &self.uri)),
            Err(_) => Err(crate::error::cancelled()),
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.parts.abort_all();
        if let Some(mut upload) = self.upload.take() {
            Canceller::spawn(async move {
                let _ = upload.abort().await;
            });
        }
    }
}
