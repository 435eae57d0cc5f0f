//! Dates and times as GoogleSQL prints them, from Arrow's integers. Every integer has a text.

use std::fmt::Write as _;

use super::digits::push_digits;

const SECONDS_PER_DAY: i64 = 86_400;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// `2026-01-02`, from days since 1970-01-01.
pub(super) fn push_date(days: i64, out: &mut String) {
    let (year, month, day) = civil_from_days(days);
    if year < 0 {
        out.push('-');
    }
    push_digits(year.unsigned_abs(), 4, out);
    out.push('-');
    push_digits(month.unsigned_abs(), 2, out);
    out.push('-');
    push_digits(day.unsigned_abs(), 2, out);
}

/// `03:04:05` or `03:04:05.000006`, from nanoseconds since midnight.
pub(super) fn push_time(nanos: i64, out: &mut String) {
    push_clock(nanos.div_euclid(NANOS_PER_SECOND), nanos.rem_euclid(NANOS_PER_SECOND), out);
}

/// `2026-01-02T03:04:05.000006`, from a count of 1/`per_second` seconds since 1970-01-01.
pub(super) fn push_datetime(value: i64, per_second: i64, out: &mut String) {
    let seconds = value.div_euclid(per_second);
    let nanos = value.rem_euclid(per_second) * (NANOS_PER_SECOND / per_second);
    push_date(seconds.div_euclid(SECONDS_PER_DAY), out);
    out.push('T');
    push_clock(seconds.rem_euclid(SECONDS_PER_DAY), nanos, out);
}

/// GoogleSQL's INTERVAL: `years-months days hours:minutes:seconds[.fraction]`, each part with its sign.
pub(super) fn push_interval(months: i64, days: i64, nanos: i128, out: &mut String) {
    let sign = |negative: bool| if negative { "-" } else { "" };
    let (years, rest) = (months.unsigned_abs() / 12, months.unsigned_abs() % 12);
    let _ = write!(out, "{}{years}-{rest} {days} {}", sign(months < 0), sign(nanos < 0));
    let (seconds, fraction) =
        (nanos.unsigned_abs() / NANOS_PER_SECOND as u128, nanos.unsigned_abs() % NANOS_PER_SECOND as u128);
    let _ = write!(out, "{}:{}:{}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    push_fraction(fraction as i64, out);
}

fn push_clock(seconds: i64, nanos: i64, out: &mut String) {
    let seconds = seconds.unsigned_abs();
    push_digits(seconds / 3600, 2, out);
    out.push(':');
    push_digits(seconds / 60 % 60, 2, out);
    out.push(':');
    push_digits(seconds % 60, 2, out);
    push_fraction(nanos, out);
}

/// Nothing, six digits, or nine where six would lose something.
fn push_fraction(nanos: i64, out: &mut String) {
    if nanos == 0 {
        return;
    }
    let _ = match nanos % 1000 {
        0 => write!(out, ".{:06}", nanos / 1000),
        _ => write!(out, ".{nanos:09}"),
    };
}

/// The proleptic Gregorian date of a day number, by Howard Hinnant's era arithmetic: the year is taken
/// to begin in March, so that the leap day comes last.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    match u32::try_from(days.saturating_add(719_468)) {
        Ok(shifted) => {
            let (year, month, day) = civil_from_shifted(shifted);
            (i64::from(year), i64::from(month), i64::from(day))
        }
        Err(_) => civil_from_any_days(days),
    }
}

/// The same for days since 0000-03-01, in 32 bits: these are the dates that GoogleSQL has.
fn civil_from_shifted(days: u32) -> (u32, u32, u32) {
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + u32::from(month <= 2), month, day)
}

fn civil_from_any_days(days: i64) -> (i64, i64, i64) {
    let shifted = i128::from(days) + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i128::from(month <= 2);
    (year as i64, month as i64, day as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(push: impl Fn(&mut String)) -> String {
        let mut out = String::new();
        push(&mut out);
        out
    }

    #[test]
    fn dates_reach_from_year_one_to_9999_and_beyond() {
        let date = |days| text(|out| push_date(days, out));
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(-1), "1969-12-31");
        assert_eq!(date(-719_162), "0001-01-01");
        assert_eq!(date(2_932_896), "9999-12-31");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(11_017), "2000-03-01");
        assert_eq!(date(20_455), "2026-01-02");
        let _ = (date(i64::MAX), date(i64::MIN));
        for days in (-719_468..5_000_000).step_by(97) {
            assert_eq!(civil_from_days(days), civil_from_any_days(days), "{days}");
        }
    }

    #[test]
    fn fractions_have_six_digits_or_none_or_nine() {
        let datetime = |value, unit| text(|out| push_datetime(value, unit, out));
        assert_eq!(datetime(1_767_323_045_000_006, 1_000_000), "2026-01-02T03:04:05.000006");
        assert_eq!(datetime(1_767_323_045, 1), "2026-01-02T03:04:05");
        assert_eq!(datetime(1_767_323_045_500, 1000), "2026-01-02T03:04:05.500000");
        assert_eq!(datetime(1, 1_000_000_000), "1970-01-01T00:00:00.000000001");
        assert_eq!(datetime(-1, 1_000_000), "1969-12-31T23:59:59.999999");
        let _ = datetime(i64::MIN, 1);
    }

    #[test]
    fn intervals_are_written_as_googlesql_writes_them() {
        assert_eq!(text(|out| push_interval(14, 3, 14_706_500_000_000, out)), "1-2 3 4:5:6.500000");
        assert_eq!(text(|out| push_interval(-14, -3, -1_000_000_000, out)), "-1-2 -3 -0:0:1");
    }
}
