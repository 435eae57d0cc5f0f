//! Values of Arrow as PostgreSQL writes those that they were made of.

use arrow::{
    array::{Array, AsArray},
    datatypes::{DataType, Float64Type, Int64Type, IntervalMonthDayNanoType},
    util::display::{ArrayFormatter, FormatOptions},
};

/// The text of one value; `None` for NULL.
pub(crate) fn value_text(values: &dyn Array, row: usize) -> Option<String> {
    if values.is_null(row) {
        return None;
    }
    let plain = || {
        let formatter = ArrayFormatter::try_new(values, &FormatOptions::default()).expect("printable");
        formatter.value(row).to_string()
    };
    Some(match values.data_type() {
        DataType::Int64 => values.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float64 => float(values.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(..) | DataType::Decimal256(..) => without_zeros(&plain()),
        DataType::Binary => format!("\\x{}", plain()),
        DataType::Timestamp(..) => {
            let text = plain().replace('T', " ").replace('Z', "+00");
            let (moment, zone) = text.split_at(text.find('+').unwrap_or(text.len()));
            match moment.split_once('.') {
                Some((whole, fraction)) if fraction.trim_end_matches('0').is_empty() => {
                    format!("{whole}{zone}")
                }
                Some((whole, fraction)) => format!("{whole}.{}{zone}", fraction.trim_end_matches('0')),
                None => text,
            }
        }
        DataType::Interval(_) => {
            let value = values.as_primitive::<IntervalMonthDayNanoType>().value(row);
            interval(value.months, value.days, value.nanoseconds / 1000)
        }
        DataType::List(_) => {
            let elements = values.as_list::<i32>().value(row);
            let texts = (0..elements.len()).map(|at| match value_text(&elements, at) {
                None => "NULL".to_owned(),
                Some(text) => quoted(&text, text.eq_ignore_ascii_case("null") || text.contains(['{', '}'])),
            });
            format!("{{{}}}", texts.collect::<Vec<_>>().join(","))
        }
        DataType::Struct(_) => {
            let fields = values.as_struct().columns().iter();
            let texts = fields.map(|field| match value_text(field, row) {
                None => String::new(),
                Some(text) => quoted(&text, text.contains(['(', ')'])).replace("\\\"", "\"\""),
            });
            format!("({})", texts.collect::<Vec<_>>().join(","))
        }
        _ => plain(),
    })
}

/// In double quotes if it must be.
fn quoted(text: &str, special: bool) -> String {
    let plain = !text.is_empty() && !text.contains([',', '"', '\\', ' ']) && !special;
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")) }
}

/// PostgreSQL writes large and small ones with an exponent of two digits or more.
fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').expect("an exponent");
    let exponent: i32 = exponent.parse().expect("a number");
    if (-4..15).contains(&exponent) || value == 0.0 {
        format!("{value}")
    } else {
        format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
    }
}

/// Without the zeros at the end of a fraction, which are a matter of scale.
pub(crate) fn without_zeros(number: &str) -> String {
    match number.contains('.') {
        true => number.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => number.to_owned(),
    }
}

/// In `IntervalStyle = 'postgres'`.
fn interval(months: i32, days: i32, micros: i64) -> String {
    let (years, months) = (months / 12, months % 12);
    let mut parts: Vec<String> = Vec::new();
    // A positive part after a negative one has a sign.
    let mut negative = false;
    for (count, one) in [(years, "year"), (months, "mon"), (days, "day")] {
        if count != 0 {
            let sign = if negative && count > 0 { "+" } else { "" };
            parts.push(format!("{sign}{count} {one}{}", if count == 1 { "" } else { "s" }));
            negative = count < 0;
        }
    }
    if micros != 0 || parts.is_empty() {
        let sign = if micros < 0 {
            "-"
        } else if negative {
            "+"
        } else {
            ""
        };
        let all = micros.unsigned_abs();
        let (seconds, fraction) = (all / 1_000_000, all % 1_000_000);
        let fraction = if fraction == 0 {
            String::new()
        } else {
            format!(".{fraction:06}").trim_end_matches('0').to_owned()
        };
        parts.push(format!(
            "{sign}{:02}:{:02}:{:02}{fraction}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        ));
    }
    parts.join(" ")
}
