//! The plan node: what is read, and how it is shown.

use std::{fmt, sync::Arc};

use arrow::datatypes::SchemaRef;
use datafusion::{
    common::{Statistics, config::ConfigOptions, internal_datafusion_err, tree_node::TreeNodeRecursion},
    error::Result as DataFusionResult,
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{EquivalenceProperties, PhysicalExpr},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
        coop::cooperative,
        execution_plan::{Boundedness, EmissionType, SchedulingType, apply_expression_roots},
        filter_pushdown::{ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation, PushedDown},
        metrics::{BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet},
        statistics::StatisticsArgs,
    },
};
use firth_connector::{RemoteId, RemoteScan, Remotes, ScanProgress};
use firth_diagnostic::{Diagnostic, Result};

use super::{
    queue::Executions,
    run::LeafProgress,
    statistics::estimate,
    stream::{PartitionRead, ScanMetrics},
};
use crate::{
    dynamic::{DynamicFilters, is_dynamic},
    external,
    names::shown_schema,
};

/// The share of rows that a pushed predicate is taken to keep: what DataFusion assumes of a filter,
/// so that pushing one does not make the scan look bigger than filtering here would.
const ASSUMED_SELECTIVITY: f64 = 0.2;

/// Reads a remote: a leaf that holds an id, a description and a text, never a client.
///
/// It has as many partitions as the description allows to be read at once, known without asking the
/// source. Its splits are asked for once an execution, when the first of them is polled, and all
/// partitions draw from them. Rows come in no order.
#[derive(Debug)]
pub struct RemoteScanExec {
    remote: RemoteId,
    scan: Arc<RemoteScan>,
    sql: Arc<str>,
    source_schema: SchemaRef,
    properties: Arc<PlanProperties>,
    /// What operators above learn; `None` if it is not to be sent.
    filters: Option<DynamicFilters>,
    executions: Executions,
    metrics: ExecutionPlanMetricsSet,
}

