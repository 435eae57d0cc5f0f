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
use firth_connector::{RemoteId, Remotes};
use futures::{Stream, StreamExt};

use super::RemoteScanExec;
use crate::external;

/// How many keys of a join, and how many bytes of them, are told to the scans below it where a source
/// of SQL can be asked for just those; beyond, only the least and the greatest.
///
/// Nowhere else: every file and row group of a scan simplifies such a list anew, which stood in the profiles of
/// TPC-H's queries 4, 10, 14 and 16 (ADR 30).
const MOST_JOIN_KEYS: usize = 100_000;
const MOST_JOIN_KEY_BYTES: usize = 4 << 20;

/// Runs a plan. Its remotes hear how many scans will come, and their views of the source end with the
/// stream, at its end or when it is dropped.
pub fn execute(
    plan: Arc<dyn ExecutionPlan>,
    context: TaskContext,
) -> DataFusionResult<SendableRecordBatchStream> {
    let context = Arc::new(if takes_keys(&plan)? { telling_keys(context) } else { context });
    let Some(remotes) = context.session_config().get_extension::<Remotes>() else {
        return execute_stream(plan, context);
    };
    for (remote, scans) in scans(&plan)? {
        remotes.get(&remote).map_err(external)?.expect_scans(scans);
    }
    let stream = execute_stream(plan, context)?;
    Ok(Box::pin(Reads { schema: stream.schema(), running: Some((stream, ViewsEnd(remotes))) }))
}

/// Whether a scan of a remote waits for what operators above it find out.
fn takes_keys(plan: &Arc<dyn ExecutionPlan>) -> DataFusionResult<bool> {
    plan.exists(|node| Ok(node.downcast_ref::<RemoteScanExec>().is_some_and(RemoteScanExec::is_filtered)))
}

fn telling_keys(context: TaskContext) -> TaskContext {
    let mut config = context.session_config().clone();
    let optimizer = &mut config.options_mut().optimizer;
    optimizer.hash_join_inlist_pushdown_max_distinct_values = MOST_JOIN_KEYS;
    optimizer.hash_join_inlist_pushdown_max_size = MOST_JOIN_KEY_BYTES;
    context.with_session_config(config)
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
