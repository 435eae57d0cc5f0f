//! The backends of one statement: all in one snapshot.
//!
//! The first backend of a statement is its *leader*. It begins a transaction and exports what it sees;
//! every other begins with the same snapshot, which the server gives away only as long as the leader's
//! transaction is open. So the leader stays out of reads, as a rule, until the last read has begun: a
//! read may be dropped, and its backend is then cancelled. The leader reads itself
//!
//! - when nothing else is to be read, and then it exports nothing unless it had to before;
//! - as the last of the statement's reads;
//! - when no other backend is to be had: `max_backends` is 1, the others are in use, the server has no
//!   slot left, or the snapshot cannot be shared (a pooler in front of several servers). A read of the
//!   leader's that is dropped is then read to its end, unless the statement ends with it.
//!
//! A backend that has read is parked, still in its transaction, for the next read. The statement's plan
//! tells how many scans there will be: a scan takes its second backend only when there is one left for
//! every scan that has none. Whoever waits takes what is parked first, and gets a reader that nobody
//! reads out of its way as described in `pool`.

mod transaction;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use datafusion::common::runtime::SpawnedTask;
use firth_connector::StatementId;
use firth_diagnostic::{Code, Diagnostic, Result};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit},
    time::timeout,
};
use tokio_postgres::{Client, Column};

use super::{
    error,
    options::Settings,
    pool::{Lease, Pool, STALL},
};
use transaction::{AGAIN, begin, export};
pub(super) use transaction::{END, FORGET, end, known_as};

/// How long a further backend may take to begin before the statement goes on with those it has: a
/// pooler lets clients in and answers when it has a server for them.
const JOIN_PATIENCE: Duration = Duration::from_secs(2);

const NOT_SHARED: &str = "read by one backend, because the server shares no snapshot with others";
const FEWER: &str = "read by fewer backends than max_backends, because the server or its pooler gave no more";

/// The backends of one statement on one connection.
pub(super) struct Members {
    pool: Arc<Pool>,
    /// How many scans the statement has; `None` if that is not known.
    scans: Option<usize>,
    statement: StatementId,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// Scans that have been split.
    begun: usize,
    /// Scans that have been split and have had no backend yet.
    unserved: usize,
    /// Splits that were handed out and are not being read yet.
    due: usize,
    /// Backends held: the leader, those that read, and those that are parked.
    held: usize,
    /// Those who want a backend.
    waiting: usize,
    snapshot: Snapshot,
    /// The leader, while it does nothing, and what is to be sent ahead of what it does next.
    leader: Option<(Lease, String)>,
    /// Others that do nothing.
    parked: Vec<Lease>,
    /// For whoever reads the plan.
    notes: Vec<String>,
    /// A dropped read of the leader's.
    draining: Option<SpawnedTask<()>>,
}

#[derive(Clone, Default)]
enum Snapshot {
    #[default]
    None,
    /// Somebody is about to begin it.
    Beginning,
    /// Exported under this name.
    Shared(String),
    /// Of the leader alone.
    Alone,
    /// The leader is gone, and others may still need it.
    Lost,
}

/// What a backend is wanted for.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Purpose {
    /// A question of a few milliseconds.
    Ask,
    /// A read that may be dropped at any time.
    Read,
}

/// What to do next to get a backend.
enum Next {
    Take(Box<Member>),
    Lead { share: bool },
    Join(String),
    Wait,
    Fail,
}

/// The same, before anything is done about it.
enum Choice {
    TakeLeader,
    TakeParked,
    Lead { share: bool },
    Join(String),
    Wait,
    Fail,
}

/// A backend in the statement's snapshot. Dropping it cancels what it does and closes it.
pub(super) struct Member {
    lease: Option<Lease>,
    leads: bool,
    /// What is still to be sent ahead of the next read; need not be waited for.
    pub(super) ahead: Option<String>,
    members: Weak<Members>,
}

impl Members {
    /// The backends of a statement with so many scans.
    pub(super) fn new(pool: Arc<Pool>, statement: StatementId, scans: Option<usize>) -> Arc<Self> {
        let state = Mutex::default();
        let members = Arc::new(Members { pool, scans, statement, state, changed: Notify::const_new() });
        members.pool.watch(&members);
        members
    }

    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Notes that a scan begins.
    pub(super) fn scan_begins(&self) {
        let mut state = self.state();
        state.begun += 1;
        state.unserved += 1;
    }

