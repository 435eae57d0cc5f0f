//! Which partition reads which split.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use datafusion::{common::internal_datafusion_err, error::Result as DataFusionResult};
use firth_connector::Split;
use firth_diagnostic::Result;
use tokio::sync::OnceCell;

/// The executions of one scan.
///
/// The n-th execution of a partition belongs to the n-th execution of the scan. So each execution
/// reads every split exactly once, whether partitions run side by side or one after the other, and
/// even if a plan is executed again without being reset.
#[derive(Debug)]
pub(super) struct Executions {
    joined: Mutex<Joined>,
    tally: Arc<Tally>,
}

/// The splits of all executions of a scan.
#[derive(Debug, Default)]
pub(super) struct Tally {
    known: AtomicU64,
    read: AtomicU64,
}

impl Tally {
    /// How many splits are known of, and how many of them have been read to their end.
    pub(super) fn splits(&self) -> (u64, u64) {
        (self.known.load(Ordering::Relaxed), self.read.load(Ordering::Relaxed))
    }
}

#[derive(Debug)]
struct Joined {
    /// How often each partition has been executed.
    times: Vec<usize>,
    /// The executions that some partition has yet to join, after `forgotten` older ones.
    open: VecDeque<Arc<Execution>>,
    forgotten: usize,
}

impl Executions {
    /// None yet, of this many partitions.
    pub(super) fn new(partitions: usize) -> Self {
        let joined = Joined { times: vec![0; partitions], open: VecDeque::new(), forgotten: 0 };
        Executions { joined: Mutex::new(joined), tally: Arc::default() }
    }

    /// Counts of the splits.
    pub(super) fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// The execution that `partition` belongs to when it is executed now.
    pub(super) fn join(&self, partition: usize) -> DataFusionResult<Arc<Execution>> {
        let mut guard = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
        let joined = &mut *guard;
        let Some(times) = joined.times.get_mut(partition) else {
            return Err(internal_datafusion_err!("a remote scan has no partition {partition}"));
        };
        let position = *times - joined.forgotten;
        *times += 1;
        if position == joined.open.len() {
            let tally = Arc::clone(&self.tally);
            joined.open.push_back(Arc::new(Execution { tally, ..Execution::default() }));
        }
        let execution = Arc::clone(&joined.open[position]);
        if joined.times.iter().all(|times| *times > joined.forgotten) {
            joined.open.pop_front();
            joined.forgotten += 1;
        }
        Ok(execution)
    }
}

/// One execution of a scan: what its partitions share.
#[derive(Debug, Default)]
pub(super) struct Execution {
    queue: OnceCell<Result<Mutex<VecDeque<Split>>>>,
    delivered: Mutex<usize>,
    tally: Arc<Tally>,
}

impl Execution {
    /// The next split that no partition has drawn, or `None` when all are drawn.
    ///
    /// `splits` is asked once, by whoever comes first. If it fails, every partition fails with it.
    pub(super) async fn draw(
        &self,
        splits: impl AsyncFnOnce() -> Result<Vec<Split>>,
    ) -> Result<Option<Split>> {
        let fill = async || {
            let splits = VecDeque::from(splits().await?);
            self.tally.known.fetch_add(splits.len() as u64, Ordering::Relaxed);
            Ok(Mutex::new(splits))
        };
        let queue = self.queue.get_or_init(fill).await.as_ref().map_err(Clone::clone)?;
        Ok(queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front())
    }

    /// Notes that a split has been read to its end.
    pub(super) fn has_read_split(&self) {
        self.tally.read.fetch_add(1, Ordering::Relaxed);
    }

    /// How many of `rows` are still wanted under `limit`, which all partitions share. Counts them.
    pub(super) fn take(&self, rows: usize, limit: usize) -> usize {
        let mut delivered = self.delivered.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = rows.min(limit.saturating_sub(*delivered));
        *delivered += taken;
        taken
    }

    /// Whether `limit` rows have been delivered.
    pub(super) fn is_satisfied(&self, limit: usize) -> bool {
        *self.delivered.lock().unwrap_or_else(PoisonError::into_inner) >= limit
    }
}
