//! One column of a binary `COPY`: wire values into an Arrow builder.

use arrow::{
    array::{
        ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Decimal256Builder,
        Float64Builder, Int64Builder, IntervalMonthDayNanoBuilder, StringBuilder, Time64MicrosecondBuilder,
        TimestampMicrosecondBuilder,
    },
    datatypes::{DataType, IntervalMonthDayNano, i256},
};
use firth_diagnostic::{Code, Diagnostic, Result};
use std::sync::Arc;

use super::{
    calendar,
    nested::{Lists, Structs},
    numeric::{self, Unfit},
    types::Wire,
};

/// Days from 1970-01-01 to 2000-01-01, from which PostgreSQL counts.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * DAY_MICROS;
const DAY_MICROS: i64 = 86_400_000_000;

/// 0001-01-01 and 9999-12-31, between which GoogleSQL's dates lie, in days from 1970-01-01.
const FIRST_DAY: i32 = -719_162;
const LAST_DAY: i32 = 2_932_896;

/// A column being filled.
pub(super) struct Column {
    /// What it is called in messages, such as `column "price"`.
    label: String,
    values: Values,
}

/// Values of one type, being filled.
pub(super) enum Values {
    Bool(BooleanBuilder),
    Integer(Int64Builder),
    Unsigned(Int64Builder),
    Float(Float64Builder),
    /// With the least number that is too large, and the scale.
    Numeric(Decimal128Builder, u128, i8),
    BigNumeric(Decimal256Builder, i256, i8),
    Text(StringBuilder),
    Uuid(StringBuilder),
    Jsonb(StringBuilder),
    Bytes(BinaryBuilder),
    Bits(BinaryBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    Interval(IntervalMonthDayNanoBuilder),
    List(Box<Lists>),
    Struct(Box<Structs>),
}

/// Why a value cannot be read. Made into a message only when it is one.
pub(super) enum Fault {
    /// With the type that cannot hold it, and the number.
    Numeric(Unfit, &'static str, String),
    /// An infinite date or time: whether it is before all others.
    Infinite(bool),
    /// With the type that cannot hold it, and the date or time.
    OutOfRange(&'static str, String),
    Midnight,
    /// How many dimensions an array has.
    Dimensions(i32),
    NotUtf8,
    Length(usize),
}

impl Column {
    pub(super) fn new(label: String, wire: &Wire, data_type: &DataType) -> Self {
        Column { label, values: Values::new(wire, data_type) }
    }

    /// Appends a value, or NULL.
    pub(super) fn push(&mut self, value: Option<&[u8]>) -> Result<()> {
        match value {
            Some(value) => self.values.push(value).map_err(|fault| fault.diagnostic(&self.label)),
            None => {
                self.values.push_null();
                Ok(())
            }
        }
    }

    /// The values so far; the column is then empty.
    pub(super) fn finish(&mut self) -> ArrayRef {
        self.values.finish()
    }
}

impl Values {
    /// None yet. `data_type` is what values of this format become.
    pub(super) fn new(wire: &Wire, data_type: &DataType) -> Self {
        match wire {
            Wire::Bool => Values::Bool(BooleanBuilder::new()),
            Wire::Integer => Values::Integer(Int64Builder::new()),
            Wire::Unsigned => Values::Unsigned(Int64Builder::new()),
            Wire::Float => Values::Float(Float64Builder::new()),
            Wire::Numeric(precision, scale) => Values::Numeric(
                Decimal128Builder::new().with_data_type(data_type.clone()),
                10u128.pow((*precision).into()),
                *scale,
            ),
            Wire::BigNumeric(precision, scale) => Values::BigNumeric(
                Decimal256Builder::new().with_data_type(data_type.clone()),
                i256::from(10).wrapping_pow((*precision).into()),
                *scale,
            ),
            Wire::Text => Values::Text(StringBuilder::new()),
            Wire::Uuid => Values::Uuid(StringBuilder::new()),
            Wire::Jsonb => Values::Jsonb(StringBuilder::new()),
            Wire::Bytes => Values::Bytes(BinaryBuilder::new()),
            Wire::Bits => Values::Bits(BinaryBuilder::new()),
            Wire::Date => Values::Date(Date32Builder::new()),
            Wire::Time => Values::Time(Time64MicrosecondBuilder::new()),
            Wire::Timestamp | Wire::TimestampTz => {
                Values::Timestamp(TimestampMicrosecondBuilder::new().with_data_type(data_type.clone()))
            }
            Wire::Interval => Values::Interval(IntervalMonthDayNanoBuilder::new()),
            Wire::List(element) => Values::List(Box::new(
                Lists::new(element, data_type).expect("a format is made for the type that it becomes"),
            )),
            Wire::Struct(fields) => Values::Struct(Box::new(
                Structs::new(fields, data_type).expect("a format is made for the type that it becomes"),
            )),
        }
    }

    /// The values so far; there are then none.
    pub(super) fn finish(&mut self) -> ArrayRef {
        match self {
            Values::Bool(values) => Arc::new(values.finish()),
            Values::Integer(values) | Values::Unsigned(values) => Arc::new(values.finish()),
            Values::Float(values) => Arc::new(values.finish()),
            Values::Numeric(values, ..) => Arc::new(values.finish()),
            Values::BigNumeric(values, ..) => Arc::new(values.finish()),
            Values::Text(values) | Values::Uuid(values) | Values::Jsonb(values) => Arc::new(values.finish()),
            Values::Bytes(values) | Values::Bits(values) => Arc::new(values.finish()),
            Values::Date(values) => Arc::new(values.finish()),
            Values::Time(values) => Arc::new(values.finish()),
            Values::Timestamp(values) => Arc::new(values.finish()),
            Values::Interval(values) => Arc::new(values.finish()),
            Values::List(values) => values.finish(),
            Values::Struct(values) => values.finish(),
        }
    }

    pub(super) fn push_null(&mut self) {
        match self {
            Values::Bool(values) => values.append_null(),
            Values::Integer(values) | Values::Unsigned(values) => values.append_null(),
            Values::Float(values) => values.append_null(),
            Values::Numeric(values, ..) => values.append_null(),
            Values::BigNumeric(values, ..) => values.append_null(),
            Values::Text(values) | Values::Uuid(values) | Values::Jsonb(values) => values.append_null(),
            Values::Bytes(values) | Values::Bits(values) => values.append_null(),
            Values::Date(values) => values.append_null(),
            Values::Time(values) => values.append_null(),
            Values::Timestamp(values) => values.append_null(),
            Values::Interval(values) => values.append_null(),
            Values::List(values) => values.push_null(),
            Values::Struct(values) => values.push_null(),
        }
    }

    pub(super) fn push(&mut self, value: &[u8]) -> Result<(), Fault> {
        match self {
            Values::Bool(values) => values.append_value(fixed::<1>(value)? != [0]),
            Values::Integer(values) => values.append_value(match value.len() {
                2 => i16::from_be_bytes(fixed(value)?).into(),
                4 => i32::from_be_bytes(fixed(value)?).into(),
                _ => i64::from_be_bytes(fixed(value)?),
            }),
            Values::Unsigned(values) => values.append_value(u32::from_be_bytes(fixed(value)?).into()),
            Values::Float(values) => {
                let number = match value.len() {
                    4 => f32::from_be_bytes(fixed(value)?).into(),
                    _ => f64::from_be_bytes(fixed(value)?),
                };
                // One NaN: Arrow orders NaNs by their sign, which PostgreSQL does not look at.
                values.append_value(if number.is_nan() { f64::NAN } else { number });
            }
            Values::Numeric(values, beyond, scale) => {
                let unfit = |unfit| Fault::Numeric(unfit, "NUMERIC", numeric::shown(value));
                let number = numeric::decode::<i128>(value, *scale).map_err(unfit)?;
                if number.unsigned_abs() >= *beyond {
                    return Err(unfit(Unfit::OutOfRange));
                }
                values.append_value(number);
            }
            Values::BigNumeric(values, beyond, scale) => {
                let unfit = |unfit| Fault::Numeric(unfit, "BIGNUMERIC", numeric::shown(value));
                let number = numeric::decode::<i256>(value, *scale).map_err(unfit)?;
                if number >= *beyond || number <= beyond.wrapping_neg() {
                    return Err(unfit(Unfit::OutOfRange));
                }
                values.append_value(number);
            }
            Values::Text(values) => values.append_value(text(value)?),
            Values::Uuid(values) => {
                let mut buffer = [0; uuid::fmt::Hyphenated::LENGTH];
                let uuid = uuid::Uuid::from_bytes(fixed(value)?);
                values.append_value(uuid.hyphenated().encode_lower(&mut buffer));
            }
            Values::Jsonb(values) => match value.split_first() {
                Some((1, json)) => values.append_value(text(json)?),
                _ => return Err(Fault::Length(value.len())),
            },
            Values::Bytes(values) => values.append_value(value),
            Values::Bits(values) => match value.split_at_checked(4) {
                Some((_, bits)) => values.append_value(bits),
                None => return Err(Fault::Length(value.len())),
            },
            Values::Date(values) => values.append_value(date(i32::from_be_bytes(fixed(value)?))?),
            Values::Time(values) => {
                let micros = i64::from_be_bytes(fixed(value)?);
                if !(0..DAY_MICROS).contains(&micros) {
                    return Err(Fault::Midnight);
                }
                values.append_value(micros);
            }
            Values::Timestamp(values) => values.append_value(timestamp(i64::from_be_bytes(fixed(value)?))?),
            Values::Interval(values) => values.append_value(interval(fixed(value)?)?),
            Values::List(values) => values.push(value)?,
            Values::Struct(values) => values.push(value)?,
        }
        Ok(())
    }
}

fn fixed<const N: usize>(value: &[u8]) -> Result<[u8; N], Fault> {
    value.try_into().map_err(|_| Fault::Length(value.len()))
}

fn text(value: &[u8]) -> Result<&str, Fault> {
    // A database in encoding SQL_ASCII promises nothing.
    std::str::from_utf8(value).map_err(|_| Fault::NotUtf8)
}

fn date(days: i32) -> Result<i32, Fault> {
    if days == i32::MAX || days == i32::MIN {
        return Err(Fault::Infinite(days == i32::MIN));
    }
    let date = days.checked_add(EPOCH_DAYS).filter(|date| (FIRST_DAY..=LAST_DAY).contains(date));
    date.ok_or_else(|| Fault::OutOfRange("DATE", calendar::date(i64::from(days) + i64::from(EPOCH_DAYS))))
}

fn timestamp(micros: i64) -> Result<i64, Fault> {
    if micros == i64::MAX || micros == i64::MIN {
        return Err(Fault::Infinite(micros == i64::MIN));
    }
    let range = i64::from(FIRST_DAY) * DAY_MICROS..(i64::from(LAST_DAY) + 1) * DAY_MICROS;
    let timestamp = micros.checked_add(EPOCH_MICROS).filter(|timestamp| range.contains(timestamp));
    timestamp.ok_or_else(|| {
        Fault::OutOfRange("TIMESTAMP", calendar::timestamp(i128::from(micros) + i128::from(EPOCH_MICROS)))
    })
}

/// Microseconds, days, months: each with a sign of its own.
fn interval(value: [u8; 16]) -> Result<IntervalMonthDayNano, Fault> {
    let word = |at: usize| i32::from_be_bytes([value[at], value[at + 1], value[at + 2], value[at + 3]]);
    let (micros, days, months) = (i64::from(word(0)) << 32 | i64::from(word(4) as u32), word(8), word(12));
    // As PostgreSQL 17 writes them.
    if (micros, days, months) == (i64::MAX, i32::MAX, i32::MAX)
        || (micros, days, months) == (i64::MIN, i32::MIN, i32::MIN)
    {
        return Err(Fault::Infinite(micros == i64::MIN));
    }
    let nanos = micros.checked_mul(1000).ok_or_else(|| {
        Fault::OutOfRange("INTERVAL", format!("{months} months {days} days {micros} microseconds"))
    })?;
    Ok(IntervalMonthDayNano::new(months, days, nanos))
}

impl Fault {
    fn diagnostic(self, label: &str) -> Diagnostic {
        let (what, hint) = match self {
            Fault::Numeric(Unfit::Malformed, ..) => return malformed(label, None),
            Fault::Numeric(Unfit::NotANumber | Unfit::Infinite, type_, value) => {
                (format!("{value}, which {type_} cannot hold"), NUMERIC_HINT)
            }
            Fault::Numeric(Unfit::OutOfRange, type_, value) => {
                (format!("{value}: more digits before the point than {type_} has"), NUMERIC_HINT)
            }
            Fault::Numeric(Unfit::TooFine, type_, value) => {
                (format!("{value}: more digits after the point than {type_} has"), NUMERIC_HINT)
            }
            Fault::Infinite(before_all) => (
                if before_all { "-infinity" } else { "infinity" }.to_owned(),
                "Leave such rows out, or replace it with NULLIF in EXTERNAL_QUERY.",
            ),
            Fault::OutOfRange(type_ @ "INTERVAL", value) => {
                (format!("{value}, which {type_} cannot hold"), "Cast it to text in EXTERNAL_QUERY.")
            }
            Fault::OutOfRange(type_, value) => (
                format!("{value}, outside the years 1 to 9999 of {type_}"),
                "Leave such rows out, or cast it to text in EXTERNAL_QUERY.",
            ),
            Fault::Dimensions(count) => (
                format!("an array of {count} dimensions, and ARRAY has one"),
                "Cast it to text, or to JSON with to_json, in EXTERNAL_QUERY.",
            ),
            Fault::Midnight => {
                ("the time 24:00:00, which TIME cannot hold".to_owned(), "Cast it to text in EXTERNAL_QUERY.")
            }
            Fault::NotUtf8 => (
                "text that is not UTF-8".to_owned(),
                "Cast it to bytea in EXTERNAL_QUERY; the database's encoding promises nothing about it.",
            ),
            Fault::Length(length) => return malformed(label, Some(length)),
        };
        Diagnostic::error(Code::BadData, format!("{label} holds {what}")).hint(hint)
    }
}

const NUMERIC_HINT: &str = "Set option numeric_as of the connection to 'BIGNUMERIC', 'STRING' or 'FLOAT64', \
                            or round it in EXTERNAL_QUERY.";

fn malformed(label: &str, length: Option<usize>) -> Diagnostic {
    let length = length.map(|length| format!(" of {length} bytes")).unwrap_or_default();
    Diagnostic::error(Code::BadData, format!("{label} came with a value{length} that is not of its type"))
        .hint("The table may have changed while it was read; run the statement again.")
}
