//! `FORMAT_DATE`, `FORMAT_DATETIME`, `FORMAT_TIMESTAMP`, `FORMAT_TIME`: GoogleSQL's format elements.
//!
//! They are strftime's in the C locale, with `%E4Y`, `%E*S`, `%E3S`, `%Ez` and `%Q`. What an element needs and the value has not (the zone of a
//! DATE, the hour of one) is an error.

use std::{fmt::Write as _, str::FromStr as _, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, StringBuilder, timezone::Tz},
    compute::cast,
    datatypes::{DataType, Int64Type, TimeUnit},
};
use chrono::{DateTime, Datelike as _, NaiveDateTime, Offset as _, TimeZone as _, Timelike as _};
use datafusion::{
    error::{DataFusionError, Result},
    logical_expr::{Signature, TypeSignature, Volatility},
};

use super::{
    Function, bad_value,
    calendar::{a_moment, micros_of},
    wrong_arguments,
};

pub(super) fn functions() -> Vec<Function> {
    let function = |name, forms: Vec<TypeSignature>, columns| Function {
        name,
        signature: Signature::one_of(forms, Volatility::Immutable),
        result: |types| match types.get(1) {
            Some(DataType::Time64(_)) => Ok(DataType::Utf8),
            _ => a_moment(types, 1).map(|()| DataType::Utf8),
        },
        columns,
    };
    let two = || vec![TypeSignature::Any(2)];
    vec![
        function("format_date", two(), |columns| formatted(columns, Parts::Date)),
        function("format_datetime", two(), |columns| formatted(columns, Parts::Both)),
        function("format_time", two(), |columns| formatted(columns, Parts::Time)),
        function("format_timestamp", vec![TypeSignature::Any(2), TypeSignature::Any(3)], |columns| {
            formatted(columns, Parts::Moment)
        }),
    ]
}

/// What of a moment a type has.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Parts {
    Date,
    Time,
    Both,
    Moment,
}

fn formatted(columns: &[ArrayRef], parts: Parts) -> Result<ArrayRef> {
    let [formats, values, zones @ ..] = columns else { return Err(wrong_arguments("a FORMAT_ function")) };
    let micros = match values.data_type() {
        DataType::Time64(_) => {
            let micros = cast(&cast(values, &DataType::Time64(TimeUnit::Microsecond))?, &DataType::Int64)?;
            micros.as_primitive::<Int64Type>().clone()
        }
        _ => micros_of(values)?.reinterpret_cast::<Int64Type>(),
    };
    let (formats, zones) = (
        cast(formats, &DataType::Utf8)?,
        zones.first().map(|zones| cast(zones, &DataType::Utf8)).transpose()?,
    );
    let (formats, zones) = (formats.as_string::<i32>(), zones.as_ref().map(|zones| zones.as_string::<i32>()));
    let mut texts = StringBuilder::new();
    let mut text = String::new();
    for row in 0..micros.len() {
        if micros.is_null(row) || formats.is_null(row) || zones.is_some_and(|zones| zones.is_null(row)) {
            texts.append_null();
            continue;
        }
        let zone = match zones {
            Some(zones) => Some(time_zone(zones.value(row))?),
            None => None,
        };
        let moment = DateTime::from_timestamp_micros(micros.value(row))
            .ok_or_else(|| DataFusionError::Execution("a TIMESTAMP is out of range".to_owned()))?
            .naive_utc();
        let offset = zone.map_or(0, |zone| zone.offset_from_utc_datetime(&moment).fix().local_minus_utc());
        let local = Local {
            time: moment + chrono::TimeDelta::seconds(offset.into()),
            micros: micros.value(row),
            offset,
        };
        text.clear();
        local.push(formats.value(row), parts, &mut text)?;
        texts.append_value(&text);
    }
    Ok(Arc::new(texts.finish()))
}

/// A time zone by its name or offset.
pub(super) fn time_zone(name: &str) -> Result<Tz> {
    Tz::from_str(name).map_err(|_| {
        bad_value(
            format!("there is no time zone {name:?}"),
            "Write a name, 'Europe/Berlin', or an offset, '+01:00'.",
        )
    })
}

struct Local {
    time: NaiveDateTime,
    /// Since 1970, in UTC.
    micros: i64,
    offset: i32,
}

impl Local {
    fn push(&self, format: &str, parts: Parts, out: &mut String) -> Result<()> {
        let mut rest = format.chars();
        while let Some(character) = rest.next() {
            if character != '%' {
                out.push(character);
                continue;
            }
            let mut element = String::new();
            match rest.next() {
                None => {
                    out.push('%');
                    break;
                }
                Some('E') => {
                    element.push('E');
                    for next in rest.by_ref() {
                        element.push(next);
                        if !next.is_ascii_digit() && next != '*' {
                            break;
                        }
                    }
                }
                // Kinds of digits; there is one.
                Some('O') => element.extend(rest.next()),
                Some(other) => element.push(other),
            }
            self.push_element(&element, parts, out)?;
        }
        Ok(())
    }

