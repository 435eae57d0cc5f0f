//! A result set in the making, on another thread than the one that writes its rows.
//!
//! That way Ctrl-C is answered at once even while an operator computes for seconds without a pause,
//! and rows are printed while the next ones are made.

use arrow::array::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use firth_connector::Canceller;
use firth_diagnostic::Result;
use futures::StreamExt as _;
use tokio::{sync::mpsc, task::JoinSet};

use crate::panic;

/// How many batches may wait to be written.
const WAITING_BATCHES: usize = 2;

/// A stream at work. Dropping it cancels the stream; [`Self::cancelled`] also waits for that.
pub(crate) struct Execution {
    batches: mpsc::Receiver<Result<RecordBatch>>,
    /// Holds one task, which owns the stream.
    task: JoinSet<()>,
}

impl Execution {
    /// Starts the work. Must be called within a runtime.
    pub(crate) fn start(mut stream: SendableRecordBatchStream) -> Self {
        let (sender, batches) = mpsc::channel(WAITING_BATCHES);
        let mut task = JoinSet::new();
        task.spawn(async move {
            while let Some(batch) = stream.next().await {
                let failed = batch.is_err();
                // Nobody takes batches any more when the writing has failed.
                if sender.send(batch.map_err(firth_engine::diagnostic)).await.is_err() || failed {
                    return;
                }
            }
        });
        Execution { batches, task }
    }

    /// Waits for the next batch; `None` after the last.
    pub(crate) async fn batch(&mut self) -> Result<Option<RecordBatch>> {
        match self.batches.recv().await {
            Some(batch) => batch.map(Some),
            // The sender has gone with its task, whose end was good or a panic.
            None => match self.task.join_next().await {
                Some(Err(error)) if error.is_panic() => Err(panic::diagnostic(error.into_panic())),
                Some(Ok(()) | Err(_)) | None => Ok(None),
            },
        }
    }

    /// Cancels what is still at work, and gives it a moment to notice. Only with the task is the stream
    /// dropped, and only then do its sources reach the canceller.
    pub(crate) async fn cancelled(mut self) {
        self.task.abort_all();
        drop(self.batches);
        let _ = tokio::time::timeout(Canceller::PATIENCE, self.task.join_next()).await;
    }
}
