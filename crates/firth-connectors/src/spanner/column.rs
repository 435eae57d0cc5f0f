//! Spanner's types, and the Arrow types that their values are delivered as.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};

/// A type of a Spanner column, as far as it can be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SpannerType {
    /// BOOL
    Bool,
    /// INT64
    Int64,
    /// FLOAT64
    Float64,
    /// NUMERIC: 29 digits before and 9 after the point.
    Numeric,
    /// STRING
    String,
    /// BYTES
    Bytes,
    /// DATE
    Date,
    /// TIMESTAMP. Spanner's has nanoseconds; delivered are microseconds, rounded down.
    Timestamp,
}

/// The precision and scale of NUMERIC.
pub(super) const NUMERIC: (u8, i8) = (38, 9);

impl SpannerType {
    /// The type in Spanner's words.
    pub(super) const fn sql(self) -> &'static str {
        match self {
            SpannerType::Bool => "BOOL",
            SpannerType::Int64 => "INT64",
            SpannerType::Float64 => "FLOAT64",
            SpannerType::Numeric => "NUMERIC",
            SpannerType::String => "STRING(MAX)",
            SpannerType::Bytes => "BYTES(MAX)",
            SpannerType::Date => "DATE",
            SpannerType::Timestamp => "TIMESTAMP",
        }
    }

    /// The type its values are delivered as.
    pub(super) fn arrow(self) -> DataType {
        match self {
            SpannerType::Bool => DataType::Boolean,
            SpannerType::Int64 => DataType::Int64,
            SpannerType::Float64 => DataType::Float64,
            SpannerType::Numeric => DataType::Decimal128(NUMERIC.0, NUMERIC.1),
            SpannerType::String => DataType::Utf8,
            SpannerType::Bytes => DataType::Binary,
            SpannerType::Date => DataType::Date32,
            SpannerType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
        }
    }

    /// The type that holds every value of an Arrow type, if there is one.
    pub(super) fn holding(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Boolean => SpannerType::Bool,
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => SpannerType::Int64,
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => SpannerType::Int64,
            DataType::Float16 | DataType::Float32 | DataType::Float64 => SpannerType::Float64,
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale)
                if (0..=NUMERIC.1).contains(scale) && i16::from(*precision) - i16::from(*scale) <= 29 =>
            {
                SpannerType::Numeric
            }
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => SpannerType::String,
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => SpannerType::Bytes,
            DataType::Date32 => SpannerType::Date,
            DataType::Timestamp(_, _) => SpannerType::Timestamp,
            _ => return None,
        })
    }
}
