//! Values as text: the one place that knows how each type is printed.
//!
//! Scripts depend on these texts. NULL is left to the format. BOOL `true`; INT64 its digits; FLOAT64
//! the shortest text that reads back to the same value, always recognizable as one (`1.0`, `1e300`,
//! `NaN`, `inf`, `-inf`); NUMERIC without trailing zeros; DATE `2026-01-02`; DATETIME
//! `2026-01-02T03:04:05.000006` (six digits or none, nine if the source has them); TIMESTAMP the same
//! in UTC with `Z`; TIME; BYTES in base64; ARRAY, STRUCT and JSON as JSON.
//!
//! Inside JSON, integers, finite floats and booleans stand bare, NULL is `null`, a JSON document is
//! embedded, everything else is a string.

mod civil;
mod csv;
mod decimal;
mod digits;
mod json;

use std::{fmt::Write as _, ops::Range, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BooleanArray, Decimal128Array,
        Decimal256Array, FixedSizeBinaryArray, FixedSizeListArray, Float32Array, Float64Array, Int64Array,
        IntervalMonthDayNanoArray, LargeBinaryArray, LargeStringArray, StringArray, StringViewArray,
        Time64NanosecondArray, UInt64Array,
    },
    compute::cast,
    datatypes::{DataType, Field, Int64Type, IntervalUnit, TimeUnit},
    error::ArrowError,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};

pub use csv::push_csv_field;
pub use json::push_json_string;

/// The key and value in a field's metadata that mark a text column as JSON.
const JSON_MARK: (&str, &str) = ("firth.type", "JSON");

/// One column of one batch, ready to be printed value by value.
pub struct Values {
    /// `None`: no value is NULL, unless the kind says so.
    nulls: Option<arrow::buffer::NullBuffer>,
    kind: Kind,
}

/// Arrow's many layouts, brought down to those that print differently.
enum Kind {
    Null,
    Bool(BooleanArray),
    Int(Int64Array),
    UInt(UInt64Array),
    /// Integers that are strings in JSON.
    QuotedInt(Int64Array),
    Float32(Float32Array),
    Float64(Float64Array),
    Decimal128(Decimal128Array, i8),
    Decimal256(Decimal256Array, i8),
    Text(Text),
    Json(Text),
    Bytes(Bytes),
    Date(Int64Array),
    Time(Time64NanosecondArray),
    /// Counts of 1/n seconds; whether they are points in time.
    Datetime(Int64Array, i64, bool),
    Interval(IntervalMonthDayNanoArray),
    Duration(Int64Array, i64),
    List(Vec<Range<usize>>, Box<Values>),
    /// Field names as JSON strings, and their values.
    Struct(Vec<(String, Values)>),
    /// Entries of each row; keys and values.
    Map(Vec<Range<usize>>, Box<Values>, Box<Values>),
    /// A type no query answers with today, as Arrow prints it.
    Other(Vec<String>),
}

enum Text {
    Small(StringArray),
    Large(LargeStringArray),
    View(StringViewArray),
}

enum Bytes {
    Small(BinaryArray),
    Large(LargeBinaryArray),
    View(BinaryViewArray),
    Fixed(FixedSizeBinaryArray),
}

impl Values {
    /// Prepares a column. Fails only if Arrow cannot convert it.
    pub fn try_new(field: &Field, array: &ArrayRef) -> Result<Values, ArrowError> {
        let nulls = array.logical_nulls();
        Ok(Values { nulls, kind: Kind::try_new(field, array)? })
    }

    /// The same, with INT64 as strings in JSON: of the column, and of what it holds.
    pub(crate) fn with_integers_quoted(self) -> Values {
        let kind = match self.kind {
            Kind::Int(values) => Kind::QuotedInt(values),
            Kind::List(rows, items) => Kind::List(rows, Box::new(items.with_integers_quoted())),
            Kind::Struct(fields) => {
                let quoted = fields.into_iter().map(|(name, values)| (name, values.with_integers_quoted()));
                Kind::Struct(quoted.collect())
            }
            Kind::Map(rows, keys, values) => Kind::Map(rows, keys, Box::new(values.with_integers_quoted())),
            other => other,
        };
        Values { kind, ..self }
    }

