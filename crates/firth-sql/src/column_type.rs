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
                    write!(f, "{comma}{} {field_type}", firth_diagnostic::Name::new([name.as_str()]))?;
                }
                f.write_str(">")
            }
        }
    }
}
