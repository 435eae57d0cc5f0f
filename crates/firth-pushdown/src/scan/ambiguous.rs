//! Filters that would arrive at the wrong column.
//!
//! Operators tell scans below them what they learn. Each operator on the way looks the filter's columns up in
//! its input by *name*, and takes the first (DataFusion 55.2, `FilterRemapper`). Where two columns of one name
//! stand side by side, as above `a JOIN b` with a column `id` each, a filter of the second is applied to the first,
//! and drops rows that are wanted. So what learns a filter that would pass such a place keeps it to itself.

use std::{collections::HashSet, sync::Arc};

use datafusion::{
    common::tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    error::Result as DataFusionResult,
    physical_expr::{
        PhysicalExpr,
        expressions::{Column, DynamicFilterPhysicalExpr, lit},
    },
    physical_plan::{
        ExecutionPlan, aggregates::AggregateExec, joins::HashJoinExec, projection::ProjectionExec,
    },
};

/// The plan, in which every filter that is told arrives at the column that it is of.
pub(super) fn without_ambiguous_filters(
    plan: Arc<dyn ExecutionPlan>,
) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
    let checked = |node: Arc<dyn ExecutionPlan>| {
        if is_ambiguous(&node)? { silenced(node).map(Transformed::yes) } else { Ok(Transformed::no(node)) }
    };
    Ok(plan.transform_up(checked)?.data)
}

/// Whether a filter that `node` makes would pass two columns of the name of one of its own.
fn is_ambiguous(node: &Arc<dyn ExecutionPlan>) -> DataFusionResult<bool> {
    let mut names = HashSet::new();
    for filter in node.dynamic_expressions_produced() {
        names.extend(columns(&filter)?);
    }
    let children = node.children();
    // A join tells its probe side.
    let told = if node.is::<HashJoinExec>() { &children[1..] } else { &children[..] };
    for child in told {
        if !names.is_empty() && passes_namesakes(child, &names)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn passes_namesakes(node: &Arc<dyn ExecutionPlan>, names: &HashSet<String>) -> DataFusionResult<bool> {
    let schema = node.schema();
    let twice = |name: &String| schema.fields().iter().filter(|field| field.name() == name).count() > 1;
    if names.iter().any(twice) {
        return Ok(true);
    }
    let mut below = names.clone();
    if let Some(projection) = node.downcast_ref::<ProjectionExec>() {
        for made in projection.expr().iter().filter(|made| names.contains(&made.alias)) {
            below.extend(columns(&made.expr)?);
        }
    }
    for child in node.children() {
        if passes_namesakes(child, &below)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The names of the columns in an expression.
fn columns(expr: &Arc<dyn PhysicalExpr>) -> DataFusionResult<HashSet<String>> {
    let mut names = HashSet::new();
    expr.apply(|expr| {
        names.extend(expr.downcast_ref::<Column>().map(|column| column.name().to_owned()));
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(names)
}

/// The same operator, whose filters nobody below hears of.
fn silenced(node: Arc<dyn ExecutionPlan>) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
    let Some(aggregate) = node.downcast_ref::<AggregateExec>() else {
        // A join makes none then, and a sort another one.
        return node.reset_state();
    };
    let Some(known) = node.dynamic_expressions_produced().pop() else { return Ok(node) };
    let own = known.children().into_iter().cloned().collect();
    let unheard = Arc::new(DynamicFilterPhysicalExpr::new(own, lit(true)));
    Ok(Arc::new(aggregate.clone().with_dynamic_filter_expr(unheard)?))
}
