//! What a text says, read as a GoogleSQL type: the forms that BigQuery takes in CSV and JSON.
//!
//! `None` everywhere means that the text is not of the type.

use arrow::{
    array::timezone::Tz,
    compute::kernels::cast_utils::Parser as _,
    datatypes::{Float64Type, i256},
};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _, Timelike as _};

use super::moments::Pattern;

/// The day of 1970-01-01 in chrono's count.
const EPOCH: i32 = 719_163;

pub(super) fn bool(text: &str) -> Option<bool> {
    const TRUE: [&str; 5] = ["true", "t", "yes", "y", "1"];
    const FALSE: [&str; 5] = ["false", "f", "no", "n", "0"];
    let is_in = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_in(&TRUE) {
        return Some(true);
    }
    is_in(&FALSE).then_some(false)
}

pub(super) fn int64(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    // Below zero there is one number more than above it.
    let mut value: i64 = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_sub(i64::from(digit))?;
    }
    if negative { Some(value) } else { value.checked_neg() }
}

pub(super) fn float64(text: &str) -> Option<f64> {
    if let Some(value) = Float64Type::parse(text) {
        return Some(value);
    }
    let (sign, word) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    if word.eq_ignore_ascii_case("inf") || word.eq_ignore_ascii_case("infinity") {
        return Some(sign * f64::INFINITY);
    }
    word.eq_ignore_ascii_case("nan").then_some(f64::NAN)
}

/// A decimal of so many digits, so many of them after the point. More digits after the point are rounded,
/// half away from zero, as NUMERIC is.
pub(super) fn decimal(text: &str, precision: u8, scale: i8) -> Option<i128> {
    // What 128 bits cannot hold on the way may still fit in the end.
    let Some(value) = digits_of::<i128>(text, i32::from(scale)) else {
        return wide_decimal(text, precision, scale)?.to_i128();
    };
    (value.unsigned_abs() < 10_u128.checked_pow(u32::from(precision))?).then_some(value)
}

/// The same in 256 bits.
pub(super) fn wide_decimal(text: &str, precision: u8, scale: i8) -> Option<i256> {
    let value = digits_of::<i256>(text, i32::from(scale))?;
    let magnitude = if value.is_negative() { value.checked_neg()? } else { value };
    (magnitude < i256::from_i128(10).checked_pow(u32::from(precision))?).then_some(value)
}

/// An integer that digits are put to.
trait Digits: Default + Copy {
    fn times_ten(self) -> Option<Self>;
    fn plus(self, number: i8) -> Option<Self>;
}

impl Digits for i128 {
    fn times_ten(self) -> Option<Self> {
        self.checked_mul(10)
    }

    fn plus(self, number: i8) -> Option<Self> {
        self.checked_add(i128::from(number))
    }
}

impl Digits for i256 {
    fn times_ten(self) -> Option<Self> {
        self.checked_mul(i256::from_i128(10))
    }

    fn plus(self, number: i8) -> Option<Self> {
        self.checked_add(i256::from_i128(i128::from(number)))
    }
}

/// The number times ten to the power of `scale`, rounded.
fn digits_of<T: Digits>(text: &str, scale: i32) -> Option<T> {
    let (sign, unsigned) = match text.as_bytes() {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        rest => (1, rest),
    };
    let (mantissa, exponent) = match unsigned.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&unsigned[..at], std::str::from_utf8(&unsigned[at + 1..]).ok()?.parse::<i32>().ok()?),
        None => (unsigned, 0),
    };
    let point = mantissa.iter().position(|byte| *byte == b'.').unwrap_or(mantissa.len());
    let digits = || mantissa[..point].iter().chain(mantissa.iter().skip(point + 1));
    if digits().next().is_none() || !digits().all(u8::is_ascii_digit) {
        return None;
    }
    // So many digits are of the result; the next one rounds.
    let kept = i32::try_from(point).ok()?.checked_add(exponent)?.checked_add(scale)?;
    let mut value = T::default();
    let mut count = 0;
    for byte in digits() {
        let digit = i8::try_from(byte - b'0').ok()?;
        if count >= kept {
            return if count == kept && digit >= 5 { value.plus(sign) } else { Some(value) };
        }
        value = value.times_ten()?.plus(sign * digit)?;
        count += 1;
    }
    if digits().all(|byte| *byte == b'0') {
        return Some(value);
    }
    while count < kept {
        value = value.times_ten()?;
        count += 1;
    }
    Some(value)
}

/// `2031-02-03` or `2031/2/3`: the day since 1970.
pub(super) fn date(text: &str, pattern: Option<&Pattern>) -> Option<i32> {
    let date = match pattern {
        Some(pattern) => pattern.read(text)?.moment.date(),
        None => {
            let (date, rest) = leading_date(text)?;
            rest.is_empty().then_some(date)?
        }
    };
    days(date)
}

