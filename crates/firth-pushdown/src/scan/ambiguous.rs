//! Filters that would arrive at the wrong column.
//!
//! Operators tell scans below them what they learn. Each operator on the way looks the filter's columns up in
//! its input by *name*, and takes the first (DataFusion 55.2, `FilterRemapper`). Where two columns of one name
//! stand side by side, as above `a JOIN b` with a column `id` each, a filter of the second is applied to the first,
//! and drops rows that are wanted. The same happens where a semi join tells its other side of a key, and that has a column of the
//! key's name that is another one. So what learns a filter that would pass such a place keeps it to itself, and a WHERE that
//! would stays where it is.

use std::{collections::HashSet, fmt, sync::Arc};

use datafusion::{
    common::{
        JoinType,
        config::ConfigOptions,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    error::Result as DataFusionResult,
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{
        PhysicalExpr,
        expressions::{Column, DynamicFilterPhysicalExpr, lit},
    },
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, aggregates::AggregateExec,
        filter::FilterExec, joins::HashJoinExec, projection::ProjectionExec, replace_children_if_necessary,
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
    if names.iter().any(twice) || tells_namesake(node, names) {
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

/// Whether a semi join would tell a filter of its keys to another column of its other side than the one that they are compared with.
fn tells_namesake(node: &Arc<dyn ExecutionPlan>, names: &HashSet<String>) -> bool {
    let Some(join) = node.downcast_ref::<HashJoinExec>() else { return false };
    let other = match join.join_type() {
        JoinType::LeftSemi => join.right(),
        JoinType::RightSemi => join.left(),
        _ => return false,
    };
    let schema = other.schema();
    join.on().iter().any(|(left, right)| {
        let (key, partner) =
            if *join.join_type() == JoinType::LeftSemi { (left, right) } else { (right, left) };
        let Some(key) = key.downcast_ref::<Column>().filter(|key| names.contains(key.name())) else {
            return false;
        };
        let told = schema.index_of(key.name()).ok();
        told.is_some_and(|told| {
            partner.downcast_ref::<Column>().is_none_or(|partner| partner.index() != told)
        })
    })
}

/// DataFusion's rule that moves filters down a plan; those stay that would arrive at another column.
#[derive(Debug)]
pub struct FiltersToTheirColumns {
    rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>,
}

impl FiltersToTheirColumns {
    /// These rules, of which the one that moves filters is such a one.
    pub fn among(
        rules: &[Arc<dyn PhysicalOptimizerRule + Send + Sync>],
    ) -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
        let guarded = |rule: &Arc<dyn PhysicalOptimizerRule + Send + Sync>| match rule.name() {
            "FilterPushdown" => Arc::new(FiltersToTheirColumns { rule: Arc::clone(rule) }),
            _ => Arc::clone(rule),
        };
        rules.iter().map(guarded).collect()
    }
}

impl PhysicalOptimizerRule for FiltersToTheirColumns {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let stopped = |node: Arc<dyn ExecutionPlan>| {
            let Some(filter) = node.downcast_ref::<FilterExec>() else { return Ok(Transformed::no(node)) };
            let input = Arc::clone(filter.input());
            if !passes_namesakes(&input, &columns(filter.predicate())?)? {
                return Ok(Transformed::no(node));
            }
            replace_children_if_necessary(node, vec![Arc::new(NoFilterExec { input })]).map(Transformed::yes)
        };
        let plan = self.rule.optimize(plan.transform_up(stopped)?.data, config)?;
        let opened = |node: Arc<dyn ExecutionPlan>| match node.downcast_ref::<NoFilterExec>() {
            Some(stop) => Ok(Transformed::yes(Arc::clone(&stop.input))),
            None => Ok(Transformed::no(node)),
        };
        Ok(plan.transform_up(opened)?.data)
    }

    fn name(&self) -> &str {
        self.rule.name()
    }

    fn schema_check(&self) -> bool {
        self.rule.schema_check()
    }
}

/// What no filter passes. It is in a plan only while the rule works.
#[derive(Debug)]
struct NoFilterExec {
    input: Arc<dyn ExecutionPlan>,
}

impl DisplayAs for NoFilterExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoFilterExec")
    }
}

impl ExecutionPlan for NoFilterExec {
    fn name(&self) -> &'static str {
        "NoFilterExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
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
        let input = children.pop().unwrap_or_else(|| Arc::clone(&self.input));
        Ok(Arc::new(NoFilterExec { input }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> DataFusionResult<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }
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
