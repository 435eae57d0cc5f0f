//! Patterns of dates and times: the options `date_format`, `time_format`, `datetime_format` and
//! `timestamp_format`, in GoogleSQL's format elements.
//!
//! Not here: dates and times without a pattern, which are in `value`.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime};

/// What a pattern must be able to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Date,
    Time,
    Datetime,
    Timestamp,
}

/// A pattern such as `DD/MM/YYYY HH24:MI:SS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Element>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Element {
    /// Up to so many digits of the year.
    Year(usize),
    Month,
    MonthName,
    Day,
    DayOfYear,
    Hour,
    Hour12,
    Minute,
    Second,
    SecondOfDay,
    /// Up to so many digits after the point.
    Fraction(usize),
    /// AM or PM.
    Half,
    ZoneHour,
    ZoneMinute,
    /// As it stands, but for case.
    Text(String),
}

/// The spellings of the elements, longer ones before those that they begin with.
const ELEMENTS: &[(&str, Element)] = &[
    ("YYYY", Element::Year(4)),
    ("RRRR", Element::Year(4)),
    ("YYY", Element::Year(3)),
    ("YY", Element::Year(2)),
    ("RR", Element::Year(2)),
    ("MONTH", Element::MonthName),
    ("MON", Element::MonthName),
    ("MM", Element::Month),
    ("MI", Element::Minute),
    ("DDD", Element::DayOfYear),
    ("DD", Element::Day),
    ("HH24", Element::Hour),
    ("HH12", Element::Hour12),
    ("HH", Element::Hour12),
    ("SSSSS", Element::SecondOfDay),
    ("SS", Element::Second),
    ("FF1", Element::Fraction(1)),
    ("FF2", Element::Fraction(2)),
    ("FF3", Element::Fraction(3)),
    ("FF4", Element::Fraction(4)),
    ("FF5", Element::Fraction(5)),
    ("FF6", Element::Fraction(6)),
    ("FF7", Element::Fraction(7)),
    ("FF8", Element::Fraction(8)),
    ("FF9", Element::Fraction(9)),
    ("FF", Element::Fraction(9)),
    ("A.M.", Element::Half),
    ("P.M.", Element::Half),
    ("AM", Element::Half),
    ("PM", Element::Half),
    ("TZH", Element::ZoneHour),
    ("TZM", Element::ZoneMinute),
];

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// What a text said, by a pattern. The zone is in seconds east of UTC.
pub(super) struct Said {
    pub(super) moment: NaiveDateTime,
    pub(super) zone: Option<i32>,
}

