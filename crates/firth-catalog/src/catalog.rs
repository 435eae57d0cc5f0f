//! The catalog itself: opening it, and running transactions on it.
//!
//! What it stores, one file each, is in `store/`.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use firth_diagnostic::Result;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::{
    CatalogOptions,
    error::StoreResult,
    home::Home,
    sealing::Sealing,
    store::{migrations, rehearsal},
};

/// How long a transaction waits for another process's.
const PATIENCE: Duration = Duration::from_secs(15);

/// An opened catalog. Methods block on the disk, and on other writers for a while.
///
/// Several catalogs may be open on one folder, here and in other processes; each sees what the others
/// committed. A record is what was read, and does not follow later changes.
pub struct Catalog {
    path: PathBuf,
    connection: Mutex<Connection>,
    pub(crate) sealing: Sealing,
}

/// What CREATE does if there is such an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExisting {
    /// Plain CREATE: it is an error.
    Fail,
    /// CREATE OR REPLACE.
    Replace,
    /// CREATE … IF NOT EXISTS: nothing happens.
    Skip,
}

/// What CREATE did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// There was none.
    New,
    /// There was one, and it is gone.
    Replaced,
    /// There is one, and it stayed.
    Skipped,
}

/// What DROP CONNECTION does with the tables and schemas that use the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropBehavior {
    /// They stay, and fail until there is a connection of that name again.
    Leave,
    /// If there are any, nothing is dropped.
    Restrict,
    /// They are dropped too.
    Cascade,
}

impl Catalog {
    /// Opens the catalog in `home`, with the passphrase of the environment if there is one.
    ///
    /// Makes the folder and the database if they are absent, and brings an older database to this
    /// layout. A file that is no catalog, is damaged, or is a newer Firth's is an error, and is left as
    /// it is. Needs no key: that is read when a secret is first sealed or opened.
    pub fn open(home: &Path) -> Result<Self> {
        Self::open_with(home, CatalogOptions::from_environment()?)
    }

    /// [`Catalog::open`], without a look at the environment.
    pub fn open_with(home: &Path, options: CatalogOptions) -> Result<Self> {
        let home = Home::open(home)?;
        home.ensure_database()?;
        let path = home.database();
        let connection = connect(&home, &path).map_err(|failure| failure.into_diagnostic(&path))?;
        Ok(Catalog { path, connection: Mutex::new(connection), sealing: Sealing::new(home, options) })
    }

    /// A copy of the catalog in `home` that lives in memory and ends with the process: what a rehearsal changes.
    /// Nothing is made or changed in the folder, which need not be there. The copy's first secret is sealed with a
    /// key of its own.
    pub fn rehearse(home: &Path) -> Result<Self> {
        let options = CatalogOptions::from_environment()?;
        let home = Home::at(home);
        let path = home.database();
        let connection = rehearsal::copy(&path).map_err(|failure| failure.into_diagnostic(&path))?;
        Ok(Catalog {
            path,
            connection: Mutex::new(connection),
            sealing: Sealing::for_rehearsal(home, options),
        })
    }

    /// The folder of the catalog.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// Runs `work` on one unchanging view of the database.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Transaction<'_>) -> StoreResult<T>) -> Result<T> {
        self.transaction(TransactionBehavior::Deferred, work)
    }

    /// Runs `work` as the only writer. All of it is durable when this answers, or none of it happened.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> StoreResult<T>) -> Result<T> {
        self.transaction(TransactionBehavior::Immediate, work)
    }

    fn transaction<T>(
        &self,
        behavior: TransactionBehavior,
        work: impl FnOnce(&Transaction<'_>) -> StoreResult<T>,
    ) -> Result<T> {
        let run = |mut connection: MutexGuard<'_, Connection>| {
            let transaction = connection.transaction_with_behavior(behavior)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        };
        // A panic in another thread rolled its transaction back, so the connection is as good as new.
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        run(connection).map_err(|failure: crate::error::StoreError| failure.into_diagnostic(&self.path))
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog").field("path", &self.path).finish_non_exhaustive()
    }
}

fn connect(home: &Home, path: &Path) -> StoreResult<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    if !migrations::is_current(&connection, path)? {
        // SQLite's own locks do not cover the switch to WAL: two processes that make it at once can
        // fail with "database is locked" however long they would wait.
        let _alone = home.lock_for_preparation()?;
        if !migrations::is_current(&connection, path)? {
            connection.pragma_update(None, "journal_mode", "WAL")?;
            migrations::run(&mut connection, path)?;
        }
    }
    // FULL: a commit that was answered survives a power cut. WAL's default does not promise that.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    Ok(connection)
}
