//! Running a shared result: the first to ask for a partition runs it, in a task of its own, so that it goes
//! on whatever its other readers wait for.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use arrow::array::RecordBatch;
use datafusion::{
    common::{runtime::SpawnedTask, tree_node::TreeNodeRecursion},
    error::{DataFusionError, Result},
    execution::{
        SendableRecordBatchStream, TaskContext,
        memory_pool::{MemoryConsumer, MemoryReservation},
    },
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties, displayable,
        execution_plan::reset_plan_states, stream::RecordBatchStreamAdapter,
    },
};
use futures::{
    FutureExt, StreamExt, TryFutureExt, TryStreamExt,
    future::{BoxFuture, Shared},
    stream,
};

/// Bytes of a partition's rows that are kept at most: what an aggregate is expected to leave.
const MOST_BYTES: usize = 128 << 20;

/// What readers of one input share, for as long as the plan lives.
pub(super) struct Results {
    most_bytes: usize,
    /// By how an input runs: rules may have planned two of them differently, and then they divide their
    /// rows differently.
    inputs: Mutex<HashMap<String, Begun>>,
}

/// The input of who came first, which runs for all.
struct Begun {
    input: Arc<dyn ExecutionPlan>,
    partitions: HashMap<usize, Running>,
}

/// Rows to come. Its task ends with the plan.
type Running = Shared<BoxFuture<'static, Result<Kept, Arc<DataFusionError>>>>;

/// All rows of a partition; `None` if they did not fit.
type Kept = Option<Arc<(Vec<RecordBatch>, MemoryReservation)>>;

impl Default for Results {
    fn default() -> Self {
        Results { most_bytes: MOST_BYTES, inputs: Mutex::default() }
    }
}

impl fmt::Debug for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Results").finish_non_exhaustive()
    }
}

impl Results {
    /// The rows of a partition, which begin to come if nobody has asked for them yet.
    fn running(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: &Arc<TaskContext>,
    ) -> Running {
        let how = displayable(input.as_ref()).indent(true).to_string();
        let mut inputs = self.inputs.lock().unwrap_or_else(PoisonError::into_inner);
        let Begun { input, partitions } = inputs
            .entry(how)
            .or_insert_with(|| Begun { input: Arc::clone(input), partitions: HashMap::new() });
        let begin = || {
            let rows = collect(Arc::clone(input), partition, Arc::clone(context), self.most_bytes);
            let task = SpawnedTask::spawn(rows);
            let rows = task.map(|ended| match ended {
                Ok(rows) => rows.map_err(Arc::new),
                Err(lost) => Err(Arc::new(DataFusionError::External(Box::new(lost)))),
            });
            rows.boxed().shared()
        };
        partitions.entry(partition).or_insert_with(begin).clone()
    }
}

/// One of the readers of a shared result.
#[derive(Debug)]
pub(super) struct SharedExec {
    number: usize,
    input: Arc<dyn ExecutionPlan>,
    results: Arc<Results>,
    /// The input for this reader alone, which has not run: for partitions that did not fit.
    alone: Arc<OnceLock<Arc<dyn ExecutionPlan>>>,
}

impl SharedExec {
    pub(super) fn new(number: usize, input: Arc<dyn ExecutionPlan>, results: Arc<Results>) -> Self {
        SharedExec { number, input, results, alone: Arc::default() }
    }
}

/// Runs a partition to its end, as long as its rows fit.
async fn collect(
    input: Arc<dyn ExecutionPlan>,
    partition: usize,
    context: Arc<TaskContext>,
    most_bytes: usize,
) -> Result<Kept> {
    let reservation = MemoryConsumer::new("shared aggregate").register(context.memory_pool());
    let mut rows = input.execute(partition, context)?;
    let mut kept = Vec::new();
    while let Some(batch) = rows.try_next().await? {
        let bytes = batch.get_array_memory_size();
        if reservation.size() + bytes > most_bytes || reservation.try_grow(bytes).is_err() {
            return Ok(None);
        }
        kept.push(batch);
    }
    Ok(Some(Arc::new((kept, reservation))))
}