    /// Whether the value is NULL.
    pub fn is_null(&self, row: usize) -> bool {
        matches!(self.kind, Kind::Null) || self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    /// Whether no text of this column has a character that CSV quotes.
    pub(crate) fn needs_no_quotes(&self, delimiter: char) -> bool {
        let is_plain = matches!(
            self.kind,
            Kind::Bool(_)
                | Kind::Int(_)
                | Kind::QuotedInt(_)
                | Kind::UInt(_)
                | Kind::Float32(_)
                | Kind::Float64(_)
                | Kind::Decimal128(..)
                | Kind::Decimal256(..)
                | Kind::Date(_)
                | Kind::Time(_)
                | Kind::Datetime(..)
        );
        is_plain && !delimiter.is_ascii_alphanumeric() && !"+-.:".contains(delimiter)
    }

    /// The text of a value that is not NULL, if the column holds it as it is written.
    pub(crate) fn borrowed(&self, row: usize) -> Option<&str> {
        let (Kind::Text(values) | Kind::Json(values)) = &self.kind else { return None };
        Some(values.value(row))
    }

    /// A value as a text of its own; NULL is `None`. For a few values: [`Values::push_text`] allocates nothing.
    pub fn text(&self, row: usize) -> Option<String> {
        if self.is_null(row) {
            return None;
        }
        let mut text = String::new();
        self.push_text(row, &mut text);
        Some(text)
    }

    /// Writes a value that is not NULL for a text format.
    pub fn push_text(&self, row: usize, out: &mut String) {
        match &self.kind {
            Kind::Null => {}
            Kind::Bool(values) => out.push_str(if values.value(row) { "true" } else { "false" }),
            Kind::Int(values) | Kind::QuotedInt(values) => digits::push_i64(values.value(row), out),
            Kind::UInt(values) => digits::push_u64(values.value(row), out),
            // Debug is the shortest text that reads back, with an exponent where that is shorter.
            Kind::Float32(values) => push_debug(out, values.value(row)),
            Kind::Float64(values) => push_debug(out, values.value(row)),
            Kind::Decimal128(values, scale) => decimal::push_i128(values.value(row), *scale, out),
            Kind::Decimal256(values, scale) => {
                decimal::push_decimal(&values.value(row).to_string(), *scale, out);
            }
            Kind::Text(values) | Kind::Json(values) => out.push_str(values.value(row)),
            Kind::Bytes(values) => BASE64_STANDARD.encode_string(values.value(row), out),
            Kind::Date(values) => civil::push_date(values.value(row), out),
            Kind::Time(values) => civil::push_time(values.value(row), out),
            Kind::Datetime(values, per_second, point_in_time) => {
                civil::push_datetime(values.value(row), *per_second, out);
                if *point_in_time {
                    out.push('Z');
                }
            }
            Kind::Interval(values) => {
                let value = values.value(row);
                civil::push_interval(value.months.into(), value.days.into(), value.nanoseconds.into(), out);
            }
            Kind::Duration(values, nanos) => {
                civil::push_interval(0, 0, i128::from(values.value(row)) * i128::from(*nanos), out);
            }
            Kind::List(..) | Kind::Struct(_) | Kind::Map(..) => self.push_json(row, out),
            Kind::Other(texts) => out.push_str(&texts[row]),
        }
    }

    /// Writes a value as JSON.
    pub fn push_json(&self, row: usize, out: &mut String) {
        if self.is_null(row) {
            return out.push_str("null");
        }
        match &self.kind {
            Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::UInt(_) => self.push_text(row, out),
            Kind::Float32(values) if values.value(row).is_finite() => self.push_text(row, out),
            Kind::Float64(values) if values.value(row).is_finite() => self.push_text(row, out),
            Kind::Text(values) => push_json_string(values.value(row), out),
            Kind::Json(values) => json::push_document(values.value(row), out),
            Kind::List(rows, items) => {
                push_joined(out, "[", "]", rows[row].clone(), |item, out| items.push_json(item, out));
            }
            Kind::Struct(fields) => push_joined(out, "{", "}", fields, |(name, values), out| {
                out.push_str(name);
                out.push(':');
                values.push_json(row, out);
            }),
            Kind::Map(rows, keys, values) => push_joined(out, "{", "}", rows[row].clone(), |entry, out| {
                let mut key = String::new();
                keys.push_text(entry, &mut key);
                push_json_string(&key, out);
                out.push(':');
                values.push_json(entry, out);
            }),
            Kind::Float32(_)
            | Kind::Float64(_)
            | Kind::QuotedInt(_)
            | Kind::Decimal128(..)
            | Kind::Decimal256(..)
            | Kind::Bytes(_)
            | Kind::Date(_)
            | Kind::Time(_)
            | Kind::Datetime(..)
            | Kind::Interval(_)
            | Kind::Duration(..)
            | Kind::Other(_) => {
                let mut text = String::new();
                self.push_text(row, &mut text);
                push_json_string(&text, out);
            }
        }
    }
}

/// Whether a column's values are lined up to the right.
pub fn is_number(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_number(values),
        other => other.is_numeric(),
    }
}

