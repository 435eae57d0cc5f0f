//! Arithmetic that overflows is an error, as in GoogleSQL; DataFusion's `+`, `-`, `*` and SUM of INT64 wrap, and so does its SUM of decimals.
//!
//! The operators stay DataFusion's own until its optimizer and the pushdown are done with them: both know
//! operators, and neither knows our functions. [`check_arithmetic`] then puts a checked function in the
//! place of each that is left. What has no column in it is different: it is computed while it is optimized, so
//! the analyzer ([`checked_constant`]) replaces it before.
//!
//! Dates and times plus an interval become functions that stay within the years 1 to 9999 ([`shift`]).
//!
//! SUM and AVG of FLOAT64 become others too, which are not infinite by themselves ([`finite`]), or if the window slides, [`sliding`].
//!
//! A remote that evaluates an operator fails by itself where it overflows: its dialect lists it for that.

mod finite;
mod function;
mod shift;
mod sliding;
mod sum;

use std::sync::Arc;

use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use datafusion::{
    common::{
        DFSchema,
        tree_node::{Transformed, TreeNode},
    },
    error::Result,
    logical_expr::{
        AggregateUDF, BinaryExpr, Cast, Expr, ExprSchemable, LogicalPlan, Operator, WindowFunctionDefinition,
        expr_rewriter::NamePreserver, lit, utils::merge_schema,
    },
};

use crate::decimal_aggregates::{exact_sum, may_wrap};
use finite::finite;
use function::checked;
use shift::shifted;
use sliding::sliding;
use sum::checked_sum;

/// Puts checked functions in the place of operators and sums. `plan` is optimized, and what is sent to a
/// remote is out of it.
pub(crate) fn check_arithmetic(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| {
        // What a scan filters by is its own affair: it was offered with operators.
        if matches!(plan, LogicalPlan::TableScan(_)) {
            return Ok(Transformed::no(plan));
        }
        let schema = merge_schema(&plan.inputs());
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let rewritten = expr.transform_up(|expr| check(expr, &schema))?;
            Ok(rewritten.update_data(|expr| name.restore(expr)))
        })
    })
    .map(|checked| checked.data)
}

/// The checked function for an operator without a column in it, which would be computed too early for
/// the rule.
pub(crate) fn checked_constant(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match &expr {
        Expr::BinaryExpr(BinaryExpr { left, right, .. }) if is_constant(left) && is_constant(right) => {
            check(expr, schema)
        }
        _ => Ok(Transformed::no(expr)),
    }
}

fn is_constant(expr: &Expr) -> bool {
    !expr.any_column_refs()
        && !expr.contains_outer()
        && expr.exists(|part| Ok(is_query(part))).is_ok_and(|found| !found)
}

fn is_query(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_))
}

fn check(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply)
                && left.get_type(schema)?.is_signed_integer()
                && right.get_type(schema)?.is_signed_integer() =>
        {
            Ok(Transformed::yes(checked(op, *left, *right)?))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if let Some(shifted) = shifted_by_days(&left, op, &right, schema)? =>
        {
            Ok(Transformed::yes(shifted))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if let Some(shifted) = shifted(op, &left.get_type(schema)?, &right.get_type(schema)?) =>
        {
            Ok(Transformed::yes(shifted.call(vec![*left, *right])))
        }
        Expr::AggregateFunction(mut function) => {
            let Some(checked) = checked_aggregate(&function.func, &function.params.args, schema)? else {
                return Ok(Transformed::no(Expr::AggregateFunction(function)));
            };
            function.func = checked;
            Ok(Transformed::yes(Expr::AggregateFunction(function)))
        }
        Expr::WindowFunction(mut function) => match &function.fun {
            WindowFunctionDefinition::AggregateUDF(aggregate)
                if !function.params.distinct
                    && !function.params.window_frame.start_bound.is_unbounded()
                    && matches!(&function.params.args[..], [of] if of.get_type(schema)? == DataType::Float64) =>
            {
                let Some(sliding) = sliding(aggregate.name()) else {
                    return Ok(Transformed::no(Expr::WindowFunction(function)));
                };
                function.fun = WindowFunctionDefinition::AggregateUDF(sliding);
                Ok(Transformed::yes(Expr::WindowFunction(function)))
            }
            WindowFunctionDefinition::AggregateUDF(sum)
                if let Some(checked) = checked_aggregate(sum, &function.params.args, schema)? =>
            {
                function.fun = WindowFunctionDefinition::AggregateUDF(checked);
                Ok(Transformed::yes(Expr::WindowFunction(function)))
            }
            _ => Ok(Transformed::no(Expr::WindowFunction(function))),
        },
        other => Ok(Transformed::no(other)),
    }
}

/// A DATE plus or minus a number of days, of which DataFusion makes an interval later.
fn shifted_by_days(left: &Expr, op: Operator, right: &Expr, schema: &DFSchema) -> Result<Option<Expr>> {
    let (date, number) = match (left.get_type(schema)?, right.get_type(schema)?) {
        (DataType::Date32, DataType::Int64) => (left, right),
        (DataType::Int64, DataType::Date32) if op == Operator::Plus => (right, left),
        _ => return Ok(None),
    };
    let interval = DataType::Interval(IntervalUnit::MonthDayNano);
    let Some(shifted) = shifted(op, &DataType::Date32, &interval) else { return Ok(None) };
    let seconds = checked(Operator::Multiply, number.clone(), lit(24 * 60 * 60_i64))?;
    let days = Expr::Cast(Cast::new(Box::new(seconds), DataType::Duration(TimeUnit::Second)));
    Ok(Some(shifted.call(vec![date.clone(), Expr::Cast(Cast::new(Box::new(days), interval))])))
}

/// What takes the place of DataFusion's SUM or AVG, DISTINCT or not; `None` for other functions, and where they cannot overflow.
fn checked_aggregate(
    function: &Arc<AggregateUDF>,
    arguments: &[Expr],
    schema: &DFSchema,
) -> Result<Option<Arc<AggregateUDF>>> {
    let [argument] = arguments else { return Ok(None) };
    let checked = match (function.name(), argument.get_type(schema)?) {
        ("sum", DataType::Int64) => Some(checked_sum()),
        ("sum", decimal) if may_wrap(&decimal) => Some(exact_sum()),
        ("sum" | "avg", DataType::Float64) => finite(function.name()),
        _ => None,
    };
    Ok(checked.filter(|checked| !Arc::ptr_eq(function, checked)))
}