impl DisplayAs for SharedExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedExec: number={}", self.number)
    }
}

impl ExecutionPlan for SharedExec {
    fn name(&self) -> &'static str {
        "SharedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    /// More partitions than there are would divide the rows of one reader only.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.pop().unwrap_or_else(|| Arc::clone(&self.input));
        Ok(Arc::new(SharedExec::new(self.number, input, Arc::clone(&self.results))))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let schema = self.schema();
        let (input, results) = (Arc::clone(&self.input), Arc::clone(&self.results));
        let alone = Arc::clone(&self.alone);
        let rows = async move {
            match results.running(&input, partition, &context).await.map_err(DataFusionError::Shared)? {
                Some(kept) => {
                    let count = kept.0.len();
                    Ok(stream::iter((0..count).map(move |index| Ok(kept.0[index].clone()))).boxed())
                }
                None => {
                    let fresh = reset_plan_states(input)?;
                    Ok(alone.get_or_init(|| fresh).execute(partition, context)?.boxed())
                }
            }
        };
        let rows = rows.try_flatten_stream();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}

#[cfg(test)]
mod tests {
    use arrow::{array::Int64Array, util::pretty::pretty_format_batches};
    use datafusion::{
        physical_plan::collect,
        prelude::{SessionConfig, SessionContext},
    };

    use super::*;

    /// Two readers of one aggregate over two partitions, run at once, and how often its input ran.
    async fn read_twice(most_bytes: usize) -> (Vec<String>, usize) {
        let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
        let batch = |from: i64| {
            let numbers = Arc::new(Int64Array::from_iter_values(from..from + 5));
            RecordBatch::try_from_iter([("x", numbers as Arc<dyn arrow::array::Array>)]).unwrap()
        };
        let table = datafusion::datasource::MemTable::try_new(
            batch(0).schema(),
            vec![vec![batch(0)], vec![batch(5)]],
        );
        context.register_table("t", Arc::new(table.unwrap())).unwrap();
        let planned = async || {
            let frame = context.sql("SELECT x % 3 AS k, SUM(x) AS s FROM t GROUP BY x % 3").await.unwrap();
            frame.create_physical_plan().await.unwrap()
        };
        let (first, second) = (planned().await, planned().await);
        let results = Arc::new(Results { most_bytes, inputs: Mutex::default() });
        let reader = |input: &Arc<dyn ExecutionPlan>| -> Arc<dyn ExecutionPlan> {
            Arc::new(SharedExec::new(0, Arc::clone(input), Arc::clone(&results)))
        };
        let readers = [reader(&first), reader(&second)];
        let [one, other] = readers.map(|reader| collect(reader, context.task_ctx()));
        let (one, other) = futures::join!(one, other);
        let shown = [one, other].map(|rows| {
            let shown = pretty_format_batches(&rows.unwrap()).unwrap().to_string();
            let mut lines: Vec<&str> = shown.lines().filter(|line| line.contains(char::is_numeric)).collect();
            lines.sort_unstable();
            lines.join("\n")
        });
        let ran = |plan: &Arc<dyn ExecutionPlan>| {
            usize::from(plan.metrics().and_then(|metrics| metrics.output_rows()).is_some_and(|rows| rows > 0))
        };
        (shown.to_vec(), ran(&first) + ran(&second))
    }

    const ROWS: &str = "| 0 | 18 |\n| 1 | 12 |\n| 2 | 15 |";

    #[tokio::test]
    async fn one_input_runs_and_both_readers_have_its_rows() {
        assert_eq!(read_twice(MOST_BYTES).await, (vec![ROWS.to_owned(), ROWS.to_owned()], 1));
    }

    #[tokio::test]
    async fn rows_that_do_not_fit_are_computed_by_each() {
        assert_eq!(read_twice(0).await.0, [ROWS, ROWS]);
    }
}
