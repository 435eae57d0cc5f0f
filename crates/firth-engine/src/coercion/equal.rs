//! What compares without saying `=`: `CASE x WHEN y`, NULLIF, and with NULLs GREATEST and LEAST.
//!
//! DataFusion (55.2) looks the values of a simple CASE up by their bits, and NULLIF compares them so: 0.0 and -0.0 are two. A FLOAT64 literal
//! there is not the NUMERIC that it stands beside. Its GREATEST and LEAST leave NULLs out, as PostgreSQL's do; here one NULL makes NULL.

use arrow::datatypes::DataType;
use datafusion::{
    common::{DFSchema, ScalarValue},
    error::Result,
    logical_expr::{BinaryExpr, Case, Expr, ExprSchemable, Operator, expr::ScalarFunction, lit, when},
};

fn is_inexact_or_decimal(data_type: &DataType) -> bool {
    data_type.is_floating() || matches!(data_type, DataType::Decimal128(..) | DataType::Decimal256(..))
}

fn equal(left: &Expr, right: Expr, schema: &DFSchema) -> Result<Expr> {
    let equal = BinaryExpr::new(Box::new(left.clone()), Operator::Eq, Box::new(right));
    Ok(super::coerce(Expr::BinaryExpr(equal), schema)?.data)
}

/// `CASE x WHEN y THEN …` of numbers as `CASE WHEN x = y THEN …`; none for what gives another value each time.
pub(super) fn searched(case: &Case, schema: &DFSchema) -> Result<Option<Case>> {
    let Some(operand) = case.expr.as_deref().filter(|operand| !operand.is_volatile()) else {
        return Ok(None);
    };
    let mut concerned = is_inexact_or_decimal(&operand.get_type(schema)?);
    for (value, _) in &case.when_then_expr {
        concerned |= is_inexact_or_decimal(&value.get_type(schema)?);
    }
    if !concerned {
        return Ok(None);
    }
    let mut branches = Vec::with_capacity(case.when_then_expr.len());
    for (value, result) in &case.when_then_expr {
        branches.push((Box::new(equal(operand, value.as_ref().clone(), schema)?), result.clone()));
    }
    Ok(Some(Case::new(None, branches, case.else_expr.clone())))
}

/// `NULLIF(x, y)` of FLOAT64 by `=`.
pub(super) fn null_if(function: &ScalarFunction, schema: &DFSchema) -> Result<Option<Expr>> {
    let ("nullif", [value, other]) = (function.func.name(), &function.args[..]) else { return Ok(None) };
    let data_type = value.get_type(schema)?;
    if !data_type.is_floating() || value.is_volatile() {
        return Ok(None);
    }
    let nothing = Expr::Literal(ScalarValue::try_from(&data_type)?, None);
    when(equal(value, other.clone(), schema)?, nothing).otherwise(value.clone()).map(Some)
}

/// GREATEST or LEAST, NULL where one of the values is.
pub(super) fn extreme(function: ScalarFunction, schema: &DFSchema) -> Result<Expr> {
    let mut any: Option<Expr> = None;
    for value in &function.args {
        if value.nullable(schema)? {
            let is_null = value.clone().is_null();
            any = Some(match any {
                Some(any) => any.or(is_null),
                None => is_null,
            });
        }
    }
    match any {
        Some(any) => when(any, lit(ScalarValue::Null)).otherwise(Expr::ScalarFunction(function)),
        None => Ok(Expr::ScalarFunction(function)),
    }
}
