//! `FROM t, UNNEST(t.items) AS item`: the elements of a column of a table before it.
//!
//! DataFusion (55.2) plans a join with a subquery that names columns of the join's left side, and cannot run it:
//!
//! ```text
//! Join                                    Projection: t.*, element AS item.item
//!   t                                       Unnest: element
//!   SubqueryAlias: item            ⇒          Projection: t.*, t.items AS element
//!     Subquery                                  t
//!       Projection: … AS item
//!         Unnest: …
//!           Projection: outer(t.items) AS …
//!             EmptyRelation
//! ```
//!
//! A LEFT JOIN keeps rows whose array is empty. And an array that is NULL has no elements, of which DataFusion makes one.

use std::{collections::HashMap, sync::Arc};

use datafusion::{
    common::{
        Column, DataFusionError, NullHandling, TableReference, UnnestOptions,
        config::ConfigOptions,
        tree_node::{Transformed, TreeNode},
    },
    error::Result,
    logical_expr::{
        Expr, ExprSchemable as _, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Projection, Subquery,
        Unnest, logical_plan::SubqueryAlias,
    },
    optimizer::AnalyzerRule,
};

/// The rule.
#[derive(Debug)]
pub(crate) struct LateralUnnest;

impl AnalyzerRule for LateralUnnest {
    fn name(&self) -> &'static str {
        "lateral_unnest"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| match plan {
            LogicalPlan::Unnest(unnest) if unnest.options.null_handling == NullHandling::Preserve => {
                without_nulls(unnest).map(Transformed::yes)
            }
            LogicalPlan::Join(join) => match beside(&join)? {
                Some(plan) => Ok(Transformed::yes(plan)),
                None => Ok(Transformed::no(LogicalPlan::Join(join))),
            },
            other => Ok(Transformed::no(other)),
        })
        .map(|transformed| transformed.data)
    }
}

/// No row of an array that is NULL.
fn without_nulls(unnest: Unnest) -> Result<LogicalPlan> {
    let options = unnest.options.with_null_handling(NullHandling::Drop);
    LogicalPlanBuilder::from(Arc::unwrap_or_clone(unnest.input))
        .unnest_columns_with_options(unnest.exec_columns, options)?
        .build()
}

/// What UNNEST in FROM is planned as.
struct Elements<'a> {
    /// The arrays, and what the elements of each are called.
    arrays: Vec<(Expr, Column)>,
    /// What is shown of the elements, without names of the projections in between.
    shown: Vec<Expr>,
    alias: Option<&'a TableReference>,
}

fn elements(plan: &LogicalPlan) -> Option<Elements<'_>> {
    let (mut plan, mut alias) = (plan, None);
    if let LogicalPlan::SubqueryAlias(SubqueryAlias { input, alias: name, .. }) = plan {
        (plan, alias) = (input.as_ref(), Some(name));
    }
    let LogicalPlan::Subquery(Subquery { subquery, .. }) = plan else { return None };
    let mut plan = subquery.as_ref();
    let mut projections = Vec::new();
    let unnest = loop {
        match plan {
            LogicalPlan::Projection(Projection { expr, input, schema, .. }) => {
                projections.push((expr, schema));
                plan = input.as_ref();
            }
            LogicalPlan::SubqueryAlias(SubqueryAlias { input, .. }) => plan = input.as_ref(),
            LogicalPlan::Unnest(unnest) => break unnest,
            _ => return None,
        }
    };
    let LogicalPlan::Projection(Projection { expr: values, input, .. }) = unnest.input.as_ref() else {
        return None;
    };
    if !matches!(input.as_ref(), LogicalPlan::EmptyRelation(_)) || !unnest.struct_type_columns.is_empty() {
        return None;
    }
    let mut arrays = Vec::with_capacity(values.len());
    for (index, list) in &unnest.list_type_columns {
        // An array of arrays gives arrays.
        if list.depth != 1 {
            return None;
        }
        arrays.push((values.get(*index)?.clone().unalias(), list.output_column.clone()));
    }
    if arrays.len() != values.len() {
        return None;
    }
    // From the innermost projection outwards, each one's columns are what the one below makes them.
    let names = unnest.schema.columns();
    let mut known: HashMap<String, Expr> =
        names.iter().map(|column| (column.name.clone(), Expr::Column(column.clone()))).collect();
    let mut shown: Vec<Expr> = names.into_iter().map(Expr::Column).collect();
    for (expressions, schema) in projections.into_iter().rev() {
        let mut next = HashMap::new();
        shown = Vec::new();
        for (expr, field) in expressions.iter().zip(schema.fields()) {
            let value = expr
                .clone()
                .unalias()
                .transform(|part| match &part {
                    Expr::Column(column) => match known.get(&column.name) {
                        Some(value) => Ok(Transformed::yes(value.clone())),
                        None => Ok(Transformed::no(part)),
                    },
                    _ => Ok(Transformed::no(part)),
                })
                .ok()?
                .data;
            next.insert(field.name().clone(), value.clone());
            shown.push(value);
        }
        known = next;
    }
    Some(Elements { arrays, shown, alias })
}

