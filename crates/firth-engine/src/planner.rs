//! From an optimized plan to one that runs: what has to see a plan once, when no rule will change it any
//! more.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::{
    catalog::Session,
    error::Result,
    execution::context::QueryPlanner,
    logical_expr::LogicalPlan,
    physical_plan::ExecutionPlan,
    physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner},
};

use firth_pushdown::{push_down, tell_keys};

use crate::{
    files::list_partitioned,
    overflow::check_arithmetic,
    shared::{SharedPlanner, share_aggregates},
    zero_keys::one_zero,
};

/// Replaces what can be sent, checks the arithmetic that is left to be done here, has joins know one zero only, computes what is there
/// twice once, lists what filters have left of partitioned tables, and plans that as DataFusion does. Last, joins are told whose scans wait for their keys.
#[derive(Debug)]
pub(crate) struct StatementPlanner;

#[async_trait]
impl QueryPlanner for StatementPlanner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let pushed = push_down(plan.clone())?;
        let plan = share_aggregates(one_zero(check_arithmetic(pushed.plan)?)?)?;
        list_partitioned(&plan, session).await?;
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(SharedPlanner)]);
        tell_keys(planner.create_physical_plan(&plan, session).await?)
    }
}
