//! The backends of one connection: at most `max_backends`, used again when clean.
//!
//! A statement may read several tables at once while each read holds a backend, and readers are
//! read at their consumer's pace. So with a cap, reads could wait for each other: a merge join polls
//! its two inputs in turn; if the first holds the only backend, the second waits for the first, which
//! is not read on before the second has delivered. The same can happen between statements, and between
//! connections. Here it cannot: whoever waits and sees a reader that nobody reads, reads it to its
//! end into a temporary file, which frees its backend. So of the backends in use, each is at work at
//! the server, or is being read, or is being freed; and the cap is never exceeded.
//!
//! A statement that writes keeps a backend until its rows have ended, and they may come from here. So of `max_backends`
//! statements that write one too many would be at once: each would have its backend, and none another to read by.
//! One less may, and a statement takes its turn before it reads anything: then a backend is left that only readers
//! have, and those come to their end.

use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use firth_connector::StatementId;
use firth_diagnostic::{Code, Diagnostic, Result};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

use super::{
    backend::{Backend, Server},
    members::{Members, end},
    options::Settings,
    reading::Reading,
};

/// How long to wait for a backend before looking for a reader that nobody reads.
pub(super) const STALL: Duration = Duration::from_millis(200);

/// After how long an idle backend is asked whether it is still there.
const FRESH: Duration = Duration::from_secs(5);

/// The backends of one connection in this process.
pub(super) struct Pool {
    pub(super) server: Arc<Server>,
    free: Arc<Semaphore>,
    idle: Mutex<Vec<(Backend, Instant)>>,
    readers: Mutex<Vec<(Weak<tokio::sync::Mutex<Reading>>, CancellationToken)>>,
    /// The statements under way, which may have parked a backend.
    statements: Mutex<Vec<Weak<Members>>>,
    wanted: AtomicUsize,
    /// The statements that write, each with a backend that it keeps until its rows have ended.
    writing: Mutex<Vec<StatementId>>,
    /// The turns of those that write.
    turns: Arc<Semaphore>,
}

impl Pool {
    pub(super) fn new(server: Server) -> Arc<Self> {
        let free = Arc::new(Semaphore::new(server.settings.max_backends));
        // With one backend nothing is read from here for what is written: `may_read` refuses that.
        let turns = Arc::new(Semaphore::new(server.settings.max_backends.saturating_sub(1).max(1)));
        Arc::new(Pool {
            server: Arc::new(server),
            free,
            idle: Mutex::default(),
            readers: Mutex::default(),
            statements: Mutex::default(),
            wanted: AtomicUsize::new(0),
            writing: Mutex::default(),
            turns,
        })
    }

    /// A backend, when there is one to be had. Waiting can be given up at any time.
    pub(super) async fn lease(self: &Arc<Self>) -> Result<Lease> {
        let permit = self.permit().await;
        self.lease_with(permit).await
    }

    /// The same, for whoever has waited for [`Self::permit`].
    pub(super) async fn lease_with(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Result<Lease> {
        while let Some((backend, since)) = self.pop_idle() {
            if backend.is_open() && (since.elapsed() < FRESH || answers(&backend).await) {
                return Ok(Lease { held: Some((backend, permit)), pool: Arc::clone(self) });
            }
        }
        self.connected(permit).await
    }

    /// A backend that has just connected.
    pub(super) async fn lease_new(self: &Arc<Self>) -> Result<Lease> {
        let permit = self.permit().await;
        // An idle one counts towards the cap as soon as this one is connected.
        if let Some((backend, _)) = self.pop_idle() {
            backend.close();
        }
        self.connected(permit).await
    }

    async fn connected(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Result<Lease> {
        let backend = self.server.connect().await?;
        Ok(Lease { held: Some((backend, permit)), pool: Arc::clone(self) })
    }

    fn pop_idle(&self) -> Option<(Backend, Instant)> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Notes that this statement writes, for as long as the answer lives, once it is its turn. Its rows may not come
    /// from here then if there is but one backend: the read would wait for the write, which waits for its rows.
    pub(super) async fn writing(self: &Arc<Self>, statement: StatementId) -> Writing {
        let turn = Arc::clone(&self.turns).acquire_owned().await.expect("the semaphore is never closed");
        self.writing.lock().unwrap_or_else(PoisonError::into_inner).push(statement);
        Writing { pool: Arc::clone(self), statement, _turn: turn }
    }

    /// An error if a read of this statement would wait for its own write.
    pub(super) fn may_read(&self, statement: StatementId) -> Result<()> {
        let writes = self.writing.lock().unwrap_or_else(PoisonError::into_inner).contains(&statement);
        if !writes || self.server.settings.max_backends > 1 {
            return Ok(());
        }
        let message = "the rows come over the connection that they are written to, which has one backend";
        Err(Diagnostic::error(Code::Invalid, message)
            .hint("Reading while writing takes a second one: raise option max_backends."))
    }

    /// Whether a backend could be had without waiting.
    pub(super) fn has_room(&self) -> bool {
        self.free.available_permits() > 0
    }

    /// Whether somebody waits for a backend.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) > 0
    }

    /// The right to one more backend. Waiting can be given up at any time.
    pub(super) async fn permit(&self) -> OwnedSemaphorePermit {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            return permit;
        }
        let _wanted = Wanted::begin(&self.wanted);
        let acquired = Arc::clone(&self.free).acquire_owned();
        tokio::pin!(acquired);
        loop {
            let freed = async {
                tokio::time::sleep(STALL).await;
                self.free_unread().await;
            };
            tokio::select! {
                biased;
                permit = &mut acquired => return permit.expect("the semaphore is never closed"),
                () = freed => {}
            }
        }
    }

