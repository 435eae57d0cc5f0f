//! Running a plan: what its scans see, they see together.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use datafusion::{
    common::tree_node::{TreeNode, TreeNodeRecursion},
    error::Result as DataFusionResult,
    execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext},
    physical_plan::{ExecutionPlan, execute_stream, recursive_query::RecursiveQueryExec},
};
use firth_connector::{RemoteId, Remotes, ScanProgress};
use futures::{Stream, StreamExt};

use super::RemoteScanExec;
use crate::external;

/// How far a leaf of a plan has come, whenever it is asked.
pub type LeafProgress = Box<dyn Fn() -> ScanProgress + Send + Sync>;

/// Runs a plan. Its remotes hear how many scans will come, and their views of the source end with the
/// stream, at its end or when it is dropped. Until then [`Remotes::progress`] tells how far it has come;
/// `leaf_progress` knows of leaves that are not scans of remotes.
pub fn execute(
    plan: Arc<dyn ExecutionPlan>,
    context: TaskContext,
    leaf_progress: fn(&Arc<dyn ExecutionPlan>) -> Option<LeafProgress>,
) -> DataFusionResult<SendableRecordBatchStream> {
    let context = Arc::new(context);
    let Some(remotes) = context.session_config().get_extension::<Remotes>() else {
        return execute_stream(plan, context);
    };
    expect_scans(&plan, &remotes)?;
    let leaves = leaves(&plan, leaf_progress)?;
    remotes.watch(move || leaves.iter().map(|progress| progress()).collect());
    let ends = ViewsEnd(remotes);
    let stream = execute_stream(plan, context)?;
    Ok(Box::pin(Reads { schema: stream.schema(), running: Some((stream, ends)) }))
}

/// Tells remotes how many scans a plan has, ahead of [`execute`]: for whoever asks them something in the same view.
pub fn expect_scans(plan: &Arc<dyn ExecutionPlan>, remotes: &Remotes) -> DataFusionResult<()> {
    for (remote, scans) in scans(plan)? {
        remotes.get(&remote).map_err(external)?.expect_scans(scans);
    }
    Ok(())
}

/// The leaves that can tell. Nothing else of the plan is held: a join would keep its table until the last row has gone out.
fn leaves(
    plan: &Arc<dyn ExecutionPlan>,
    leaf_progress: fn(&Arc<dyn ExecutionPlan>) -> Option<LeafProgress>,
) -> DataFusionResult<Vec<LeafProgress>> {
    let mut leaves = Vec::new();
    plan.apply(|node| {
        match node.downcast_ref::<RemoteScanExec>() {
            Some(scan) => leaves.push(scan.progress()),
            None => leaves.extend(leaf_progress(node)),
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(leaves)
}

/// How many scans of each remote a plan has; nothing if some of them run again and again.
fn scans(plan: &Arc<dyn ExecutionPlan>) -> DataFusionResult<HashMap<RemoteId, usize>> {
    let mut scans = HashMap::new();
    let mut recursive = false;
    plan.apply(|node| {
        recursive |= node.is::<RecursiveQueryExec>();
        if let Some(scan) = node.downcast_ref::<RemoteScanExec>() {
            *scans.entry(scan.remote().clone()).or_default() += 1;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(if recursive { HashMap::new() } else { scans })
}

/// A plan's stream, which ends its remotes' views when it ends.
struct Reads {
    schema: SchemaRef,
    running: Option<(SendableRecordBatchStream, ViewsEnd)>,
}

/// Dropped after the streams that use the views.
struct ViewsEnd(Arc<Remotes>);

impl Drop for ViewsEnd {
    fn drop(&mut self) {
        self.0.end_reads();
    }
}

impl Stream for Reads {
    type Item = DataFusionResult<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some((stream, _)) = &mut self.running else { return Poll::Ready(None) };
        let polled = stream.poll_next_unpin(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.running = None;
        }
        polled
    }
}

impl RecordBatchStream for Reads {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
