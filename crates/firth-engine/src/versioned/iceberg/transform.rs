//! What the value of a partition tells of the column that it is made from.

use arrow::datatypes::{DataType, TimeUnit};
use chrono::{DateTime, Datelike as _, Months, NaiveDate, TimeDelta};
use datafusion::common::ScalarValue;

use super::schema::in_column;
use crate::versioned::table::{Bucket, ColumnBounds, TableColumn};

/// How a partition's value is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transform {
    Identity,
    Bucket(u32),
    Truncate(u32),
    Year,
    Month,
    Day,
    Hour,
    /// `void`, and what is not known: it tells nothing.
    Nothing,
}

impl Transform {
    pub(super) fn named(name: &str) -> Self {
        let width = |name: &str, word: &str| -> Option<u32> {
            name.strip_prefix(word)?.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
        };
        match name {
            "identity" => Transform::Identity,
            "year" => Transform::Year,
            "month" => Transform::Month,
            "day" => Transform::Day,
            "hour" => Transform::Hour,
            _ => match (width(name, "bucket"), width(name, "truncate")) {
                (Some(count), _) => Transform::Bucket(count),
                (_, Some(width)) => Transform::Truncate(width),
                (None, None) => Transform::Nothing,
            },
        }
    }

    /// What the values of `column` are in a file with `value` and so many rows.
    pub(super) fn bounds(self, value: &ScalarValue, column: &TableColumn, rows: u64) -> ColumnBounds {
        if self == Transform::Nothing {
            return ColumnBounds::default();
        }
        if value.is_null() {
            return ColumnBounds { nulls: Some(rows), ..ColumnBounds::default() };
        }
        // A partition's value is NULL where its column is, and nowhere else.
        let some = ColumnBounds { nulls: Some(0), ..ColumnBounds::default() };
        let range = |range: Option<(ScalarValue, ScalarValue)>| {
            let within = |value: ScalarValue| in_column(&value, column);
            let (least, greatest) = range.map_or((None, None), |(a, b)| (within(a), within(b)));
            ColumnBounds { least, greatest, ..some.clone() }
        };
        match self {
            // -0.0 and 0.0 are partitions of their own, and equal.
            Transform::Identity if column.field.data_type().is_floating() => some,
            Transform::Identity => range(Some((value.clone(), value.clone()))),
            Transform::Bucket(count) => match value {
                ScalarValue::Int32(Some(number)) => {
                    let bucket = Some(Bucket { count, number: *number });
                    ColumnBounds { bucket, ..some }
                }
                _ => some,
            },
            Transform::Truncate(width) => range(truncated(value, width)),
            Transform::Year | Transform::Month | Transform::Day | Transform::Hour => {
                range(self.moments(value, column.field.data_type()))
            }
            Transform::Nothing => ColumnBounds::default(),
        }
    }

    /// The first and the last moment of a year, a month, a day or an hour, counted from 1970.
    fn moments(self, value: &ScalarValue, data_type: &DataType) -> Option<(ScalarValue, ScalarValue)> {
        let number = match value {
            ScalarValue::Int32(Some(number)) | ScalarValue::Date32(Some(number)) => i64::from(*number),
            _ => return None,
        };
        // Writers have rounded moments before 1970 to zero rather than down: then the span is one longer.
        let first = self.start(if number <= 0 { number - 1 } else { number })?;
        let end = self.start(number + 1)?;
        match data_type {
            DataType::Date32 => {
                let days = |at: DateTime<chrono::Utc>| i32::try_from(at.timestamp().div_euclid(86_400)).ok();
                Some((ScalarValue::Date32(Some(days(first)?)), ScalarValue::Date32(Some(days(end)? - 1))))
            }
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                let at = |micros| ScalarValue::TimestampMicrosecond(Some(micros), zone.clone());
                Some((at(first.timestamp_micros()), at(end.timestamp_micros() - 1)))
            }
            _ => None,
        }
    }

    fn start(self, number: i64) -> Option<DateTime<chrono::Utc>> {
        let epoch = DateTime::UNIX_EPOCH;
        match self {
            Transform::Year => {
                let year = i32::try_from(number.checked_add(i64::from(epoch.year()))?).ok()?;
                Some(NaiveDate::from_ymd_opt(year, 1, 1)?.and_hms_opt(0, 0, 0)?.and_utc())
            }
            Transform::Month => {
                let months = Months::new(u32::try_from(number.unsigned_abs()).ok()?);
                if number < 0 { epoch.checked_sub_months(months) } else { epoch.checked_add_months(months) }
            }
            Transform::Day => epoch.checked_add_signed(TimeDelta::try_days(number)?),
            Transform::Hour => epoch.checked_add_signed(TimeDelta::try_hours(number)?),
            _ => None,
        }
    }
}

