//! Values of which one is chosen, or that stand in one column: FLOAT64 and NUMERIC among them.
//!
//! GoogleSQL takes such NUMERICs for FLOAT64, unless all that is FLOAT64 is a literal, which is then a NUMERIC. DataFusion takes the
//! FLOAT64 for decimals of 15 places, where 1e-20 is zero.

use std::{collections::HashMap, sync::Arc};

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

/// As what such values are taken.
#[derive(Clone, Copy)]
enum Number {
    Decimal,
    Float,
}

impl Number {
    /// Of values as they are written, with their types; `None` unless there are NUMERICs and FLOAT64 among them.
    fn of(values: &[(Expr, DataType)]) -> Option<Self> {
        if !are_mixed(values.iter().map(|(_, data_type)| data_type)) {
            return None;
        }
        let fits =
            |(value, data_type): &(Expr, DataType)| !is_float(data_type) || beside(value.clone(), &NUMERIC).1;
        Some(if values.iter().all(fits) { Number::Decimal } else { Number::Float })
    }

    /// What takes the place of a value that is written so and is to be had as `value`; `None` if it stays.
    fn taken(self, (written, data_type): &(Expr, DataType), value: impl FnOnce() -> Expr) -> Option<Expr> {
        match self {
            Number::Decimal if is_float(data_type) => Some(beside(written.clone(), &NUMERIC).0),
            Number::Float if is_decimal(data_type) => {
                Some(Expr::Cast(Cast::new(Box::new(value()), DataType::Float64)))
            }
            _ => None,
        }
    }
}

fn are_mixed<'a>(types: impl Iterator<Item = &'a DataType> + Clone) -> bool {
    types.clone().any(is_decimal) && types.clone().any(is_float)
}

fn is_decimal(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal128(..) | DataType::Decimal256(..))
}

fn is_float(data_type: &DataType) -> bool {
    *data_type == DataType::Float64
}

/// The values as one type if there are NUMERICs and FLOAT64 among them; else `None`.
pub(super) fn alike<'a>(
    values: impl IntoIterator<Item = &'a Expr>,
    schema: &DFSchema,
) -> Result<Option<Vec<Expr>>> {
    let typed = values.into_iter().map(|value| Ok((value, value.get_type(schema)?)));
    let typed: Vec<(&Expr, DataType)> = typed.collect::<Result<_>>()?;
    // Most are not, and need not be copied.
    if !are_mixed(typed.iter().map(|(_, data_type)| data_type)) {
        return Ok(None);
    }
    let typed: Vec<(Expr, DataType)> =
        typed.into_iter().map(|(value, data_type)| (value.clone(), data_type)).collect();
    let Some(number) = Number::of(&typed) else { return Ok(None) };
    let taken =
        |value: &(Expr, DataType)| number.taken(value, || value.0.clone()).unwrap_or_else(|| value.0.clone());
    Ok(Some(typed.iter().map(taken).collect()))
}

/// A function that chooses among its arguments, or keeps them all.
pub(super) fn arguments(function: &mut ScalarFunction, schema: &DFSchema) -> Result<bool> {
    if !CHOOSING.contains(&function.func.name()) {
        return Ok(false);
    }
    let Some(alike) = alike(&function.args, schema)? else { return Ok(false) };
    function.args = alike;
    Ok(true)
}

/// The results of a CASE.
pub(super) fn results(case: &mut Case, schema: &DFSchema) -> Result<bool> {
    let thens = case.when_then_expr.iter().map(|(_, then)| then.as_ref());
    let Some(alike) = alike(thens.chain(case.else_expr.as_deref()), schema)? else { return Ok(false) };
    let mut alike = alike.into_iter().map(Box::new);
    for ((_, then), value) in case.when_then_expr.iter_mut().zip(&mut alike) {
        *then = value;
    }
    case.else_expr = alike.next();
    Ok(true)
}

/// The columns of a UNION; `None` if it stays as it is.
pub(super) fn columns(union: &Union) -> Result<Option<LogicalPlan>> {
    let inputs = queries(union);
    let width = inputs.iter().map(|input| input.schema().fields().len()).min().unwrap_or(0);
    let mut replaced: Vec<HashMap<usize, Expr>> = vec![HashMap::new(); inputs.len()];
    for column in 0..width {
        let typed: Vec<(Expr, DataType)> = inputs.iter().map(|input| written(input, column)).collect();
        let Some(number) = Number::of(&typed) else { continue };
        for ((input, value), replaced) in inputs.iter().zip(&typed).zip(&mut replaced) {
            let taken = number.taken(value, || Expr::from(input.schema().qualified_field(column)));
            replaced.extend(taken.map(|taken| (column, taken)));
        }
    }
    if replaced.iter().all(HashMap::is_empty) {
        return Ok(None);
    }
    let inputs = inputs.into_iter().zip(replaced).map(|(input, replaced)| with(input, replaced));
    Ok(Some(LogicalPlan::Union(Union::try_new_with_loose_types(inputs.collect::<Result<_>>()?)?)))
}

/// All that is put together: `a UNION ALL b UNION ALL c` has a UNION within.
fn queries(union: &Union) -> Vec<&Arc<LogicalPlan>> {
    let of = |input| match Arc::as_ref(input) {
        LogicalPlan::Union(inner) => queries(inner),
        _ => vec![input],
    };
    union.inputs.iter().flat_map(of).collect()
}

/// A column as it is written, so that a literal is seen as one, and its type.
fn written(plan: &LogicalPlan, column: usize) -> (Expr, DataType) {
    let (qualifier, field) = plan.schema().qualified_field(column);
    let written = match plan {
        LogicalPlan::Projection(projection) => projection.expr[column].clone().unalias(),
        _ => Expr::from((qualifier, field)),
    };
    (written, field.data_type().clone())
}

/// The plan with other values in some columns, of the same names.
fn with(plan: &Arc<LogicalPlan>, mut replaced: HashMap<usize, Expr>) -> Result<Arc<LogicalPlan>> {
    if replaced.is_empty() {
        return Ok(Arc::clone(plan));
    }
    let columns =
        plan.schema().iter().enumerate().map(|(index, (qualifier, field))| match replaced.remove(&index) {
            Some(value) => value.alias_qualified(qualifier.cloned(), field.name()),
            None => Expr::from((qualifier, field)),
        });
    let columns = columns.collect();
    Ok(Arc::new(LogicalPlan::Projection(Projection::try_new(columns, Arc::clone(plan))?)))
}
