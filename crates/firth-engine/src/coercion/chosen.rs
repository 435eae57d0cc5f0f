//! Values of which one is chosen, or that stand in one column: FLOAT64 and NUMERIC among them.
//!
//! GoogleSQL takes such NUMERICs for FLOAT64, unless all that is FLOAT64 is a literal, which is then a NUMERIC. DataFusion takes the
//! FLOAT64 for decimals of 15 places, where 1e-20 is zero.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::{
    common::DFSchema,
    error::Result,
    logical_expr::{Case, Cast, Expr, ExprSchemable, LogicalPlan, Projection, Union, expr::ScalarFunction},
};

use super::beside;

/// Functions whose arguments are values of one type.
const CHOOSING: [&str; 6] = ["coalesce", "nvl", "ifnull", "greatest", "least", "make_array"];
/// Some NUMERIC, for a literal to be taken as one.
const NUMERIC: DataType = DataType::Decimal128(38, 9);

/// The values as one type if there are NUMERICs and FLOAT64 among them; else `None`.
pub(super) fn alike(values: &[Expr], schema: &DFSchema) -> Result<Option<Vec<Expr>>> {
    let mut types = Vec::with_capacity(values.len());
    for value in values {
        types.push(value.get_type(schema)?);
    }
    if !types.iter().any(is_decimal) || !types.contains(&DataType::Float64) {
        return Ok(None);
    }
    let as_decimals: Vec<Expr> = values.iter().map(|value| beside(value.clone(), &NUMERIC).0).collect();
    let mut are_literals = true;
    for value in &as_decimals {
        are_literals &= value.get_type(schema)? != DataType::Float64;
    }
    if are_literals {
        return Ok(Some(as_decimals));
    }
    let floats = values.iter().zip(&types);
    Ok(Some(
        floats.map(|(value, of)| if is_decimal(of) { float(value.clone()) } else { value.clone() }).collect(),
    ))
}

fn is_decimal(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal128(..) | DataType::Decimal256(..))
}

fn float(value: Expr) -> Expr {
    Expr::Cast(Cast::new(Box::new(value), DataType::Float64))
}

/// A function that chooses among its arguments, or keeps them all.
pub(super) fn arguments(function: &mut ScalarFunction, schema: &DFSchema) -> Result<bool> {
    if !CHOOSING.contains(&function.func.name()) {
        return Ok(false);
    }
    let alike = alike(&function.args, schema)?;
    let changed = alike.is_some();
    function.args = alike.unwrap_or_else(|| std::mem::take(&mut function.args));
    Ok(changed)
}

/// The results of a CASE.
pub(super) fn results(case: &mut Case, schema: &DFSchema) -> Result<bool> {
    let thens = case.when_then_expr.iter().map(|(_, then)| then.as_ref().clone());
    let values: Vec<Expr> = thens.chain(case.else_expr.as_deref().cloned()).collect();
    let Some(alike) = alike(&values, schema)? else { return Ok(false) };
    let mut alike = alike.into_iter().map(Box::new);
    for ((_, then), value) in case.when_then_expr.iter_mut().zip(&mut alike) {
        *then = value;
    }
    case.else_expr = alike.next();
    Ok(true)
}

/// The columns of a UNION; `None` if it stays as it is.
pub(super) fn columns(union: &Union) -> Result<Option<LogicalPlan>> {
    let mut inputs: Vec<LogicalPlan> = union.inputs.iter().map(|input| input.as_ref().clone()).collect();
    let width = inputs.iter().map(|input| input.schema().fields().len()).min().unwrap_or(0);
    let mut changed = false;
    for column in 0..width {
        // As it is written, so that a literal is seen as one.
        let written: Vec<Expr> = inputs.iter().map(|input| written(input, column)).collect();
        let mut values = Vec::with_capacity(inputs.len());
        for (input, value) in inputs.iter().zip(&written) {
            values.push((value.clone(), input.schema().field(column).data_type().clone()));
        }
        let types: Vec<&DataType> = values.iter().map(|(_, data_type)| data_type).collect();
        if !types.iter().any(|data_type| is_decimal(data_type)) || !types.contains(&&DataType::Float64) {
            continue;
        }
        let is_literal = |value: &Expr| beside(value.clone(), &NUMERIC).1;
        let are_literals =
            values.iter().all(|(value, data_type)| *data_type != DataType::Float64 || is_literal(value));
        for (input, (value, data_type)) in inputs.iter_mut().zip(values) {
            let replaced = match (are_literals, data_type) {
                (true, DataType::Float64) => Some(beside(value, &NUMERIC).0),
                (false, data_type) if is_decimal(&data_type) => {
                    Some(float(Expr::from(input.schema().qualified_field(column))))
                }
                _ => None,
            };
            if let Some(replaced) = replaced {
                *input = with(input, column, replaced)?;
                changed = true;
            }
        }
    }
    if !changed {
        return Ok(None);
    }
    let inputs = inputs.into_iter().map(Arc::new).collect();
    Ok(Some(LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?)))
}

/// The expression of a column of a projection, without its name.
fn written(plan: &LogicalPlan, column: usize) -> Expr {
    match plan {
        LogicalPlan::Projection(projection) => projection.expr[column].clone().unalias(),
        _ => Expr::from(plan.schema().qualified_field(column)),
    }
}

/// The plan with another value in a column of the same name.
fn with(plan: &LogicalPlan, column: usize, value: Expr) -> Result<LogicalPlan> {
    let columns = plan.schema().iter().enumerate().map(|(index, (qualifier, field))| match index == column {
        true => value.clone().alias_qualified(qualifier.cloned(), field.name()),
        false => Expr::from((qualifier, field)),
    });
    Ok(LogicalPlan::Projection(Projection::try_new(columns.collect(), Arc::new(plan.clone()))?))
}