    /// Notes that so many reads will follow.
    pub(super) fn splits_due(&self, count: usize) {
        self.state().due += count;
    }

    /// A backend in the snapshot, when there is one to be had. Waiting can be given up at any time.
    pub(super) async fn member(self: &Arc<Self>, purpose: Purpose) -> Result<Member> {
        let _waiting = Waiting::begin(self);
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match self.next(purpose) {
                Next::Take(member) => return Ok(*member),
                Next::Lead { share } => self.lead(share).await?,
                Next::Join(snapshot) => {
                    let mut joining = Joining { members: self, done: false };
                    let permit = self.pool.permit();
                    tokio::pin!(permit);
                    let permit = loop {
                        tokio::select! {
                            biased;
                            permit = &mut permit => break Some(permit),
                            () = changed.as_mut() => {}
                        }
                        changed.set(self.changed.notified());
                        changed.as_mut().enable();
                        // Something may be parked.
                        if self.gives_up_place(&mut joining, purpose) {
                            break None;
                        }
                    };
                    if let Some(permit) = permit
                        && let Some(member) = self.join(joining, permit, &snapshot, purpose).await?
                    {
                        return Ok(member);
                    }
                }
                Next::Wait => {
                    let stalled = async {
                        tokio::time::sleep(STALL).await;
                        self.pool.free_unread().await;
                    };
                    tokio::select! { biased; () = changed => {} () = stalled => {} }
                }
                Next::Fail => {
                    return Err(Diagnostic::error(
                        Code::Remote,
                        "the statement's snapshot ended with another read of it",
                    )
                    .hint("Run the statement again."));
                }
            }
        }
    }

    fn next(self: &Arc<Self>, purpose: Purpose) -> Next {
        let mut guard = self.state();
        let state = &mut *guard;
        match self.choice(state, purpose) {
            Choice::TakeLeader => match state.leader.take() {
                Some((lease, ahead)) => {
                    Next::Take(Box::new(self.taken(guard, purpose, lease, Some(ahead), true)))
                }
                None => Next::Wait,
            },
            Choice::TakeParked => match state.parked.pop() {
                Some(lease) => {
                    let ahead = Some(AGAIN.to_owned());
                    Next::Take(Box::new(self.taken(guard, purpose, lease, ahead, false)))
                }
                None => Next::Wait,
            },
            Choice::Lead { share } => {
                state.snapshot = Snapshot::Beginning;
                state.held += 1;
                Next::Lead { share }
            }
            Choice::Join(name) => {
                state.held += 1;
                Next::Join(name)
            }
            Choice::Wait => Next::Wait,
            Choice::Fail => Next::Fail,
        }
    }

    fn choice(&self, state: &State, purpose: Purpose) -> Choice {
        let cap = self.pool.server.settings.max_backends;
        let last = self.scans == Some(state.begun) && state.due <= 1;
        if purpose == Purpose::Ask && state.leader.is_some() {
            return Choice::TakeLeader;
        }
        if !state.parked.is_empty() {
            return Choice::TakeParked;
        }
        let (alone, name) = match &state.snapshot {
            Snapshot::None => {
                return Choice::Lead { share: cap > 1 && !(last && purpose == Purpose::Read) };
            }
            Snapshot::Beginning => return Choice::Wait,
            Snapshot::Lost if state.held == 0 => return Choice::Fail,
            Snapshot::Lost => return Choice::Wait,
            Snapshot::Alone => (true, None),
            Snapshot::Shared(name) => (false, Some(name)),
        };
        let to_come = self.scans.map_or(0, |scans| scans.saturating_sub(state.begun));
        let room = state.unserved > 0 || state.held + to_come < cap;
        let leader_reads = alone || last || !room || !self.pool.has_room();
        if leader_reads && state.leader.is_some() {
            return Choice::TakeLeader;
        }
        match name {
            Some(name) if room => Choice::Join(name.clone()),
            _ => Choice::Wait,
        }
    }

    /// Whether one who waits for the right to a further backend had better do something else by now. Then its
    /// place is free, and others hear of it.
    ///
    /// Whoever would only take the same place again keeps it: two that wait would else wake each other for ever.
    fn gives_up_place(&self, joining: &mut Joining<'_>, purpose: Purpose) -> bool {
        let mut state = self.state();
        state.held = state.held.saturating_sub(1);
        if matches!(self.choice(&state, purpose), Choice::Join(_)) {
            state.held += 1;
            return false;
        }
        joining.done = true;
        drop(state);
        self.changed.notify_waiters();
        true
    }

    /// Counts a backend as taken, and lets those go that nobody will need any more.
    fn taken(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        purpose: Purpose,
        lease: Lease,
        ahead: Option<String>,
        leads: bool,
    ) -> Member {
        if purpose == Purpose::Read {
            state.unserved = state.unserved.saturating_sub(1);
            state.due = state.due.saturating_sub(1);
        }
        let member = Member { lease: Some(lease), leads, ahead, members: Arc::downgrade(self) };
        if purpose == Purpose::Read {
            self.dismiss_if_finished(state);
        }
        member
    }

    /// Whether every read of the statement has begun.
    fn finished(&self, state: &State) -> bool {
        self.scans == Some(state.begun) && state.due == 0 && state.unserved == 0
    }

    fn dismiss_if_finished(&self, mut state: MutexGuard<'_, State>) {
        if !self.finished(&state) {
            return;
        }
        let leader = state.leader.take().map(|(lease, _)| lease);
        let idle: Vec<Lease> = leader.into_iter().chain(state.parked.drain(..)).collect();
        state.held = state.held.saturating_sub(idle.len());
        drop(state);
        idle.into_iter().for_each(end);
    }

    /// Begins the statement's snapshot, and exports it if others are to share it.
    async fn lead(self: &Arc<Self>, share: bool) -> Result<()> {
        let mut beginning = Beginning { members: self, done: false };
        self.pool.may_read(self.statement)?;
        let lease = self.pool.lease().await?;
        let name = if share { export(&lease, self.statement).await? } else { None };
        beginning.done = true;
        let mut state = self.state();
        // A transaction that nobody shares begins with the first request, without a round trip of its own.
        let ahead =
            if name.is_some() { AGAIN.to_owned() } else { begin(&lease, self.statement, None, false) };
        if share && name.is_none() {
            state.notes.push(NOT_SHARED.to_owned());
        }
        state.snapshot = name.map_or(Snapshot::Alone, Snapshot::Shared);
        state.leader = Some((lease, ahead));
        drop(state);
        self.changed.notify_waiters();
        Ok(())
    }

    /// A further backend in the snapshot; `None` if the statement is to go on with those it has.
    async fn join(
        self: &Arc<Self>,
        mut joining: Joining<'_>,
        permit: OwnedSemaphorePermit,
        snapshot: &str,
        purpose: Purpose,
    ) -> Result<Option<Member>> {
        // A pooler that has no server left neither refuses nor answers.
        let lease = match timeout(JOIN_PATIENCE, self.pool.lease_with(permit)).await {
            Ok(Ok(lease)) => lease,
            Ok(Err(refused)) if refused.code() == Code::Exhausted => {
                log::warn!("the statement goes on with the backends it has: {refused}");
                self.stop_sharing(FEWER);
                return Ok(None);
            }
            Ok(Err(failure)) => return Err(failure),
            Err(_) => {
                self.stop_sharing(FEWER);
                return Ok(None);
            }
        };
        let begin = begin(&lease, self.statement, Some(snapshot), false);
        match timeout(JOIN_PATIENCE, lease.client().batch_execute(&begin)).await {
            Ok(Ok(())) => {}
            Ok(Err(failure)) if failure.as_db_error().is_none() => {
                return Err(error::request(lease.settings(), &failure, None));
            }
            Ok(Err(refused)) => {
                let refused = error::request(lease.settings(), &refused, None);
                log::warn!(
                    "the statement reads by one backend, because its snapshot cannot be shared: {refused}"
                );
                self.stop_sharing(NOT_SHARED);
                return Ok(None);
            }
            Err(_) => {
                self.stop_sharing(FEWER);
                return Ok(None);
            }
        }
        joining.done = true;
        Ok(Some(self.taken(self.state(), purpose, lease, None, false)))
    }

    /// What went otherwise than asked, since the last question.
    pub(super) fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut self.state().notes)
    }

    /// Notes something for whoever reads the plan.
    pub(super) fn note(&self, words: String) {
        self.state().notes.push(words);
    }

    fn stop_sharing(&self, why: &'static str) {
        let mut state = self.state();
        state.notes.push(why.to_owned());
        if matches!(state.snapshot, Snapshot::Shared(_)) {
            state.snapshot = Snapshot::Alone;
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// A parked backend that is not the leader, for somebody outside of the statement who waits.
    pub(super) fn give_up_parked(&self) -> Option<Lease> {
        let mut state = self.state();
        if state.waiting > 0 {
            return None;
        }
        let lease = state.parked.pop()?;
        state.held = state.held.saturating_sub(1);
        Some(lease)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let leader = state.leader.take().map(|(lease, _)| lease);
        leader.into_iter().chain(state.parked.drain(..)).for_each(end);
    }
}

impl Member {
    fn lease(&self) -> &Lease {
        self.lease.as_ref().expect("held until parked or dropped")
    }

    /// The driver's client.
    pub(super) fn client(&self) -> &Client {
        self.lease().client()
    }

    /// What the connection is made of.
    pub(super) fn settings(&self) -> &Settings {
        self.lease().settings()
    }

    /// Notes of which types columns are that the driver has described.
    pub(super) fn has_described(&self, columns: &[Column]) {
        self.lease().backend().has_described(columns);
    }

    /// Whether the snapshot ends with this, while others still need it.
    pub(super) fn is_needed(&self) -> bool {
        let Some(members) = self.members.upgrade() else { return false };
        let state = members.state();
        self.leads && !members.finished(&state)
    }

    /// Gives the backend back, with its transaction open and no statement running.
    pub(super) fn park(mut self) {
        let Some(lease) = self.lease.take() else { return };
        let Some(members) = self.members.upgrade() else { return end(lease) };
        let mut state = members.state();
        if self.leads && !members.finished(&state) {
            state.leader = Some((lease, AGAIN.to_owned()));
        } else if members.finished(&state) || (state.waiting == 0 && members.pool.is_wanted()) {
            state.held = state.held.saturating_sub(1);
            if self.leads {
                state.snapshot = Snapshot::None;
            }
            drop(state);
            end(lease);
        } else {
            state.parked.push(lease);
        }
        members.changed.notify_waiters();
    }

    /// Gives the backend back whose transaction has failed, or whose last request has.
    pub(super) fn give_back(mut self) {
        if let Some(lease) = self.leave() {
            end(lease);
        }
    }

    /// Leaves the statement.
    fn leave(&mut self) -> Option<Lease> {
        let lease = self.lease.take()?;
        if let Some(members) = self.members.upgrade() {
            let mut state = members.state();
            state.held = state.held.saturating_sub(1);
            if self.leads {
                state.snapshot = if members.finished(&state) { Snapshot::None } else { Snapshot::Lost };
            }
            drop(state);
            members.changed.notify_waiters();
        }
        Some(lease)
    }

    /// Does `work` in the background, then parks. Ends when the statement ends.
    pub(super) fn drain(self, work: impl Future<Output = ()> + Send + 'static) {
        let Some(members) = self.members.upgrade() else { return };
        let task = SpawnedTask::spawn(async move {
            work.await;
            self.park();
        });
        members.state().draining = Some(task);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        drop(self.leave());
    }
}

/// Counts one who waits for as long as it lives.
struct Waiting<'a>(&'a Members);

impl<'a> Waiting<'a> {
    fn begin(members: &'a Members) -> Self {
        members.state().waiting += 1;
        Waiting(members)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.state().waiting -= 1;
    }
}

/// Undoes [`Snapshot::Beginning`] when it comes to nothing.
struct Beginning<'a> {
    members: &'a Members,
    done: bool,
}

impl Drop for Beginning<'_> {
    fn drop(&mut self) {
        if !self.done {
            let mut state = self.members.state();
            state.snapshot = Snapshot::None;
            state.held = state.held.saturating_sub(1);
            drop(state);
            self.members.changed.notify_waiters();
        }
    }
}

/// Counts a backend, which has been counted already, as not held when it comes to nothing.
struct Joining<'a> {
    members: &'a Members,
    done: bool,
}

impl Drop for Joining<'_> {
    fn drop(&mut self) {
        if !self.done {
            let mut state = self.members.state();
            state.held = state.held.saturating_sub(1);
            drop(state);
            // There is room for another. Those who wait for a right, as this one did, keep their places.
            self.members.changed.notify_waiters();
        }
    }
}
