//! One refresh of a view at a time, across processes.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::Path,
    time::Duration,
};

use firth_diagnostic::{Code, Diagnostic, Result};

/// The file in a view's folder that is locked by who refreshes it.
pub(crate) const LOCK: &str = "refresh.lock";

/// How often is looked whether another refresh is over.
const LOOK: Duration = Duration::from_millis(50);

/// The right to refresh a view. It ends when this is dropped, and with the process.
pub(super) struct Turn {
    _lock: File,
}

impl Turn {
    /// Waits until nobody else refreshes the view whose files are in `folder`.
    pub(super) async fn wait(folder: &Path) -> Result<Self> {
        let failed = |error: std::io::Error| {
            Diagnostic::error(Code::Io, format!("could not lock {folder:?}")).detail(error.to_string())
        };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let file = OpenOptions::new().create(true).append(true).open(folder.join(LOCK)).map_err(failed)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Turn { _lock: file }),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOOK).await,
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }
}
