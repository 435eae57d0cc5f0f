//! Whether a query is worth sending: only if less travels than if its tables were read apart.

use arrow::datatypes::{DataType, TimeUnit};

use super::select::Select;
use crate::render::ScopeColumn;

/// What a value of a type without a fixed width is taken to take.
const TEXT: f64 = 24.0;

/// How many groups there are, of the rows that are grouped.
pub(super) const GROUPED: f64 = 0.1;

/// How many rows a filter keeps.
pub(super) const FILTERED: f64 = 0.2;

/// The bytes of a row.
pub(super) fn width(columns: &[ScopeColumn]) -> f64 {
    let width = |column: &ScopeColumn| match column.average_bytes {
        Some(bytes) => bytes as f64,
        None => value_width(column.field.data_type()),
    };
    columns.iter().map(width).sum()
}

fn value_width(data_type: &DataType) -> f64 {
    match data_type {
        DataType::Boolean => 1.0,
        DataType::Date32 => 4.0,
        DataType::Int64
        | DataType::Float64
        | DataType::Time64(TimeUnit::Microsecond)
        | DataType::Timestamp(..) => 8.0,
        DataType::Decimal128(..) => 12.0,
        _ => TEXT,
    }
}

/// Why a query is not sent as a whole, or `None` if it is to be.
pub(super) fn not_worth(select: &Select) -> Option<String> {
    let Some(bytes) = select.bytes() else {
        return Some(
            "neither a primary key nor statistics say that the join makes no more rows than its tables have"
                .to_owned(),
        );
    };
    (bytes > select.estimate.bytes_apart).then(|| {
        format!("about {} would travel instead of {}", readable(bytes), readable(select.estimate.bytes_apart))
    })
}

fn readable(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut number = bytes;
    while number >= 1024.0 && unit + 1 < UNITS.len() {
        number /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{number:.0} {}", UNITS[unit]) } else { format!("{number:.1} {}", UNITS[unit]) }
}