/// The values that are cut to this one.
fn truncated(value: &ScalarValue, width: u32) -> Option<(ScalarValue, ScalarValue)> {
    let more = i64::from(width).checked_sub(1).filter(|more| *more >= 0)?;
    Some(match value {
        ScalarValue::Int32(Some(number)) => {
            // The least numbers, when they are cut, wrap around to the greatest ones.
            let greatest = number.checked_add(i32::try_from(more).ok()?)?;
            (ScalarValue::from(i64::from(*number)), ScalarValue::from(i64::from(greatest)))
        }
        ScalarValue::Int64(Some(number)) => {
            (ScalarValue::from(*number), ScalarValue::from(number.checked_add(more)?))
        }
        ScalarValue::Decimal128(Some(number), precision, scale) => {
            let greatest = number.checked_add(i128::from(more))?;
            (value.clone(), ScalarValue::Decimal128(Some(greatest), *precision, *scale))
        }
        ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) => {
            // What is shorter was not cut.
            if text.chars().count() < usize::try_from(width).ok()? {
                return Some((value.clone(), value.clone()));
            }
            (value.clone(), ScalarValue::from(after(text)?))
        }
        _ => return None,
    })
}

/// A text that is greater than all that begin with this one.
fn after(text: &str) -> Option<String> {
    let mut characters: Vec<char> = text.chars().collect();
    while let Some(last) = characters.pop() {
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::Field;

    use super::*;
    use crate::versioned::table::ColumnSource;

    fn bounds(name: &str, value: ScalarValue, data_type: DataType) -> String {
        let field = Arc::new(Field::new("c", data_type, true));
        let column = TableColumn { field, source: ColumnSource::default() };
        let found = Transform::named(name).bounds(&value, &column, 9);
        match (found.least, found.greatest, found.nulls) {
            (Some(least), Some(greatest), Some(0)) => format!("{least} to {greatest}"),
            (None, None, Some(0)) => {
                found.bucket.map_or("a value".to_owned(), |bucket| format!("{bucket:?}"))
            }
            (None, None, Some(nulls)) => format!("{nulls} NULL"),
            (None, None, None) => "anything".to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_partition_tells_the_range_of_its_column() {
        let of = |name, value: i32, data_type| bounds(name, ScalarValue::from(value), data_type);
        let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
        assert_eq!(of("year", 53, DataType::Date32), "2023-01-01 to 2023-12-31");
        assert_eq!(of("month", 637, DataType::Date32), "2023-02-01 to 2023-02-28");
        assert_eq!(of("hour", 24, micros.clone()), "86400000000 to 89999999999");
        assert_eq!(bounds("day", ScalarValue::Date32(Some(1)), micros), "86400000000 to 172799999999");
        assert_eq!(of("truncate[10]", -20, DataType::Int64), "-20 to -11");
        assert_eq!(of("truncate[10]", i32::MAX - 7, DataType::Int64), "a value");
        assert_eq!(bounds("truncate[2]", ScalarValue::from("ab"), DataType::Utf8View), "ab to ac");
        assert_eq!(bounds("truncate[3]", ScalarValue::from("ab"), DataType::Utf8View), "ab to ab");
        assert_eq!(of("identity", 3, DataType::Int64), "3 to 3");
        assert_eq!(of("bucket[4]", 3, DataType::Int64), "Bucket { count: 4, number: 3 }");
        assert_eq!(bounds("bucket[4]", ScalarValue::Int32(None), DataType::Int64), "9 NULL");
        assert_eq!(of("void", 3, DataType::Int64), "anything");
        assert_eq!(bounds("void", ScalarValue::Int32(None), DataType::Int64), "anything");
        assert_eq!(of("sorted[4]", 3, DataType::Int64), "anything");
    }

    #[test]
    fn the_span_before_1970_is_one_longer() {
        let of = |name, value: i32| bounds(name, ScalarValue::from(value), DataType::Date32);
        assert_eq!(of("year", 0), "1969-01-01 to 1970-12-31");
        assert_eq!(of("month", -1), "1969-11-01 to 1969-12-31");
    }
}
