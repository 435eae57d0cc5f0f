//! `x IN (…)` as `=` has it, where DataFusion's lists have it otherwise.
//!
//! DataFusion (55.2) takes for constant what can be evaluated without rows, also a CASE over columns, which then has the value that
//! it has for no row. And it looks FLOAT64 up by its bits, by which 0.0 and -0.0 are two values.

use arrow::datatypes::DataType;
use datafusion::{
    common::{DFSchema, ScalarValue, tree_node::TreeNode as _},
    error::Result,
    logical_expr::{BinaryExpr, Expr, Operator, expr::InList, lit, not},
};

/// The same with equality, if the list would answer otherwise. `data_type` is that of the expression before IN.
pub(super) fn membership_by_equality(
    members: &InList,
    data_type: &DataType,
    schema: &DFSchema,
) -> Result<Option<Expr>> {
    let mut list = Vec::with_capacity(members.list.len());
    let mut others = Vec::new();
    for item in &members.list {
        // What is evaluated anew must answer the same.
        let is_apart = !is_constant(item)? && !members.expr.is_volatile();
        if is_apart { others.push(item.clone()) } else { list.push(item.clone()) }
    }
    let zeros =
        if *data_type == DataType::Float64 && list.iter().any(is_zero) { vec![0.0, -0.0] } else { vec![] };
    if others.is_empty() && zeros.is_empty() {
        return Ok(None);
    }
    if !zeros.is_empty() {
        list.retain(|item| !is_zero(item));
        list.extend(zeros.into_iter().map(lit));
    }
    let mut any = (!list.is_empty()).then(|| Expr::InList(InList::new(members.expr.clone(), list, false)));
    for item in others {
        let equal = BinaryExpr::new(members.expr.clone(), Operator::Eq, Box::new(item));
        let equal = super::coerce(Expr::BinaryExpr(equal), schema)?.data;
        any = Some(match any {
            Some(any) => any.or(equal),
            None => equal,
        });
    }
    Ok(any.map(|any| if members.negated { not(any) } else { any }))
}

/// Whether no row has a part in it.
fn is_constant(expr: &Expr) -> Result<bool> {
    let varies = expr.exists(|part| {
        Ok(matches!(
            part,
            Expr::Column(_)
                | Expr::OuterReferenceColumn(..)
                | Expr::ScalarSubquery(_)
                | Expr::Exists(_)
                | Expr::InSubquery(_)
        ))
    })?;
    Ok(!varies)
}

fn is_zero(expr: &Expr) -> bool {
    match expr {
        Expr::Negative(of) => is_zero(of),
        Expr::Literal(ScalarValue::Int64(Some(number)), _) => *number == 0,
        Expr::Literal(ScalarValue::Float64(Some(number)), _) => *number == 0.0,
        _ => false,
    }
}
