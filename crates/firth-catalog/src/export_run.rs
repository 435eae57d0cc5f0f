//! Exports under way: what has to be known of them after a crash.

use std::{fmt, fs::File, path::PathBuf};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::ConnectionName;

/// An export under way, or one whose process has died.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportRun {
    /// The run's identity, which is in the manifest too.
    pub run: Uuid,
    /// The connection of the store; none for local files.
    pub connection: Option<ConnectionName>,
    /// The uri, as the statement wrote it.
    pub uri: String,
    /// When it began.
    pub begun_at: DateTime<Utc>,
    /// The uploads that were begun.
    pub uploads: Vec<ExportUpload>,
}

/// One unfinished upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportUpload {
    /// The key in its bucket.
    pub path: String,
    /// The store's id of it.
    pub upload: String,
}

/// Says that an export's process is alive, for as long as this value lives, and no longer than the process.
pub struct ExportLock {
    pub(crate) path: PathBuf,
    pub(crate) _file: File,
}

impl fmt::Debug for ExportLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportLock").field("path", &self.path).finish()
    }
}
