//! GoogleSQL's types as those that DataFusion plans.

use firth_diagnostic::{Result, Span};
use sqlparser::ast::{
    ArrayElemTypeDef, DataType, ExactNumberInfo, StructBracketKind, StructField, TimezoneInfo,
};

use super::build;
use crate::column_type::{self, ColumnType};
use crate::parse::unknown_type;

/// INT64
pub(super) fn int64() -> DataType {
    planned(&ColumnType::Int64)
}

/// FLOAT64
pub(super) fn float64() -> DataType {
    planned(&ColumnType::Float64)
}

/// The type that sqlparser read from GoogleSQL's text.
pub(super) fn read(data_type: &DataType, span: Span) -> Result<ColumnType> {
    match data_type {
        DataType::Array(ArrayElemTypeDef::AngleBracket(item)) => {
            Ok(ColumnType::Array(Box::new(read(item, span)?)))
        }
        DataType::Struct(fields, _) => {
            let mut read_fields = Vec::with_capacity(fields.len());
            for (index, field) in fields.iter().enumerate() {
                let name = field
                    .field_name
                    .as_ref()
                    .map_or_else(|| anonymous_field(index), |name| name.value.clone());
                read_fields.push((name, read(&field.field_type, span)?));
            }
            Ok(ColumnType::Struct(read_fields))
        }
        // Every other type of GoogleSQL prints as its name and its numbers.
        other => {
            let text = other.to_string();
            let (name, numbers) = text.split_once('(').unwrap_or((&text, ""));
            let numbers: Vec<u64> =
                numbers.split([',', ')']).filter_map(|number| number.trim().parse().ok()).collect();
            column_type::named(name, &numbers).ok_or_else(|| unknown_type(name, &numbers, span))
        }
    }
}

/// The name that BigQuery shows for a field without one.
pub(super) fn anonymous_field(index: usize) -> String {
    format!("_field_{}", index + 1)
}

/// What DataFusion plans as this type.
///
/// TIMESTAMP takes its zone from the session's time zone, which is UTC. TIME is in nanoseconds, the only
/// unit that DataFusion's planner has for it; its values are whole microseconds.
pub(super) fn planned(column_type: &ColumnType) -> DataType {
    let decimal = |precision: u8, scale: u8| {
        DataType::Decimal(ExactNumberInfo::PrecisionAndScale(u64::from(precision), i64::from(scale)))
    };
    match column_type {
        ColumnType::Bool => DataType::Boolean,
        ColumnType::Int64 => DataType::BigInt(None),
        ColumnType::Float64 => DataType::Double(ExactNumberInfo::None),
        ColumnType::Numeric(None) => decimal(38, 9),
        ColumnType::BigNumeric(None) => decimal(76, 38),
        ColumnType::Numeric(Some((precision, scale))) | ColumnType::BigNumeric(Some((precision, scale))) => {
            decimal(*precision, *scale)
        }
        ColumnType::String | ColumnType::Json => DataType::Varchar(None),
        ColumnType::Bytes => DataType::Bytea,
        ColumnType::Date => DataType::Date,
        ColumnType::Datetime => DataType::Timestamp(Some(6), TimezoneInfo::None),
        ColumnType::Time => DataType::Time(None, TimezoneInfo::None),
        ColumnType::Timestamp => DataType::Timestamp(Some(6), TimezoneInfo::WithTimeZone),
        ColumnType::Array(item) => DataType::Array(ArrayElemTypeDef::AngleBracket(Box::new(planned(item)))),
        ColumnType::Struct(fields) => {
            let field = |(name, field_type): &(String, ColumnType)| StructField {
                field_name: Some(build::identifier(name.to_lowercase())),
                field_type: planned(field_type),
                options: None,
            };
            DataType::Struct(fields.iter().map(field).collect(), StructBracketKind::AngleBrackets)
        }
    }
}
