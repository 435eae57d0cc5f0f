//! PostgreSQL's SQL: what may be pushed there, and how it is written.
//!
//! The list is short and each entry has its reason.

mod arithmetic;
mod date;
mod function;
mod literal;
mod members;
mod query;
mod reason;
mod text;
mod window;

use arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use firth_connector::{Comparison, Operand, Operation, QueryDialect, Reason, RemoteDialect, Rendered};

use self::literal::literal;
pub(super) use self::text::BY_CODE_POINT;

/// PostgreSQL's dialect.
#[derive(Debug)]
pub(super) struct Dialect;

impl RemoteDialect for Dialect {
    fn identifier(&self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    fn read_as(&self, column: &str, type_: &str) -> String {
        format!("{column}::{type_}")
    }

    fn literal(&self, value: &ScalarValue) -> Option<String> {
        literal(value)
    }

    fn operation(&self, operation: Operation<'_>, operands: &[Operand<'_>]) -> Option<Rendered> {
        match (operation, operands) {
            (Operation::Compare(comparison), [left, right]) => compare(comparison, left, right),
            // Three values, the same three everywhere.
            (Operation::And, [left, right]) => Rendered::exact(format!("({} AND {})", left.sql, right.sql)),
            (Operation::Or, [left, right]) => Rendered::exact(format!("({} OR {})", left.sql, right.sql)),
            (Operation::Not, [operand]) if is_boolean(operand) => {
                Rendered::exact(format!("(NOT {})", operand.sql))
            }
            // A composite whose fields are all NULL is NULL there, and none of whose fields is NULL is not.
            (Operation::IsNull | Operation::IsNotNull, [operand])
                if matches!(operand.data_type, DataType::Struct(_)) =>
            {
                None
            }
            (Operation::IsNull, [operand]) => Rendered::exact(format!("({} IS NULL)", operand.sql)),
            (Operation::IsNotNull, [operand]) => Rendered::exact(format!("({} IS NOT NULL)", operand.sql)),
            (Operation::In, [operand, list @ ..]) => is_in("IN", Comparison::Eq, operand, list),
            (Operation::NotIn, [operand, list @ ..]) => is_in("NOT IN", Comparison::NotEq, operand, list),
            (Operation::Like, [operand, pattern]) => text::like(operand, pattern),
            (Operation::Add, [left, right]) => arithmetic::arithmetic("+", left, right),
            (Operation::Subtract, [left, right]) => arithmetic::arithmetic("-", left, right),
            (Operation::Multiply, [left, right]) => arithmetic::arithmetic("*", left, right),
            (Operation::Remainder, [left, right]) => arithmetic::remainder(left, right),
            (Operation::Concat, [left, right]) => {
                text::made_of(&[left, right], |texts| format!("({} || {})", texts[0], texts[1]))
            }
            (Operation::Case, [_, _, ..]) => arithmetic::case(operands),
            (Operation::Cast(target), [operand]) => arithmetic::cast(operand, target),
            (Operation::Function(name), operands) => function::function(name, operands),
            (
                Operation::Compare(_)
                | Operation::And
                | Operation::Or
                | Operation::Not
                | Operation::IsNull
                | Operation::IsNotNull
                | Operation::In
                | Operation::NotIn
                | Operation::Like
                | Operation::Add
                | Operation::Subtract
                | Operation::Multiply
                | Operation::Remainder
                | Operation::Concat
                | Operation::Case
                | Operation::Cast(_),
                _,
            ) => None,
        }
    }

    fn reason(&self, operation: Operation<'_>, operands: &[Operand<'_>]) -> Option<Reason> {
        reason::reason(operation, operands)
    }

    fn members(&self, operand: &Operand<'_>, values: &[ScalarValue]) -> Option<Rendered> {
        members::members(operand, values)
    }

    fn queries(&self) -> Option<&dyn QueryDialect> {
        Some(self)
    }

    /// PostgreSQL reads `SELECT FROM t` as rows without columns.
    fn no_columns(&self) -> &'static str {
        ""
    }
}

fn is_boolean(operand: &Operand<'_>) -> bool {
    *operand.data_type == DataType::Boolean
}

