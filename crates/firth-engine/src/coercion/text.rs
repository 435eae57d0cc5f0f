//! CAST of NUMERIC, DATETIME and TIMESTAMP to STRING, as GoogleSQL writes them: `1.5`, `2026-01-02
//! 03:04:05.120`, `2026-01-02 03:04:05+00`. DataFusion's cast keeps a NUMERIC's trailing zeros and puts a
//! `T` between day and time.
//!
//! These are not the texts of the output formats, which scripts read.

use std::{
    fmt::Write as _,
    str::FromStr as _,
    sync::{Arc, LazyLock},
};

use arrow::{
    array::{Array, ArrayRef, AsArray, StringBuilder, timezone::Tz},
    compute::cast,
    datatypes::{DataType, Field, TimeUnit},
};
use chrono::{DateTime, Datelike as _, FixedOffset, Offset as _, TimeZone as _, Timelike as _, Utc};
use datafusion::{
    common::ScalarValue,
    error::{DataFusionError, Result},
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility},
};

use crate::value::Values;

/// The function behind `CAST(x AS STRING)` for the types of [`is_written_differently`].
pub(super) fn to_text() -> Arc<ScalarUDF> {
    static TEXT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(ScalarUDF::from(ToText::new())));
    Arc::clone(&TEXT)
}

/// Whether GoogleSQL writes values of this type otherwise than DataFusion.
pub(super) fn is_written_differently(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal128(..) | DataType::Decimal256(..) | DataType::Timestamp(..))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ToText {
    signature: Signature,
}

impl ToText {
    fn new() -> Self {
        ToText { signature: Signature::any(1, Volatility::Stable) }
    }
}

impl ScalarUDFImpl for ToText {
    fn name(&self) -> &str {
        "to_text"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [argument] = &arguments.args[..] else {
            return Err(DataFusionError::Internal("to_text takes one argument".to_owned()));
        };
        let zone = arguments.config_options.execution.time_zone.as_deref().unwrap_or("UTC");
        match argument {
            ColumnarValue::Array(values) => Ok(ColumnarValue::Array(texts(values, zone)?)),
            ColumnarValue::Scalar(value) => {
                let texts = texts(&value.to_array()?, zone)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&texts, 0)?))
            }
        }
    }
}

fn texts(values: &ArrayRef, zone: &str) -> Result<ArrayRef> {
    let mut out = StringBuilder::new();
    let mut text = String::new();
    if let DataType::Timestamp(unit, time_zone) = values.data_type() {
        let zone = match time_zone {
            Some(_) => Some(Tz::from_str(zone)?),
            None => None,
        };
        for moment in moments(values, *unit)? {
            text.clear();
            if let Some(moment) = moment {
                push_moment(moment, zone.as_ref(), &mut text);
            }
            out.append_option(moment.map(|_| text.as_str()));
        }
    } else {
        let printed = Values::try_new(&Field::new("x", values.data_type().clone(), true), values)?;
        for row in 0..values.len() {
            text.clear();
            if printed.is_null(row) {
                out.append_null();
            } else {
                printed.push_text(row, &mut text);
                out.append_value(&text);
            }
        }
    }
    Ok(Arc::new(out.finish()))
}

/// Seconds and nanoseconds since 1970-01-01. Counted in the values' own unit: years like 1 and 9999 are no
/// nanoseconds of INT64.
fn moments(values: &ArrayRef, unit: TimeUnit) -> Result<Vec<Option<DateTime<Utc>>>> {
    let counts = cast(values, &DataType::Int64)?;
    let per_second: i64 = match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    let nanos = 1_000_000_000 / per_second;
    let moment = |count: i64| {
        let fraction = u32::try_from(count.rem_euclid(per_second) * nanos).unwrap_or(0);
        DateTime::from_timestamp(count.div_euclid(per_second), fraction)
            .ok_or_else(|| DataFusionError::Execution("a TIMESTAMP is out of range".to_owned()))
    };
    let counts = counts.as_primitive::<arrow::datatypes::Int64Type>();
    counts.iter().map(|count| count.map(moment).transpose()).collect()
}

fn push_moment(moment: DateTime<Utc>, zone: Option<&Tz>, out: &mut String) {
    let offset: Option<FixedOffset> =
        zone.map(|zone| zone.offset_from_utc_datetime(&moment.naive_utc()).fix());
    let local = match offset {
        Some(offset) => moment.naive_utc() + offset,
        None => moment.naive_utc(),
    };
    let _ = write!(
        out,
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        local.year(),
        local.month(),
        local.day(),
        local.hour(),
        local.minute(),
        local.second()
    );
    push_fraction(local.nanosecond(), out);
    if let Some(offset) = offset {
        push_offset(offset.local_minus_utc(), out);
    }
}

/// Nothing, or as many groups of three digits as it takes.
fn push_fraction(nanos: u32, out: &mut String) {
    let _ = match (nanos, nanos % 1_000_000, nanos % 1_000) {
        (0, ..) => Ok(()),
        (_, 0, _) => write!(out, ".{:03}", nanos / 1_000_000),
        (_, _, 0) => write!(out, ".{:06}", nanos / 1_000),
        _ => write!(out, ".{nanos:09}"),
    };
}

/// `+00`, `-08`, `+05:30`.
fn push_offset(seconds: i32, out: &mut String) {
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    let _ = write!(out, "{sign}{:02}", minutes / 60);
    if !minutes.is_multiple_of(60) {
        let _ = write!(out, ":{:02}", minutes % 60);
    }
}
