//! Moments as numbers and back, what lies between two, and the last day of a month.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, Date32Array, Int64Array, TimestampMicrosecondArray},
    compute::cast,
    datatypes::{DataType, Date32Type, Int64Type, TimeUnit, TimestampMicrosecondType},
};
use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, Offset as _, TimeZone as _};
use datafusion::{
    error::{DataFusionError, Result},
    logical_expr::{Signature, TypeSignature, Volatility},
};

use super::{Function, bad_value, format_time::time_zone, wrong_arguments};

/// The first and the last microsecond of GoogleSQL's TIMESTAMP: of the years 1 and 9999.
const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;

pub(super) fn functions() -> Vec<Function> {
    let exact = |types: Vec<DataType>| Signature::exact(types, Volatility::Immutable);
    let of_number = |name, columns| Function {
        name,
        signature: exact(vec![DataType::Int64]),
        result: |_| Ok(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
        columns,
    };
    let to_number = |name, columns| Function {
        name,
        signature: Signature::any(1, Volatility::Immutable),
        result: |types| a_moment(types, 0).map(|()| DataType::Int64),
        columns,
    };
    // Of any two of one kind: moments, times of day.
    let difference = |name, columns| Function {
        name,
        signature: Signature::one_of(
            vec![TypeSignature::Exact(vec![DataType::Int64, DataType::Int64, DataType::Int64])],
            Volatility::Immutable,
        ),
        result: |_| Ok(DataType::Int64),
        columns,
    };
    vec![
        of_number("timestamp_seconds", |columns| moments(columns, 1_000_000)),
        of_number("timestamp_millis", |columns| moments(columns, 1_000)),
        of_number("timestamp_micros", |columns| moments(columns, 1)),
        to_number("unix_seconds", |columns| counts(columns, 1_000_000)),
        to_number("unix_millis", |columns| counts(columns, 1_000)),
        to_number("unix_micros", |columns| counts(columns, 1)),
        difference("whole_units_between", |columns| {
            units(columns, |later, earlier, unit| (later - earlier) / unit)
        }),
        difference("unit_boundaries_between", |columns| {
            units(columns, |later, earlier, unit| later.div_euclid(unit) - earlier.div_euclid(unit))
        }),
        Function {
            name: "local_datetime",
            signature: Signature::any(2, Volatility::Immutable),
            result: |types| a_moment(types, 0).map(|()| DataType::Timestamp(TimeUnit::Microsecond, None)),
            columns: local,
        },
        Function {
            name: "last_day_of_month",
            signature: exact(vec![DataType::Date32, DataType::Int64]),
            result: |_| Ok(DataType::Date32),
            columns: last_days,
        },
        // Stands for a DATE where the other argument is one, and is gone before anything is computed.
        Function {
            name: "truncated_as",
            signature: Signature::any(2, Volatility::Immutable),
            result: |types| match types {
                [truncated @ DataType::Timestamp(..), DataType::Timestamp(..)] => Ok(truncated.clone()),
                _ => Ok(DataType::Date32),
            },
            columns: |_| Err(DataFusionError::Internal("truncated_as was left in a plan".to_owned())),
        },
    ]
}

fn moments(columns: &[ArrayRef], unit: i64) -> Result<ArrayRef> {
    let [counts] = columns else { return Err(wrong_arguments("a TIMESTAMP of a number")) };
    let moment = |count: Option<i64>| -> Result<Option<i64>> {
        let Some(count) = count else { return Ok(None) };
        match count.checked_mul(unit).filter(|micros| RANGE.contains(micros)) {
            Some(micros) => Ok(Some(micros)),
            None => Err(bad_value(
                format!("{count} is no TIMESTAMP"),
                "A TIMESTAMP is of the years 1 to 9999. Seconds, milliseconds or microseconds?",
            )),
        }
    };
    let micros = counts
        .as_primitive::<Int64Type>()
        .iter()
        .map(moment)
        .collect::<Result<TimestampMicrosecondArray>>()?;
    Ok(Arc::new(micros.with_timezone("UTC")))
}

/// Whether the argument at this place is a moment, or a text of one.
pub(super) fn a_moment(types: &[DataType], place: usize) -> Result<()> {
    match types.get(place) {
        Some(DataType::Timestamp(..) | DataType::Date32 | DataType::Utf8 | DataType::Null) => Ok(()),
        found => Err(DataFusionError::Plan(format!(
            "this function takes a DATE, DATETIME or TIMESTAMP, and was given a value of type {}",
            found.unwrap_or(&DataType::Null)
        ))),
    }
}

/// Microseconds since 1970: of a DATETIME, of its clock.
pub(super) fn micros_of(moments: &ArrayRef) -> Result<TimestampMicrosecondArray> {
    // A text without a zone is in UTC; one with a zone is in that.
    let moments = match moments.data_type() {
        DataType::Utf8 => cast(moments, &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))?,
        _ => Arc::clone(moments),
    };
    let zone = match moments.data_type() {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    };
    let micros = cast(&moments, &DataType::Timestamp(TimeUnit::Microsecond, zone))?;
    Ok(micros.as_primitive::<TimestampMicrosecondType>().clone().with_timezone_opt(None::<&str>))
}

