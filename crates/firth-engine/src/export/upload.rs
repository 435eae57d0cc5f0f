//! One file on its way to a store: all its bytes are sent, and it is not there yet.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use firth_connector::{Canceller, PartPlace, object_error};
use firth_diagnostic::Result;
use flate2::Crc;
use object_store::{PutPayload, path::Path};
use tokio::task::JoinSet;

use super::{Destination, StagedUpload};
use crate::error::not_joined;

/// The least size of a part. S3 allows ten thousand of at least 5 MiB: with 8 MiB a file may have 80 GiB.
const SMALLEST_PART: u64 = 8 << 20;
/// The most parts of a file.
const MOST_PARTS: u64 = 10_000;
/// Parts under way at once, for one file: with their size the memory an upload holds.
const PARTS_AT_ONCE: usize = 4;

/// An upload to a file's final name. Nothing is visible there before it is completed.
///
/// Dropping it forgets it at the store, unless it was [released](Upload::release).
pub(crate) struct Upload {
    destination: Arc<Destination>,
    path: Path,
    id: String,
    /// Whether it is left alone when this is dropped.
    is_released: bool,
    part_bytes: u64,
    waiting: VecDeque<Bytes>,
    waiting_bytes: u64,
    sending: JoinSet<(usize, object_store::Result<String>)>,
    parts: Vec<String>,
    sent: u64,
    crc32: Crc,
}

impl Upload {
    /// Begins an upload of a file of about `expected` bytes. Nothing may be sent of it before it is
    /// [prepared](Upload::prepare), and its id is to be noted before that.
    pub(crate) async fn begin(destination: &Arc<Destination>, path: Path, expected: u64) -> Result<Self> {
        let destination = Arc::clone(destination);
        let beginning = async move {
            let begun = destination.staging.begin(&path).await;
            let id = begun.map_err(|error| object_error(error, &destination.uri_of(&path)))?;
            Ok(Upload {
                destination,
                path,
                id,
                is_released: false,
                part_bytes: SMALLEST_PART.max(expected / (MOST_PARTS / 2)).next_multiple_of(1 << 20),
                waiting: VecDeque::new(),
                waiting_bytes: 0,
                sending: JoinSet::new(),
                parts: Vec::new(),
                sent: 0,
                crc32: Crc::new(),
            })
        };
        // An interrupt between the request and its answer would leave an upload whose id nobody has.
        Canceller::shield(beginning).await.unwrap_or_else(|error| Err(not_joined(error)))
    }

    /// Makes the place for the first part.
    pub(crate) async fn prepare(self) -> Result<Self> {
        let preparing = async move {
            let prepared = self.destination.staging.prepare(&self.path, &self.id).await;
            prepared.map_err(|error| self.failed(error))?;
            Ok(self)
        };
        Canceller::shield(preparing).await.unwrap_or_else(|error| Err(not_joined(error)))
    }

    /// The key.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The store's id of the upload.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// How many bytes were written so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.sent + self.waiting_bytes
    }

    /// The checksum of what was written so far, in hexadecimal.
    pub(crate) fn crc32(&self) -> String {
        format!("{:08x}", self.crc32.sum())
    }

    /// Sends bytes. Waits while as many parts are under way as may be.
    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.crc32.update(&bytes);
        self.waiting_bytes += bytes.len() as u64;
        self.waiting.push_back(bytes);
        while self.waiting_bytes >= self.part_bytes {
            self.send(self.part_bytes).await?;
        }
        Ok(())
    }

    /// Sends what is left and waits until every part has arrived, for good. The file is still invisible.
    pub(crate) async fn finish(&mut self) -> Result<StagedUpload> {
        if self.waiting_bytes > 0 {
            self.send(self.waiting_bytes).await?;
        }
        while self.arrived().await? {}
        let durable = self.destination.staging.make_durable(&self.path, &self.id).await;
        durable.map_err(|error| self.failed(error))?;
        Ok(StagedUpload { id: self.id.clone(), parts: self.parts.clone(), replaces: None })
    }

    /// From here on the upload stays at the store whatever becomes of this value.
    pub(crate) fn release(&mut self) {
        self.is_released = true;
    }

    async fn send(&mut self, bytes: u64) -> Result<()> {
        while self.sending.len() >= PARTS_AT_ONCE {
            self.arrived().await?;
        }
        let mut payload = Vec::new();
        let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
        while left > 0
            && let Some(first) = self.waiting.front_mut()
        {
            let piece = first.split_to(left.min(first.len()));
            left -= piece.len();
            payload.push(piece);
            if first.is_empty() {
                self.waiting.pop_front();
            }
        }
        self.waiting_bytes -= bytes;
        let place = PartPlace { index: self.parts.len(), offset: self.sent };
        self.sent += bytes;
        self.parts.push(String::new());
        let payload = PutPayload::from_iter(payload);
        let sending = self.destination.staging.put_part(&self.path, &self.id, place, payload);
        self.sending.spawn(async move { (place.index, sending.await) });
        Ok(())
    }

    /// Waits for one part. False if none is under way.
    async fn arrived(&mut self) -> Result<bool> {
        match self.sending.join_next().await {
            None => Ok(false),
            Some(Err(error)) => Err(not_joined(error)),
            Some(Ok((index, part))) => {
                self.parts[index] = part.map_err(|error| self.failed(error))?;
                Ok(true)
            }
        }
    }

    fn failed(&self, error: object_store::Error) -> firth_diagnostic::Diagnostic {
        object_error(error, &self.destination.uri_of(&self.path))
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.sending.abort_all();
        if self.is_released {
            return;
        }
        let (destination, path, id) = (Arc::clone(&self.destination), self.path.clone(), self.id.clone());
        Canceller::spawn(async move {
            let _ = destination.staging.abort(&path, &id).await;
        });
    }
}
