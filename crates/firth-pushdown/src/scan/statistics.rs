//! What a scan is expected to deliver, for whoever orders joins and chooses their build sides.
//!
//! All of it is [`Precision::Inexact`]: the source counted at some other time, and DataFusion answers
//! COUNT, MIN and MAX from exact statistics. The least and the greatest values are left out even as
//! estimates: a filter above, whose range they contradict, would turn them into exact ones of an empty
//! input.

use arrow::datatypes::DataType;
use datafusion::common::{ColumnStatistics, Statistics, stats::Precision};
use firth_connector::{ColumnDescription, TableDescription};

/// What is expected of `rows` rows, of those that `description` knows of, in these columns.
pub(crate) fn estimate(description: &TableDescription, columns: &[usize], rows: Option<u64>) -> Statistics {
    let column_statistics: Vec<ColumnStatistics> = columns
        .iter()
        .map(|&column| {
            let data_type = description.schema.field(column).data_type();
            let Some(known) = description.columns.get(column) else { return ColumnStatistics::new_unknown() };
            let Some(rows) = rows else { return ColumnStatistics::new_unknown() };
            estimate_column(known, data_type, rows, description.row_count)
        })
        .collect();
    let total_byte_size = column_statistics
        .iter()
        .fold(Precision::Inexact(0), |total: Precision<usize>, column| total.add(&column.byte_size));
    Statistics {
        num_rows: rows.map_or(Precision::Absent, inexact),
        total_byte_size: if rows.is_some() { total_byte_size } else { Precision::Absent },
        column_statistics,
    }
}

fn estimate_column(
    known: &ColumnDescription,
    data_type: &DataType,
    rows: u64,
    all_rows: Option<u64>,
) -> ColumnStatistics {
    let share = match all_rows {
        Some(all) if all > 0 => (rows as f64 / all as f64).min(1.0),
        _ => 1.0,
    };
    let width = match data_type {
        DataType::Boolean => Some(1),
        // An offset, and the bytes.
        DataType::Utf8 | DataType::Binary => known.average_bytes.map(|bytes| bytes + 4),
        other => other.primitive_width().map(|bytes| bytes as u64).or(known.average_bytes),
    };
    let or_absent = |count: Option<u64>| count.map_or(Precision::Absent, inexact);
    ColumnStatistics {
        null_count: or_absent(known.null_count.map(|nulls| (nulls as f64 * share).round() as u64)),
        distinct_count: or_absent(known.distinct_count.map(|distinct| distinct.min(rows))),
        byte_size: or_absent(width.map(|width| width.saturating_mul(rows))),
        ..ColumnStatistics::new_unknown()
    }
}

fn inexact(count: u64) -> Precision<usize> {
    Precision::Inexact(usize::try_from(count).unwrap_or(usize::MAX))
}
