//! What one statement asked of one source.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

/// Counters that the readers of one source add to. Relaxed: read them after the statement has ended.
#[derive(Debug, Default)]
pub struct SourceMetrics {
    remote_sql: Mutex<Vec<String>>,
    rows: AtomicU64,
    bytes: AtomicU64,
    cache_bytes: AtomicU64,
    requests: AtomicU64,
    lists: AtomicU64,
    notes: Mutex<Vec<String>>,
    active: Mutex<Option<(Instant, Instant)>>,
}

/// The counters as they stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceReport {
    /// The connection's name; `None` for local files without one.
    pub connection: Option<String>,
    /// The connection type.
    pub kind: String,
    /// The texts sent, in the order they were first sent.
    pub remote_sql: Vec<String>,
    /// Rows delivered by the source.
    pub rows: u64,
    /// Bytes from the source, before decompression.
    pub bytes: u64,
    /// Bytes that a cache answered instead of the source.
    pub cache_bytes: u64,
    /// Requests sent.
    pub requests: u64,
    /// Those of them that listed objects.
    pub lists: u64,
    /// What went otherwise than a reader of the plan would expect, in words.
    pub notes: Vec<String>,
    /// From the first request to the last answer, in milliseconds.
    pub elapsed_ms: f64,
    /// From the beginning of the statement to the first request, in milliseconds.
    pub after_ms: f64,
    /// In how many parts the scans of the plan that runs now read it, so far as is known; 0 if none runs.
    pub parts: u64,
    /// How many of them have been read.
    pub parts_read: u64,
}

impl SourceMetrics {
    /// Notes a text that is sent. The same text from several splits is noted once.
    pub fn sent(&self, sql: &str) {
        let mut texts = self.remote_sql.lock().unwrap_or_else(PoisonError::into_inner);
        if !texts.iter().any(|text| text == sql) {
            texts.push(sql.to_owned());
        }
    }

    /// Notes what went otherwise than a reader of the plan would expect. The same words are noted once.
    pub fn note(&self, words: &str) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if !notes.iter().any(|note| note == words) {
            notes.push(words.to_owned());
        }
    }

    /// Adds rows.
    pub fn add_rows(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// Adds bytes from the source, and notes the time.
    pub fn add_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.touch();
    }

    /// Adds bytes from a cache.
    pub fn add_cache_bytes(&self, bytes: usize) {
        self.cache_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Adds a request, and notes the time.
    pub fn add_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.touch();
    }

    /// Adds a request that lists objects, and notes the time.
    pub fn add_list(&self) {
        self.lists.fetch_add(1, Ordering::Relaxed);
        self.add_request();
    }

    /// Notes that the source is at work now.
    pub fn touch(&self) {
        let now = Instant::now();
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        *active = Some(active.map_or((now, now), |(first, _)| (first, now)));
    }

    /// When the source was first at work.
    pub(crate) fn first(&self) -> Option<Instant> {
        let active = *self.active.lock().unwrap_or_else(PoisonError::into_inner);
        active.map(|(first, _)| first)
    }

    /// The counters as they stand, under these names.
    pub fn report(&self, connection: Option<&str>, kind: &str) -> SourceReport {
        let active = *self.active.lock().unwrap_or_else(PoisonError::into_inner);
        SourceReport {
            connection: connection.map(str::to_owned),
            kind: kind.to_owned(),
            remote_sql: self.remote_sql.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            rows: self.rows.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            cache_bytes: self.cache_bytes.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
            lists: self.lists.load(Ordering::Relaxed),
            notes: self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            elapsed_ms: active.map_or(0.0, |(first, last)| last.duration_since(first).as_secs_f64() * 1e3),
            ..SourceReport::default()
        }
    }
}
