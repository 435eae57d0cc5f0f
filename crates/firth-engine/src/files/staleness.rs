//! How old a listing may be: the option `max_staleness`.

use std::time::Duration;

use firth_connector::Options;
use firth_diagnostic::{Code, Diagnostic, Result};

/// BigQuery's bounds.
const LEAST: Duration = Duration::from_secs(30 * 60);
const MOST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How old the listing of a table's files may be. Zero: every statement lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Staleness(pub(crate) Duration);

impl Staleness {
    /// Reads `max_staleness` and `metadata_cache_mode`.
    ///
    /// Nothing runs in the background here, so what is older than allowed is listed again by the statement
    /// that finds it so, in both modes: AUTOMATIC and MANUAL mean the same.
    pub(crate) fn try_new(options: &Options) -> Result<Self> {
        let Some(text) = options.string("max_staleness") else {
            if options.is_given("metadata_cache_mode") {
                return Err(Diagnostic::error(
                    Code::Invalid,
                    "option \"metadata_cache_mode\" needs \"max_staleness\"",
                )
                .hint("Add max_staleness = INTERVAL 4 HOUR, or leave both out."));
            }
            return Ok(Staleness::default());
        };
        let duration = interval_length(text).ok_or_else(|| {
            Diagnostic::error(Code::Invalid, format!("option \"max_staleness\" cannot be INTERVAL {text}"))
                .hint("Write a whole number of minutes, hours or days: INTERVAL 4 HOUR.")
        })?;
        if !duration.is_zero() && !(LEAST..=MOST).contains(&duration) {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("option \"max_staleness\" is out of range: INTERVAL {text}"),
            )
            .hint("It is 0, or from 30 minutes to 7 days."));
        }
        Ok(Staleness(duration))
    }
}

/// How long an interval is that always is equally long: `4 HOUR`, `'0-0 0 4:0:0' YEAR TO SECOND`.
pub(crate) fn interval_length(text: &str) -> Option<Duration> {
    if let Some(rest) = text.strip_suffix(" YEAR TO SECOND") {
        let mut parts = rest.trim_matches(['\'', '"']).split(' ');
        let (months, days, clock) = (parts.next()?, parts.next()?, parts.next()?);
        // Months have no fixed length, and a month is out of range anyhow.
        if parts.next().is_some() || months != "0-0" {
            return None;
        }
        let mut seconds = days.parse::<u64>().ok()?.checked_mul(24)?;
        for (index, part) in clock.splitn(3, ':').enumerate() {
            let part: u64 = part.parse().ok()?;
            seconds = if index == 0 { seconds } else { seconds.checked_mul(60)? }.checked_add(part)?;
        }
        return (clock.split(':').count() == 3).then_some(Duration::from_secs(seconds));
    }
    let (count, unit) = text.split_once(' ')?;
    let count: u64 = count.trim_matches(['\'', '"']).parse().ok()?;
    let seconds = match unit {
        "SECOND" => 1,
        "MINUTE" => 60,
        "HOUR" => 60 * 60,
        "DAY" => 24 * 60 * 60,
        _ => return None,
    };
    count.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_of_fixed_length_are_durations() {
        let hours = |hours: u64| Some(Duration::from_secs(hours * 3600));
        assert_eq!(interval_length("4 HOUR"), hours(4));
        assert_eq!(interval_length("\"7\" DAY"), hours(7 * 24));
        assert_eq!(interval_length("'0-0 1 4:0:0' YEAR TO SECOND"), hours(28));
        assert_eq!(interval_length("\"0-0 0 0:30:0\" YEAR TO SECOND"), Some(LEAST));
        for text in
            ["1 MONTH", "-4 HOUR", "four HOUR", "'1-0 0 0:0:0' YEAR TO SECOND", "'0-0 0 4' YEAR TO SECOND"]
        {
            assert_eq!(interval_length(text), None, "{text}");
        }
    }
}
