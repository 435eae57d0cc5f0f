//! A file's bytes for readers that wait: they come as they are read, a few chunks at a time, and are charged to the
//! session's memory until they have been.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, BufRead, Read},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::{Bytes, BytesMut};
use datafusion::{
    common::runtime::SpawnedTask,
    error::{DataFusionError, Result},
    execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation},
};
use futures::{StreamExt as _, stream::BoxStream};
use object_store::{GetResult, GetResultPayload};
use tokio::sync::mpsc;

/// How much of a local file is read at once.
const CHUNK: usize = 256 * 1024;
/// Chunks that may lie between the store and the reader.
const CHUNKS: usize = 4;
/// The bytes at the end that are remembered.
const TAIL: usize = 16;

/// A file's bytes, for a thread that may wait. Their error is kept apart, since readers make words of it.
pub(super) struct FileBytes {
    source: Source,
    current: Bytes,
    /// Read before, and to be read again.
    again: VecDeque<Bytes>,
    /// What has been read since [`FileBytes::remember`].
    seen: Option<Vec<Bytes>>,
    tail: Tail,
    failed: Failed,
}

enum Source {
    Local(File),
    /// With what is charged for each chunk until the next one is taken.
    Remote {
        chunks: mpsc::Receiver<Result<(Bytes, MemoryReservation)>>,
        held: Option<MemoryReservation>,
    },
}

/// The last bytes that a reader took.
#[derive(Clone, Default)]
pub(super) struct Tail(Arc<Mutex<Vec<u8>>>);

/// Why bytes ended before the file's end.
#[derive(Clone, Default)]
pub(super) struct Failed(Arc<Mutex<Option<DataFusionError>>>);

impl FileBytes {
    /// The bytes of what a store answered. The task brings them, and ends with it.
    pub(super) fn new(answer: GetResult, pool: &Arc<dyn MemoryPool>) -> (Self, Option<SpawnedTask<()>>) {
        let (source, task) = match answer.payload {
            GetResultPayload::File(file, _) => (Source::Local(file), None),
            GetResultPayload::Stream(stream) => {
                let (sender, chunks) = mpsc::channel(CHUNKS);
                let charged = MemoryConsumer::new("files as they are read").register(pool);
                let task = SpawnedTask::spawn(pump(stream, charged, sender));
                (Source::Remote { chunks, held: None }, Some(task))
            }
        };
        let bytes = FileBytes {
            source,
            current: Bytes::new(),
            again: VecDeque::new(),
            seen: None,
            tail: Tail::default(),
            failed: Failed::default(),
        };
        (bytes, task)
    }

    /// Keeps what is read from now on, for [`FileBytes::rewind`].
    pub(super) fn remember(&mut self) {
        self.seen =
            Some(self.current.is_empty().then(Vec::new).unwrap_or_else(|| vec![self.current.clone()]));
    }

    /// Goes back to where [`FileBytes::remember`] was called. What was read since then comes in one piece now.
    pub(super) fn rewind(&mut self) {
        let seen = Bytes::from(self.seen.take().unwrap_or_default().concat());
        if !seen.is_empty() {
            self.again.push_front(seen);
        }
        self.current = Bytes::new();
    }

    /// Gives back bytes that were read last.
    pub(super) fn unread(&mut self, bytes: &[u8]) {
        let mut whole = BytesMut::from(bytes);
        whole.extend_from_slice(&self.current);
        self.current = whole.freeze();
    }

    /// What the reader has taken last.
    pub(super) fn tail(&self) -> Tail {
        self.tail.clone()
    }

    /// Where an error of the store is found.
    pub(super) fn failed(&self) -> Failed {
        self.failed.clone()
    }

