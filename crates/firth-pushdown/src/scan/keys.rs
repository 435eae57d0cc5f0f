//! Which joins tell their keys, and that whoever is told hears of them in time.
//!
//! A hash join knows its keys when its build side is read, and tells them to the scans of its probe side. To
//! a source of SQL a list of a hundred thousand keys is worth its bytes. To files it is not: every file and
//! row group of a scan simplifies the list anew, which stood in the profiles of TPC-H's queries 4, 10, 14 and
//! 16. So each join is told by itself how many keys are a list ([`JoinKeysExec`]).
//!
//! A scan fixes its text when it is first polled. Some operators poll their inputs as soon as they execute,
//! before joins above them know anything, so they are executed when they are asked for rows
//! ([`WhenAskedExec`]):
//!
//! ```text
//! HashJoinExec: n.id = c.nation              JoinKeysExec: most_keys=100000
//!   RemoteScanExec: nations                    HashJoinExec: n.id = c.nation
//!   HashJoinExec: c.id = l.customer              RemoteScanExec: nations
//!     CoalescePartitionsExec             ⇒       JoinKeysExec: most_keys=150
//!       RemoteScanExec: customers                  HashJoinExec: c.id = l.customer
//!     DataSourceExec: a file                         WhenAskedExec
//!                                                      CoalescePartitionsExec
//!                                                        RemoteScanExec: customers
//!                                                    DataSourceExec: a file
//! ```

use std::{collections::HashSet, fmt, sync::Arc};

