//! Single values in metadata: bounds in their binary form, defaults in JSON.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;

use crate::versioned::table::TableColumn;

/// A bound of a column. Its bytes may be of a type that the column had before it was widened.
pub(super) fn from_bytes(bytes: &[u8], column: &TableColumn) -> Option<ScalarValue> {
    let to = column.field.data_type();
    let whole = || match bytes.len() {
        4 => Some(i64::from(i32::from_le_bytes(bytes.try_into().ok()?))),
        8 => Some(i64::from_le_bytes(bytes.try_into().ok()?)),
        _ => None,
    };
    let value = match to {
        DataType::Boolean => ScalarValue::from(*bytes.first()? != 0),
        DataType::Int64 => ScalarValue::from(whole()?),
        DataType::Float64 => ScalarValue::from(match bytes.len() {
            4 => f64::from(f32::from_le_bytes(bytes.try_into().ok()?)),
            8 => f64::from_le_bytes(bytes.try_into().ok()?),
            _ => return None,
        }),
        DataType::Date32 => ScalarValue::Date32(Some(i32::try_from(whole()?).ok()?)),
        DataType::Time64(TimeUnit::Microsecond) => ScalarValue::Time64Microsecond(Some(whole()?)),
        // Bounds of a column that was a date are days.
        DataType::Timestamp(TimeUnit::Microsecond, _) if bytes.len() == 4 => return None,
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            ScalarValue::TimestampMicrosecond(Some(whole()?), zone.clone())
        }
        DataType::Utf8View | DataType::Utf8 => ScalarValue::from(std::str::from_utf8(bytes).ok()?),
        DataType::Binary => ScalarValue::Binary(Some(bytes.to_vec())),
        DataType::Decimal128(precision, scale) => {
            let first = *bytes.first()?;
            let mut wide = [if first & 0x80 == 0 { 0 } else { 0xff }; 16];
            let start = wide.len().checked_sub(bytes.len())?;
            wide[start..].copy_from_slice(bytes);
            ScalarValue::Decimal128(Some(i128::from_be_bytes(wide)), *precision, *scale)
        }
        _ => return None,
    };
    value.cast_to(to).ok()
}

/// A default, as a schema has it.
pub(super) fn from_json(json: &serde_json::Value, to: &DataType) -> Option<ScalarValue> {
    use serde_json::Value;
    let value = match (json, to) {
        (Value::Bool(value), DataType::Boolean) => ScalarValue::from(*value),
        (Value::Number(number), DataType::Int64) => ScalarValue::from(number.as_i64()?),
        (Value::Number(number), DataType::Float64) => ScalarValue::from(number.as_f64()?),
        (Value::String(text), DataType::Binary) => {
            let hex: String = text.chars().filter(|digit| *digit != '-').collect();
            let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
            ScalarValue::Binary(Some((0..hex.len()).step_by(2).map(byte).collect::<Option<_>>()?))
        }
        (
            Value::String(text),
            DataType::Utf8
            | DataType::Date32
            | DataType::Time64(_)
            | DataType::Timestamp(..)
            | DataType::Decimal128(..),
        ) => ScalarValue::from(text.as_str()),
        _ => return None,
    };
    value.cast_to(to).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::Field;

    use super::*;
    use crate::versioned::table::ColumnSource;

    fn bound(bytes: &[u8], data_type: DataType) -> String {
        let field = Arc::new(Field::new("c", data_type, true));
        match from_bytes(bytes, &TableColumn { field, source: ColumnSource::default() }) {
            Some(value) => format!("{value:?}"),
            None => "unknown".to_owned(),
        }
    }

    #[test]
    fn bounds_are_read_in_the_type_they_were_written_in() {
        assert_eq!(bound(&[7, 0, 0, 0], DataType::Int64), "Int64(7)");
        assert_eq!(bound(&[0xff; 8], DataType::Int64), "Int64(-1)");
        assert_eq!(bound(&1.5_f32.to_le_bytes(), DataType::Float64), "Float64(1.5)");
        assert_eq!(bound(&[0xfe, 0x0c], DataType::Decimal128(9, 2)), "Decimal128(-5.00,9,2)");
        assert_eq!(bound("ab".as_bytes(), DataType::Utf8View), "Utf8View(\"ab\")");
        assert_eq!(bound(&[1, 2, 3], DataType::Int64), "unknown");
        assert_eq!(bound(&[0xc3], DataType::Utf8View), "unknown");
        assert_eq!(bound(&[1, 0, 0, 0], DataType::Timestamp(TimeUnit::Microsecond, None)), "unknown");
    }
}