    fn next_chunk(&mut self) -> io::Result<Bytes> {
        let chunk = match (self.again.pop_front(), &mut self.source) {
            (Some(chunk), _) => chunk,
            (None, Source::Local(file)) => {
                let mut chunk = Vec::with_capacity(CHUNK);
                file.take(CHUNK as u64).read_to_end(&mut chunk)?;
                Bytes::from(chunk)
            }
            (None, Source::Remote { chunks, held }) => {
                *held = None;
                match chunks.blocking_recv() {
                    None => Bytes::new(),
                    Some(Ok((chunk, charged))) => {
                        *held = Some(charged);
                        chunk
                    }
                    Some(Err(error)) => {
                        self.failed.0.lock().unwrap_or_else(PoisonError::into_inner).replace(error);
                        return Err(io::Error::other("the store did not answer to the end"));
                    }
                }
            }
        };
        if let Some(seen) = &mut self.seen {
            seen.push(chunk.clone());
        }
        Ok(chunk)
    }
}

/// Brings the chunks of an answer to whoever waits for them.
async fn pump(
    mut stream: BoxStream<'static, object_store::Result<Bytes>>,
    charged: MemoryReservation,
    sender: mpsc::Sender<Result<(Bytes, MemoryReservation)>>,
) {
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| DataFusionError::ObjectStore(Box::new(error))).and_then(|chunk| {
            let charged = charged.new_empty();
            charged.try_grow(chunk.len())?;
            Ok((chunk, charged))
        });
        // An empty chunk would be taken for the end.
        if chunk.as_ref().is_ok_and(|(chunk, _)| chunk.is_empty()) {
            continue;
        }
        let is_last = chunk.is_err();
        if sender.send(chunk).await.is_err() || is_last {
            return;
        }
    }
}

impl Read for FileBytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for FileBytes {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.current.is_empty() {
            self.current = self.next_chunk()?;
        }
        Ok(&self.current)
    }

    fn consume(&mut self, count: usize) {
        let taken = self.current.split_to(count.min(self.current.len()));
        self.tail.push(&taken);
    }
}

impl Tail {
    fn push(&self, taken: &[u8]) {
        let mut tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend_from_slice(&taken[taken.len().saturating_sub(TAIL)..]);
        let surplus = tail.len().saturating_sub(TAIL);
        tail.drain(..surplus);
    }

    /// Whether the reader took these bytes last.
    pub(super) fn is(&self, end: &[u8]) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).ends_with(end)
    }
}

impl Failed {
    /// The store's error, if there was one.
    pub(super) fn take(&self) -> Option<DataFusionError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::execution::memory_pool::GreedyMemoryPool;
    use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload, memory::InMemory, path::Path};

    use super::*;

    async fn bytes_of(
        text: &'static [u8],
        pool: &Arc<dyn MemoryPool>,
    ) -> (FileBytes, Option<SpawnedTask<()>>) {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let path = Path::from("a");
        store.put(&path, PutPayload::from_static(text)).await.expect("put");
        FileBytes::new(store.get(&path).await.expect("there"), pool)
    }

    #[tokio::test]
    async fn what_was_read_is_read_again() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(1 << 20));
        let (mut bytes, _task) = bytes_of(b"0123456789", &pool).await;
        let read = SpawnedTask::spawn_blocking(move || {
            let mut three = [0; 3];
            bytes.read_exact(&mut three).expect("there");
            bytes.unread(b"12");
            bytes.remember();
            bytes.read_exact(&mut three).expect("there");
            assert_eq!(&three, b"123");
            bytes.rewind();
            let mut rest = String::new();
            bytes.read_to_string(&mut rest).expect("text");
            assert!(bytes.tail().is(b"6789") && !bytes.tail().is(b"678"));
            rest
        });
        assert_eq!(read.join().await.expect("read"), "123456789");
        assert_eq!(pool.reserved(), 0, "all is given back");
    }

    #[tokio::test]
    async fn bytes_for_which_there_is_no_memory_are_an_error() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(5));
        let (mut bytes, _task) = bytes_of(b"0123456789", &pool).await;
        let failed = bytes.failed();
        let read = SpawnedTask::spawn_blocking(move || bytes.read_to_end(&mut Vec::new()).is_err());
        assert!(read.join().await.expect("read"));
        assert!(matches!(failed.take(), Some(DataFusionError::ResourcesExhausted(_))));
    }
}
