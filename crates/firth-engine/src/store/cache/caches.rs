//! The caches of a session.

use std::{
    collections::HashMap,
    ops::Range,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use object_store::ObjectMeta;
use uuid::Uuid;

use super::{
    Aged, DiskCache, ObjectKey, StoreId,
    columns::Columns,
    ranges::{self, ByteRanges},
};
use crate::files::Footer;

/// What footers may hold at most, of the whole.
const FOOTERS_SHARE: usize = 4;
/// What is left to bytes as they were fetched when decoded columns would take all: 1/4 of the whole.
const BYTES_SHARE: usize = 4;
/// Listings kept at most; only tables with `max_staleness` have any.
const LISTINGS: usize = 1000;

/// What a session remembers between statements. Shared by all of them; every method is short and waits for
/// no I/O.
#[derive(Debug, Default)]
pub(crate) struct Caches {
    kept: Mutex<Kept>,
    /// Where bytes are kept beyond this process, if they are.
    disk: Mutex<Option<Arc<DiskCache>>>,
}

#[derive(Debug, Default)]
struct Kept {
    bytes: ByteRanges,
    columns: Columns,
    footers: Aged<ObjectKey, Arc<Footer>>,
    listings: Aged<(String, String), Listing>,
    /// The version of each connection that was opened last.
    versions: HashMap<Uuid, u64>,
    limit: usize,
    /// What is charged to the session's memory for bytes and footers. `None` before the first statement.
    charged: Option<MemoryReservation>,
    hits: u64,
    misses: u64,
}

/// The objects that a pattern matched, and when.
#[derive(Debug)]
struct Listing {
    files: Arc<Vec<ObjectMeta>>,
    at: Instant,
}

/// One line of SHOW CACHES.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CacheReport {
    pub(crate) name: &'static str,
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
}

impl Caches {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Charges what is kept to `pool` from now on, and keeps `limit` bytes at most.
    pub(crate) fn charge(&self, pool: &Arc<dyn MemoryPool>, limit: usize) {
        let mut kept = self.kept();
        kept.limit = limit;
        kept.charged = Some(MemoryConsumer::new("cache of files").register(pool));
        kept.settle();
    }

    /// Keeps bytes in files of `home` too, `limit` bytes at most; 0 is none from now on.
    pub(crate) fn keep_on_disk(&self, home: &Path, limit: u64) {
        let mut disk = self.disk.lock().unwrap_or_else(PoisonError::into_inner);
        if disk.as_ref().map_or(0, |disk| disk.limit()) != limit {
            *disk = (limit > 0).then(|| Arc::new(DiskCache::new(home, limit)));
        }
    }

    /// The files that bytes are kept in, if they are. Not for a thread that others wait for: it reads and writes.
    pub(crate) fn disk(&self) -> Option<Arc<DiskCache>> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives back `wanted` bytes if it holds as much; answers how many it gave.
    pub(crate) fn give_back(&self, wanted: usize) -> usize {
        let mut kept = self.kept();
        let before = kept.weight();
        while before - kept.weight() < wanted && kept.remove_one() {}
        kept.settle();
        before - kept.weight()
    }

    /// The bytes of a range, if they are kept.
    pub(crate) fn bytes(&self, object: &ObjectKey, range: &Range<u64>) -> Option<Bytes> {
        let mut kept = self.kept();
        let found = ranges::find(&mut kept.bytes, object, range);
        match found {
            Some(_) => kept.hits += 1,
            None => kept.misses += 1,
        }
        found
    }

    /// Keeps a range that begins at `start`.
    pub(crate) fn keep_bytes(&self, object: &ObjectKey, start: u64, bytes: Bytes) {
        let mut kept = self.kept();
        let weight = bytes.len();
        // One object must not push out all others.
        if weight == 0 || weight > kept.limit / 2 {
            return;
        }
        kept.bytes.insert((object.clone(), start), bytes, weight);
        kept.settle();
    }

    /// Reads or changes what is kept of decoded columns, which may weigh as much as is told.
    pub(super) fn with_columns<T>(&self, change: impl FnOnce(&mut Columns, usize) -> T) -> T {
        let mut kept = self.kept();
        let before = kept.columns.weight();
        let limit = kept.limit - kept.limit / BYTES_SHARE;
        let result = change(&mut kept.columns, limit);
        if kept.columns.weight() != before {
            kept.settle();
        }
        result
    }

