//! A column while text is read into it.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BinaryArray, BooleanArray, BooleanBufferBuilder, Date32Array, Decimal128Array,
        Decimal256Array, Float64Array, Int64Array, ListArray, NullBufferBuilder, StringArray, StructArray,
        Time64MicrosecondArray, TimestampMicrosecondArray, timezone::Tz,
    },
    buffer::{OffsetBuffer, ScalarBuffer},
    datatypes::{DataType, Field, FieldRef, TimeUnit, i256},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{moments::Pattern, spec::Moments, value};
use crate::files::schema::is_json;

/// A column of rows that are appended, and taken back if their row turns out to be bad.
pub(super) struct Column {
    nulls: NullBufferBuilder,
    values: Values,
}

/// The values of a column; a NULL has a value too, which nobody reads.
pub(super) enum Values {
    Bool(BooleanBufferBuilder),
    Int64(Vec<i64>),
    Float64(Vec<f64>),
    Decimal(Vec<i128>, u8, i8),
    WideDecimal(Vec<i256>, u8, i8),
    Text(Runs),
    /// JSON, as it is written in the file.
    Json(Runs),
    Bytes(Runs),
    Date(Vec<i32>, Option<Pattern>),
    Time(Vec<i64>, Option<Pattern>),
    Datetime(Vec<i64>, Option<Pattern>),
    Timestamp(Vec<i64>, Option<Pattern>, Tz),
    List(FieldRef, Vec<i32>, Box<Column>),
    Struct(Vec<(FieldRef, Column)>),
}

/// Values of different lengths, one after another.
#[derive(Default)]
pub(super) struct Runs {
    bytes: Vec<u8>,
    ends: Vec<i32>,
}

impl Runs {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.end();
    }

    fn end(&mut self) {
        self.ends.push(i32::try_from(self.bytes.len()).expect("a batch ends before it is so long"));
    }

    fn truncate(&mut self, length: usize) {
        self.ends.truncate(length);
        self.bytes.truncate(self.ends.last().map_or(0, |end| usize::try_from(*end).unwrap_or(0)));
    }

    fn finish(&mut self) -> (OffsetBuffer<i32>, Vec<u8>) {
        let Runs { bytes, ends } = std::mem::take(self);
        (offsets(ends), bytes)
    }
}

fn offsets(ends: Vec<i32>) -> OffsetBuffer<i32> {
    let mut offsets = Vec::with_capacity(ends.len() + 1);
    offsets.push(0);
    offsets.extend(ends);
    OffsetBuffer::new(ScalarBuffer::from(offsets))
}

