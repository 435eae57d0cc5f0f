//! Where GoogleSQL's operators give other types than DataFusion's.
//!
//! An analyzer rule, ahead of DataFusion's own coercion, since it needs the operands' types:
//!
//! - `/` of two integers is FLOAT64, not an integer; `/` by zero is an error, for FLOAT64 too.
//! - CAST to INT64 rounds, half away from zero.
//! - A FLOAT64 *literal* beside a NUMERIC is that NUMERIC, exactly as written: `x = 0.07` compares
//!   decimals. GoogleSQL coerces literals to the type they stand beside; every other FLOAT64 makes the
//!   NUMERIC a FLOAT64.
//! - Of FLOAT64 and NUMERIC in one CASE, array or column of a UNION, likewise.
//! - CAST to STRING writes NUMERIC, DATETIME and TIMESTAMP as GoogleSQL does.
//! - `IN (…)` is what `=` with each of the values is; so are `CASE x WHEN y` and NULLIF of FLOAT64.
//! - `x IN UNNEST(a)` is NULL where x is not found among NULLs.
//! - GREATEST and LEAST of a NULL are NULL.
//! - SUBSTR, LEFT and RIGHT of computed numbers count as GoogleSQL does, and TRIM takes away all white space.

use std::{collections::VecDeque, str::FromStr};

use arrow::datatypes::DataType;
use datafusion::{
    common::{
        DFSchema, ScalarValue,
        config::ConfigOptions,
        tree_node::{Transformed, TreeNode},
    },
    error::Result,
    functions::math::round,
    logical_expr::{
        Between, BinaryExpr, Cast, Expr, ExprSchemable, LogicalPlan, Operator, TryCast,
        expr::{InList, ScalarFunction},
        expr_rewriter::NamePreserver,
        lit,
        utils::merge_schema,
    },
    optimizer::AnalyzerRule,
};

mod chosen;
mod division;
mod equal;
mod members;
mod slice;
mod text;

use division::divide;
use equal::{extreme, null_if, searched};
use members::membership_by_equality;
use slice::sliced;
use text::{is_written_differently, to_text};

use crate::{functions::member_of, overflow::checked_constant};

/// The rule.
#[derive(Debug)]
pub(crate) struct GoogleSqlCoercion;

impl AnalyzerRule for GoogleSqlCoercion {
    fn name(&self) -> &'static str {
        "googlesql_coercion"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| {
            let plan = match &plan {
                LogicalPlan::Union(union) => chosen::columns(union)?.unwrap_or(plan),
                _ => plan,
            };
            let schema = match &plan {
                LogicalPlan::TableScan(scan) => scan.projected_schema.as_ref().clone(),
                other => merge_schema(&other.inputs()),
            };
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expr| {
                let name = names.save(&expr);
                let rewritten = expr.transform_up(|expr| coerce(expr, &schema))?;
                Ok(rewritten.update_data(|expr| name.restore(expr)))
            })?
            .map_data(|plan| plan.recompute_schema())
        })
        .map(|transformed| transformed.data)
    }
}

fn coerce(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (left_type, right_type) = (left.get_type(schema)?, right.get_type(schema)?);
            let is_number = |data_type: &DataType| data_type.is_integer() || data_type.is_floating();
            if op == Operator::Divide && is_number(&left_type) && is_number(&right_type) {
                let operand = |expr: Box<Expr>, data_type| match data_type {
                    DataType::Float64 => *expr,
                    _ => Expr::Cast(Cast::new(expr, DataType::Float64)),
                };
                let operands = vec![operand(left, left_type), operand(right, right_type)];
                return Ok(Transformed::yes(divide().call(operands)));
            }
            let (operands, changed) = alike([*left, *right], schema)?;
            let [left, right] = operands.map(Box::new);
            let checked = checked_constant(Expr::BinaryExpr(BinaryExpr::new(left, op, right)), schema)?;
            let changed = changed || checked.transformed;
            Ok(Transformed::new_transformed(checked.data, changed))
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            let (values, changed) = alike([*expr, *low, *high], schema)?;
            let [expr, low, high] = values.map(Box::new);
            let between = Expr::Between(Between::new(expr, negated, low, high));
            Ok(Transformed::new_transformed(between, changed))
        }
        Expr::InList(InList { expr, list, negated }) => {
            let values = chosen::alike(std::iter::once(expr.as_ref()).chain(&list), schema)?;
            let changed = values.is_some();
            let (expr, list) = match values.map(VecDeque::from) {
                Some(mut values) => (values.pop_front().map_or(expr, Box::new), values.into()),
                None => (expr, list),
            };
            let data_type = expr.get_type(schema)?;
            let members = InList::new(expr, list, negated);
            match membership_by_equality(&members, &data_type, schema)? {
                Some(expr) => Ok(Transformed::yes(expr)),
                None => Ok(Transformed::new_transformed(Expr::InList(members), changed)),
            }
        }
        Expr::Case(mut case) => {
            let changed = chosen::results(&mut case, schema)?;
            match searched(&case, schema)? {
                Some(searched) => Ok(Transformed::yes(Expr::Case(searched))),
                None => Ok(Transformed::new_transformed(Expr::Case(case), changed)),
            }
        }
        Expr::ScalarFunction(function) => called(function, schema),
        Expr::Cast(cast) if cast.field.data_type() == &DataType::Int64 => {
            // DataFusion cuts off what GoogleSQL rounds, half away from zero.
            let rounded = match cast.expr.get_type(schema)? {
                DataType::Float64 if !is_rounded(&cast.expr) => round().call(vec![*cast.expr]),
                DataType::Decimal128(_, scale) if scale > 0 => {
                    Expr::Cast(Cast::new(cast.expr, DataType::Decimal128(38, 0)))
                }
                _ => return Ok(Transformed::no(Expr::Cast(cast))),
            };
            Ok(Transformed::yes(Expr::Cast(Cast::new(Box::new(rounded), DataType::Int64))))
        }
        // A SAFE_CAST of these to STRING never fails either.
        Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field })
            if *field.data_type() == DataType::Utf8 && is_written_differently(&expr.get_type(schema)?) =>
        {
            Ok(Transformed::yes(to_text().call(vec![*expr])))
        }
        other => Ok(Transformed::no(other)),
    }
}