    /// The footer of a Parquet file, if it is kept.
    pub(crate) fn footer(&self, object: &ObjectKey) -> Option<Arc<Footer>> {
        self.kept().footers.get(object).cloned()
    }

    /// Keeps the footer of a Parquet file.
    pub(crate) fn keep_footer(&self, object: &ObjectKey, footer: Arc<Footer>) {
        let mut kept = self.kept();
        let weight = footer.memory_size();
        kept.footers.insert(object.clone(), footer, weight);
        while kept.footers.weight() > kept.limit / FOOTERS_SHARE && kept.footers.remove_oldest() {}
        kept.settle();
    }

    /// What a pattern matched, if that was seen no longer than `staleness` ago.
    pub(crate) fn listing(
        &self,
        store: &StoreId,
        pattern: &str,
        staleness: Duration,
    ) -> Option<Arc<Vec<ObjectMeta>>> {
        if staleness.is_zero() {
            return None;
        }
        let mut kept = self.kept();
        let listing = kept.listings.get(&(store.to_string(), pattern.to_owned()))?;
        (listing.at.elapsed() <= staleness).then(|| Arc::clone(&listing.files))
    }

    /// Keeps what a pattern matched just now.
    pub(crate) fn keep_listing(&self, store: &StoreId, pattern: &str, files: Vec<ObjectMeta>) {
        let mut kept = self.kept();
        let listing = Listing { files: Arc::new(files), at: Instant::now() };
        kept.listings.insert((store.to_string(), pattern.to_owned()), listing, 1);
        while kept.listings.len() > LISTINGS && kept.listings.remove_oldest() {}
    }

    /// Forgets what a pattern matched: the next query lists again.
    pub(crate) fn forget_listing(&self, store: &StoreId, pattern: &str) {
        self.kept().listings.remove(&(store.to_string(), pattern.to_owned()));
    }

    /// Notes the version in which a connection is open. What was kept of another is forgotten.
    pub(crate) fn opened(&self, connection: Uuid, version: u64) {
        let mut kept = self.kept();
        if kept.versions.insert(connection, version).is_some_and(|known| known != version) {
            kept.bytes.retain(|(object, _)| !object.belongs_to(connection));
            kept.columns.retain(|column| !column.object.belongs_to(connection));
            kept.footers.retain(|object| !object.belongs_to(connection));
            kept.listings.retain(|(store, _)| !store.starts_with(&connection.simple().to_string()));
            kept.settle();
        }
    }

    /// The bucket's identity, in the version in which its connection is open.
    pub(crate) fn store_id(&self, connection: Uuid, bucket: &str) -> StoreId {
        let version = self.kept().versions.get(&connection).copied().unwrap_or_default();
        StoreId::new(connection, version, bucket)
    }

    /// What is kept in memory.
    pub(crate) fn report(&self) -> Vec<CacheReport> {
        let kept = self.kept();
        vec![
            CacheReport { name: "bytes", entries: kept.bytes.len(), bytes: kept.bytes.weight() },
            CacheReport { name: "columns", entries: kept.columns.len(), bytes: kept.columns.weight() },
            CacheReport { name: "footers", entries: kept.footers.len(), bytes: kept.footers.weight() },
            CacheReport { name: "listings", entries: kept.listings.len(), bytes: 0 },
        ]
    }
}

impl Kept {
    fn weight(&self) -> usize {
        self.bytes.weight() + self.columns.weight() + self.footers.weight()
    }

    /// Columns can be decoded again, so bytes outlive them, but for those beyond their share. Footers go last: they are small and save more
    /// requests.
    fn remove_one(&mut self) -> bool {
        if self.bytes.weight() > self.limit / BYTES_SHARE && self.bytes.remove_oldest() {
            return true;
        }
        self.columns.remove_oldest() || self.bytes.remove_oldest() || self.footers.remove_oldest()
    }

    /// Brings what is kept below the limit and what the pool has left, and the charge in line with it.
    fn settle(&mut self) {
        while self.weight() > self.limit && self.remove_one() {}
        let Some(charged) = self.charged.take() else { return };
        loop {
            let weight = self.weight();
            if weight <= charged.size() {
                charged.shrink(charged.size() - weight);
                break;
            }
            if charged.try_grow(weight - charged.size()).is_ok() || !self.remove_one() {
                break;
            }
        }
        self.charged = Some(charged);
    }
}
