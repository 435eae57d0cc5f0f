//! Values made of others: sums and products, CASE, casts.

use arrow::datatypes::DataType;
use firth_connector::{Operand, Rendered};

/// `left operator right`, of two INT64 or two decimals.
///
/// INT64 is `bigint` there, whatever the column is: `smallint + smallint` would leave `smallint` where ours
/// goes on. An overflow is an error on both sides. Decimals lose no digit on either. Floats are not on the
/// list: PostgreSQL raises an error where a result is too large or too small, ours is infinite or zero.
pub(super) fn arithmetic(operator: &str, left: &Operand<'_>, right: &Operand<'_>) -> Option<Rendered> {
    let decimal =
        |data_type: &DataType| matches!(data_type, DataType::Decimal128(..) | DataType::Decimal256(..));
    match (left.data_type, right.data_type) {
        (DataType::Int64, DataType::Int64) => {
            Rendered::exact(format!("({} {operator} {})", bigint(left), bigint(right)))
        }
        (left_type, right_type) if decimal(left_type) && decimal(right_type) => {
            Rendered::exact(format!("({} {operator} {})", left.sql, right.sql))
        }
        _ => None,
    }
}

fn bigint(operand: &Operand<'_>) -> String {
    match operand.remote_type {
        Some("bigint") => operand.sql.to_owned(),
        _ => format!("{}::int8", operand.sql),
    }
}

/// CASE, whose values are of one type that needs no collation: conditions are looked at in turn on both
/// sides, and a value is computed only where it is asked for.
pub(super) fn case(operands: &[Operand<'_>]) -> Option<Rendered> {
    let mut text = "(CASE".to_owned();
    for pair in operands.chunks(2) {
        let value = pair.last()?;
        if !is_plain(value.data_type) {
            return None;
        }
        match pair {
            [condition, value] => text.push_str(&format!(" WHEN {} THEN {}", condition.sql, value.sql)),
            _ => text.push_str(&format!(" ELSE {}", value.sql)),
        }
    }
    text.push_str(" END)");
    Rendered::exact(text)
}

/// Types whose values look alike however they were made.
fn is_plain(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Boolean
            | DataType::Int64
            | DataType::Float64
            | DataType::Decimal128(..)
            | DataType::Decimal256(..)
            | DataType::Date32
            | DataType::Timestamp(..)
    )
}

/// Casts that neither round nor fail.
pub(super) fn cast(operand: &Operand<'_>, target: &DataType) -> Option<Rendered> {
    match (operand.data_type, target) {
        // To the nearest, ties to even, on both sides.
        (DataType::Int64, DataType::Float64) => Rendered::exact(format!("{}::float8", operand.sql)),
        (
            DataType::Int64,
            DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale),
        ) if *scale >= 0 && i16::from(*precision) - i16::from(*scale) >= 19 => {
            Rendered::exact(format!("{}::numeric", operand.sql))
        }
        // A `numeric` is what it is; more room for it changes nothing.
        (
            DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale),
            DataType::Decimal128(to_precision, to_scale) | DataType::Decimal256(to_precision, to_scale),
        ) if to_scale >= scale
            && i16::from(*to_precision) - i16::from(*to_scale)
                >= i16::from(*precision) - i16::from(*scale) =>
        {
            Rendered::exact(operand.sql.to_owned())
        }
        (DataType::Date32, DataType::Timestamp(_, None)) => {
            Rendered::exact(format!("{}::timestamp", operand.sql))
        }
        _ => None,
    }
}
