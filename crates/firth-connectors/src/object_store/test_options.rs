//! Validated options for tests.

use firth_connector::{ConnectionType, GivenOption, GivenValue, Options};
use firth_diagnostic::{Result, Secret, Span, Spanned};

use super::aws;
use crate::http_client::limits::Limits;

/// An option's name and value.
pub(super) type Given<'a> = (&'a str, Value<'a>);

/// A value as a test writes it.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Bool(bool),
    Int64(i64),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::Int64(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(text)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

/// `given` as options of `kind`.
pub(super) fn options(kind: &ConnectionType, given: &[Given<'_>]) -> Options {
    let given: Vec<GivenOption> = given
        .iter()
        .map(|(name, value)| GivenOption {
            name: Spanned::new((*name).to_owned(), Span::default()),
            value: Spanned::new(
                match value {
                    Value::Text(text) => GivenValue::Text(Secret::new(*text)),
                    Value::Bool(value) => GivenValue::Bool(*value),
                    Value::Int64(value) => GivenValue::Int64(*value),
                },
                Span::default(),
            ),
        })
        .collect();
    Options::validate(kind.name, kind.options, &given, Span::default()).expect("the options are valid")
}

/// The primary line of a refusal.
pub(super) fn refusal<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => panic!("was not refused"),
        Err(error) => error.message().to_owned(),
    }
}

/// The limits of a connection that says nothing of them.
pub(super) fn default_limits() -> Limits {
    Limits::try_new(&options(&aws::CONNECTION_TYPE, &[])).expect("valid")
}
