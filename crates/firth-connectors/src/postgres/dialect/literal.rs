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
    Some(match value {
        ScalarValue::Boolean(Some(true)) => "TRUE".to_owned(),
        ScalarValue::Boolean(Some(false)) => "FALSE".to_owned(),
        ScalarValue::Int8(Some(number)) => integer((*number).into()),
        ScalarValue::Int16(Some(number)) => integer((*number).into()),
        ScalarValue::Int32(Some(number)) => integer((*number).into()),
        ScalarValue::Int64(Some(number)) => integer(*number),
        // Rust prints the shortest text that reads back as the same number, and so does not PostgreSQL
        // need to know how many digits are meant.
        ScalarValue::Float64(Some(number)) if number.is_finite() => format!("'{number:?}'::float8"),
        ScalarValue::Decimal128(Some(number), precision, scale) => {
            format!("'{}'::numeric", Decimal128Type::format_decimal(*number, *precision, *scale))
        }
        ScalarValue::Decimal256(Some(number), precision, scale) => {
            format!("'{}'::numeric", Decimal256Type::format_decimal(*number, *precision, *scale))
        }
        // The protocol ends texts at NUL, and no PostgreSQL text holds one.
        ScalarValue::Utf8(Some(text))
        | ScalarValue::LargeUtf8(Some(text))
        | ScalarValue::Utf8View(Some(text))
            if !text.contains('\0') =>
        {
            format!("'{}'", text.replace('\'', "''"))
        }
        ScalarValue::Binary(Some(bytes))
        | ScalarValue::LargeBinary(Some(bytes))
        | ScalarValue::BinaryView(Some(bytes)) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("'\\x{digits}'::bytea")
        }
        ScalarValue::Date32(Some(days)) => {
            let date = date32_to_datetime(*days)?.date();
            in_range(date.year())?;
            format!("DATE '{}'", date.format("%Y-%m-%d"))
        }
        ScalarValue::Time64Microsecond(Some(micros)) => {
            format!("TIME '{}'", time64us_to_time(*micros)?.format("%H:%M:%S%.6f"))
        }
        ScalarValue::TimestampMicrosecond(Some(micros), zone) => {
            let time = timestamp_us_to_datetime(*micros)?;
            in_range(time.year())?;
            let text = time.format("%Y-%m-%d %H:%M:%S%.6f");
            match zone {
                Some(_) => format!("TIMESTAMPTZ '{text}+00'"),
                None => format!("TIMESTAMP '{text}'"),
            }
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