    fn push_element(&self, element: &str, parts: Parts, out: &mut String) -> Result<()> {
        let needs_date = matches!(
            element,
            "A" | "a"
                | "B"
                | "b"
                | "h"
                | "C"
                | "c"
                | "D"
                | "d"
                | "e"
                | "F"
                | "G"
                | "g"
                | "j"
                | "m"
                | "Q"
                | "U"
                | "u"
                | "V"
                | "W"
                | "w"
                | "x"
                | "Y"
                | "y"
                | "E4Y"
                | "EY"
                | "Ey"
                | "EC"
                | "Ec"
                | "Ex"
        );
        let needs_time = matches!(
            element,
            "c" | "H" | "I" | "k" | "l" | "M" | "P" | "p" | "R" | "r" | "S" | "T" | "X" | "s" | "Ec" | "EX"
        ) || (element.starts_with('E') && element.ends_with('S'));
        let needs_zone = matches!(element, "Z" | "z" | "Ez" | "s");
        let lacks = (needs_date && parts == Parts::Time)
            || (needs_time && parts == Parts::Date)
            || (needs_zone && parts != Parts::Moment);
        if lacks {
            return Err(bad_value(
                format!(
                    "%{element} is of what a {} has not",
                    match parts {
                        Parts::Date => "DATE",
                        Parts::Time => "TIME",
                        Parts::Both | Parts::Moment => "DATETIME",
                    }
                ),
                "FORMAT_TIMESTAMP has all of them.",
            ));
        }
        let time = &self.time;
        let hour12 = (time.hour() + 11) % 12 + 1;
        let weekday = time.weekday().num_days_from_sunday();
        let year = time.year();
        let again = |format: &str, out: &mut String| self.push(format, parts, out);
        let _ = match element {
            "A" => write!(out, "{}", time.format("%A")),
            "a" => write!(out, "{}", time.format("%a")),
            "B" => write!(out, "{}", time.format("%B")),
            "b" | "h" => write!(out, "{}", time.format("%b")),
            "C" | "EC" => write!(out, "{:02}", year.div_euclid(100)),
            "c" | "Ec" => return again("%a %b %e %H:%M:%S %Y", out),
            "D" | "x" | "Ex" => return again("%m/%d/%y", out),
            "d" => write!(out, "{:02}", time.day()),
            "e" => write!(out, "{:2}", time.day()),
            "F" => return again("%Y-%m-%d", out),
            "G" => write!(out, "{}", time.iso_week().year()),
            "g" => write!(out, "{:02}", time.iso_week().year().rem_euclid(100)),
            "H" => write!(out, "{:02}", time.hour()),
            "I" => write!(out, "{hour12:02}"),
            "j" => write!(out, "{:03}", time.ordinal()),
            "k" => write!(out, "{:2}", time.hour()),
            "l" => write!(out, "{hour12:2}"),
            "M" => write!(out, "{:02}", time.minute()),
            "m" => write!(out, "{:02}", time.month()),
            "n" => out.write_char('\n'),
            "P" => write!(out, "{}", if time.hour() < 12 { "am" } else { "pm" }),
            "p" => write!(out, "{}", if time.hour() < 12 { "AM" } else { "PM" }),
            "Q" => write!(out, "{}", time.month0() / 3 + 1),
            "R" => return again("%H:%M", out),
            "r" => return again("%I:%M:%S %p", out),
            "S" => write!(out, "{:02}", time.second()),
            "s" => write!(out, "{}", self.micros.div_euclid(1_000_000)),
            "T" | "X" | "EX" => return again("%H:%M:%S", out),
            "t" => out.write_char('\t'),
            "U" => write!(out, "{:02}", (time.ordinal0() + 7 - weekday) / 7),
            "u" => write!(out, "{}", time.weekday().number_from_monday()),
            "V" => write!(out, "{:02}", time.iso_week().week()),
            "W" => write!(out, "{:02}", (time.ordinal0() + 7 - (weekday + 6) % 7) / 7),
            "w" => write!(out, "{weekday}"),
            "Y" | "EY" => write!(out, "{year}"),
            "E4Y" => write!(out, "{year:04}"),
            "y" | "Ey" => write!(out, "{:02}", year.rem_euclid(100)),
            "Z" => {
                if self.offset == 0 {
                    write!(out, "UTC")
                } else {
                    // As BigQuery: a zone's offset, since its letters are not unique.
                    let sign = if self.offset < 0 { '-' } else { '+' };
                    let minutes = self.offset.unsigned_abs() / 60;
                    match minutes % 60 {
                        0 => write!(out, "UTC{sign}{}", minutes / 60),
                        rest => write!(out, "UTC{sign}{}:{rest:02}", minutes / 60),
                    }
                }
            }
            "z" => self.push_offset("", out),
            "Ez" => self.push_offset(":", out),
            "%" => out.write_char('%'),
            "E*S" => {
                let _ = write!(out, "{:02}", time.second());
                let fraction = format!("{:06}", time.nanosecond() / 1_000);
                match fraction.trim_end_matches('0') {
                    "" => Ok(()),
                    digits => write!(out, ".{digits}"),
                }
            }
            _ => match element
                .strip_prefix('E')
                .and_then(|rest| rest.strip_suffix('S'))
                .and_then(|digits| digits.parse::<usize>().ok())
            {
                Some(0) => write!(out, "{:02}", time.second()),
                Some(digits @ 1..=9) => {
                    let fraction = format!("{:09}", time.nanosecond());
                    write!(out, "{:02}.{}", time.second(), &fraction[..digits])
                }
                _ => {
                    return Err(bad_value(
                        format!("%{element} is no format element"),
                        "%% is a percent sign.",
                    ));
                }
            },
        };
        Ok(())
    }

    fn push_offset(&self, between: &str, out: &mut String) -> std::fmt::Result {
        let sign = if self.offset < 0 { '-' } else { '+' };
        let minutes = self.offset.unsigned_abs() / 60;
        write!(out, "{sign}{:02}{between}{:02}", minutes / 60, minutes % 60)
    }
}
