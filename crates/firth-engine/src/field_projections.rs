//! DataFusion's rules that read fields of STRUCTs where their columns are read, let off where they fail.
//!
//! The rules (55.2) put what they move into a projection below, with the columns that this needs, and take a column that the projection
//! renames to its own name (`SELECT t.st AS st`, as views have it) for one that is missing there: the column is there twice, and the
//! query fails. A plan without the rules answers the same.

use std::sync::Arc;

use datafusion::{
    common::tree_node::Transformed,
    error::Result,
    logical_expr::LogicalPlan,
    optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule},
};

/// One of the rules.
#[derive(Debug)]
pub(crate) struct FieldProjections(Arc<dyn OptimizerRule + Send + Sync>);

impl FieldProjections {
    /// The rules with these in the place of DataFusion's.
    pub(crate) fn among(
        rules: Vec<Arc<dyn OptimizerRule + Send + Sync>>,
    ) -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
        let replaced = |rule: Arc<dyn OptimizerRule + Send + Sync>| match rule.name() {
            "extract_leaf_expressions" | "push_down_leaf_projections" => {
                Arc::new(FieldProjections(rule)) as _
            }
            _ => rule,
        };
        rules.into_iter().map(replaced).collect()
    }
}

impl OptimizerRule for FieldProjections {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        if plan.inputs().is_empty() {
            return Ok(Transformed::no(plan));
        }
        let kept = plan.clone();
        match self.0.rewrite(plan, config) {
            Ok(rewritten) => Ok(rewritten),
            Err(error) => {
                log::debug!("fields are read above their columns: {error}");
                Ok(Transformed::no(kept))
            }
        }
    }
}
