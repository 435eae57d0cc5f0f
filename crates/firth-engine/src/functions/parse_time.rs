//! `PARSE_DATE`, `PARSE_DATETIME`, `PARSE_TIMESTAMP`, `PARSE_TIME`: format elements read.
//!
//! What the format does not name is that of 1970-01-01 00:00:00. White space in the format stands for any, also for none; so does white space
//! around the text. Names of days are read and not believed, as in BigQuery.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, Date32Array, StringArray, Time64MicrosecondArray,
        TimestampMicrosecondArray, timezone::Tz,
    },
    datatypes::{DataType, Date32Type, TimeUnit},
};
use chrono::{
    Days, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeDelta, TimeZone as _,
    Timelike as _,
};
use datafusion::{
    error::Result,
    logical_expr::{Signature, TypeSignature, Volatility},
};

use super::{Function, bad_value, format_time::time_zone, wrong_arguments};

pub(super) fn functions() -> Vec<Function> {
    let texts = |count: usize| Signature::exact(vec![DataType::Utf8; count], Volatility::Immutable);
    vec![
        Function {
            name: "parse_date",
            signature: texts(2),
            result: |_| Ok(DataType::Date32),
            columns: dates,
        },
        Function {
            name: "parse_datetime",
            signature: texts(2),
            result: |_| Ok(DataType::Timestamp(TimeUnit::Microsecond, None)),
            columns: datetimes,
        },
        Function {
            name: "parse_time",
            signature: texts(2),
            result: |_| Ok(DataType::Time64(TimeUnit::Microsecond)),
            columns: times,
        },
        Function {
            name: "parse_timestamp",
            signature: Signature::one_of(
                [2, 3].map(|count| TypeSignature::Exact(vec![DataType::Utf8; count])).to_vec(),
                Volatility::Immutable,
            ),
            result: |_| Ok(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
            columns: timestamps,
        },
    ]
}

/// Each row's text read by its format.
fn read<T>(
    columns: &[ArrayRef],
    mut value: impl FnMut(&Read, usize) -> Result<Option<T>>,
) -> Result<Vec<Option<T>>> {
    let [formats, texts, ..] = columns else { return Err(wrong_arguments("a PARSE_ function")) };
    let (formats, texts): (&StringArray, &StringArray) =
        (formats.as_string::<i32>(), texts.as_string::<i32>());
    let mut values = Vec::with_capacity(texts.len());
    for row in 0..texts.len() {
        if formats.is_null(row) || texts.is_null(row) {
            values.push(None);
            continue;
        }
        let (format, text) = (formats.value(row), texts.value(row));
        let mut read = Read::default();
        let rest = read.elements(format, text.trim_start(), text)?;
        if !rest.trim_start().is_empty() {
            return Err(mismatch(text, format));
        }
        let value = value(&read, row)?;
        if value.is_none() {
            return Err(bad_value(
                format!("{text:?} is no moment that there is"),
                "It is of the years 1 to 9999, and a month has 28 to 31 days.",
            ));
        }
        values.push(value);
    }
    Ok(values)
}

fn dates(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let days =
        read(columns, |read, _| Ok(read.local().map(|time| Date32Type::from_naive_date(time.date()))))?;
    Ok(Arc::new(Date32Array::from(days)))
}

fn datetimes(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let micros = read(columns, |read, _| Ok(read.local().map(|time| time.and_utc().timestamp_micros())))?;
    Ok(Arc::new(TimestampMicrosecondArray::from(micros)))
}

fn times(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let micros = read(columns, |read, _| {
        let micros = |time: NaiveDateTime| {
            i64::from(time.num_seconds_from_midnight()) * 1_000_000 + i64::from(time.nanosecond() / 1_000)
        };
        Ok(read.local().map(micros))
    })?;
    Ok(Arc::new(Time64MicrosecondArray::from(micros)))
}

fn timestamps(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let zones = columns.get(2).map(|zones| zones.as_string::<i32>());
    let micros = read(columns, |read, row| {
        let zone = match (&read.zone, zones) {
            (Some(zone), _) => Some(time_zone(zone)?),
            (None, Some(zones)) if zones.is_valid(row) => Some(time_zone(zones.value(row))?),
            (None, _) => None,
        };
        Ok(read.moment(zone))
    })?;
    Ok(Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("UTC")))
}

