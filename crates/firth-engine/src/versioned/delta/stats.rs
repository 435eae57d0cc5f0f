//! What the log knows of a file's columns: a text of JSON with each file.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::versioned::table::{ColumnBounds, TableColumn};

/// Moments in statistics are cut to milliseconds.
const CUT_MICROS: i64 = 999;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Stats {
    pub(super) num_records: Option<u64>,
    min_values: Map<String, Value>,
    max_values: Map<String, Value>,
    null_count: Map<String, Value>,
}

impl Stats {
    /// Reads the text. Statistics only help: what cannot be read is not known.
    pub(super) fn parse(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// What is known of a column.
    pub(super) fn bounds(&self, column: &TableColumn) -> ColumnBounds {
        let Some(name) = column.source.names.first() else { return ColumnBounds::default() };
        let data_type = column.field.data_type();
        let value = |of: &Map<String, Value>| of.get(name).and_then(|value| scalar(value, data_type));
        ColumnBounds {
            least: value(&self.min_values),
            // NaN is greater than all else and may not be among the statistics.
            greatest: value(&self.max_values).filter(|_| !data_type.is_floating()).map(not_cut),
            nulls: self.null_count.get(name).and_then(Value::as_u64),
            bucket: None,
        }
    }
}

fn scalar(value: &Value, data_type: &DataType) -> Option<ScalarValue> {
    let scalar = match (value, data_type) {
        (Value::Bool(value), DataType::Boolean) => ScalarValue::from(*value),
        (Value::Number(number), DataType::Int64) => ScalarValue::from(number.as_i64()?),
        (Value::Number(number), DataType::Float64) => ScalarValue::from(number.as_f64()?),
        // Numbers with a point are read as FLOAT64, which is not exact.
        (Value::Number(number), DataType::Decimal128(..)) => ScalarValue::from(number.as_i64()?),
        (Value::String(text), DataType::Utf8View | DataType::Date32 | DataType::Timestamp(..)) => {
            ScalarValue::from(text.as_str())
        }
        _ => return None,
    };
    scalar.cast_to(data_type).ok()
}

/// A greatest value, when digits of it were cut.
fn not_cut(value: ScalarValue) -> ScalarValue {
    match value {
        ScalarValue::TimestampMicrosecond(Some(micros), zone) => {
            ScalarValue::TimestampMicrosecond(Some(micros.saturating_add(CUT_MICROS)), zone)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::{Field, TimeUnit};

    use super::*;
    use crate::versioned::table::ColumnSource;

    fn bounds(json: &str, data_type: DataType) -> String {
        let source = ColumnSource { names: vec!["c".to_owned()], ..ColumnSource::default() };
        let column = TableColumn { field: Arc::new(Field::new("C", data_type, true)), source };
        let found = Stats::parse(Some(json)).bounds(&column);
        format!("{:?} {:?} {:?}", found.least, found.greatest, found.nulls)
    }

    #[test]
    fn bounds_hold_for_all_values_of_the_file() {
        let json = r#"{"numRecords":3,"minValues":{"c":1},"maxValues":{"c":5},"nullCount":{"c":2}}"#;
        assert_eq!(bounds(json, DataType::Int64), "Some(Int64(1)) Some(Int64(5)) Some(2)");
        let json = r#"{"minValues":{"c":1.5},"maxValues":{"c":5.5}}"#;
        assert_eq!(bounds(json, DataType::Float64), "Some(Float64(1.5)) None None");
        assert_eq!(bounds(json, DataType::Decimal128(9, 2)), "None None None");
        let json =
            r#"{"minValues":{"c":"2031-01-01T00:00:00.001Z"},"maxValues":{"c":"2031-01-01T00:00:00.001Z"}}"#;
        let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
        assert_eq!(
            bounds(json, micros),
            "Some(TimestampMicrosecond(1924992000001000, None)) Some(TimestampMicrosecond(1924992000001999, None)) None"
        );
        assert_eq!(bounds("{not JSON", DataType::Int64), "None None None");
    }
}