/// The join with the elements of arrays of its left side, if it is one.
fn beside(join: &Join) -> Result<Option<LogicalPlan>> {
    let Some(Elements { arrays, shown, alias }) = elements(&join.right) else { return Ok(None) };
    let handling = match join.join_type {
        JoinType::Inner => NullHandling::Drop,
        JoinType::Left if join.filter.as_ref().is_none_or(is_true) && join.on.is_empty() => {
            NullHandling::PreserveAndExpandEmpty
        }
        _ => return Ok(None),
    };
    let left_columns: Vec<Expr> = join.left.schema().columns().into_iter().map(Expr::Column).collect();
    let mut with_arrays = left_columns.clone();
    let mut placed = HashMap::new();
    let mut columns = Vec::new();
    for (index, (array, element)) in arrays.into_iter().enumerate() {
        let Some(array) = of_this_row(array, join)? else { return Ok(None) };
        let column = Column::new_unqualified(format!("__element_{index}_{}", element.name));
        with_arrays.push(array.alias(column.name.clone()));
        placed.insert(element.name, column.clone());
        columns.push(column);
    }
    let unnested = LogicalPlanBuilder::from(join.left.as_ref().clone())
        .project(with_arrays)?
        .unnest_columns_with_options(columns, UnnestOptions::new().with_null_handling(handling))?;
    let mut shows = left_columns;
    for (value, field) in shown.into_iter().zip(join.right.schema().fields()) {
        let value = value
            .transform(|part| match &part {
                Expr::Column(column) => match placed.get(&column.name) {
                    Some(placed) => Ok(Transformed::yes(Expr::Column(placed.clone()))),
                    None => Ok(Transformed::no(part)),
                },
                _ => Ok(Transformed::no(part)),
            })?
            .data;
        shows.push(value.alias_qualified(alias.cloned(), field.name()));
    }
    let mut plan = unnested.project(shows)?;
    for (left, right) in &join.on {
        plan = plan.filter(left.clone().eq(right.clone()))?;
    }
    if let (JoinType::Inner, Some(filter)) = (join.join_type, &join.filter) {
        plan = plan.filter(filter.clone())?;
    }
    plan.build().map(Some)
}

fn is_true(filter: &Expr) -> bool {
    matches!(filter, Expr::Literal(value, _) if *value == datafusion::common::ScalarValue::Boolean(Some(true)))
}

/// An array whose columns are those of the row beside it. None: it names columns of a query further out.
fn of_this_row(array: Expr, join: &Join) -> Result<Option<Expr>> {
    let schema = join.left.schema();
    let mut further = false;
    let array = array
        .transform(|part| match part {
            Expr::OuterReferenceColumn(_, column) if schema.has_column(&column) => {
                Ok(Transformed::yes(Expr::Column(column)))
            }
            Expr::OuterReferenceColumn(..) => {
                further = true;
                Ok(Transformed::no(part))
            }
            _ => Ok(Transformed::no(part)),
        })?
        .data;
    if further {
        return Ok(None);
    }
    array.get_type(schema).map_err(|error| DataFusionError::Plan(error.strip_backtrace()))?;
    Ok(Some(array))
}
