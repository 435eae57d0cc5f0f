//! Which rows of a materialized view a read gets: a question of their age alone.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use firth_catalog::MaterializedView;
use firth_diagnostic::{Code, Diagnostic, Result};
use serde_json::Value;

use crate::files::interval_length;

/// BigQuery's bound, in minutes: a week.
const LONGEST_INTERVAL: u64 = 7 * 24 * 60;

/// What the options of a view say about the age of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Freshness {
    /// `max_staleness`: how old rows may be that are read. Zero: nothing that is kept is.
    allowed: Duration,
    /// `refresh_interval_minutes`, if given.
    interval: Option<Duration>,
    /// `enable_refresh`.
    refreshes: bool,
}

/// What a read does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It takes the rows that are kept.
    Kept,
    /// It refreshes them first.
    RefreshFirst,
    /// It asks the sources, as a view does: no staleness is allowed.
    NoneAllowed,
    /// The same, for the rows are too old and reads do not refresh them.
    NoRefresh,
}

impl Freshness {
    /// Reads the options, which are validated but for their values.
    pub(crate) fn try_new(options: &BTreeMap<String, Value>) -> Result<Self> {
        let invalid = |message: String| Diagnostic::error(Code::Invalid, message);
        let allowed = match options.get("max_staleness").and_then(Value::as_str) {
            None => Duration::ZERO,
            Some(text) => interval_length(text).ok_or_else(|| {
                invalid(format!("option \"max_staleness\" cannot be INTERVAL {text}"))
                    .hint("Write a whole number of seconds, minutes, hours or days: INTERVAL 4 HOUR.")
            })?,
        };
        let interval = match options.get("refresh_interval_minutes") {
            None => None,
            Some(value) => {
                let minutes = value.as_u64().filter(|minutes| (1..=LONGEST_INTERVAL).contains(minutes));
                let minutes = minutes.ok_or_else(|| {
                    invalid(format!("option \"refresh_interval_minutes\" is out of range: {value}"))
                        .hint(format!("It is from 1 to {LONGEST_INTERVAL}, which is a week."))
                })?;
                Some(Duration::from_secs(60 * minutes))
            }
        };
        let refreshes = options.get("enable_refresh").and_then(Value::as_bool).unwrap_or(true);
        Ok(Freshness { allowed, interval, refreshes })
    }

    /// What a read does now.
    pub(crate) fn of(view: &MaterializedView) -> Result<Reading> {
        Ok(Self::try_new(&view.options)?.reading(view.refreshed_at, Utc::now()))
    }

    /// Whether nothing that is kept is ever read.
    pub(crate) fn allows_nothing(&self) -> bool {
        self.allowed.is_zero()
    }

    /// What a read at `now` does whose rows were read at `refreshed_at`.
    fn reading(&self, refreshed_at: DateTime<Utc>, now: DateTime<Utc>) -> Reading {
        if self.allows_nothing() {
            return Reading::NoneAllowed;
        }
        let limit = match self.interval {
            // An interval says when a read refreshes. Where none does, it says nothing.
            Some(interval) if self.refreshes => self.allowed.min(interval),
            Some(_) | None => self.allowed,
        };
        // From the future: the clock was put back, and nobody knows their age.
        let age = (now - refreshed_at).to_std().ok();
        match age {
            Some(age) if age <= limit => Reading::Kept,
            _ if self.refreshes => Reading::RefreshFirst,
            _ => Reading::NoRefresh,
        }
    }
}

impl Reading {
    /// What it does and why, for EXPLAIN.
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Reading::Kept => "its kept rows are read: they are not older than its options allow",
            Reading::RefreshFirst => {
                "its kept rows are older than its options allow: the read refreshes it first"
            }
            Reading::NoneAllowed => "its query is read: it has no max_staleness",
            Reading::NoRefresh => {
                "its query is read: its kept rows are older than max_staleness, and enable_refresh is FALSE"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn freshness<'a>(options: impl IntoIterator<Item = (&'a str, Value)>) -> Result<Freshness> {
        let options: BTreeMap<String, Value> =
            options.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Freshness::try_new(&options)
    }

    /// What reads do whose rows are 0, 10, 30, 31 and -1 minutes old.
    fn readings(staleness: Option<&str>, interval: Option<i64>, refreshes: Option<bool>) -> [Reading; 5] {
        let options = [
            staleness.map(|text| ("max_staleness", Value::from(text))),
            interval.map(|minutes| ("refresh_interval_minutes", Value::from(minutes))),
            refreshes.map(|refreshes| ("enable_refresh", Value::from(refreshes))),
        ];
        let freshness = freshness(options.into_iter().flatten()).expect("options");
        let now = DateTime::UNIX_EPOCH + chrono::Duration::days(1);
        [0, 10, 30, 31, -1].map(|minutes| freshness.reading(now - chrono::Duration::minutes(minutes), now))
    }

    #[test]
    fn what_a_read_does_is_a_question_of_age() {
        use Reading::{Kept, NoRefresh, NoneAllowed, RefreshFirst};
        let half_an_hour = Some("30 MINUTE");
        assert_eq!(readings(None, None, None), [NoneAllowed; 5]);
        assert_eq!(readings(None, Some(10), None), [NoneAllowed; 5]);
        assert_eq!(readings(Some("0 MINUTE"), Some(10), None), [NoneAllowed; 5]);
        let by_staleness = [Kept, Kept, Kept, RefreshFirst, RefreshFirst];
        assert_eq!(readings(half_an_hour, None, None), by_staleness);
        assert_eq!(readings(half_an_hour, Some(60), Some(true)), by_staleness);
        let by_interval = [Kept, Kept, RefreshFirst, RefreshFirst, RefreshFirst];
        assert_eq!(readings(half_an_hour, Some(10), None), by_interval);
        let off = [Kept, Kept, Kept, NoRefresh, NoRefresh];
        assert_eq!(readings(half_an_hour, Some(10), Some(false)), off);
    }

    #[test]
    fn values_that_mean_nothing_are_refused() {
        for (name, value) in [
            ("max_staleness", Value::from("1 MONTH")),
            ("refresh_interval_minutes", Value::from(0)),
            ("refresh_interval_minutes", Value::from(-5)),
            ("refresh_interval_minutes", Value::from(10_081)),
        ] {
            assert!(freshness([(name, value.clone())]).is_err(), "{name} = {value}");
        }
    }
}