/// What Unicode calls white space.
const WHITE_SPACE: &str = "\t\n\u{b}\u{c}\r \u{85}\u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}";

/// A function that means something else here.
fn called(mut function: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if let Some(sliced) = sliced(&function) {
        function.func = sliced;
        return Ok(Transformed::yes(Expr::ScalarFunction(function)));
    }
    if let Some(expr) = null_if(&function, schema)? {
        return Ok(Transformed::yes(expr));
    }
    let changed = chosen::arguments(&mut function, schema)?;
    match (function.func.name(), function.args.len()) {
        // DATE_TRUNC of a DATE is a DATE, of a DATETIME a DATETIME, of a TIMESTAMP a TIMESTAMP.
        ("truncated_as", 2) => {
            let given = function.args[1].get_type(schema)?;
            let truncated = function.args.swap_remove(0);
            let data_type = if matches!(given, DataType::Timestamp(..)) { given } else { DataType::Date32 };
            Ok(Transformed::yes(match truncated.get_type(schema)? == data_type {
                true => truncated,
                false => Expr::Cast(Cast::new(Box::new(truncated), data_type)),
            }))
        }
        ("array_has", 2) => Ok(Transformed::yes(member(function, schema)?)),
        ("greatest" | "least", _) => extreme(function, schema).map(Transformed::yes),
        // DataFusion's takes away spaces only.
        ("btrim" | "ltrim" | "rtrim", 1) => {
            function.args.push(lit(WHITE_SPACE));
            Ok(Transformed::yes(Expr::ScalarFunction(function)))
        }
        _ => Ok(Transformed::new_transformed(Expr::ScalarFunction(function), changed)),
    }
}

/// `x IN UNNEST(a)`: of an array that is written out, IN of its elements.
fn member(function: ScalarFunction, schema: &DFSchema) -> Result<Expr> {
    if let [Expr::ScalarFunction(array), value] = &function.args[..]
        && array.func.name() == "make_array"
        && !array.args.is_empty()
    {
        let members = InList::new(Box::new(value.clone()), array.args.clone(), false);
        return Ok(coerce(Expr::InList(members), schema)?.data);
    }
    Ok(member_of().call(function.args))
}

/// Whether an expression is one that this rule has rounded, or that rounds anyway.
fn is_rounded(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(function)
        if ["round", "trunc", "floor", "ceil"].contains(&function.func.name()))
}

/// Operands as one type if there are NUMERICs and FLOAT64 among them, and whether they changed.
fn alike<const N: usize>(operands: [Expr; N], schema: &DFSchema) -> Result<([Expr; N], bool)> {
    Ok(match chosen::alike(&operands, schema)? {
        Some(alike) => (<[Expr; N]>::try_from(alike).unwrap_or(operands), true),
        None => (operands, false),
    })
}

/// A FLOAT64 literal that stands beside a decimal, as a decimal.
fn beside(expr: Expr, other: &DataType) -> (Expr, bool) {
    if !matches!(other, DataType::Decimal128(..) | DataType::Decimal256(..)) {
        return (expr, false);
    }
    match &expr {
        Expr::Literal(ScalarValue::Float64(Some(number)), metadata) => match decimal(*number) {
            Some(decimal) => (Expr::Literal(decimal, metadata.clone()), true),
            None => (expr, false),
        },
        Expr::Negative(inner) => match inner.as_ref() {
            Expr::Literal(ScalarValue::Float64(Some(number)), metadata) => match decimal(-*number) {
                Some(decimal) => (Expr::Literal(decimal, metadata.clone()), true),
                None => (expr, false),
            },
            _ => (expr, false),
        },
        _ => (expr, false),
    }
}

/// The decimal that the shortest text of `number` says, if NUMERIC can hold it.
fn decimal(number: f64) -> Option<ScalarValue> {
    if !number.is_finite() {
        return None;
    }
    let text = format!("{number}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digits = whole.trim_start_matches('-').len() + fraction.len();
    if digits > 38 {
        return None;
    }
    let value = i128::from_str(&format!("{whole}{fraction}")).ok()?;
    // "-0.5" loses its sign with its whole part's zero.
    let value = if number < 0.0 && value > 0 { -value } else { value };
    let (precision, scale) = (u8::try_from(digits.max(1)).ok()?, i8::try_from(fraction.len()).ok()?);
    Some(ScalarValue::Decimal128(Some(value), precision, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn float_literals_become_the_decimals_they_read_as() {
        let shown = |number: f64| decimal(number).map(|value| format!("{value:?}"));
        assert_eq!(shown(0.07).as_deref(), Some("Decimal128(0.07,3,2)"));
        assert_eq!(shown(-0.5).as_deref(), Some("Decimal128(-0.5,2,1)"));
        assert_eq!(shown(24.0).as_deref(), Some("Decimal128(24,2,0)"));
        assert_eq!(shown(f64::NAN), None);
        assert_eq!(shown(1e300), None);
    }
}
