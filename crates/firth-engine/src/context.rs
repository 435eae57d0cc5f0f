//! DataFusion's context for one statement.

use std::sync::Arc;

use datafusion::{
    error::Result as DataFusionResult,
    execution::{
        SessionState, SessionStateBuilder,
        memory_pool::{FairSpillPool, MemoryPool, TrackConsumersPool},
        object_store::ObjectStoreRegistry,
        runtime_env::RuntimeEnvBuilder,
    },
    optimizer::{Analyzer, Optimizer},
    physical_optimizer::optimizer::PhysicalOptimizer,
    prelude::{SessionConfig, SessionContext},
};
use firth_connector::Remotes;
use firth_pushdown::FiltersToTheirColumns;

use crate::{
    Settings, coercion::GoogleSqlCoercion, decimal_aggregates::average, field_names::FieldNames,
    field_projections::FieldProjections, functions, lateral_unnest::LateralUnnest,
    membership::MembershipWithNulls, planner::StatementPlanner, rejected::RejectedRows,
    store::StatementStores,
};

/// How many consumers an out-of-memory message names.
const CONSUMERS_NAMED: std::num::NonZeroUsize = std::num::NonZeroUsize::new(5).expect("five is not zero");

/// Builds the context of one statement: its settings, its stores, its remotes. Nothing is shared with
/// other statements but the memory pool.
pub(crate) fn statement_context(
    settings: &Settings,
    memory: Arc<dyn MemoryPool>,
    stores: Arc<StatementStores>,
    remotes: Arc<Remotes>,
) -> DataFusionResult<SessionContext> {
    let mut config = SessionConfig::new()
        .with_target_partitions(settings.number("threads").unwrap_or_else(threads))
        .with_batch_size(settings.number("batch_size").unwrap_or(8192))
        .with_create_default_catalog_and_schema(true)
        .with_information_schema(false);
    let options = config.options_mut();
    // Names were put in lower case, and spelled as tables are, by the rewriting.
    options.sql_parser.enable_ident_normalization = false;
    // GoogleSQL: NULL is the smallest value, so first in ascending order and last in descending.
    options.sql_parser.default_null_ordering = "nulls_min".to_owned();
    // Sources deliver Utf8; a cast of theirs must not change it.
    options.sql_parser.map_string_types_to_utf8view = false;
    options.execution.time_zone = Some(settings.text("time_zone").to_owned());
    // A plan's `x IS TRUE` may be NULL as far as types tell, what it was planned from may not: the check takes that for a defect.
    options.execution.skip_physical_aggregate_schema_check = true;
    crate::files::tune_scans(config.options_mut());
    config.set_extension(remotes);
    config.set_extension(Arc::<RejectedRows>::default());

    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(memory)
        .with_object_store_registry(stores as Arc<dyn ObjectStoreRegistry>)
        .build_arc()?;
    let mut rules: Vec<_> = vec![
        Arc::new(LateralUnnest) as _,
        Arc::new(GoogleSqlCoercion) as _,
        Arc::new(MembershipWithNulls) as _,
    ];
    rules.extend(Analyzer::new().rules);
    let physical = FiltersToTheirColumns::among(&PhysicalOptimizer::new().rules);
    let state: SessionState = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_expr_planners(vec![Arc::new(FieldNames)])
        .with_default_features()
        .with_analyzer_rules(rules)
        .with_optimizer_rules(FieldProjections::among(Optimizer::new().rules))
        .with_physical_optimizer_rules(physical)
        .with_query_planner(Arc::new(StatementPlanner))
        .build();
    let context = SessionContext::new_with_state(state);
    for function in functions::all() {
        context.register_udf(function.as_ref().clone());
    }
    context.register_udaf(average().as_ref().clone());
    Ok(context)
}

/// The pool that sorts, joins and aggregates of a session draw from, and spill when it is empty.
/// Answers its size too.
pub(crate) fn memory_pool(limit: Option<usize>) -> (Arc<dyn MemoryPool>, usize) {
    let limit = limit.unwrap_or_else(|| machine_memory() / 4 * 3);
    (Arc::new(TrackConsumersPool::new(FairSpillPool::new(limit), CONSUMERS_NAMED)), limit)
}

/// One partition for each core.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The machine's memory in bytes, as Linux tells; elsewhere a guess that every laptop has.
fn machine_memory() -> usize {
    const GUESS: usize = 8 << 30;
    let Ok(text) = std::fs::read_to_string("/proc/meminfo") else { return GUESS };
    let kilobytes = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kilobytes.map_or(GUESS, |kilobytes| kilobytes * 1024)
}