fn mismatch(text: &str, format: &str) -> datafusion::error::DataFusionError {
    bad_value(
        format!("{text:?} is not written as the format {format:?} says"),
        "SAFE_CAST reads ISO 8601, and is NULL instead of an error.",
    )
}

/// What has been read.
#[derive(Default)]
struct Read {
    year: Option<i32>,
    century: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    day_of_year: Option<u32>,
    hour: Option<u32>,
    afternoon: Option<bool>,
    minute: Option<u32>,
    second: Option<u32>,
    micros: u32,
    unix_seconds: Option<i64>,
    offset: Option<i64>,
    zone: Option<String>,
}

impl Read {
    fn local(&self) -> Option<NaiveDateTime> {
        if let Some(seconds) = self.unix_seconds {
            return Some(chrono::DateTime::from_timestamp(seconds, 0)?.naive_utc());
        }
        let year = self.year.unwrap_or(1970);
        let date = match self.day_of_year {
            Some(day) => NaiveDate::from_yo_opt(year, day)?,
            None => NaiveDate::from_ymd_opt(year, self.month.unwrap_or(1), self.day.unwrap_or(1))?,
        };
        let hour = match (self.hour.unwrap_or(0), self.afternoon) {
            (hour, None) => hour,
            (hour, Some(afternoon)) => hour % 12 + if afternoon { 12 } else { 0 },
        };
        // A leap second is the next minute's first.
        let (second, leap) = match self.second.unwrap_or(0) {
            60 => (59, 1),
            second => (second, 0),
        };
        let time = NaiveTime::from_hms_micro_opt(hour, self.minute.unwrap_or(0), second, self.micros)?;
        date.and_time(time).checked_add_signed(TimeDelta::seconds(leap)).filter(|time| {
            NaiveDate::from_ymd_opt(1, 1, 1).is_some_and(|first| time.date() >= first)
                && NaiveDate::from_ymd_opt(9999, 12, 31).is_some_and(|last| time.date() <= last)
        })
    }

    fn moment(&self, zone: Option<Tz>) -> Option<i64> {
        let local = self.local()?;
        if self.unix_seconds.is_some() {
            return Some(local.and_utc().timestamp_micros());
        }
        let offset = match (self.offset, zone) {
            (Some(offset), _) => offset,
            (None, None) => 0,
            (None, Some(zone)) => match zone.offset_from_local_datetime(&local) {
                MappedLocalTime::Single(offset) | MappedLocalTime::Ambiguous(offset, _) => {
                    offset.fix().local_minus_utc().into()
                }
                // An hour that clocks leave out is read by the offset before it.
                MappedLocalTime::None => {
                    let before = local.checked_sub_days(Days::new(1))?;
                    zone.offset_from_local_datetime(&before).earliest()?.fix().local_minus_utc().into()
                }
            },
        };
        Some(local.and_utc().timestamp_micros() - offset * 1_000_000)
    }

