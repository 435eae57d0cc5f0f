//! How long a connection waits, how often it asks again, and how much it asks at once: options that all clouds have.

use std::time::Duration;

use firth_connector::{OptionSpec, Options};
use firth_diagnostic::{Code, Diagnostic, Result};

/// Until a connection stands.
pub(crate) const CONNECT_TIMEOUT: OptionSpec = OptionSpec::int64("connect_timeout")
    .default("5")
    .doc("Seconds until a connection to the store stands, TLS included.");
/// Until an answer begins.
pub(crate) const REQUEST_TIMEOUT: OptionSpec =
    OptionSpec::int64("request_timeout").default("60").doc("Seconds until the answer to a request begins.");
/// How often.
pub(crate) const MAX_TRIES: OptionSpec = OptionSpec::int64("max_tries")
    .default("9")
    .doc("How often a request is sent at most, if the store is overloaded or connections break.");
/// For how long.
pub(crate) const TOTAL_TIMEOUT: OptionSpec = OptionSpec::int64("total_timeout")
    .default("180")
    .doc("Seconds after which a request that failed is not sent again.");
/// How many at once.
pub(crate) const MAX_REQUESTS: OptionSpec = OptionSpec::int64("max_requests")
    .default("0")
    .doc("How many requests to a bucket wait for their answer at once; 0 means any number.");

/// What the options say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Until a connection stands, TLS included.
    pub(crate) connect: Duration,
    /// Until the answer to a request begins.
    pub(crate) answer: Duration,
    /// How often a request is sent at most.
    pub(crate) tries: usize,
    /// After which a request is not sent again.
    pub(crate) total: Duration,
    /// How many requests wait for their answer at once; `None` is any number.
    pub(crate) at_once: Option<usize>,
}

impl Limits {
    /// Reads the options.
    pub(crate) fn try_new(options: &Options) -> Result<Self> {
        Ok(Limits {
            connect: Duration::from_secs(positive(options, &CONNECT_TIMEOUT)?.unwrap_or(5)),
            answer: Duration::from_secs(positive(options, &REQUEST_TIMEOUT)?.unwrap_or(60)),
            tries: count(positive(options, &MAX_TRIES)?.unwrap_or(9)),
            total: Duration::from_secs(positive(options, &TOTAL_TIMEOUT)?.unwrap_or(180)),
            at_once: match options.int64(MAX_REQUESTS.name) {
                Some(0) | None => None,
                Some(_) => positive(options, &MAX_REQUESTS)?.map(count),
            },
        })
    }
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Counts and seconds up to a day's are enough for anybody, and more may overflow a clock.
const MOST: u64 = 24 * 60 * 60;

fn positive(options: &Options, spec: &OptionSpec) -> Result<Option<u64>> {
    let Some(given) = options.int64(spec.name) else { return Ok(None) };
    match u64::try_from(given) {
        Ok(number) if (1..=MOST).contains(&number) => Ok(Some(number)),
        _ => Err(Diagnostic::error(Code::Invalid, format!("option {:?} cannot be {given}", spec.name))
            .hint(format!("It is a whole number from 1 to {MOST}."))),
    }
}

#[cfg(test)]
mod tests {
    use firth_connector::{GivenOption, GivenValue};
    use firth_diagnostic::{Span, Spanned};

    use super::*;

    const SPECS: &[OptionSpec] = &[CONNECT_TIMEOUT, REQUEST_TIMEOUT, MAX_TRIES, TOTAL_TIMEOUT, MAX_REQUESTS];

    fn limits(given: &[(&str, i64)]) -> Result<Limits> {
        let given: Vec<GivenOption> = given
            .iter()
            .map(|(name, number)| GivenOption {
                name: Spanned::new((*name).to_owned(), Span::default()),
                value: Spanned::new(GivenValue::Int64(*number), Span::default()),
            })
            .collect();
        Limits::try_new(&Options::validate("TEST connections", SPECS, &given, Span::default())?)
    }

    fn refusal(given: (&str, i64)) -> String {
        limits(&[given]).expect_err("refused").message().to_owned()
    }

    #[test]
    fn the_documented_defaults_are_those_in_use() {
        let known = limits(&[]).expect("valid");
        let documented =
            |spec: &OptionSpec| spec.default.and_then(|text| text.parse::<u64>().ok()).expect("a default");
        assert_eq!(known.connect.as_secs(), documented(&CONNECT_TIMEOUT));
        assert_eq!(known.answer.as_secs(), documented(&REQUEST_TIMEOUT));
        assert_eq!(known.total.as_secs(), documented(&TOTAL_TIMEOUT));
        assert_eq!(known.tries as u64, documented(&MAX_TRIES));
        assert_eq!(known.at_once, None);
    }

    #[test]
    fn limits_are_positive() {
        assert_eq!(limits(&[("max_requests", 4)]).expect("valid").at_once, Some(4));
        assert_eq!(limits(&[("max_requests", 0)]).expect("valid").at_once, None);
        assert_eq!(refusal(("max_tries", 0)), "option \"max_tries\" cannot be 0");
        assert_eq!(refusal(("total_timeout", (-1))), "option \"total_timeout\" cannot be -1");
        assert_eq!(
            refusal(("connect_timeout", i64::MAX)),
            format!("option \"connect_timeout\" cannot be {}", i64::MAX)
        );
    }
}
