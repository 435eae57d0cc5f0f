//! Joins by FLOAT64 find -0.0 where there is 0.0.
//!
//! DataFusion's (55.2) hash join does by itself, but not what it tells the scans of its other side: few keys become a list, which is
//! looked up by its bits, and many become bounds, in an order in which -0.0 is less than 0.0. So a key becomes `key + 0.0`,
//! which has no -0.0. What is sent to a source is out of the plan by then.

use arrow::datatypes::DataType;
use datafusion::{
    common::{DFSchema, ScalarValue, tree_node::Transformed},
    error::Result,
    logical_expr::{BinaryExpr, Expr, ExprSchemable as _, LogicalPlan, Operator, lit},
};

/// Adds 0.0 to the keys of joins that may be -0.0.
pub(crate) fn one_zero(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| {
        let LogicalPlan::Join(mut join) = plan else { return Ok(Transformed::no(plan)) };
        let mut changed = false;
        for (left, right) in &mut join.on {
            for (key, side) in [(left, &join.left), (right, &join.right)] {
                changed |= has_one_zero(key, side.schema())?;
            }
        }
        let plan = LogicalPlan::Join(join);
        Ok(if changed { Transformed::yes(plan) } else { Transformed::no(plan) })
    })
    .map(|plan| plan.data)
}

fn has_one_zero(key: &mut Expr, schema: &DFSchema) -> Result<bool> {
    let zero = match key.get_type(schema)? {
        DataType::Float64 => lit(0.0_f64),
        DataType::Float32 => Expr::Literal(ScalarValue::Float32(Some(0.0)), None),
        _ => return Ok(false),
    };
    let before = std::mem::replace(key, zero.clone());
    *key = Expr::BinaryExpr(BinaryExpr::new(Box::new(before), Operator::Plus, Box::new(zero)));
    Ok(true)
}
