//! Parts of dates and times.
//!
//! A `timestamptz` is an instant, whose parts are those in UTC here and those in the session's zone there:
//! it is read in UTC first. Of what cannot be read here, infinite dates and years before 1 and after 9999,
//! PostgreSQL has parts all the same.

use arrow::datatypes::DataType;
use firth_connector::{Operand, Rendered};

/// `EXTRACT(part FROM time)`, an INT64.
pub(super) fn part(part: &str, time: &Operand<'_>) -> Option<Rendered> {
    let part = part.to_ascii_lowercase();
    let of_date =
        matches!(part.as_str(), "year" | "quarter" | "month" | "week" | "day" | "doy" | "dow" | "isoyear");
    let of_time = matches!(part.as_str(), "hour" | "minute" | "second");
    let known = match time.data_type {
        DataType::Date32 => of_date,
        DataType::Timestamp(..) => of_date || of_time,
        DataType::Time64(_) => of_time,
        _ => false,
    };
    if !known {
        return None;
    }
    let extracted = format!("EXTRACT({} FROM {})", part.to_ascii_uppercase(), civil(time));
    // The fraction belongs to the second there.
    Rendered::exact(match part.as_str() {
        "second" => format!("pg_catalog.floor({extracted})::int8"),
        _ => format!("{extracted}::int8"),
    })
}

/// `DATE_TRUNC(part, time)`, of the type of `time`. Weeks begin on Monday on both sides. Years that nanoseconds do
/// not reach are an error of ours, and none there.
pub(super) fn truncated(part: &str, time: &Operand<'_>) -> Option<Rendered> {
    let part = part.to_ascii_lowercase();
    if !matches!(part.as_str(), "year" | "quarter" | "month" | "week" | "day" | "hour" | "minute" | "second")
    {
        return None;
    }
    let truncated = format!("pg_catalog.date_trunc('{part}', {})", civil(time));
    match time.data_type {
        DataType::Timestamp(_, Some(_)) => Rendered::exact(format!("({truncated} AT TIME ZONE 'UTC')")),
        DataType::Timestamp(_, None) => Rendered::exact(truncated),
        _ => None,
    }
}

/// The date of a time.
pub(super) fn date(time: &Operand<'_>) -> Option<Rendered> {
    Rendered::typed(format!("{}::date", civil(time)), "date")
}

/// The time without a zone.
fn civil(time: &Operand<'_>) -> String {
    match time.data_type {
        DataType::Timestamp(_, Some(_)) => format!("({} AT TIME ZONE 'UTC')", time.sql),
        _ => time.sql.to_owned(),
    }
}
