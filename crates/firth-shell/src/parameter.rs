//! `--param name=value`: the values of `@name`.
//!
//! The value is INT64, FLOAT64, BOOL or NULL if its text reads so, else a STRING, which coerces to DATE
//! and the like as a literal does. `name:TYPE:value` forces the type.

use firth_sql::{ColumnType, Parameter};

/// Reads one `--param`. Answers the name in lower case; the error says what does not fit.
pub(crate) fn parse(text: &str) -> Result<(String, Parameter), String> {
    // Whichever comes first decides: a value may hold both.
    let Some(at) = text.find(['=', ':']) else {
        return Err(format!("{text:?} is neither NAME=VALUE nor NAME:TYPE:VALUE"));
    };
    let (name, rest) = (text[..at].trim_start_matches('@'), &text[at + 1..]);
    let mut letters = name.chars();
    let begins_well = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !begins_well || !letters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(format!("{name:?} is not a name"));
    }
    let name = name.to_ascii_lowercase();
    if text.as_bytes()[at] == b'=' {
        return Ok((name, untyped(rest)));
    }
    let Some((type_text, value)) = rest.split_once(':') else {
        return Err(format!("{text:?} lacks the value of NAME:TYPE:VALUE"));
    };
    Ok((name, typed(type_text.trim(), value)?))
}

fn untyped(text: &str) -> Parameter {
    if let Ok(number) = text.parse() {
        return Parameter::Int64(number);
    }
    if text.eq_ignore_ascii_case("null") {
        return Parameter::Null;
    }
    if let Some(value) = boolean(text) {
        return Parameter::Bool(value);
    }
    // Rust also reads `inf` and `nan`, which are words to anyone else.
    match text.parse() {
        Ok(number) if text.contains(|c: char| c.is_ascii_digit()) => Parameter::Float64(number),
        _ => Parameter::String(text.to_owned()),
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn typed(type_text: &str, value: &str) -> Result<Parameter, String> {
    let refused = |kind: &str| format!("{value:?} is not {kind}");
    let column_type = match type_text.to_ascii_uppercase().as_str() {
        // `BOOLEAN`, `INTEGER` … are GoogleSQL's aliases.
        "BOOL" | "BOOLEAN" => {
            return boolean(value).map(Parameter::Bool).ok_or_else(|| refused("a BOOL"));
        }
        "INT64" | "INT" | "INTEGER" | "BIGINT" | "SMALLINT" | "TINYINT" | "BYTEINT" => {
            return value.trim().parse().map(Parameter::Int64).map_err(|_| refused("an INT64"));
        }
        "FLOAT64" | "FLOAT" => {
            return value.trim().parse().map(Parameter::Float64).map_err(|_| refused("a FLOAT64"));
        }
        "STRING" => return Ok(Parameter::String(value.to_owned())),
        "NUMERIC" | "DECIMAL" => ColumnType::Numeric(None),
        "BIGNUMERIC" | "BIGDECIMAL" => ColumnType::BigNumeric(None),
        "BYTES" => ColumnType::Bytes,
        "DATE" => ColumnType::Date,
        "DATETIME" => ColumnType::Datetime,
        "TIME" => ColumnType::Time,
        "TIMESTAMP" => ColumnType::Timestamp,
        "JSON" => ColumnType::Json,
        _ => {
            return Err(format!(
                "{type_text:?} is not a type of parameter: choose BOOL, INT64, FLOAT64, NUMERIC, BIGNUMERIC, \
                 STRING, BYTES, DATE, DATETIME, TIME, TIMESTAMP or JSON"
            ));
        }
    };
    Ok(Parameter::Typed(column_type, value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_decides_the_type_unless_one_is_named() {
        let value = |text: &str| parse(text).expect(text).1;
        assert_eq!(value("n=41"), Parameter::Int64(41));
        assert_eq!(value("n=-41"), Parameter::Int64(-41));
        assert_eq!(value("n=4.5"), Parameter::Float64(4.5));
        assert_eq!(value("n=1e3"), Parameter::Float64(1000.0));
        assert_eq!(value("n=TRUE"), Parameter::Bool(true));
        assert_eq!(value("n=null"), Parameter::Null);
        assert_eq!(value("n="), Parameter::String(String::new()));
        assert_eq!(value("n=inf"), Parameter::String("inf".into()));
        assert_eq!(value("n=infinity"), Parameter::String("infinity".into()));
        assert_eq!(value("n=2026-01-02"), Parameter::String("2026-01-02".into()));
        assert_eq!(value("n=a=b:c"), Parameter::String("a=b:c".into()));
        assert_eq!(value("n:STRING:41"), Parameter::String("41".into()));
    }

    #[test]
    fn a_named_type_is_kept_and_checked() {
        assert_eq!(
            parse("@Day:date:2026-01-02"),
            Ok(("day".into(), Parameter::Typed(ColumnType::Date, "2026-01-02".into())))
        );
        assert_eq!(
            parse("t:TIMESTAMP:2026-01-02 03:04:05Z").expect("colons in the value").1,
            Parameter::Typed(ColumnType::Timestamp, "2026-01-02 03:04:05Z".into())
        );
        for text in ["n", "=1", "1n=1", "n:INT64", "n:INT64:x", "n:BOOL:1", "n:DATTE:1", "n::1"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
