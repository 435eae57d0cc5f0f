//! What statistics leave out: NaN.
//!
//! Parquet's writers take least and greatest values of what is no NaN, and do not tell whether there is one. NaN is greater than all
//! else here, so that a greatest value is no bound of FLOAT64: with it `f <> 1` would leave out a row group of 1 and NaN.

use parquet::{
    basic::{LogicalType, Type},
    data_type::{DataType, DoubleType, FixedLenByteArrayType, FloatType},
    errors::Result,
    file::{
        metadata::{ColumnChunkMetaData, ParquetMetaData},
        page_index::column_index::ColumnIndexMetaData,
        statistics::{Statistics, ValueStatistics},
    },
    schema::types::ColumnDescriptor,
};

/// A footer whose statistics hold for NaN too.
pub(super) fn without_greatest(footer: ParquetMetaData) -> Result<ParquetMetaData> {
    let schema = footer.file_metadata().schema_descr_ptr();
    let is_floating = |at: &usize| may_be_nan(&schema.column(*at));
    let floating: Vec<usize> = (0..schema.num_columns()).filter(is_floating).collect();
    if floating.is_empty() {
        return Ok(footer);
    }
    let mut footer = footer.into_builder();
    let mut groups = footer.take_row_groups();
    for group in &mut groups {
        let mut columns = group.columns().to_vec();
        for at in &floating {
            columns[*at] = bounded_below(columns[*at].clone())?;
        }
        *group = group.clone().into_builder().set_column_metadata(columns).build()?;
    }
    // Of pages the least values go too: they cannot be kept alone.
    let mut pages = footer.take_column_index();
    for group in pages.iter_mut().flatten() {
        for at in &floating {
            if let Some(column) = group.get_mut(*at) {
                *column = ColumnIndexMetaData::NONE;
            }
        }
    }
    Ok(footer.set_row_groups(groups).set_column_index(pages).build())
}

fn may_be_nan(column: &ColumnDescriptor) -> bool {
    matches!(column.physical_type(), Type::FLOAT | Type::DOUBLE)
        || matches!(column.logical_type_ref(), Some(LogicalType::Float16))
}

fn bounded_below(column: ColumnChunkMetaData) -> Result<ColumnChunkMetaData> {
    let known = match column.statistics() {
        None => return Ok(column),
        Some(Statistics::Float(known)) => least::<FloatType>(known, |value| value.is_nan()),
        Some(Statistics::Double(known)) => least::<DoubleType>(known, |value| value.is_nan()),
        // Two bytes each: not looked at.
        Some(Statistics::FixedLenByteArray(known)) => least::<FixedLenByteArrayType>(known, |_| true),
        Some(_) => return column.into_builder().clear_statistics().build(),
    };
    column.into_builder().set_statistics(known).build()
}

/// The least value, if it is one, and the number of NULLs.
fn least<T: DataType>(known: &ValueStatistics<T::T>, is_unknown: impl Fn(&T::T) -> bool) -> Statistics {
    let least = known.min_opt().filter(|value| !is_unknown(value)).cloned();
    let is_exact = known.min_is_exact();
    ValueStatistics::new(least, None, known.distinct_count(), known.null_count_opt(), false)
        .with_min_is_exact(is_exact)
        .into()
}