impl RemoteScanExec {
    /// A scan whose text without any split's condition is `sql`, in at most `target_partitions`
    /// partitions.
    ///
    /// Fails if two of its columns differ only by case.
    pub fn try_new(
        remote: RemoteId,
        scan: RemoteScan,
        sql: String,
        target_partitions: usize,
    ) -> Result<Self> {
        let source_schema = scan.description.schema.project(&scan.columns).map_err(|error| {
            Diagnostic::internal(format!("a scan's columns are not its table's: {error}"))
        })?;
        let source_schema = Arc::new(source_schema);
        let partitions = target_partitions.min(scan.description.max_splits).max(1);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(shown_schema(&source_schema)?),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        Ok(RemoteScanExec {
            remote,
            executions: Executions::new(partitions),
            scan: Arc::new(scan),
            sql: sql.into(),
            source_schema,
            properties: Arc::new(properties),
            filters: Some(DynamicFilters::default()),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    /// The same scan, which sends nothing of what operators above learn while they run.
    #[must_use]
    pub fn without_dynamic_filters(mut self) -> Self {
        self.filters = None;
        self
    }

    /// What operators above find out while the plan runs.
    pub(super) fn filters(&self) -> &[Arc<dyn PhysicalExpr>] {
        self.filters.as_ref().map_or(&[], DynamicFilters::expressions)
    }

    /// The same scan, which has not run, under these filters.
    fn with_filters(&self, filters: Option<DynamicFilters>) -> Arc<dyn ExecutionPlan> {
        Arc::new(RemoteScanExec {
            remote: self.remote.clone(),
            scan: Arc::clone(&self.scan),
            sql: Arc::clone(&self.sql),
            source_schema: Arc::clone(&self.source_schema),
            properties: Arc::clone(&self.properties),
            filters,
            executions: Executions::new(self.partitions()),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    /// Which remote is read.
    pub fn remote(&self) -> &RemoteId {
        &self.remote
    }

    /// What is read.
    pub fn scan(&self) -> &RemoteScan {
        &self.scan
    }

    /// The text, without any split's condition.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// How far it has come, whenever it is asked.
    pub(super) fn progress(&self) -> LeafProgress {
        let (remote, expected_rows) = (self.remote.uuid, self.estimated_rows());
        let (tally, metrics) = (self.executions.tally(), self.metrics.clone());
        Box::new(move || {
            let (parts, done) = tally.splits();
            let rows = metrics.clone_inner().output_rows().unwrap_or(0) as u64;
            ScanProgress { remote, parts, done, rows, expected_rows }
        })
    }

    /// How many partitions draw from the splits.
    pub fn partitions(&self) -> usize {
        self.properties.partitioning.partition_count()
    }
}

impl DisplayAs for RemoteScanExec {
    /// The text is shown as it is sent, line breaks included, so that it can be pasted.
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                write!(f, "RemoteScanExec: connection={}, ", self.remote)?;
                if let Some(filters) =
                    self.filters.as_ref().filter(|filters| !filters.expressions().is_empty())
                {
                    write!(f, "dynamic_filters={filters}, ")?;
                }
                write!(f, "sql={}", self.sql)
            }
            DisplayFormatType::TreeRender => {
                writeln!(f, "connection={}", self.remote)?;
                writeln!(f, "sql={}", self.sql)
            }
        }
    }
}

impl ExecutionPlan for RemoteScanExec {
    fn name(&self) -> &'static str {
        "RemoteScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    /// The filters of operators above. Who makes a filter looks here whether anybody uses it.
    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DataFusionResult<TreeNodeRecursion>,
    ) -> DataFusionResult<TreeNodeRecursion> {
        apply_expression_roots(self.filters.iter().flat_map(DynamicFilters::expressions), f)
    }

    /// Takes the filters that change while the plan runs. They are offered last, when the plan is
    /// final. None is promised to be applied: who made it applies it again.
    ///
    /// Below a limit of its own a scan takes none: it would choose among other rows.
    fn handle_child_pushdown_result(
        &self,
        phase: FilterPushdownPhase,
        result: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> DataFusionResult<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let refused = vec![PushedDown::No; result.parent_filters.len()];
        let answer = FilterPushdownPropagation::with_parent_pushdown_result(refused);
        let offered: Vec<Arc<dyn PhysicalExpr>> =
            result.parent_filters.into_iter().map(|offered| offered.filter).filter(is_dynamic).collect();
        let Some(filters) = &self.filters else { return Ok(answer) };
        if phase == FilterPushdownPhase::Pre || self.scan.limit.is_some() || offered.is_empty() {
            return Ok(answer);
        }
        Ok(answer.with_updated_node(self.with_filters(Some(filters.with(offered)))))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        if !children.is_empty() {
            return Err(internal_datafusion_err!("a remote scan has no children"));
        }
        Ok(self)
    }

    /// The same scan, which has not run. Its filters belong to the run that made them.
    fn reset_state(self: Arc<Self>) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        Ok(self.with_filters(self.filters.as_ref().map(|_| DynamicFilters::default())))
    }

    /// Builds the stream, which does nothing before it is polled: some operators above poll their
    /// inputs as soon as they execute, others only when join filters have arrived.
    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> DataFusionResult<SendableRecordBatchStream> {
        let remotes = context.session_config().get_extension::<Remotes>().ok_or_else(|| {
            external(Diagnostic::internal("a remote scan runs in a session without opened connections"))
        })?;
        let read = PartitionRead {
            remote: remotes.get(&self.remote).map_err(external)?,
            scan: Arc::clone(&self.scan),
            sql: Arc::clone(&self.sql),
            source_schema: Arc::clone(&self.source_schema),
            schema: self.schema(),
            filters: self.filters.clone().unwrap_or_default(),
            execution: self.executions.join(partition)?,
            metrics: ScanMetrics {
                baseline: BaselineMetrics::new(&self.metrics, partition),
                waiting: MetricBuilder::new(&self.metrics).subset_time("elapsed_remote", partition),
                splits: self.counter("splits", partition),
                bytes: self.counter("bytes_decoded", partition),
            },
        };
        Ok(Box::pin(cooperative(read.stream())))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(
        &self,
        _input_stats: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> DataFusionResult<Arc<Statistics>> {
        let rows = self.estimated_rows();
        let rows = match args.partition() {
            Some(_) => rows.map(|rows| rows.div_ceil(self.partitions() as u64)),
            None => rows,
        };
        Ok(Arc::new(estimate(&self.scan.description, &self.scan.columns, rows)))
    }
}

impl RemoteScanExec {
    fn counter(&self, name: &'static str, partition: usize) -> Count {
        MetricBuilder::new(&self.metrics).counter(name, partition)
    }

    /// About how many rows all partitions deliver.
    fn estimated_rows(&self) -> Option<u64> {
        let mut rows = self.scan.description.row_count?;
        if self.scan.predicate.is_some() {
            rows = (rows as f64 * ASSUMED_SELECTIVITY).ceil() as u64;
        }
        Some(self.scan.limit.map_or(rows, |limit| rows.min(limit as u64)))
    }
}
