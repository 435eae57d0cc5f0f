//! Functions, by DataFusion's names: those that answer for every value what ours do.
//!
//! Names are qualified, so that a function of the same name in the user's schema is not meant. Lengths are
//! `integer` there and INT32 here, which no column can arrive as: they are widened at once, and what the
//! planner then casts to INT64 is INT64 already.

use arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use firth_connector::{Comparison, Operand, Rendered};

use super::{arithmetic::bigint, compare, date, text};

/// Places and lengths up to here add up to an `integer`.
const MAX_PLACE: i64 = 1 << 30;

/// The function of these arguments, if it is on the list for them.
pub(super) fn function(name: &str, operands: &[Operand<'_>]) -> Option<Rendered> {
    match (name, operands) {
        ("substr", [text, start]) => {
            let start = place(start).filter(|start| *start > 0)?;
            text::made_of(&[text], |texts| format!("pg_catalog.substr({}, {start})", texts[0]))
        }
        // A start before the text, or a negative length, means something else in every system.
        ("substr", [text, start, length]) => {
            let (start, length) = (place(start).filter(|start| *start > 0)?, place(length)?);
            text::made_of(&[text], |texts| format!("pg_catalog.substr({}, {start}, {length})", texts[0]))
        }
        ("left" | "right", [text, length]) => {
            let length = place(length)?;
            text::made_of(&[text], |texts| format!("pg_catalog.{name}({}, {length})", texts[0]))
        }
        // Characters are code points on both sides, bytes those of UTF-8.
        ("character_length", [text]) => {
            Rendered::exact(format!("pg_catalog.char_length({})::int8", text::argument(text)?))
        }
        ("octet_length", [text]) => {
            Rendered::exact(format!("pg_catalog.octet_length({})::int8", text::argument(text)?))
        }
        // A literal prefix has become LIKE. A collation that holds different texts for equal knows no prefixes.
        ("starts_with", [text, prefix]) => {
            let (text, prefix) = (text::by_bytes(text)?, text::by_bytes(prefix)?);
            Rendered::exact(format!("(pg_catalog.left({text}, pg_catalog.char_length({prefix})) = {prefix})"))
        }
        ("abs", [number]) => abs(number),
        ("nullif", [value, other]) => null_if(value, other),
        ("date_part", [part, time]) => date::part(text_of(part)?, time),
        ("date_trunc", [part, time]) => date::truncated(text_of(part)?, time),
        _ => None,
    }
}

/// A literal number of characters.
fn place(operand: &Operand<'_>) -> Option<i64> {
    match operand.literal? {
        ScalarValue::Int64(Some(number)) => Some(*number).filter(|number| (0..=MAX_PLACE).contains(number)),
        _ => None,
    }
}

pub(super) fn text_of<'a>(operand: &Operand<'a>) -> Option<&'a str> {
    operand.literal?.try_as_str()?
}

/// The smallest INT64 has none, which is an error on both sides: a `smallint` is made a `bigint` first.
fn abs(number: &Operand<'_>) -> Option<Rendered> {
    match number.data_type {
        DataType::Int64 => Rendered::typed(format!("pg_catalog.abs({})", bigint(number)), "bigint"),
        DataType::Decimal128(..) | DataType::Decimal256(..) => {
            Rendered::exact(format!("pg_catalog.abs({})", number.sql))
        }
        _ => None,
    }
}

/// As CASE, so that `=` is the one that means the same.
fn null_if(value: &Operand<'_>, other: &Operand<'_>) -> Option<Rendered> {
    let equal = compare(Comparison::Eq, value, other).filter(|equal| equal.exact)?.sql;
    let write = |value: &str| format!("(CASE WHEN {equal} THEN NULL ELSE {value} END)");
    match value.data_type {
        DataType::Utf8 => text::made_of(&[value], |texts| write(&texts[0])),
        plain if super::query::compares_alike(plain) => Rendered::exact(write(value.sql)),
        _ => None,
    }
}
