//! GoogleSQL's data types, as written in column lists and casts.

use std::fmt;

/// A GoogleSQL type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// BOOL
    Bool,
    /// INT64
    Int64,
    /// FLOAT64
    Float64,
    /// NUMERIC, or NUMERIC(p, s)
    Numeric(Option<(u8, u8)>),
    /// BIGNUMERIC, or BIGNUMERIC(p, s)
    BigNumeric(Option<(u8, u8)>),
    /// STRING, or STRING(n) (the length is not enforced)
    String,
    /// BYTES, or BYTES(n) (the length is not enforced)
    Bytes,
    /// DATE
    Date,
    /// DATETIME: a civil date and time, without a zone
    Datetime,
    /// TIME
    Time,
    /// TIMESTAMP: a point in time
    Timestamp,
    /// JSON
    Json,
    /// ARRAY<T>
    Array(Box<ColumnType>),
    /// STRUCT<name T, …>
    Struct(Vec<(String, ColumnType)>),
}

/// The names that `named` knows, for "did you mean".
pub(crate) const NAMES: &[&str] = &[
    "ARRAY",
    "BIGNUMERIC",
    "BOOL",
    "BYTES",
    "DATE",
    "DATETIME",
    "FLOAT64",
    "INT64",
    "JSON",
    "NUMERIC",
    "STRING",
    "STRUCT",
    "TIME",
    "TIMESTAMP",
];

/// The type of this name, in any case, with the numbers after it in parentheses. `None` if there is no
/// such type, or it does not take these numbers.
pub(crate) fn named(name: &str, numbers: &[u64]) -> Option<ColumnType> {
    let plain = match name.to_ascii_uppercase().as_str() {
        "NUMERIC" | "DECIMAL" => return decimal(numbers, 9, 29).map(ColumnType::Numeric),
        "BIGNUMERIC" | "BIGDECIMAL" => return decimal(numbers, 38, 38).map(ColumnType::BigNumeric),
        "STRING" if numbers.len() <= 1 => return Some(ColumnType::String),
        "BYTES" if numbers.len() <= 1 => return Some(ColumnType::Bytes),
        "BOOL" | "BOOLEAN" => ColumnType::Bool,
        "INT64" | "INT" | "SMALLINT" | "INTEGER" | "BIGINT" | "TINYINT" | "BYTEINT" => ColumnType::Int64,
        "FLOAT64" => ColumnType::Float64,
        "DATE" => ColumnType::Date,
        "DATETIME" => ColumnType::Datetime,
        "TIME" => ColumnType::Time,
        "TIMESTAMP" => ColumnType::Timestamp,
        "JSON" => ColumnType::Json,
        _ => return None,
    };
    numbers.is_empty().then_some(plain)
}

/// Precision and scale: the scale is at most `most_scale`, and at most `most_whole` digits stand before
/// the point.
fn decimal(numbers: &[u64], most_scale: u8, most_whole: u8) -> Option<Option<(u8, u8)>> {
    let (precision, scale) = match numbers {
        [] => return Some(None),
        [precision] => (u8::try_from(*precision).ok()?, 0),
        [precision, scale] => (u8::try_from(*precision).ok()?, u8::try_from(*scale).ok()?),
        _ => return None,
    };
    let fits = scale <= most_scale && precision >= scale.max(1) && precision - scale <= most_whole;
    fits.then_some(Some((precision, scale)))
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ColumnType::Bool => f.write_str("BOOL"),
            ColumnType::Int64 => f.write_str("INT64"),
            ColumnType::Float64 => f.write_str("FLOAT64"),
            ColumnType::Numeric(None) => f.write_str("NUMERIC"),
            ColumnType::Numeric(Some((p, s))) => write!(f, "NUMERIC({p}, {s})"),
            ColumnType::BigNumeric(None) => f.write_str("BIGNUMERIC"),
            ColumnType::BigNumeric(Some((p, s))) => write!(f, "BIGNUMERIC({p}, {s})"),
            ColumnType::String => f.write_str("STRING"),
            ColumnType::Bytes => f.write_str("BYTES"),
            ColumnType::Date => f.write_str("DATE"),
            ColumnType::Datetime => f.write_str("DATETIME"),
            ColumnType::Time => f.write_str("TIME"),
            ColumnType::Timestamp => f.write_str("TIMESTAMP"),
            ColumnType::Json => f.write_str("JSON"),
            ColumnType::Array(item) => write!(f, "ARRAY<{item}>"),
            ColumnType::Struct(fields) => {
                f.write_str("STRUCT<")?;
                for (index, (name, field_type)) in fields.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(f, "{comma}{} {field_type}", crate::lexer::quote_identifier(name))?;
                }
                f.write_str(">")
            }
        }
    }
}