/// `04:05`, `04:05:06.789`: microseconds since midnight.
pub(super) fn time(text: &str, pattern: Option<&Pattern>) -> Option<i64> {
    let time = match pattern {
        Some(pattern) => pattern.read(text)?.moment.time(),
        None => {
            let (time, rest) = leading_time(text)?;
            rest.is_empty().then_some(time)?
        }
    };
    Some(i64::from(time.num_seconds_from_midnight()) * 1_000_000 + i64::from(time.nanosecond() / 1000))
}

/// `2031-02-03 04:05:06.789`, with a space or a `T`, or a date alone: microseconds since 1970.
pub(super) fn datetime(text: &str, pattern: Option<&Pattern>) -> Option<i64> {
    let moment = match pattern {
        Some(pattern) => pattern.read(text)?.moment,
        None => {
            let (moment, rest) = leading_datetime(text)?;
            rest.is_empty().then_some(moment)?
        }
    };
    micros(moment)
}

/// A datetime and where it is so: `Z`, `+05:30`, `UTC`, `America/New_York`; without that, in `zone`.
pub(super) fn timestamp(text: &str, pattern: Option<&Pattern>, zone: Tz) -> Option<i64> {
    if let Some(pattern) = pattern {
        let said = pattern.read(text)?;
        return match said.zone {
            Some(offset) => micros(said.moment)?.checked_sub(i64::from(offset) * 1_000_000),
            None => at_zone(said.moment, zone),
        };
    }
    let (moment, rest) = leading_datetime(text)?;
    match rest.trim_start_matches(' ') {
        "" => at_zone(moment, zone),
        "Z" | "z" | "UTC" => micros(moment),
        rest if rest.starts_with(['+', '-']) => {
            let offset = offset(rest)?;
            micros(moment)?.checked_sub(i64::from(offset) * 1_000_000)
        }
        name => at_zone(moment, name.parse().ok()?),
    }
}

/// A zone that a user names.
pub(super) fn zone(name: &str) -> Option<Tz> {
    name.parse().ok()
}

fn micros(moment: NaiveDateTime) -> Option<i64> {
    Some(moment.and_utc().timestamp_micros())
}

/// The earlier of two moments that a clock shows when it is set back. None where it skips the hour.
fn at_zone(moment: NaiveDateTime, zone: Tz) -> Option<i64> {
    Some(zone.from_local_datetime(&moment).earliest()?.timestamp_micros())
}

fn days(date: NaiveDate) -> Option<i32> {
    use chrono::Datelike as _;
    (1..=9999).contains(&date.year()).then(|| date.num_days_from_ce() - EPOCH)
}

/// `+5`, `+05`, `+0530`, `+05:30`: seconds east of UTC.
fn offset(text: &str) -> Option<i32> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let rest = &text[1..];
    let (hours, minutes) = match rest.split_once(':') {
        Some((hours, minutes)) if minutes.len() == 2 => (hours, minutes),
        Some(_) => return None,
        None if rest.len() == 4 => rest.split_at_checked(2)?,
        None => (rest, "0"),
    };
    let number = |digits: &str, most: i32| -> Option<i32> {
        let plain = !digits.is_empty() && digits.len() <= 2 && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse().ok().filter(|number| plain && *number <= most)
    };
    Some(sign * (number(hours, 14)? * 3600 + number(minutes, 59)? * 60))
}

fn leading_datetime(text: &str) -> Option<(NaiveDateTime, &str)> {
    let (date, rest) = leading_date(text)?;
    let after = match rest.as_bytes() {
        [b' ' | b'T' | b't', digit, ..] if digit.is_ascii_digit() => &rest[1..],
        _ => return Some((date.and_time(NaiveTime::MIN), rest)),
    };
    let (time, rest) = leading_time(after)?;
    Some((date.and_time(time), rest))
}

/// A date at the beginning of a text, and what follows it.
fn leading_date(text: &str) -> Option<(NaiveDate, &str)> {
    let bytes = text.as_bytes();
    let (year, at) = digits(bytes, 0, 4, 4)?;
    let separator = *bytes.get(at)?;
    if !matches!(separator, b'-' | b'/') {
        return None;
    }
    let (month, at) = digits(bytes, at + 1, 1, 2)?;
    if *bytes.get(at)? != separator {
        return None;
    }
    let (day, at) = digits(bytes, at + 1, 1, 2)?;
    if year == 0 || bytes.get(at).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some((NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?, &text[at..]))
}

/// A time at the beginning of a text, and what follows it. Digits after microseconds are cut off.
fn leading_time(text: &str) -> Option<(NaiveTime, &str)> {
    let bytes = text.as_bytes();
    let (hour, at) = digits(bytes, 0, 1, 2)?;
    if *bytes.get(at)? != b':' {
        return None;
    }
    let (minute, mut at) = digits(bytes, at + 1, 1, 2)?;
    let (mut second, mut micros) = (0, 0);
    if bytes.get(at) == Some(&b':') {
        (second, at) = digits(bytes, at + 1, 1, 2)?;
        if bytes.get(at) == Some(&b'.') {
            let start = at + 1;
            let (fraction, end) = digits(bytes, start, 1, 9)?;
            let length = u32::try_from(end - start).ok()?;
            micros = if length <= 6 {
                fraction * 10_u32.pow(6 - length)
            } else {
                fraction / 10_u32.pow(length - 6)
            };
            at = end;
        }
    }
    if bytes.get(at).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some((NaiveTime::from_hms_micro_opt(hour, minute, second, micros)?, &text[at..]))
}