use datafusion::{
    common::{
        Statistics, internal_datafusion_err,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    error::Result as DataFusionResult,
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::PhysicalExpr,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
        coalesce_partitions::CoalescePartitionsExec, joins::HashJoinExec,
        sorts::sort_preserving_merge::SortPreservingMergeExec, statistics::StatisticsArgs,
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{StreamExt, stream};

use super::{RemoteScanExec, ambiguous::without_ambiguous_filters};

/// How many keys of a join, and how many bytes of them, are told to the scans below it where a source
/// of SQL can be asked for just those; beyond, only the least and the greatest.
const MOST_KEYS: usize = 100_000;
const MOST_KEY_BYTES: usize = 4 << 20;

/// A plan whose joins tell keys to the sources of SQL that wait for them, and long lists to nobody else. And none of
/// its filters arrives at another column than it is of.
///
/// For a plan that no rule will change any more.
pub fn tell_keys(plan: Arc<dyn ExecutionPlan>) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
    let plan = without_ambiguous_filters(plan)?;
    let waited_for = waited_for(&plan)?;
    let mut joins = HashSet::new();
    plan.apply(|node| {
        joins.extend(join_filter(node).filter(|id| waited_for.contains(id)));
        Ok(TreeNodeRecursion::Continue)
    })?;
    if joins.is_empty() {
        return Ok(plan);
    }
    let told = |node: Arc<dyn ExecutionPlan>| {
        if let Some(id) = join_filter(&node) {
            return Ok(Transformed::yes(Arc::new(JoinKeysExec::new(node, joins.contains(&id))) as _));
        }
        if is_eager(&node) && waits_for_joins_above(&node, &joins)? {
            return Ok(Transformed::yes(Arc::new(WhenAskedExec { input: node }) as _));
        }
        Ok(Transformed::no(node))
    };
    Ok(plan.transform_up(told)?.data)
}

/// The filters that scans of sources below wait for, by their ids.
fn waited_for(plan: &Arc<dyn ExecutionPlan>) -> DataFusionResult<HashSet<u64>> {
    let mut ids = HashSet::new();
    plan.apply(|node| {
        if let Some(scan) = node.downcast_ref::<RemoteScanExec>() {
            for filter in scan.filters() {
                filter.apply(|expr| {
                    ids.extend(expr.expression_id());
                    Ok(TreeNodeRecursion::Continue)
                })?;
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(ids)
}

/// The filter that a hash join makes, by its id.
fn join_filter(node: &Arc<dyn ExecutionPlan>) -> Option<u64> {
    node.downcast_ref::<HashJoinExec>()?.dynamic_expressions_produced().first()?.expression_id()
}

/// Whether it polls its inputs when it is executed.
fn is_eager(node: &Arc<dyn ExecutionPlan>) -> bool {
    let several = |input: &Arc<dyn ExecutionPlan>| input.properties().partitioning.partition_count() > 1;
    (node.is::<CoalescePartitionsExec>() || node.is::<SortPreservingMergeExec>())
        && node.children().into_iter().any(several)
}

/// Whether a scan below waits for one of these joins that is not below, too.
fn waits_for_joins_above(node: &Arc<dyn ExecutionPlan>, joins: &HashSet<u64>) -> DataFusionResult<bool> {
    let mut waited_for = waited_for(node)?;
    node.apply(|node| {
        if let Some(id) = join_filter(node) {
            waited_for.remove(&id);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(waited_for.iter().any(|id| joins.contains(id)))
}

/// Says to the join below it how many keys it tells as a list.
#[derive(Debug)]
struct JoinKeysExec {
    input: Arc<dyn ExecutionPlan>,
    /// Whether a source of SQL takes them; if not, DataFusion's own measure holds.
    many: bool,
}

impl JoinKeysExec {
    fn new(input: Arc<dyn ExecutionPlan>, many: bool) -> Self {
        JoinKeysExec { input, many }
    }

    fn context(&self, context: &TaskContext) -> Arc<TaskContext> {
        let mut config = context.session_config().clone();
        let defaults = datafusion::common::config::OptimizerOptions::default();
        let optimizer = &mut config.options_mut().optimizer;
        let (keys, bytes) = if self.many {
            (MOST_KEYS, MOST_KEY_BYTES)
        } else {
            (
                defaults.hash_join_inlist_pushdown_max_distinct_values,
                defaults.hash_join_inlist_pushdown_max_size,
            )
        };
        optimizer.hash_join_inlist_pushdown_max_distinct_values = keys;
        optimizer.hash_join_inlist_pushdown_max_size = bytes;
        Arc::new(TaskContext::new(
            context.task_id(),
            context.session_id(),
            config,
            context.scalar_functions().clone(),
            context.higher_order_functions().clone(),
            context.aggregate_functions().clone(),
            context.window_functions().clone(),
            context.runtime_env(),
        ))
    }
}

impl DisplayAs for JoinKeysExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.many { "JoinKeysExec: to a source of SQL" } else { "JoinKeysExec: to files" })
    }
}

/// Executes its input when it is first asked for a row.
#[derive(Debug)]
struct WhenAskedExec {
    input: Arc<dyn ExecutionPlan>,
}

impl DisplayAs for WhenAskedExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WhenAskedExec")
    }
}

/// What both have in common: the rows of their one input, as they come.
macro_rules! passes_on {
    ($node:ident { $($kept:ident),* }) => {
        fn name(&self) -> &'static str {
            stringify!($node)
        }

        fn properties(&self) -> &Arc<PlanProperties> {
            self.input.properties()
        }

        fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
            vec![&self.input]
        }

        fn maintains_input_order(&self) -> Vec<bool> {
            vec![true]
        }

        fn benefits_from_input_partitioning(&self) -> Vec<bool> {
            vec![false]
        }

        fn apply_expressions(
            &self,
            _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DataFusionResult<TreeNodeRecursion>,
        ) -> DataFusionResult<TreeNodeRecursion> {
            Ok(TreeNodeRecursion::Continue)
        }

        fn with_new_children(
            self: Arc<Self>,
            mut children: Vec<Arc<dyn ExecutionPlan>>,
        ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
            let input = children.pop();
            let input = input.ok_or_else(|| internal_datafusion_err!("{} reads one input", self.name()))?;
            Ok(Arc::new($node { input, $($kept: self.$kept),* }))
        }

        fn statistics_from_inputs(
            &self,
            inputs: &[Arc<Statistics>],
            _: &StatisticsArgs,
        ) -> DataFusionResult<Arc<Statistics>> {
            let unknown = || Arc::new(Statistics::new_unknown(&self.schema()));
            Ok(inputs.first().map_or_else(unknown, Arc::clone))
        }
    };
}

impl ExecutionPlan for JoinKeysExec {
    passes_on!(JoinKeysExec { many });

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> DataFusionResult<SendableRecordBatchStream> {
        self.input.execute(partition, self.context(&context))
    }
}

impl ExecutionPlan for WhenAskedExec {
    passes_on!(WhenAskedExec {});

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> DataFusionResult<SendableRecordBatchStream> {
        let input = Arc::clone(&self.input);
        let rows = stream::once(async move { input.execute(partition, context) });
        let rows = rows.flat_map(|rows| match rows {
            Ok(rows) => rows.boxed(),
            Err(failure) => stream::once(async { Err(failure) }).boxed(),
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}
