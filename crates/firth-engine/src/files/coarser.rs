//! Comparisons of timestamps that a file counts in coarser units than the table.
//!
//! `CAST(ts AS µs) < literal` says nothing to statistics, since nothing looks into the cast (see `widened`). Here the
//! literal moves to the file's unit instead, rounded to the side on which no row changes: with milliseconds
//!
//! ```text
//! CAST(ts AS µs) <  …20.000001     ts <  …20.001
//! CAST(ts AS µs) >= …20.000001     ts >= …20.001
//! CAST(ts AS µs) =  …20.000001     ts >  …20.000 AND ts < …20.001, which no millisecond is
//! CAST(ts AS µs) =  …20.000000     ts =  …20.000
//! ```
//!
//! NULL stays NULL, and what cannot be said exactly stays as it is. Units are whole multiples of each other, so
//! the division rounds down, also before 1970.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, TimeUnit};
use datafusion::{
    common::{
        ScalarValue,
        tree_node::{Transformed, TransformedResult, TreeNode},
    },
    error::Result,
    logical_expr::Operator,
    physical_plan::{
        PhysicalExpr,
        expressions::{BinaryExpr, InListExpr, Literal, in_list},
    },
};

use super::widened::Widened;

/// The same filter, with its comparisons in the units of the file.
pub(crate) fn compared_in_file_units(
    expr: Arc<dyn PhysicalExpr>,
    physical: &Schema,
) -> Result<Arc<dyn PhysicalExpr>> {
    expr.transform_up(|expr| {
        let moved = if let Some(comparison) = expr.downcast_ref::<BinaryExpr>() {
            moved_comparison(comparison, physical)?
        } else if let Some(list) = expr.downcast_ref::<InListExpr>() {
            moved_list(list, physical)?
        } else {
            None
        };
        Ok(moved.map_or_else(|| Transformed::no(expr), Transformed::yes))
    })
    .data()
}

fn moved_comparison(comparison: &BinaryExpr, physical: &Schema) -> Result<Option<Arc<dyn PhysicalExpr>>> {
    let op = *comparison.op();
    let (widened, literal, op) = match (as_widened(comparison.left()), as_widened(comparison.right())) {
        (Some(widened), None) => (widened, comparison.right(), Some(op)),
        (None, Some(widened)) => (widened, comparison.left(), op.swap()),
        _ => return Ok(None),
    };
    let (Some(coarse), Some(op)) = (Coarse::of(widened, physical)?, op) else { return Ok(None) };
    let Some(literal) = literal.downcast_ref::<Literal>().and_then(|literal| coarse.place(literal.value()))
    else {
        return Ok(None);
    };
    let Some(above) = literal.above() else { return Ok(None) };
    let compare = |op, count| coarse.compare(op, count);
    Ok(match (op, literal.is_exact) {
        // Exactly there: every comparison keeps its meaning.
        (
            Operator::Eq | Operator::NotEq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq,
            true,
        ) => Some(compare(op, literal.below)),
        (Operator::Lt | Operator::GtEq, false) => Some(compare(op, above)),
        (Operator::LtEq | Operator::Gt, false) => Some(compare(op, literal.below)),
        (Operator::Eq, false) => {
            Some(both(compare(Operator::Gt, literal.below), Operator::And, compare(Operator::Lt, above)))
        }
        (Operator::NotEq, false) => {
            Some(both(compare(Operator::LtEq, literal.below), Operator::Or, compare(Operator::GtEq, above)))
        }
        _ => None,
    })
}

/// Values that the file's units cannot be are equal to none of its rows.
fn moved_list(list: &InListExpr, physical: &Schema) -> Result<Option<Arc<dyn PhysicalExpr>>> {
    let Some(widened) = as_widened(list.expr()) else { return Ok(None) };
    let Some(coarse) = Coarse::of(widened, physical)? else { return Ok(None) };
    let mut moved: Vec<Arc<dyn PhysicalExpr>> = Vec::with_capacity(list.list().len());
    for item in list.list() {
        let Some(place) = item.downcast_ref::<Literal>().and_then(|literal| coarse.place(literal.value()))
        else {
            return Ok(None);
        };
        if place.is_exact {
            moved.push(coarse.literal(place.below));
        }
    }
    if moved.is_empty() {
        return Ok(None);
    }
    in_list(Arc::clone(&coarse.column), moved, &list.negated(), physical).map(Some)
}

fn both(left: Arc<dyn PhysicalExpr>, op: Operator, right: Arc<dyn PhysicalExpr>) -> Arc<dyn PhysicalExpr> {
    Arc::new(BinaryExpr::new(left, op, right))
}

fn as_widened(expr: &Arc<dyn PhysicalExpr>) -> Option<&Widened> {
    expr.downcast_ref::<Widened>()
}

/// A timestamp of the file, and how many of the table's units one of its own is.
struct Coarse {
    column: Arc<dyn PhysicalExpr>,
    unit: TimeUnit,
    zone: Option<Arc<str>>,
    wide: TimeUnit,
    ratio: i64,
}

impl Coarse {
    /// `None` where the cast does more than count in finer units: from a local time to an instant.
    fn of(widened: &Widened, physical: &Schema) -> Result<Option<Coarse>> {
        let [column] = widened.children()[..] else { return Ok(None) };
        let (DataType::Timestamp(unit, zone), DataType::Timestamp(wide, wide_zone)) =
            (column.data_type(physical)?, widened.data_type(physical)?)
        else {
            return Ok(None);
        };
        if zone.is_some() != wide_zone.is_some() {
            return Ok(None);
        }
        let ratio = in_a_second(wide) / in_a_second(unit);
        Ok(Some(Coarse { column: Arc::clone(column), unit, zone, wide, ratio }))
    }

    /// Where a value of the table's type lies among the file's. `None` for NULL, and for other types.
    fn place(&self, value: &ScalarValue) -> Option<Place> {
        let (unit, count) = match value {
            ScalarValue::TimestampSecond(Some(count), _) => (TimeUnit::Second, *count),
            ScalarValue::TimestampMillisecond(Some(count), _) => (TimeUnit::Millisecond, *count),
            ScalarValue::TimestampMicrosecond(Some(count), _) => (TimeUnit::Microsecond, *count),
            ScalarValue::TimestampNanosecond(Some(count), _) => (TimeUnit::Nanosecond, *count),
            _ => return None,
        };
        (unit == self.wide).then(|| Place {
            below: count.div_euclid(self.ratio),
            is_exact: count.rem_euclid(self.ratio) == 0,
        })
    }

    fn compare(&self, op: Operator, count: i64) -> Arc<dyn PhysicalExpr> {
        both(Arc::clone(&self.column), op, self.literal(count))
    }

    fn literal(&self, count: i64) -> Arc<dyn PhysicalExpr> {
        let zone = self.zone.clone();
        Arc::new(Literal::new(match self.unit {
            TimeUnit::Second => ScalarValue::TimestampSecond(Some(count), zone),
            TimeUnit::Millisecond => ScalarValue::TimestampMillisecond(Some(count), zone),
            TimeUnit::Microsecond => ScalarValue::TimestampMicrosecond(Some(count), zone),
            TimeUnit::Nanosecond => ScalarValue::TimestampNanosecond(Some(count), zone),
        }))
    }
}

/// Where a literal lies among the values of a coarser unit.
struct Place {
    /// The greatest that is not after it.
    below: i64,
    /// Whether it is that one.
    is_exact: bool,
}

impl Place {
    /// The one after `below`.
    fn above(&self) -> Option<i64> {
        self.below.checked_add(1)
    }
}

fn in_a_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

#[cfg(test)]
mod tests;
