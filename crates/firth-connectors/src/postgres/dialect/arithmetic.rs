//! Values made of others: sums, products and remainders, CASE, casts.

use arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use firth_connector::{Operand, Rendered};

use super::{date, text};

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

/// An INT64 as a `bigint`.
pub(super) fn bigint(operand: &Operand<'_>) -> String {
    match operand.remote_type {
        Some("bigint") => operand.sql.to_owned(),
        _ => format!("{}::int8", operand.sql),
    }
}

/// `left % right` of two INT64, with the sign of `left` on both sides. Only of a literal divisor: 0 is an
/// error on both, but for −1 the remainder of the smallest number is one here and 0 there.
pub(super) fn remainder(left: &Operand<'_>, right: &Operand<'_>) -> Option<Rendered> {
    match (left.data_type, right.literal) {
        (DataType::Int64, Some(ScalarValue::Int64(Some(divisor)))) if !matches!(divisor, 0 | -1) => {
            Rendered::typed(format!("({} % {})", bigint(left), bigint(right)), "bigint")
        }
        _ => None,
    }
}

/// CASE: conditions are looked at in turn on both sides, and a value is computed only where it is asked for.
pub(super) fn case(operands: &[Operand<'_>]) -> Option<Rendered> {
    let pairs: Vec<&[Operand<'_>]> = operands.chunks(2).collect();
    let values: Vec<&Operand<'_>> = pairs.iter().filter_map(|pair| pair.last()).collect();
    let write = |values: &[String]| {
        let mut text = "(CASE".to_owned();
        for (pair, value) in pairs.iter().zip(values) {
            match pair {
                [condition, _] => text.push_str(&format!(" WHEN {} THEN {value}", condition.sql)),
                _ => text.push_str(&format!(" ELSE {value}")),
            }
        }
        text.push_str(" END)");
        text
    };
    if values.iter().all(|value| *value.data_type == DataType::Utf8) {
        return text::made_of(&values, write);
    }
    if !values.iter().all(|value| is_plain(value.data_type)) {
        return None;
    }
    let texts: Vec<String> = values.iter().map(|value| value.sql.to_owned()).collect();
    Rendered::exact(write(&texts))
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
        // Lengths, parts and numbers of rows, which are `bigint` there already.
        (DataType::Int32 | DataType::UInt64, DataType::Int64) => Rendered::typed(operand.sql, "bigint"),
        // Nanoseconds too: of dates that they do not reach ours is an error, theirs is not.
        (DataType::Date32, DataType::Timestamp(_, None)) => {
            Rendered::exact(format!("{}::timestamp", operand.sql))
        }
        (DataType::Timestamp(..), DataType::Date32) => date::date(operand),
        _ => None,
    }
}
