//! Values as PostgreSQL reads them back exactly.

use arrow::{
    array::types::{Decimal128Type, Decimal256Type, DecimalType},
    temporal_conversions::{date32_to_datetime, time64us_to_time, timestamp_us_to_datetime},
};
use chrono::Datelike;
use datafusion::scalar::ScalarValue;

/// A literal of exactly this value, or `None` where there is none.
///
/// Written for `standard_conforming_strings`: a backslash is a backslash.
pub(super) fn literal(value: &ScalarValue) -> Option<String> {
    let text = text(value)?;
    Some(match value {
        ScalarValue::Boolean(_) => text,
        ScalarValue::Int8(Some(number)) => integer((*number).into()),
        ScalarValue::Int16(Some(number)) => integer((*number).into()),
        ScalarValue::Int32(Some(number)) => integer((*number).into()),
        ScalarValue::Int64(Some(number)) => integer(*number),
        ScalarValue::UInt64(Some(number)) => integer(i64::try_from(*number).ok()?),
        ScalarValue::Float64(_) => format!("'{text}'::float8"),
        ScalarValue::Decimal128(..) | ScalarValue::Decimal256(..) => format!("'{text}'::numeric"),
        ScalarValue::Utf8(_) | ScalarValue::LargeUtf8(_) | ScalarValue::Utf8View(_) => quoted(&text),
        ScalarValue::Binary(_) | ScalarValue::LargeBinary(_) | ScalarValue::BinaryView(_) => {
            format!("'{text}'::bytea")
        }
        ScalarValue::Date32(_) => format!("DATE '{text}'"),
        ScalarValue::Time64Microsecond(_) => format!("TIME '{text}'"),
        ScalarValue::TimestampMicrosecond(_, Some(_)) => format!("TIMESTAMPTZ '{text}'"),
        ScalarValue::TimestampMicrosecond(_, None) => format!("TIMESTAMP '{text}'"),
        _ => return None,
    })
}

/// An array literal of exactly these values, which are of one type and not NULL; or `None`.
///
/// Every element is quoted, so that `NULL`, braces, commas and spaces mean themselves.
pub(super) fn array(values: &[ScalarValue]) -> Option<String> {
    let element = match values.first()? {
        ScalarValue::Boolean(_) => "boolean",
        ScalarValue::Int8(_) | ScalarValue::Int16(_) | ScalarValue::Int32(_) | ScalarValue::Int64(_) => {
            "bigint"
        }
        ScalarValue::Float64(_) => "float8",
        ScalarValue::Decimal128(..) | ScalarValue::Decimal256(..) => "numeric",
        ScalarValue::Utf8(_) | ScalarValue::LargeUtf8(_) | ScalarValue::Utf8View(_) => "text",
        ScalarValue::Binary(_) | ScalarValue::LargeBinary(_) | ScalarValue::BinaryView(_) => "bytea",
        ScalarValue::Date32(_) => "date",
        ScalarValue::Time64Microsecond(_) => "time",
        ScalarValue::TimestampMicrosecond(_, Some(_)) => "timestamptz",
        ScalarValue::TimestampMicrosecond(_, None) => "timestamp",
        _ => return None,
    };
    let bare = matches!(element, "boolean" | "bigint" | "float8" | "numeric" | "date");
    let mut array = "{".to_owned();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            array.push(',');
        }
        let text = text(value)?;
        if bare {
            array.push_str(&text);
        } else {
            array.push('"');
            array.push_str(&text.replace('\\', "\\\\").replace('"', "\\\""));
            array.push('"');
        }
    }
    array.push('}');
    Some(format!("{}::{element}[]", quoted(&array)))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The text that PostgreSQL reads back as exactly this value of its type, or `None` where there is none.
fn text(value: &ScalarValue) -> Option<String> {
    Some(match value {
        ScalarValue::Boolean(Some(true)) => "TRUE".to_owned(),
        ScalarValue::Boolean(Some(false)) => "FALSE".to_owned(),
        ScalarValue::Int8(Some(number)) => number.to_string(),
        ScalarValue::Int16(Some(number)) => number.to_string(),
        ScalarValue::Int32(Some(number)) => number.to_string(),
        ScalarValue::Int64(Some(number)) => number.to_string(),
        ScalarValue::UInt64(Some(number)) => number.to_string(),
        // Rust prints the shortest text that reads back as the same number, and so does not PostgreSQL
        // need to know how many digits are meant.
        ScalarValue::Float64(Some(number)) if number.is_finite() => format!("{number:?}"),
        ScalarValue::Decimal128(Some(number), precision, scale) => {
            Decimal128Type::format_decimal(*number, *precision, *scale)
        }
        ScalarValue::Decimal256(Some(number), precision, scale) => {
            Decimal256Type::format_decimal(*number, *precision, *scale)
        }
        // The protocol ends texts at NUL, and no PostgreSQL text holds one.
        ScalarValue::Utf8(Some(text))
        | ScalarValue::LargeUtf8(Some(text))
        | ScalarValue::Utf8View(Some(text))
            if !text.contains('\0') =>
        {
            text.clone()
        }
        ScalarValue::Binary(Some(bytes))
        | ScalarValue::LargeBinary(Some(bytes))
        | ScalarValue::BinaryView(Some(bytes)) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("\\x{digits}")
        }
        ScalarValue::Date32(Some(days)) => {
            let date = date32_to_datetime(*days)?.date();
            in_range(date.year())?;
            date.format("%Y-%m-%d").to_string()
        }
        ScalarValue::Time64Microsecond(Some(micros)) => {
            time64us_to_time(*micros)?.format("%H:%M:%S%.6f").to_string()
        }
        ScalarValue::TimestampMicrosecond(Some(micros), zone) => {
            let time = timestamp_us_to_datetime(*micros)?;
            in_range(time.year())?;
            let zone = if zone.is_some() { "+00" } else { "" };
            format!("{}{zone}", time.format("%Y-%m-%d %H:%M:%S%.6f"))
        }
        _ => return None,
    })
}

/// Plain digits take the narrowest type that holds them, which every integer column compares with by
/// an index. A negative number is parenthesised, so that no operator stands next to its sign.
fn integer(number: i64) -> String {
    match number {
        // Its digits without the sign do not fit a bigint.
        i64::MIN => format!("'{number}'::int8"),
        number if number < 0 => format!("({number})"),
        number => number.to_string(),
    }
}

/// The years of GoogleSQL, which are written alike everywhere.
fn in_range(year: i32) -> Option<()> {
    (1..=9999).contains(&year).then_some(())
}
