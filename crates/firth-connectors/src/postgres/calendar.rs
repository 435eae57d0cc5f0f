//! Dates and times outside of what can be read, as PostgreSQL writes them: for messages.

const DAY_MICROS: i64 = 86_400_000_000;

/// A day, counted from 1970-01-01, in the proleptic Gregorian calendar.
pub(super) fn date(days: i64) -> String {
    // Years that begin in March have the leap day at their end, and eras of 400 of them are alike.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    match year {
        1.. => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{:04}-{month:02}-{day:02} BC", 1 - year),
    }
}

/// A moment, counted in microseconds from the begin of 1970.
pub(super) fn timestamp(micros: i128) -> String {
    let days = micros.div_euclid(i128::from(DAY_MICROS)) as i64;
    let micros = micros.rem_euclid(i128::from(DAY_MICROS)) as i64;
    let date = date(days);
    let (date, era) =
        date.split_once(' ').map_or((date.as_str(), String::new()), |(date, era)| (date, format!(" {era}")));
    let seconds = micros / 1_000_000;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = match micros % 1_000_000 {
        0 => String::new(),
        fraction => format!(".{fraction:06}").trim_end_matches('0').to_owned(),
    };
    format!("{date} {hour:02}:{minute:02}:{second:02}{fraction}{era}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_before_the_first_and_after_the_9999th_are_written_as_postgresql_does() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(-719_162), "0001-01-01");
        assert_eq!(date(-719_163), "0001-12-31 BC");
        assert_eq!(date(2_932_897), "10000-01-01");
        // The least and the greatest `date`, whose day 0 is 2000-01-01.
        assert_eq!(date(-2_451_545 + 10_957), "4714-11-24 BC");
        assert_eq!(date(2_145_031_948 + 10_957), "5874897-12-31");
        assert_eq!(date(11_016), "2000-02-29");
    }

    #[test]
    fn a_moment_has_a_date_and_a_time() {
        assert_eq!(timestamp(-1), "1969-12-31 23:59:59.999999");
        assert_eq!(timestamp(1_500_000), "1970-01-01 00:00:01.5");
        assert_eq!(timestamp(i128::from(-719_163) * i128::from(DAY_MICROS)), "0001-12-31 00:00:00 BC");
    }
}