    /// Lets waiting reads free this reader's backend while nobody reads it.
    ///
    /// The token says that the reader is gone, and that its backend is not to be kept busy.
    pub(super) fn register(&self, reader: &Arc<tokio::sync::Mutex<Reading>>, gone: CancellationToken) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers.retain(|(reader, _)| reader.strong_count() > 0);
        readers.push((Arc::downgrade(reader), gone));
    }

    /// Lets waiting reads take the backends that this statement has parked.
    pub(super) fn watch(&self, members: &Arc<Members>) {
        let mut statements = self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        statements.retain(|members| members.strong_count() > 0);
        statements.push(Arc::downgrade(members));
    }

    /// Frees a backend that is parked, or else reads one reader that nobody reads to its end.
    pub(super) async fn free_unread(&self) {
        let statements = self.statements.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(lease) = statements.iter().filter_map(Weak::upgrade).find_map(|one| one.give_up_parked())
        {
            return end(lease);
        }
        let readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (reader, gone) in readers {
            let Some(reader) = reader.upgrade() else { continue };
            // A locked reader is being read: its backend will be free without our help.
            let Ok(mut reading) = reader.try_lock() else { continue };
            if reading.holds_backend() {
                tokio::select! {
                    () = gone.cancelled() => {}
                    () = reading.read_ahead() => {}
                }
                return;
            }
        }
    }
}

/// A statement that writes.
pub(super) struct Writing {
    pool: Arc<Pool>,
    statement: StatementId,
    _turn: OwnedSemaphorePermit,
}

impl Drop for Writing {
    fn drop(&mut self) {
        let mut writing = self.pool.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = writing.iter().position(|statement| *statement == self.statement) {
            writing.swap_remove(place);
        }
    }
}

/// Counts one who waits for as long as it lives.
struct Wanted<'a>(&'a AtomicUsize);

impl<'a> Wanted<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Wanted(count)
    }
}

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn answers(backend: &Backend) -> bool {
    matches!(timeout(FRESH, backend.client.check_connection()).await, Ok(Ok(())))
}

/// A backend in use. Dropping it cancels what it does and closes it; [`Lease::release`] keeps it.
pub(super) struct Lease {
    held: Option<(Backend, OwnedSemaphorePermit)>,
    pool: Arc<Pool>,
}

impl Lease {
    /// The backend.
    pub(super) fn backend(&self) -> &Backend {
        let (backend, _) = self.held.as_ref().expect("held until released or dropped");
        backend
    }

    /// What the connection is made of.
    pub(super) fn settings(&self) -> &Settings {
        &self.pool.server.settings
    }

    /// The driver's client.
    pub(super) fn client(&self) -> &Client {
        &self.backend().client
    }

    /// Gives the backend back, with no transaction open and no statement running.
    pub(super) fn release(mut self) {
        let Some((backend, permit)) = self.held.take() else { return };
        if !backend.can_be_kept() {
            backend.close();
            return;
        }
        {
            let mut idle = self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push((backend, Instant::now()));
        }
        drop(permit);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some((backend, permit)) = self.held.take() {
            backend.abandon(permit);
        }
    }
}
