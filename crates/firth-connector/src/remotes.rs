//! The remotes that one statement has opened: how a plan that holds only ids finds them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Instant,
};

use firth_diagnostic::{Diagnostic, Result};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::{ReadScope, Remote, RemoteId, ScanProgress, SourceMetrics, SourceReport, StatementId};

/// Looks at a plan that runs.
type Watch = Box<dyn Fn() -> Vec<ScanProgress> + Send + Sync>;

/// One statement's remotes. An extension of the session configuration, so that operators find it in
/// their task context, here and on a worker.
pub struct Remotes {
    statement: StatementId,
    begun: Instant,
    opened: RwLock<HashMap<Uuid, Arc<OpenedRemote>>>,
    /// How far the plan that runs has come.
    watch: Mutex<Option<Watch>>,
    /// Those of work that the statement does first, whose reads see a moment of their own.
    before: Mutex<Vec<Arc<Remotes>>>,
}

/// A remote in use by one statement: all its scans share the read scope and the counters.
pub struct OpenedRemote {
    /// Which.
    pub id: RemoteId,
    /// The remote itself.
    pub remote: Arc<dyn Remote>,
    /// What the statement asked of it.
    pub metrics: Arc<SourceMetrics>,
    statement: StatementId,
    reads: Mutex<Reads>,
}

/// The reads under way of one remote.
#[derive(Default)]
struct Reads {
    /// How many scans will begin, if that is known.
    scans: Option<usize>,
    scope: Arc<OnceCell<Arc<dyn ReadScope>>>,
}

impl Remotes {
    /// No remotes yet.
    pub fn new(statement: StatementId) -> Self {
        let begun = Instant::now();
        Remotes {
            statement,
            begun,
            opened: RwLock::default(),
            watch: Mutex::default(),
            before: Mutex::default(),
        }
    }

    /// Remotes of the same statement for a plan that runs while others of it run: what it reads, it reads at a moment of
    /// its own. What it asked is told by [`Self::report`].
    pub fn apart(&self) -> Arc<Remotes> {
        let apart = Arc::new(Remotes::new(self.statement));
        self.before().push(Arc::clone(&apart));
        apart
    }

    fn before(&self) -> MutexGuard<'_, Vec<Arc<Remotes>>> {
        self.before.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The statement.
    pub fn statement(&self) -> StatementId {
        self.statement
    }

    /// Adds a remote, or answers the one that is there under the same id.
    pub fn insert(&self, id: RemoteId, remote: Arc<dyn Remote>) -> Arc<OpenedRemote> {
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        let statement = self.statement;
        Arc::clone(opened.entry(id.uuid).or_insert_with(|| {
            Arc::new(OpenedRemote { id, remote, metrics: Arc::default(), statement, reads: Mutex::default() })
        }))
    }

    /// The remote under this id.
    pub fn get(&self, id: &RemoteId) -> Result<Arc<OpenedRemote>> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        opened
            .get(&id.uuid)
            .map(Arc::clone)
            .ok_or_else(|| Diagnostic::internal(format!("connection {id} was not opened for this statement")))
    }

    /// Those that the plan which is about to run has scans of, in name order.
    pub fn expected(&self) -> Vec<Arc<OpenedRemote>> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        let mut expected: Vec<Arc<OpenedRemote>> = opened
            .values()
            .filter(|remote| remote.reads().scans.is_some_and(|scans| scans > 0))
            .cloned()
            .collect();
        expected.sort_by(|one, other| one.id.name.cmp(&other.id.name));
        expected
    }

    /// Notes how to see how far the plan has come that begins to run. It is held until [`Self::end_reads`].
    pub fn watch(&self, watch: impl Fn() -> Vec<ScanProgress> + Send + Sync + 'static) {
        *self.watching() = Some(Box::new(watch));
    }

    /// The scans of the plan that runs now; none if none does.
    pub fn progress(&self) -> Vec<ScanProgress> {
        let mut scans: Vec<ScanProgress> = self.watching().as_ref().map(|watch| watch()).unwrap_or_default();
        scans.extend(self.before().iter().flat_map(|apart| apart.progress()));
        scans
    }

    fn watching(&self) -> MutexGuard<'_, Option<Watch>> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the view of every remote, at the source when the last stream from it is gone. Whatever reads
    /// next sees another moment.
    pub fn end_reads(&self) {
        // Dropped outside the lock: it may be the last to hold the plan.
        let watch = self.watching().take();
        drop(watch);
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        for remote in opened.values() {
            *remote.reads() = Reads::default();
        }
    }

    /// What was asked of each, in name order.
    pub fn report(&self) -> Vec<SourceReport> {
        let scans = self.progress();
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        let mut reports: Vec<SourceReport> = opened
            .values()
            .map(|remote| {
                let name = (!remote.id.name.is_empty()).then_some(remote.id.name.as_str());
                let mut report = remote.metrics.report(name, &remote.id.kind);
                if let Some(first) = remote.metrics.first() {
                    report.after_ms = first.saturating_duration_since(self.begun).as_secs_f64() * 1e3;
                }
                for scan in scans.iter().filter(|scan| scan.remote == remote.id.uuid) {
                    report.parts += scan.parts;
                    report.parts_read += scan.done.min(scan.parts);
                }
                report
            })
            .collect();
        reports.extend(self.before().iter().flat_map(|apart| apart.report()));
        reports.sort_by(|a, b| a.connection.cmp(&b.connection));
        reports
    }
}

impl OpenedRemote {
    /// Notes how many scans of this remote a plan that is about to run has.
    pub fn expect_scans(&self, scans: usize) {
        self.reads().scans = Some(scans);
    }

    /// The statement's one read scope of this remote, begun when first asked for.
    pub async fn scope(&self) -> Result<Arc<dyn ReadScope>> {
        let (scope, scans) = {
            let reads = self.reads();
            (Arc::clone(&reads.scope), reads.scans)
        };
        let begin = || async {
            let sql = Arc::clone(&self.remote)
                .sql()
                .ok_or_else(|| Diagnostic::internal(format!("connection {} has no SQL side", self.id)))?;
            sql.begin(self.statement, scans).await
        };
        scope.get_or_try_init(begin).await.map(Arc::clone)
    }

    fn reads(&self) -> MutexGuard<'_, Reads> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
