//! GoogleSQL as Spanner speaks it, and what of it means exactly what it means here.

use arrow::datatypes::{DataType, TimeUnit};
use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat};
use datafusion::scalar::ScalarValue;
use firth_connector::{Comparison, Operand, Operation, RemoteDialect, Rendered};

use super::column::NUMERIC;

/// Spanner's GoogleSQL.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpannerDialect;

impl RemoteDialect for SpannerDialect {
    fn identifier(&self, name: &str) -> String {
        format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
    }

    fn literal(&self, value: &ScalarValue) -> Option<String> {
        match value {
            ScalarValue::Boolean(Some(value)) => Some(if *value { "TRUE" } else { "FALSE" }.to_owned()),
            // The smallest INT64 is no literal: its digits without the sign do not fit.
            ScalarValue::Int64(Some(number)) if *number != i64::MIN => Some(number.to_string()),
            ScalarValue::Float64(Some(number)) if number.is_finite() => Some(format!("{number:?}")),
            ScalarValue::Decimal128(Some(number), _, scale) => numeric(*number, *scale),
            ScalarValue::Utf8(Some(text))
            | ScalarValue::LargeUtf8(Some(text))
            | ScalarValue::Utf8View(Some(text)) => Some(string(text)),
            ScalarValue::Date32(Some(days)) => date(*days),
            ScalarValue::TimestampMicrosecond(Some(micros), Some(_)) => timestamp(*micros),
            _ => None,
        }
    }

    fn operation(&self, operation: Operation<'_>, operands: &[Operand<'_>]) -> Option<Rendered> {
        match (operation, operands) {
            (Operation::Compare(comparison), [left, right]) => compare(comparison, left, right),
            (Operation::And, [_, _, ..]) => Rendered::exact(joined(operands, " AND ")),
            (Operation::Or, [_, _, ..]) => Rendered::exact(joined(operands, " OR ")),
            (Operation::Not, [operand]) => Rendered::exact(format!("(NOT {})", operand.sql)),
            (Operation::IsNull, [operand]) => Rendered::exact(format!("({} IS NULL)", operand.sql)),
            (Operation::IsNotNull, [operand]) => Rendered::exact(format!("({} IS NOT NULL)", operand.sql)),
            (Operation::In, [operand, list @ ..]) => member("IN", operand, list),
            (Operation::NotIn, [operand, list @ ..]) => member("NOT IN", operand, list),
            _ => None,
        }
    }
}

/// How two values of one type compare there.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    /// As here.
    Same,
    /// As here, but for NaN and for zeros with a sign.
    Float,
    /// There at nanoseconds, here at microseconds.
    Timestamp,
}

/// How the operands compare, if both are of one type that both sides order.
fn order(left: &DataType, right: &DataType) -> Option<Order> {
    match (left, right) {
        (DataType::Boolean, DataType::Boolean)
        | (DataType::Int64, DataType::Int64)
        | (DataType::Date32, DataType::Date32) => Some(Order::Same),
        // Both compare the code points of UTF-8, byte by byte.
        (
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View,
        ) => Some(Order::Same),
        (DataType::Decimal128(_, left), DataType::Decimal128(_, right)) if left.max(right) <= &NUMERIC.1 => {
            Some(Order::Same)
        }
        (DataType::Float64, DataType::Float64) => Some(Order::Float),
        (
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)),
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)),
        ) => Some(Order::Timestamp),
        _ => None,
    }
}

fn compare(comparison: Comparison, left: &Operand<'_>, right: &Operand<'_>) -> Option<Rendered> {
    // With the literal on the right there is one case to think about instead of two.
    if left.literal.is_some() && right.literal.is_none() {
        return compare(mirrored(comparison), right, left);
    }
    let agrees = match order(left.data_type, right.data_type)? {
        Order::Same => true,
        // Here NaN is greater than every number and -0.0 less than 0.0; there NaN compares with nothing
        // and zeros are equal. For a column against a number other than zero that leaves `>` and `>=`,
        // where a NaN is kept here and lost there.
        Order::Float => {
            let number =
                matches!(right.literal, Some(ScalarValue::Float64(Some(n))) if n.is_finite() && *n != 0.0);
            number && left.remote_type.is_some() && !matches!(comparison, Comparison::Gt | Comparison::GtEq)
        }
        // Nanoseconds are rounded down on their way here, which does not move a value across a
        // microsecond from below: `>= t` and `< t` are decided alike, the others are not.
        Order::Timestamp => {
            right.literal.is_some()
                && left.remote_type.is_some()
                && matches!(comparison, Comparison::GtEq | Comparison::Lt)
        }
    };
    if !agrees {
        return None;
    }
    Rendered::exact(format!("({} {} {})", left.sql, comparison.sql(), right.sql))
}

fn mirrored(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Eq => Comparison::Eq,
        Comparison::NotEq => Comparison::NotEq,
        Comparison::Lt => Comparison::Gt,
        Comparison::LtEq => Comparison::GtEq,
        Comparison::Gt => Comparison::Lt,
        Comparison::GtEq => Comparison::LtEq,
    }
}

fn member(word: &str, operand: &Operand<'_>, list: &[Operand<'_>]) -> Option<Rendered> {
    let listed = |item: &Operand<'_>| {
        item.literal.is_some() && order(operand.data_type, item.data_type) == Some(Order::Same)
    };
    if list.is_empty() || !list.iter().all(listed) {
        return None;
    }
    let items: Vec<&str> = list.iter().map(|item| item.sql).collect();
    Rendered::exact(format!("({} {word} ({}))", operand.sql, items.join(", ")))
}

fn joined(operands: &[Operand<'_>], word: &str) -> String {
    let texts: Vec<&str> = operands.iter().map(|operand| operand.sql).collect();
    format!("({})", texts.join(word))
}

/// A number with a fixed point, if NUMERIC holds it.
fn numeric(number: i128, scale: i8) -> Option<String> {
    let scale = usize::try_from(scale).ok().filter(|scale| *scale <= 9)?;
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if whole.len() > 29 {
        return None;
    }
    let sign = if number < 0 { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("NUMERIC '{sign}{whole}{point}{fraction}'"))
}

fn string(text: &str) -> String {
    let mut sql = String::with_capacity(text.len() + 2);
    sql.push('\'');
    for letter in text.chars() {
        match letter {
            '\'' => sql.push_str("\\'"),
            '\\' => sql.push_str("\\\\"),
            '\n' => sql.push_str("\\n"),
            '\r' => sql.push_str("\\r"),
            '\t' => sql.push_str("\\t"),
            letter => sql.push(letter),
        }
    }
    sql.push('\'');
    sql
}

/// A date of the years that Spanner has.
fn date(days: i32) -> Option<String> {
    let date = NaiveDate::from_epoch_days(days).filter(|date| (1..=9999).contains(&date.year()))?;
    Some(format!("DATE '{}'", date.format("%Y-%m-%d")))
}

fn timestamp(micros: i64) -> Option<String> {
    let time = DateTime::from_timestamp_micros(micros).filter(|time| (1..=9999).contains(&time.year()))?;
    Some(format!("TIMESTAMP '{}'", time.to_rfc3339_opts(SecondsFormat::Micros, true)))
}

#[cfg(test)]
mod tests;