    /// Reads `text` by `format`; answers what is left. `whole` is for messages.
    fn elements<'a>(&mut self, format: &str, mut text: &'a str, whole: &str) -> Result<&'a str> {
        let mut rest = format.chars().peekable();
        while let Some(character) = rest.next() {
            if character.is_whitespace() {
                text = text.trim_start();
                continue;
            }
            if character != '%' {
                text = text.strip_prefix(character).ok_or_else(|| mismatch(whole, format))?;
                continue;
            }
            let mut element = String::new();
            for next in rest.by_ref() {
                element.push(next);
                let goes_on =
                    element.starts_with('E') && (element.len() == 1 || next.is_ascii_digit() || next == '*');
                if !goes_on && element != "O" {
                    break;
                }
            }
            text = self.element(element.trim_start_matches('O'), text, format, whole)?;
        }
        Ok(text)
    }

    fn element<'a>(&mut self, element: &str, text: &'a str, format: &str, whole: &str) -> Result<&'a str> {
        let bad = || mismatch(whole, format);
        let number = |digits: usize| number(text, digits).ok_or_else(bad);
        let mut rest;
        match element {
            "Y" | "E4Y" | "EY" => {
                let (year, after) = number(4)?;
                (self.year, rest) = (i32::try_from(year).ok(), after);
            }
            "y" | "Ey" => {
                let (year, after) = number(2)?;
                let year = i32::try_from(year).map_err(|_| bad())?;
                let century = self.century.unwrap_or(if year < 69 { 20 } else { 19 });
                (self.year, rest) = (Some(century * 100 + year), after);
            }
            "C" | "EC" => {
                let (century, after) = number(2)?;
                (self.century, rest) = (i32::try_from(century).ok(), after);
            }
            "m" => (self.month, rest) = within(number(2)?, 1, 12).ok_or_else(bad)?,
            "d" | "e" => (self.day, rest) = within(number(2)?, 1, 31).ok_or_else(bad)?,
            "j" => (self.day_of_year, rest) = within(number(3)?, 1, 366).ok_or_else(bad)?,
            "H" | "k" => (self.hour, rest) = within(number(2)?, 0, 23).ok_or_else(bad)?,
            "I" | "l" => {
                (self.hour, rest) = within(number(2)?, 1, 12).ok_or_else(bad)?;
                self.afternoon.get_or_insert(false);
            }
            "M" => (self.minute, rest) = within(number(2)?, 0, 59).ok_or_else(bad)?,
            "S" => (self.second, rest) = within(number(2)?, 0, 60).ok_or_else(bad)?,
            "p" | "P" => {
                let (word, after) = word(text, &["AM", "PM"], 2).ok_or_else(bad)?;
                (self.afternoon, rest) = (Some(word == 1), after);
            }
            "b" | "B" | "h" => {
                let (month, after) = word(text, &MONTHS, 3).ok_or_else(bad)?;
                (self.month, rest) = (u32::try_from(month + 1).ok(), after);
            }
            "a" | "A" => rest = word(text, &DAYS, 3).ok_or_else(bad)?.1,
            "F" => rest = self.elements("%Y-%m-%d", text, whole)?,
            "T" | "X" | "EX" => rest = self.elements("%H:%M:%S", text, whole)?,
            "R" => rest = self.elements("%H:%M", text, whole)?,
            "D" | "x" | "Ex" => rest = self.elements("%m/%d/%y", text, whole)?,
            "r" => rest = self.elements("%I:%M:%S %p", text, whole)?,
            "c" | "Ec" => rest = self.elements("%a %b %e %H:%M:%S %Y", text, whole)?,
            "s" => {
                let end = text.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(text.len());
                self.unix_seconds = Some(text[..end].parse().map_err(|_| bad())?);
                rest = &text[end..];
            }
            "z" | "Ez" => (self.offset, rest) = offset(text).ok_or_else(bad)?,
            "Z" => {
                let end =
                    text.find(|c: char| !c.is_alphanumeric() && !"/_+-:".contains(c)).unwrap_or(text.len());
                self.zone = Some(text[..end].to_owned());
                rest = &text[end..];
            }
            "n" | "t" => rest = text.trim_start(),
            "%" => rest = text.strip_prefix('%').ok_or_else(bad)?,
            _ => match element.strip_prefix('E').and_then(|rest| rest.strip_suffix('S')) {
                Some(digits) => {
                    (self.second, rest) = within(number(2)?, 0, 60).ok_or_else(bad)?;
                    let most = digits.parse().unwrap_or(9);
                    if most > 0
                        && let Some(fraction) = rest.strip_prefix('.')
                    {
                        let end =
                            fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len()).min(most);
                        let micros: String =
                            fraction[..end].chars().chain("000000".chars()).take(6).collect();
                        self.micros = micros.parse().map_err(|_| bad())?;
                        rest = &fraction[end..];
                    }
                }
                None => {
                    return Err(bad_value(
                        format!("%{element} is not read in this version"),
                        "Read are %Y %y %C %m %d %e %j %b %B %a %A %H %I %k %l %M %S %E*S %p %F %T %R %D %c %s %z %Ez %Z.",
                    ));
                }
            },
        }
        Ok(rest)
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The number at the beginning, of at most so many digits; there may be white space before it.
fn number(text: &str, digits: usize) -> Option<(u32, &str)> {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()).min(digits);
    Some((text[..end].parse().ok()?, &text[end..]))
}