fn compare(comparison: Comparison, left: &Operand<'_>, right: &Operand<'_>) -> Option<Rendered> {
    if !comparable(left.data_type, right.data_type) {
        return None;
    }
    if *left.data_type == DataType::Utf8 {
        return text::compare(comparison, left, right);
    }
    let sql = format!("({} {} {})", left.sql, comparison.sql(), right.sql);
    match left.data_type {
        DataType::Float64 => match (left.literal, right.literal) {
            (None, Some(literal)) => compare_float(comparison, literal, sql),
            (Some(literal), None) => compare_float(mirrored(comparison), literal, sql),
            _ => None,
        },
        DataType::Binary if !(is_bytea(left) && is_bytea(right)) => None,
        _ => Rendered::exact(sql),
    }
}

/// Types whose values are ordered alike on both sides. Both operands are of one type: a comparison
/// across types would be decided by PostgreSQL's rules for finding an operator.
fn comparable(left: &DataType, right: &DataType) -> bool {
    match (left, right) {
        // Numbers without surprises. A `numeric` NaN is larger than all numbers there; here it cannot be read.
        (DataType::Int64, DataType::Int64)
        | (DataType::Int32, DataType::Int32)
        // Numbers of rows, which are `bigint` there.
        | (DataType::UInt64, DataType::UInt64)
        | (DataType::Decimal128(..), DataType::Decimal128(..))
        | (DataType::Decimal256(..), DataType::Decimal256(..))
        | (DataType::Float64, DataType::Float64) => true,
        // False before true, days and microseconds as integers; infinite ones cannot be read here.
        (DataType::Boolean, DataType::Boolean)
        | (DataType::Date32, DataType::Date32)
        | (DataType::Time64(_), DataType::Time64(_)) => true,
        // With a zone they are instants, whatever the zone's name; with and without do not mix.
        (DataType::Timestamp(_, left), DataType::Timestamp(_, right)) => left.is_some() == right.is_some(),
        // Both by bytes; text has its own rules.
        (DataType::Binary, DataType::Binary) | (DataType::Utf8, DataType::Utf8) => true,
        _ => false,
    }
}

/// A column against a literal: `column comparison literal`.
///
/// PostgreSQL holds NaN for larger than every number and −0 for equal to 0. Arrow orders −0 before 0;
/// SQL's own NaN is not comparable at all. Where these disagree, PostgreSQL must answer at least the
/// rows that any of the others would.
fn compare_float(comparison: Comparison, literal: &ScalarValue, sql: String) -> Option<Rendered> {
    let ScalarValue::Float64(Some(number)) = literal else { return None };
    if !number.is_finite() || (*number == 0.0 && number.is_sign_negative()) {
        return None;
    }
    let zero = *number == 0.0;
    match comparison {
        // NaN is there among what is larger.
        Comparison::Gt | Comparison::GtEq => Rendered::superset(sql),
        Comparison::LtEq => Rendered::exact(sql),
        Comparison::Eq if zero => Rendered::superset(sql),
        // −0 may be smaller than 0, or different from it, but is neither there.
        Comparison::Lt | Comparison::NotEq if zero => None,
        Comparison::Eq | Comparison::Lt | Comparison::NotEq => Rendered::exact(sql),
    }
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

/// `bit` is read as BYTES too, but compares otherwise.
fn is_bytea(operand: &Operand<'_>) -> bool {
    operand.literal.is_some() || operand.remote_type == Some("bytea")
}

/// A list means what a chain of comparisons means, so it is allowed where each of them is.
fn is_in(
    word: &str,
    comparison: Comparison,
    operand: &Operand<'_>,
    list: &[Operand<'_>],
) -> Option<Rendered> {
    if list.is_empty() || list.iter().any(|item| item.literal.is_none()) {
        return None;
    }
    let mut exact = true;
    for item in list {
        exact &= compare(comparison, operand, item)?.exact;
    }
    let items =
        |write: &dyn Fn(&Operand<'_>) -> String| list.iter().map(write).collect::<Vec<_>>().join(", ");
    let sql = if *operand.data_type == DataType::Utf8 {
        let text = text::comparand(operand)?;
        format!("({text} {word} ({}))", items(&|item| item.sql.to_owned()))
    } else {
        format!("({} {word} ({}))", operand.sql, items(&|item| item.sql.to_owned()))
    };
    Some(Rendered { sql, exact, remote_type: None })
}

#[cfg(test)]
mod tests;
