//! AVG of a NUMERIC: as what it is taken, so that its mean has nine decimals.

use arrow::datatypes::DataType;
use datafusion::{
    common::{
        DFSchema,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    error::Result,
    logical_expr::{Expr, ExprSchemable},
};

/// The type that the argument is cast to; `None` if it stays as it is. DataFusion's average has four decimals more
/// than its argument.
///
/// Operands have not been coerced yet, so the type of a CASE or COALESCE is that of one of its values. Where they are of
/// several types the widest counts: a cast to another would round the others.
pub(super) fn averaged_as(argument: &Expr, schema: &DFSchema) -> Result<Option<DataType>> {
    let chosen = match chosen(argument) {
        Some(_) => common(argument, schema)?,
        // The types of what is computed of such values are not known.
        None if holds_several(argument, schema)? => None,
        None => Some(argument.get_type(schema)?),
    };
    Ok(match chosen {
        Some(DataType::Decimal128(precision, scale @ 0..5)) => {
            Some(DataType::Decimal128((precision + 5 - scale.unsigned_abs()).min(38), 5))
        }
        _ => None,
    })
}

/// The values of which an expression is one.
fn chosen(expr: &Expr) -> Option<Vec<&Expr>> {
    match expr {
        Expr::Case(case) => {
            let thens = case.when_then_expr.iter().map(|(_, then)| then.as_ref());
            Some(thens.chain(case.else_expr.as_deref()).collect())
        }
        Expr::ScalarFunction(function)
            if ["coalesce", "nvl", "ifnull", "greatest", "least"].contains(&function.name()) =>
        {
            Some(function.args.iter().collect())
        }
        _ => None,
    }
}

/// The decimal type that holds all values of which an expression is one; `None` if that is not known.
fn common(expr: &Expr, schema: &DFSchema) -> Result<Option<DataType>> {
    let Some(values) = chosen(expr) else {
        return Ok(match holds_several(expr, schema)? {
            true => None,
            false => Some(expr.get_type(schema)?),
        });
    };
    let (mut whole, mut scale) = (0, 0);
    for value in values {
        match common(value, schema)? {
            Some(DataType::Decimal128(precision, decimals @ 0..)) => {
                whole = whole.max(precision.saturating_sub(decimals.unsigned_abs()));
                scale = scale.max(decimals);
            }
            // As which DataFusion takes them beside decimals.
            Some(DataType::Int64) => whole = whole.max(20),
            Some(DataType::Null) => {}
            _ => return Ok(None),
        }
    }
    Ok(Some(DataType::Decimal128((whole + scale.unsigned_abs()).min(38), scale)))
}

/// Whether values of several types are chosen from somewhere within.
fn holds_several(expr: &Expr, schema: &DFSchema) -> Result<bool> {
    let mut several = false;
    expr.apply(|part| {
        let mut first = None;
        for value in chosen(part).unwrap_or_default() {
            let data_type = value.get_type(schema)?;
            several |= !data_type.is_null() && *first.get_or_insert_with(|| data_type.clone()) != data_type;
        }
        Ok(if several { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(several)
}