/// A number of `least` to `most` digits that begins at `at`, and where it ends.
fn digits(bytes: &[u8], at: usize, least: usize, most: usize) -> Option<(u32, usize)> {
    let mut value = 0;
    let mut end = at;
    while end < bytes.len() && end - at < most && bytes[end].is_ascii_digit() {
        value = value * 10 + u32::from(bytes[end] - b'0');
        end += 1;
    }
    (end - at >= least).then_some((value, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_to_their_ends() {
        assert_eq!(int64("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(int64("+9223372036854775807"), Some(i64::MAX));
        for text in ["9223372036854775808", "-9223372036854775809", "", "-", "1.0", "1e3", "0x1", "١"] {
            assert_eq!(int64(text), None, "{text}");
        }
    }

    #[test]
    fn floats_have_their_words() {
        assert_eq!(float64("-1.5e3"), Some(-1500.0));
        assert_eq!(float64("-Infinity"), Some(f64::NEG_INFINITY));
        assert!(float64("NaN").is_some_and(f64::is_nan));
        assert_eq!(float64("1,5"), None);
    }

    #[test]
    fn decimals_round_half_away_from_zero_and_never_wrap() {
        for (text, expected) in [
            ("1.235", Some(124)),
            ("-1.235", Some(-124)),
            ("1.2349", Some(123)),
            ("1e2", Some(10_000)),
            ("12345e-3", Some(1235)),
            ("5e-3", Some(1)),
            ("4e-3", Some(0)),
            (".5", Some(50)),
            ("5.", Some(500)),
            ("0e999999", Some(0)),
            ("999.994", Some(99_999)),
            ("999.995", None),
            ("1000", None),
            ("1e999999", None),
            ("1e-999999", Some(0)),
            ("1.2.3", None),
            (".", None),
            ("--1", None),
            ("1e", None),
        ] {
            assert_eq!(decimal(text, 5, 2), expected, "{text}");
        }
        // 128 bits do not hold all these digits, but the value fits.
        let long = format!("1.{}", "0".repeat(60));
        assert_eq!(decimal(&long, 38, 9), Some(1_000_000_000));
        let most = format!("{}.{}", "9".repeat(38), "9".repeat(38));
        assert!(wide_decimal(&most, 76, 38).is_some());
        assert_eq!(wide_decimal(&format!("{most}9"), 76, 38), None);
    }

    #[test]
    fn dates_and_times_have_bigquerys_forms() {
        assert_eq!(date("1970-01-02", None), Some(1));
        assert_eq!(date("1970/1/2", None), Some(1));
        assert_eq!(date("0001-01-01", None), Some(-719_162));
        for text in ["1970-13-01", "1970-02-30", "70-01-01", "1970-01/02", "1970-01-02 ", "0000-01-01"] {
            assert_eq!(date(text, None), None, "{text}");
        }
        assert_eq!(time("01:02", None), Some(3_720_000_000));
        assert_eq!(time("1:2:3.5", None), Some(3_723_500_000));
        assert_eq!(time("23:59:59.9999999", None), Some(86_399_999_999));
        assert_eq!(time("24:00", None), None);
        assert_eq!(datetime("1970-01-01T00:00:01", None), Some(1_000_000));
        assert_eq!(datetime("1970-01-02", None), Some(86_400_000_000));
        assert_eq!(datetime("1970-01-01 00:00:01Z", None), None);
    }

    #[test]
    fn timestamps_are_in_the_zone_they_name_or_in_the_tables() {
        let utc = zone("UTC").expect("a zone");
        let york = zone("America/New_York").expect("a zone");
        let at = |text: &str, zone: Tz| timestamp(text, None, zone).map(|micros| micros / 1_000_000);
        assert_eq!(at("1970-01-01 00:00:10", utc), Some(10));
        assert_eq!(at("1970-01-01 00:00:10", york), Some(5 * 3600 + 10));
        assert_eq!(at("1970-01-01 00:00:10 America/New_York", utc), Some(5 * 3600 + 10));
        for text in ["1970-01-01T05:30:10+05:30", "1970-01-01 05:30:10 +0530", "1970-01-01 00:00:10Z"] {
            assert_eq!(at(text, york), Some(10), "{text}");
        }
        assert_eq!(at("1969-12-31 19:00:10-05", york), Some(10));
        // The clock skips this hour.
        assert_eq!(at("2026-03-08 02:30:00", york), None);
        for text in ["1970-01-01 00:00:10 Nowhere/City", "1970-01-01 00:00:10 +99", "1970-01-01 x"] {
            assert_eq!(at(text, utc), None, "{text}");
        }
    }
}
