//! Rows as PostgreSQL's binary `COPY` and as a Parquet file hold them.
//!
//! Their columns are those of TPC-H's lineitem in kind: keys, amounts with two decimals, dates, short texts and one that
//! is longer. Every seventh comment is NULL.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray},
    datatypes::SchemaRef,
};
use bytes::Bytes;
use firth_connectors::{batches_of_postgres_copy, postgres_copy_of};
use parquet::{
    arrow::ArrowWriter,
    file::{
        metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader},
        properties::WriterProperties,
    },
};

/// Of one `COPY`.
pub(crate) const ROWS: i64 = 1000;
/// Of the Parquet file.
pub(crate) const ROW_GROUPS: usize = 20;

pub(crate) struct Rows {
    batch: RecordBatch,
    copy: Bytes,
    file: Bytes,
}

impl Rows {
    pub(crate) fn make() -> Result<Rows, String> {
        let batch = lineitem().map_err(|error| error.to_string())?;
        let copy = postgres_copy_of(&batch).map_err(|error| error.to_string())?;
        let file = parquet(&batch).map_err(|error| error.to_string())?;
        Ok(Rows { batch, copy, file })
    }

    pub(crate) fn encode(&self) -> Result<Bytes, String> {
        postgres_copy_of(&self.batch).map_err(|error| error.to_string())
    }

    pub(crate) fn decode(&self) -> Result<Vec<RecordBatch>, String> {
        let schema: SchemaRef = self.batch.schema();
        batches_of_postgres_copy(&schema, self.copy.clone()).map_err(|error| error.to_string())
    }

    /// The footer with the index of pages.
    pub(crate) fn footer(&self) -> Result<ParquetMetaData, String> {
        let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
        reader.parse_and_finish(&self.file).map_err(|error| error.to_string())
    }
}

fn lineitem() -> Result<RecordBatch, arrow::error::ArrowError> {
    let integers = |of: fn(i64) -> i64| Arc::new(Int64Array::from_iter_values((0..ROWS).map(of))) as ArrayRef;
    let amounts = |of: fn(i64) -> i64| -> Result<ArrayRef, arrow::error::ArrowError> {
        let values = Decimal128Array::from_iter_values((0..ROWS).map(|row| i128::from(of(row))));
        Ok(Arc::new(values.with_precision_and_scale(15, 2)?))
    };
    let days = |of: fn(i64) -> i64| {
        Arc::new(Date32Array::from_iter_values((0..ROWS).map(|row| 8036 + of(row) as i32))) as ArrayRef
    };
    let texts =
        |of: fn(i64) -> Option<String>| Arc::new((0..ROWS).map(of).collect::<StringArray>()) as ArrayRef;
    RecordBatch::try_from_iter([
        ("l_orderkey", integers(|row| row / 4 * 1_000_003)),
        ("l_partkey", integers(|row| row * 7_919 % 200_000)),
        ("l_suppkey", integers(|row| row * 104_729 % 10_000)),
        ("l_linenumber", integers(|row| row % 4 + 1)),
        ("l_quantity", amounts(|row| (row % 50 + 1) * 100)?),
        ("l_extendedprice", amounts(|row| row * 15_485_863 % 10_494_950)?),
        ("l_discount", amounts(|row| row % 11)?),
        ("l_tax", amounts(|row| row % 9)?),
        ("l_returnflag", texts(|row| Some(["A", "N", "R"][(row % 3) as usize].to_string()))),
        ("l_linestatus", texts(|row| Some(["O", "F"][(row % 2) as usize].to_string()))),
        ("l_shipdate", days(|row| row * 31 % 2526)),
        ("l_commitdate", days(|row| row * 37 % 2526)),
        ("l_receiptdate", days(|row| row * 41 % 2526)),
        ("l_shipinstruct", texts(|row| Some(["NONE", "DELIVER IN PERSON"][(row % 2) as usize].to_string()))),
        ("l_shipmode", texts(|row| Some(["AIR", "RAIL", "SHIP"][(row % 3) as usize].to_string()))),
        (
            "l_comment",
            texts(|row| (row % 7 != 0).then(|| format!("comment {row} of a length that is usual"))),
        ),
    ])
}

fn parquet(batch: &RecordBatch) -> Result<Bytes, parquet::errors::ParquetError> {
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(ROWS as usize)).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties))?;
    for _ in 0..ROW_GROUPS {
        writer.write(batch)?;
    }
    Ok(writer.into_inner()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_done_and_right() {
        let rows = Rows::make().unwrap();
        assert_eq!(rows.decode().unwrap(), std::slice::from_ref(&rows.batch));
        assert_eq!(rows.encode().unwrap(), rows.copy);
        let footer = rows.footer().unwrap();
        assert_eq!(footer.num_row_groups(), ROW_GROUPS);
        assert!(footer.offset_index().is_some_and(|index| index.len() == ROW_GROUPS));
    }
}