fn within((number, rest): (u32, &str), least: u32, most: u32) -> Option<(Option<u32>, &str)> {
    (least..=most).contains(&number).then_some((Some(number), rest))
}

/// The place in the list of the name that the text begins with, whole or its first `short` letters.
fn word<'a>(text: &'a str, names: &[&str], short: usize) -> Option<(usize, &'a str)> {
    let starts = |name: &str| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    let whole = names.iter().position(|name| starts(name)).map(|index| (index, names[index].len()));
    let found =
        whole.or_else(|| names.iter().position(|name| starts(&name[..short])).map(|index| (index, short)));
    found.map(|(index, length)| (index, &text[length..]))
}

/// `Z`, `+01`, `+0100` or `+01:00`, in seconds.
fn offset(text: &str) -> Option<(Option<i64>, &str)> {
    if let Some(rest) = text.strip_prefix(['Z', 'z']) {
        return Some((Some(0), rest));
    }
    let sign = match text.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let (hours, rest) = (text.get(1..3)?.parse::<i64>().ok()?, &text[3..]);
    let minutes = rest.strip_prefix(':').unwrap_or(rest);
    let (minutes, rest) = match minutes.get(..2).and_then(|minutes| minutes.parse::<i64>().ok()) {
        Some(number) => (number, &minutes[2..]),
        None => (0, rest),
    };
    (hours <= 14 && minutes < 60).then_some((Some(sign * (hours * 3600 + minutes * 60)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(format: &str, text: &str) -> String {
        let mut read = Read::default();
        match read.elements(format, text, text) {
            Ok("") => read
                .moment(None)
                .and_then(chrono::DateTime::from_timestamp_micros)
                .map_or("none".to_owned(), |time| time.to_rfc3339()),
            Ok(rest) => format!("left: {rest}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn elements_are_read() {
        assert_eq!(micros("%Y-%m-%d", "2026-01-02"), "2026-01-02T00:00:00+00:00");
        assert_eq!(micros("%d %B %y, %I:%M %p", "2 Jan 26, 12:05 AM"), "2026-01-02T00:05:00+00:00");
        assert_eq!(
            micros("%F%n%H:%M:%E*S%Ez", "2026-01-02 03:04:05.25-05:30"),
            "2026-01-02T08:34:05.250+00:00"
        );
        assert_eq!(micros("%a %b %e %T %Y", "Fri Jan  2 03:04:60 2026"), "2026-01-02T03:05:00+00:00");
        assert_eq!(micros("%s", "-1"), "1969-12-31T23:59:59+00:00");
        assert_eq!(micros("%Y%j", "2023366"), "none");
        assert_eq!(micros("%Y %j", "2024 366"), "2024-12-31T00:00:00+00:00");
        assert_eq!(micros("%m/%d", "02/30"), "none");
        assert!(micros("%Y-%m", "2026/01").contains("is not written as the format"));
        assert!(micros("%U", "1").contains("%U is not read"));
    }
}