impl Column {
    /// A column of a field's type. `None` if text cannot be read as that type.
    pub(super) fn try_new(field: &Field, moments: &Moments) -> Option<Self> {
        let values = match field.data_type() {
            DataType::Boolean => Values::Bool(BooleanBufferBuilder::new(0)),
            DataType::Int64 => Values::Int64(Vec::new()),
            DataType::Float64 => Values::Float64(Vec::new()),
            DataType::Decimal128(precision, scale) => Values::Decimal(Vec::new(), *precision, *scale),
            DataType::Decimal256(precision, scale) => Values::WideDecimal(Vec::new(), *precision, *scale),
            DataType::Utf8 if is_json(field) => Values::Json(Runs::default()),
            DataType::Utf8 => Values::Text(Runs::default()),
            DataType::Binary => Values::Bytes(Runs::default()),
            DataType::Date32 => Values::Date(Vec::new(), moments.date.clone()),
            DataType::Time64(TimeUnit::Microsecond) => Values::Time(Vec::new(), moments.time.clone()),
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                Values::Datetime(Vec::new(), moments.datetime.clone())
            }
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
                Values::Timestamp(Vec::new(), moments.timestamp.clone(), moments.zone)
            }
            DataType::List(item) => {
                Values::List(Arc::clone(item), Vec::new(), Box::new(Column::try_new(item, moments)?))
            }
            DataType::Struct(fields) => Values::Struct(
                fields
                    .iter()
                    .map(|field| Some((Arc::clone(field), Column::try_new(field, moments)?)))
                    .collect::<Option<_>>()?,
            ),
            _ => return None,
        };
        Some(Column { nulls: NullBufferBuilder::new(0), values })
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.nulls.len()
    }

    /// About how many bytes the longest part of the column has.
    pub(super) fn size(&self) -> usize {
        match &self.values {
            Values::Text(runs) | Values::Json(runs) | Values::Bytes(runs) => runs.bytes.len(),
            Values::List(_, _, item) => item.size().max(item.len()),
            Values::Struct(fields) => fields.iter().map(|(_, column)| column.size()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// The values, for readers of formats that nest.
    pub(super) fn values_mut(&mut self) -> &mut Values {
        &mut self.values
    }

    /// Whether an empty text is a value of it.
    pub(super) fn takes_empty_text(&self) -> bool {
        matches!(self.values, Values::Text(_) | Values::Bytes(_))
    }

    /// Appends NULL.
    pub(super) fn push_null(&mut self) {
        match &mut self.values {
            Values::Bool(values) => values.append(false),
            Values::Int64(values)
            | Values::Time(values, _)
            | Values::Datetime(values, _)
            | Values::Timestamp(values, _, _) => values.push(0),
            Values::Float64(values) => values.push(0.0),
            Values::Decimal(values, _, _) => values.push(0),
            Values::WideDecimal(values, _, _) => values.push(i256::ZERO),
            Values::Text(runs) | Values::Json(runs) | Values::Bytes(runs) => runs.end(),
            Values::Date(values, _) => values.push(0),
            Values::List(_, ends, item) => ends.push(length_of(item)),
            Values::Struct(fields) => fields.iter_mut().for_each(|(_, column)| column.push_null()),
        }
        self.nulls.append_null();
    }

    /// Appends what a text says. False, with nothing appended, if it is not of the column's type.
    pub(super) fn push_text(&mut self, text: &str) -> bool {
        let whole = text;
        let text = text.trim_matches(' ');
        let pushed = match &mut self.values {
            Values::Text(runs) => {
                runs.push(whole.as_bytes());
                Some(())
            }
            Values::Bool(values) => value::bool(text).map(|value| values.append(value)),
            Values::Int64(values) => value::int64(text).map(|value| values.push(value)),
            Values::Float64(values) => value::float64(text).map(|value| values.push(value)),
            Values::Decimal(values, precision, scale) => {
                value::decimal(text, *precision, *scale).map(|value| values.push(value))
            }
            Values::WideDecimal(values, precision, scale) => {
                value::wide_decimal(text, *precision, *scale).map(|value| values.push(value))
            }
            Values::Bytes(runs) => STANDARD.decode(text).ok().map(|bytes| runs.push(&bytes)),
            Values::Date(values, pattern) => {
                value::date(text, pattern.as_ref()).map(|value| values.push(value))
            }
            Values::Time(values, pattern) => {
                value::time(text, pattern.as_ref()).map(|value| values.push(value))
            }
            Values::Datetime(values, pattern) => {
                value::datetime(text, pattern.as_ref()).map(|value| values.push(value))
            }
            Values::Timestamp(values, pattern, zone) => {
                value::timestamp(text, pattern.as_ref(), *zone).map(|value| values.push(value))
            }
            Values::Json(runs) => super::json::is_json(text).then(|| runs.push(text.as_bytes())),
            Values::List(..) | Values::Struct(_) => None,
        };
        if pushed.is_some() {
            self.nulls.append_non_null();
        }
        pushed.is_some()
    }

    /// Appends JSON as it is written. False if it is another type's column.
    pub(super) fn push_raw_json(&mut self, text: &str) -> bool {
        let Values::Json(runs) = &mut self.values else { return false };
        runs.push(text.as_bytes());
        self.nulls.append_non_null();
        true
    }

    /// Ends a list or a struct whose items were appended.
    pub(super) fn end_nested(&mut self) {
        if let Values::List(_, ends, item) = &mut self.values {
            ends.push(length_of(item));
        }
        self.nulls.append_non_null();
    }

    /// Takes back what was appended after the first `length` values.
    pub(super) fn truncate(&mut self, length: usize) {
        self.nulls.truncate(length);
        match &mut self.values {
            Values::Bool(values) => values.truncate(length),
            Values::Int64(values)
            | Values::Time(values, _)
            | Values::Datetime(values, _)
            | Values::Timestamp(values, _, _) => values.truncate(length),
            Values::Float64(values) => values.truncate(length),
            Values::Decimal(values, _, _) => values.truncate(length),
            Values::WideDecimal(values, _, _) => values.truncate(length),
            Values::Text(runs) | Values::Json(runs) | Values::Bytes(runs) => runs.truncate(length),
            Values::Date(values, _) => values.truncate(length),
            Values::List(_, ends, item) => {
                ends.truncate(length);
                item.truncate(ends.last().map_or(0, |end| usize::try_from(*end).unwrap_or(0)));
            }
            Values::Struct(fields) => fields.iter_mut().for_each(|(_, column)| column.truncate(length)),
        }
    }

    /// The values as an array; the column is empty again.
    pub(super) fn finish(&mut self) -> ArrayRef {
        let length = self.len();
        let nulls = self.nulls.finish();
        match &mut self.values {
            Values::Bool(values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Values::Int64(values) => Arc::new(Int64Array::new(std::mem::take(values).into(), nulls)),
            Values::Float64(values) => Arc::new(Float64Array::new(std::mem::take(values).into(), nulls)),
            Values::Decimal(values, precision, scale) => Arc::new(
                Decimal128Array::new(std::mem::take(values).into(), nulls)
                    .with_data_type(DataType::Decimal128(*precision, *scale)),
            ),
            Values::WideDecimal(values, precision, scale) => Arc::new(
                Decimal256Array::new(std::mem::take(values).into(), nulls)
                    .with_data_type(DataType::Decimal256(*precision, *scale)),
            ),
            Values::Text(runs) | Values::Json(runs) => {
                let (offsets, bytes) = runs.finish();
                Arc::new(StringArray::new(offsets, bytes.into(), nulls))
            }
            Values::Bytes(runs) => {
                let (offsets, bytes) = runs.finish();
                Arc::new(BinaryArray::new(offsets, bytes.into(), nulls))
            }
            Values::Date(values, _) => Arc::new(Date32Array::new(std::mem::take(values).into(), nulls)),
            Values::Time(values, _) => {
                Arc::new(Time64MicrosecondArray::new(std::mem::take(values).into(), nulls))
            }
            Values::Datetime(values, _) => {
                Arc::new(TimestampMicrosecondArray::new(std::mem::take(values).into(), nulls))
            }
            Values::Timestamp(values, _, _) => Arc::new(
                TimestampMicrosecondArray::new(std::mem::take(values).into(), nulls).with_timezone("UTC"),
            ),
            Values::List(field, ends, item) => Arc::new(ListArray::new(
                Arc::clone(field),
                offsets(std::mem::take(ends)),
                item.finish(),
                nulls,
            )),
            Values::Struct(fields) if fields.is_empty() => {
                Arc::new(StructArray::new_empty_fields(length, nulls))
            }
            Values::Struct(fields) => {
                let (fields, arrays): (Vec<FieldRef>, Vec<ArrayRef>) =
                    fields.iter_mut().map(|(field, column)| (Arc::clone(field), column.finish())).unzip();
                Arc::new(StructArray::new(fields.into(), arrays, nulls))
            }
        }
    }
}

fn length_of(item: &Column) -> i32 {
    i32::try_from(item.len()).expect("a batch ends before it is so long")
}

#[cfg(test)]
mod tests {
    use arrow::array::Array as _;

    use super::*;

    #[test]
    fn what_is_taken_back_leaves_no_trace() {
        let item = Arc::new(Field::new("item", DataType::Utf8, true));
        let field = Field::new("tags", DataType::List(item), true);
        let mut column = Column::try_new(&field, &Moments::default()).expect("a type of text");
        let push = |column: &mut Column, words: &[&str]| {
            let Values::List(_, _, item) = column.values_mut() else { panic!("it is a list") };
            assert!(words.iter().all(|word| item.push_text(word)));
        };
        push(&mut column, &["a", "b"]);
        column.end_nested();
        column.push_null();
        // A row that ends in its middle, and one that was complete.
        push(&mut column, &["c"]);
        column.truncate(2);
        push(&mut column, &["d"]);
        column.end_nested();
        column.truncate(2);
        push(&mut column, &["e"]);
        column.end_nested();
        let array = column.finish();
        let lists = array.as_any().downcast_ref::<ListArray>().expect("a list");
        assert_eq!(lists.values().len(), 3);
        assert!(lists.is_null(1));
        assert_eq!(format!("{:?}", lists.value(2)).matches("\"e\"").count(), 1);
        assert_eq!(column.len(), 0);
    }
}