/// What the clocks of a zone show.
fn local(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let [moments, zones] = columns else { return Err(wrong_arguments("a DATETIME in a time zone")) };
    let zones = cast(zones, &DataType::Utf8)?;
    let zones = zones.as_string::<i32>();
    let mut local = Vec::with_capacity(moments.len());
    for (moment, zone) in micros_of(moments)?.iter().zip(zones) {
        let (Some(moment), Some(zone)) = (moment, zone) else {
            local.push(None);
            continue;
        };
        let zone = time_zone(zone)?;
        let offset = DateTime::from_timestamp_micros(moment)
            .map_or(0, |time| zone.offset_from_utc_datetime(&time.naive_utc()).fix().local_minus_utc());
        local.push(Some(moment + i64::from(offset) * 1_000_000));
    }
    Ok(Arc::new(TimestampMicrosecondArray::from(local)))
}

fn counts(columns: &[ArrayRef], unit: i64) -> Result<ArrayRef> {
    let [moments] = columns else { return Err(wrong_arguments("a number of a TIMESTAMP")) };
    let micros = micros_of(moments)?;
    Ok(Arc::new(micros.unary::<_, Int64Type>(|micros| micros.div_euclid(unit))))
}

fn units(columns: &[ArrayRef], between: fn(i128, i128, i128) -> i128) -> Result<ArrayRef> {
    let [later, earlier, unit] = columns else { return Err(wrong_arguments("a difference of moments")) };
    let (later, earlier) = (later.as_primitive::<Int64Type>(), earlier.as_primitive::<Int64Type>());
    let unit = unit.as_primitive::<Int64Type>();
    let of = |row: usize| {
        let known = later.is_valid(row) && earlier.is_valid(row) && unit.is_valid(row);
        // Microseconds of GoogleSQL's years are far from the end of INT64.
        known
            .then(|| {
                between(later.value(row).into(), earlier.value(row).into(), unit.value(row).max(1).into())
            })
            .and_then(|count| i64::try_from(count).ok())
    };
    Ok(Arc::new((0..later.len()).map(of).collect::<Int64Array>()))
}

/// The last day of the `months` months that a day is in: 1, 3 or 12.
fn last_days(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let [days, months] = columns else { return Err(wrong_arguments("LAST_DAY")) };
    let months = cast(months, &DataType::Int64)?;
    let (days, months) = (days.as_primitive::<Date32Type>(), months.as_primitive::<Int64Type>());
    let last = |row: usize| {
        if days.is_null(row) || months.is_null(row) {
            return None;
        }
        let day = Date32Type::to_naive_date_opt(days.value(row))?;
        let months = u32::try_from(months.value(row)).ok()?;
        let first = NaiveDate::from_ymd_opt(day.year(), day.month0() / months * months + 1, 1)?;
        first
            .checked_add_months(Months::new(months))?
            .checked_sub_days(Days::new(1))
            .map(Date32Type::from_naive_date)
    };
    Ok(Arc::new((0..days.len()).map(last).collect::<Date32Array>()))
}