impl Kind {
    fn try_new(field: &Field, array: &ArrayRef) -> Result<Kind, ArrowError> {
        let whole = |target: DataType| cast(array, &target);
        let ticks = || Ok::<_, ArrowError>(whole(DataType::Int64)?.as_primitive::<Int64Type>().clone());
        Ok(match array.data_type() {
            DataType::Null => Kind::Null,
            DataType::Boolean => Kind::Bool(array.as_boolean().clone()),
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Kind::Int(ticks()?),
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
                Kind::UInt(whole(DataType::UInt64)?.as_primitive().clone())
            }
            DataType::Float16 | DataType::Float32 => {
                Kind::Float32(whole(DataType::Float32)?.as_primitive().clone())
            }
            DataType::Float64 => Kind::Float64(array.as_primitive().clone()),
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale) => Kind::Decimal128(
                whole(DataType::Decimal128(*precision, *scale))?.as_primitive().clone(),
                *scale,
            ),
            DataType::Decimal256(_, scale) => Kind::Decimal256(array.as_primitive().clone(), *scale),
            DataType::Utf8 => Kind::text(field, Text::Small(array.as_string().clone())),
            DataType::LargeUtf8 => Kind::text(field, Text::Large(array.as_string().clone())),
            DataType::Utf8View => Kind::text(field, Text::View(array.as_string_view().clone())),
            DataType::Binary => Kind::Bytes(Bytes::Small(array.as_binary().clone())),
            DataType::LargeBinary => Kind::Bytes(Bytes::Large(array.as_binary().clone())),
            DataType::BinaryView => Kind::Bytes(Bytes::View(array.as_binary_view().clone())),
            DataType::FixedSizeBinary(_) => Kind::Bytes(Bytes::Fixed(array.as_fixed_size_binary().clone())),
            DataType::Date32 => {
                Kind::Date(cast(&whole(DataType::Int32)?, &DataType::Int64)?.as_primitive().clone())
            }
            // Milliseconds; the time of day, if there is any, is not shown.
            DataType::Date64 => Kind::Date(ticks()?.unary(|millis| millis.div_euclid(86_400_000))),
            DataType::Time32(_) | DataType::Time64(_) => {
                Kind::Time(whole(DataType::Time64(TimeUnit::Nanosecond))?.as_primitive().clone())
            }
            DataType::Timestamp(unit, zone) => Kind::Datetime(ticks()?, per_second(*unit), zone.is_some()),
            DataType::Interval(IntervalUnit::MonthDayNano) => Kind::Interval(array.as_primitive().clone()),
            DataType::Interval(_) => {
                Kind::Interval(whole(DataType::Interval(IntervalUnit::MonthDayNano))?.as_primitive().clone())
            }
            DataType::Duration(unit) => Kind::Duration(ticks()?, 1_000_000_000 / per_second(*unit)),
            DataType::List(item) => {
                let list = array.as_list::<i32>();
                let rows = list.offsets().windows(2).map(|pair| pair[0] as usize..pair[1] as usize).collect();
                Kind::List(rows, Box::new(Values::try_new(item, list.values())?))
            }
            DataType::LargeList(item) => {
                let list = array.as_list::<i64>();
                let rows = list.offsets().windows(2).map(|pair| pair[0] as usize..pair[1] as usize).collect();
                Kind::List(rows, Box::new(Values::try_new(item, list.values())?))
            }
            DataType::FixedSizeList(item, _) => {
                let list: &FixedSizeListArray = array.as_fixed_size_list();
                let length = list.value_length() as usize;
                let rows = (0..list.len()).map(|row| row * length..(row + 1) * length).collect();
                Kind::List(rows, Box::new(Values::try_new(item, list.values())?))
            }
            DataType::ListView(item) | DataType::LargeListView(item) => {
                let list = whole(DataType::LargeList(Arc::clone(item)))?;
                return Kind::try_new(field, &list);
            }
            DataType::Struct(fields) => {
                let columns = array.as_struct().columns();
                let named = fields.iter().zip(columns).map(|(field, column)| {
                    let mut name = String::new();
                    push_json_string(field.name(), &mut name);
                    Ok((name, Values::try_new(field, column)?))
                });
                Kind::Struct(named.collect::<Result<_, ArrowError>>()?)
            }
            DataType::Map(entry, _) => {
                let map = array.as_map();
                let rows = map.offsets().windows(2).map(|pair| pair[0] as usize..pair[1] as usize).collect();
                let keys = Values::try_new(entry, map.keys())?;
                Kind::Map(rows, Box::new(keys), Box::new(Values::try_new(entry, map.values())?))
            }
            DataType::Dictionary(_, values) => return Kind::try_new(field, &cast(array, values)?),
            DataType::RunEndEncoded(_, values) => {
                return Kind::try_new(field, &cast(array, values.data_type())?);
            }
            DataType::Union(..) => {
                let options = arrow::util::display::FormatOptions::default();
                let shown = arrow::util::display::ArrayFormatter::try_new(array, &options)?;
                Kind::Other((0..array.len()).map(|row| shown.value(row).to_string()).collect())
            }
        })
    }

    fn text(field: &Field, text: Text) -> Kind {
        match field.metadata().get(JSON_MARK.0) {
            Some(value) if value == JSON_MARK.1 => Kind::Json(text),
            _ => Kind::Text(text),
        }
    }
}

impl Text {
    fn value(&self, row: usize) -> &str {
        match self {
            Text::Small(array) => array.value(row),
            Text::Large(array) => array.value(row),
            Text::View(array) => array.value(row),
        }
    }
}

impl Bytes {
    fn value(&self, row: usize) -> &[u8] {
        match self {
            Bytes::Small(array) => array.value(row),
            Bytes::Large(array) => array.value(row),
            Bytes::View(array) => array.value(row),
            Bytes::Fixed(array) => array.value(row),
        }
    }
}

fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

fn push_debug(out: &mut String, value: impl std::fmt::Debug) {
    let _ = write!(out, "{value:?}");
}

/// Writes `items` with commas between and brackets around.
fn push_joined<T>(
    out: &mut String,
    open: &str,
    close: &str,
    items: impl IntoIterator<Item = T>,
    mut one: impl FnMut(T, &mut String),
) {
    out.push_str(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        one(item, out);
    }
    out.push_str(close);
}

#[cfg(test)]
mod tests;
