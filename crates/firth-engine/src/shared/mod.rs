//! Aggregates that a query computes more than once are computed once.
//!
//! A CTE that is named twice is planned twice: TPC-H's query 15 sums a quarter's revenue by supplier for its
//! join and again for the largest of the sums.
//!
//! ```text
//! Join                               Join
//! ├ Scan supplier                    ├ Scan supplier
//! └ Filter … = (subquery: MAX        └ Filter … = (subquery: MAX
//!   └ Aggregate ─┐ equal               └ Shared 0 ─┐ whoever comes first runs its Aggregate,
//! Aggregate ─────┘               →     Shared 0 ───┘ the other gets the rows
//! ```
//!
//! Looked for in the optimized logical plan, below subqueries too. Equal are two aggregates over the same
//! files by the same expressions, without functions that answer otherwise each time. Of aggregates only,
//! because their results are small beside their inputs, as a rule; a result that does not fit in memory is
//! not kept, and everybody computes it.

mod exec;
mod node;

use std::{collections::HashMap, sync::Arc};

use datafusion::{
    common::tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    datasource::source_as_provider,
    error::Result,
    logical_expr::{Extension, LogicalPlan},
};

pub(crate) use node::SharedPlanner;

use self::{exec::Results, node::Shared};
use crate::files::ExternalFiles;

/// The plan with its repeated aggregates shared.
pub(crate) fn share_aggregates(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut found: HashMap<LogicalPlan, (usize, Option<Sources>)> = HashMap::new();
    let mut recursive = false;
    plan.apply_with_subqueries(|node| {
        recursive |= matches!(node, LogicalPlan::RecursiveQuery(_));
        if matches!(node, LogicalPlan::Aggregate(_)) {
            let sources = sources(node)?;
            let (count, known) = found.entry(node.clone()).or_insert_with(|| (0, sources.clone()));
            *count += 1;
            // Plans are equal when their tables have the same names: see that they are the same tables.
            if *known != sources {
                *known = None;
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    found.retain(|_, (count, sources)| *count > 1 && sources.is_some());
    // What runs again and again has other rows each time.
    if recursive || found.is_empty() {
        return Ok(plan);
    }
    let mut shared: HashMap<LogicalPlan, Shared> = HashMap::new();
    let replaced = plan.transform_down_with_subqueries(|node| {
        if !found.contains_key(&node) {
            return Ok(Transformed::no(node));
        }
        let next = shared.len();
        let known = shared
            .entry(node)
            .or_insert_with_key(|node| Shared::new(next, node.clone(), Arc::new(Results::default())));
        let node = LogicalPlan::Extension(Extension { node: Arc::new(known.clone()) });
        Ok(Transformed::new(node, true, TreeNodeRecursion::Jump))
    })?;
    Ok(replaced.data)
}

/// Where the tables of a plan are, in order.
type Sources = Vec<usize>;

/// The tables of a plan that gives the same rows whenever it runs; `None` if it may not.
fn sources(plan: &LogicalPlan) -> Result<Option<Sources>> {
    let mut sources = Vec::new();
    let mut steady = true;
    plan.apply_with_subqueries(|node| {
        match node {
            LogicalPlan::TableScan(scan) => match source_as_provider(&scan.source) {
                Ok(provider) if provider.downcast_ref::<ExternalFiles>().is_some() => {
                    sources.push(Arc::as_ptr(&provider).cast::<()>() as usize);
                }
                _ => steady = false,
            },
            // Which rows they let through, or make, is not in their expressions.
            LogicalPlan::Limit(_) | LogicalPlan::Extension(_) | LogicalPlan::Subquery(_) => steady = false,
            _ => {}
        }
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                steady &= !expr.is_volatile_node()
                    && !matches!(
                        expr,
                        datafusion::logical_expr::Expr::OuterReferenceColumn(..)
                            | datafusion::logical_expr::Expr::Placeholder(_)
                    );
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(if steady { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    Ok((steady && !sources.is_empty()).then_some(sources))
}