impl Pattern {
    /// Reads a pattern that says a `moment` in full. `Err` says what is wrong with it.
    pub(super) fn try_new(text: &str, moment: Moment) -> Result<Self, String> {
        let mut elements = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some(quoted) = rest.strip_prefix('"') {
                let Some(end) = quoted.find('"') else { return Err("a quote is not closed".to_owned()) };
                elements.push(Element::Text(quoted[..end].to_owned()));
                rest = &quoted[end + 1..];
                continue;
            }
            let known = ELEMENTS.iter().find(|(spelling, _)| {
                rest.get(..spelling.len()).is_some_and(|start| start.eq_ignore_ascii_case(spelling))
            });
            match known {
                Some((spelling, element)) => {
                    elements.push(element.clone());
                    rest = &rest[spelling.len()..];
                }
                None if first.is_ascii_alphanumeric() => {
                    let word: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
                    return Err(format!("{word:?} is not a format element"));
                }
                None => {
                    elements.push(Element::Text(first.to_string()));
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
        let has = |wanted: &dyn Fn(&Element) -> bool| elements.iter().any(wanted);
        let day = has(&|element| *element == Element::DayOfYear)
            || (has(&|element| matches!(element, Element::Month | Element::MonthName))
                && has(&|element| *element == Element::Day));
        let date = has(&|element| matches!(element, Element::Year(_))) && day;
        let hour = has(&|element| matches!(element, Element::Hour | Element::SecondOfDay))
            || (has(&|element| *element == Element::Hour12) && has(&|element| *element == Element::Half));
        match moment {
            Moment::Date | Moment::Datetime | Moment::Timestamp if !date => {
                Err("it says no whole date: YYYY, MM and DD".to_owned())
            }
            Moment::Time if !hour => Err("it says no hour: HH24, or HH12 with AM".to_owned()),
            _ => Ok(Pattern(elements)),
        }
    }

    /// What `text` says; `None` if it does not look like this.
    pub(super) fn read(&self, text: &str) -> Option<Said> {
        let mut rest = text.trim_matches(' ');
        let (mut year, mut month, mut day, mut of_year) = (1970, 1, 1, None);
        let (mut hour, mut minute, mut second, mut nanos, mut afternoon) = (0, 0, 0, 0, None);
        let mut of_day = None;
        let (mut zone_hours, mut zone_minutes): (Option<i32>, i32) = (None, 0);
        let mut west = false;
        for element in &self.0 {
            match element {
                Element::Year(digits) => {
                    let (value, read) = number(&mut rest, *digits)?;
                    // Two digits are of the years from 1970 on, as BigQuery's RR and POSIX have them.
                    year = match read {
                        2 if *digits == 2 => value + if value < 70 { 2000 } else { 1900 },
                        _ => value,
                    };
                }
                Element::Month => month = number(&mut rest, 2)?.0,
                Element::MonthName => month = month_name(&mut rest)?,
                Element::Day => day = number(&mut rest, 2)?.0,
                Element::DayOfYear => of_year = Some(number(&mut rest, 3)?.0),
                Element::Hour => hour = number(&mut rest, 2)?.0,
                Element::Hour12 => {
                    hour = number(&mut rest, 2)?.0;
                    if !(1..=12).contains(&hour) {
                        return None;
                    }
                }
                Element::Minute => minute = number(&mut rest, 2)?.0,
                Element::Second => second = number(&mut rest, 2)?.0,
                Element::SecondOfDay => of_day = Some(number(&mut rest, 5)?.0),
                Element::Fraction(digits) => {
                    let (value, read) = number(&mut rest, *digits)?;
                    nanos = value * 10_i32.pow(9 - u32::try_from(read).ok()?);
                }
                Element::Half => {
                    let plain = rest.get(..1)?.to_ascii_lowercase();
                    let dotted = rest.get(..4).is_some_and(|word| word.as_bytes()[1] == b'.');
                    afternoon = Some(match plain.as_str() {
                        "a" => false,
                        "p" => true,
                        _ => return None,
                    });
                    rest = rest.get(if dotted { 4 } else { 2 }..)?;
                }
                Element::ZoneHour => {
                    west = match rest.chars().next()? {
                        '-' => true,
                        '+' => false,
                        _ => return None,
                    };
                    rest = &rest[1..];
                    zone_hours = Some(number(&mut rest, 2)?.0);
                }
                Element::ZoneMinute => zone_minutes = number(&mut rest, 2)?.0,
                Element::Text(text) => {
                    let start = rest.get(..text.len())?;
                    if !start.eq_ignore_ascii_case(text) {
                        return None;
                    }
                    rest = &rest[text.len()..];
                }
            }
        }
        if !rest.is_empty() {
            return None;
        }
        if let Some(afternoon) = afternoon {
            hour = hour % 12 + if afternoon { 12 } else { 0 };
        }
        let unsigned = |number: i32| u32::try_from(number).ok();
        let date = match of_year {
            Some(of_year) => {
                let first = NaiveDate::from_ymd_opt(year, 1, 1)?;
                let date = first.checked_add_days(Days::new(u64::try_from(of_year.checked_sub(1)?).ok()?))?;
                (date.year() == year).then_some(date)?
            }
            None => NaiveDate::from_ymd_opt(year, unsigned(month)?, unsigned(day)?)?,
        };
        let time = match of_day {
            Some(of_day) => {
                NaiveTime::from_num_seconds_from_midnight_opt(unsigned(of_day)?, unsigned(nanos)?)?
            }
            None => NaiveTime::from_hms_nano_opt(
                unsigned(hour)?,
                unsigned(minute)?,
                unsigned(second)?,
                unsigned(nanos)?,
            )?,
        };
        let zone = zone_hours.map(|hours| (hours * 60 + zone_minutes) * if west { -60 } else { 60 });
        Some(Said { moment: NaiveDateTime::new(date, time), zone })
    }
}

/// A number of at most so many digits, and of how many it is.
fn number(rest: &mut &str, digits: usize) -> Option<(i32, usize)> {
    let read = rest.bytes().take(digits).take_while(u8::is_ascii_digit).count();
    if read == 0 {
        return None;
    }
    let value = rest[..read].parse().ok()?;
    *rest = &rest[read..];
    Some((value, read))
}

/// The number of a month that is named in full or by its first three letters.
fn month_name(rest: &mut &str) -> Option<i32> {
    for (index, name) in MONTHS.iter().enumerate() {
        for length in [name.len(), 3] {
            let said = rest.get(..length);
            if said.is_some_and(|said| said.eq_ignore_ascii_case(&name[..length])) {
                *rest = &rest[length..];
                return i32::try_from(index + 1).ok();
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pattern: &str, moment: Moment, text: &str) -> String {
        match Pattern::try_new(pattern, moment) {
            Ok(pattern) => match pattern.read(text) {
                Some(Said { moment, zone: Some(zone) }) => format!("{moment} {zone}"),
                Some(Said { moment, zone: None }) => moment.to_string(),
                None => "does not fit".to_owned(),
            },
            Err(reason) => reason,
        }
    }

    #[test]
    fn patterns_say_how_a_moment_is_written() {
        for (pattern, moment, text, expected) in [
            ("DD/MM/YYYY", Moment::Date, "03/02/2031", "2031-02-03 00:00:00"),
            ("MM-DD-YY", Moment::Date, "2-3-31", "2031-02-03 00:00:00"),
            ("DD MON YYYY", Moment::Date, "3 Feb 2031", "2031-02-03 00:00:00"),
            ("MONTH DD, YYYY", Moment::Date, "february 3, 2031", "2031-02-03 00:00:00"),
            ("YYYYDDD", Moment::Date, "2024366", "2024-12-31 00:00:00"),
            ("YYYYDDD", Moment::Date, "2023366", "does not fit"),
            ("DD/MM/YYYY", Moment::Date, "30/02/2031", "does not fit"),
            ("DD/MM/YYYY", Moment::Date, "2031-02-03", "does not fit"),
            ("HH24:MI", Moment::Time, "23:59", "1970-01-01 23:59:00"),
            ("HH12:MI PM", Moment::Time, "12:05 am", "1970-01-01 00:05:00"),
            ("HH12:MI A.M.", Moment::Time, "1:05 p.m.", "1970-01-01 13:05:00"),
            ("HH24:MI:SS.FF3", Moment::Time, "01:02:03.5", "1970-01-01 01:02:03.500"),
            (
                "YYYY-MM-DD\"T\"HH24:MI:SS TZH",
                Moment::Timestamp,
                "2031-02-03T04:05:06 -05",
                "2031-02-03 04:05:06 -18000",
            ),
            (
                "YYYY-MM-DD HH24:MI TZH:TZM",
                Moment::Timestamp,
                "2031-02-03 04:05 +05:30",
                "2031-02-03 04:05:00 19800",
            ),
            ("YYYY-MM", Moment::Date, "", "it says no whole date: YYYY, MM and DD"),
            ("HH12:MI", Moment::Time, "", "it says no hour: HH24, or HH12 with AM"),
            ("DD/QQ/YYYY", Moment::Date, "", "\"QQ\" is not a format element"),
        ] {
            assert_eq!(read(pattern, moment, text), expected, "{pattern} {text}");
        }
    }
}
