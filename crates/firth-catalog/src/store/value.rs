//! How values that SQLite does not have are written in its columns.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use firth_connector::{OptionValue, Options};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use crate::error::{StoreError, StoreResult};

pub(crate) fn to_json(value: &impl Serialize) -> StoreResult<String> {
    serde_json::to_string(value).map_err(|error| StoreError::stored("a definition", error))
}

/// `what` names the value in the message.
pub(crate) fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> StoreResult<T> {
    serde_json::from_str(text).map_err(|error| StoreError::stored(what, error))
}

/// The time now, in the store's precision: what is returned is what will be read.
pub(crate) fn now() -> DateTime<Utc> {
    let now = Utc::now();
    DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
}

pub(crate) fn time(micros: i64) -> StoreResult<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| StoreError::stored("a time", micros))
}

pub(crate) fn uuid(text: &str) -> StoreResult<Uuid> {
    Uuid::parse_str(text).map_err(|error| StoreError::stored("an identity", error))
}

/// Options as a JSON object, without the secrets.
pub(crate) fn plain_options(options: &Options) -> Value {
    let plain = options.given().filter_map(|(name, value)| {
        let value = match value {
            OptionValue::String(text) => Value::from(text.as_str()),
            OptionValue::Int64(number) => Value::from(*number),
            OptionValue::Bool(value) => Value::from(*value),
            OptionValue::Strings(texts) => Value::from(texts.as_slice()),
            OptionValue::Secret(_) => return None,
        };
        Some((name.to_owned(), value))
    });
    Value::Object(plain.collect())
}

/// The inverse of [`plain_options`].
pub(crate) fn read_options(text: &str) -> StoreResult<BTreeMap<String, OptionValue>> {
    let stored: BTreeMap<String, Value> = from_json("a connection's options", text)?;
    let read = stored.into_iter().map(|(name, value)| {
        let value = match value {
            Value::String(text) => Some(OptionValue::String(text)),
            Value::Bool(value) => Some(OptionValue::Bool(value)),
            Value::Number(number) => number.as_i64().map(OptionValue::Int64),
            Value::Array(items) => items
                .into_iter()
                .map(|item| match item {
                    Value::String(text) => Some(text),
                    _ => None,
                })
                .collect::<Option<Vec<_>>>()
                .map(OptionValue::Strings),
            Value::Null | Value::Object(_) => None,
        };
        match value {
            Some(value) => Ok((name, value)),
            None => Err(StoreError::stored(
                "a connection's options",
                format!("option {name:?} has no known type"),
            )),
        }
    });
    read.collect()
}
