//! Rows that the engine makes itself: SHOW, DESCRIBE, CHECK, EXPLAIN.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BooleanArray, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
        TimestampMicrosecondArray,
    },
    buffer::OffsetBuffer,
    datatypes::{DataType, Field, Schema, TimeUnit},
};
use chrono::{DateTime, Utc};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;

use crate::{Outcome, Rows};

/// A table under construction, column by column.
#[derive(Default)]
pub(crate) struct Report {
    fields: Vec<Field>,
    columns: Vec<ArrayRef>,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A STRING column.
    pub(crate) fn strings<S: AsRef<str>>(
        self,
        name: &str,
        values: impl IntoIterator<Item = Option<S>>,
    ) -> Self {
        let values: StringArray = values.into_iter().collect();
        self.column(name, DataType::Utf8, Arc::new(values))
    }

    /// A STRING column without NULLs.
    pub(crate) fn texts<S: AsRef<str>>(self, name: &str, values: impl IntoIterator<Item = S>) -> Self {
        self.strings(name, values.into_iter().map(Some))
    }

    /// A BOOL column.
    pub(crate) fn bools(self, name: &str, values: impl IntoIterator<Item = bool>) -> Self {
        let values: BooleanArray = values.into_iter().map(Some).collect();
        self.column(name, DataType::Boolean, Arc::new(values))
    }

    /// An INT64 column.
    pub(crate) fn integers(self, name: &str, values: impl IntoIterator<Item = i64>) -> Self {
        self.optional_integers(name, values.into_iter().map(Some))
    }

    /// An INT64 column with NULLs.
    pub(crate) fn optional_integers(self, name: &str, values: impl IntoIterator<Item = Option<i64>>) -> Self {
        let values: Int64Array = values.into_iter().collect();
        self.column(name, DataType::Int64, Arc::new(values))
    }

    /// A column of type `ARRAY<STRUCT<…>>` for the one row of a table: the rows of `items`.
    pub(crate) fn array(self, name: &str, items: Report) -> Self {
        let batch = items.batch();
        let item = Arc::new(Field::new("item", DataType::Struct(batch.schema().fields().clone()), true));
        let offsets = OffsetBuffer::from_lengths([batch.num_rows()]);
        let values: ArrayRef = Arc::new(StructArray::from(batch));
        let list = ListArray::new(Arc::clone(&item), offsets, values, None);
        self.column(name, DataType::List(item), Arc::new(list))
    }

    /// A TIMESTAMP column.
    pub(crate) fn timestamps(self, name: &str, values: impl IntoIterator<Item = DateTime<Utc>>) -> Self {
        let micros: Vec<i64> = values.into_iter().map(|time| time.timestamp_micros()).collect();
        let values = TimestampMicrosecondArray::from(micros).with_timezone("UTC");
        self.column(name, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), Arc::new(values))
    }

    fn column(mut self, name: &str, data_type: DataType, values: ArrayRef) -> Self {
        self.fields.push(Field::new(name, data_type, true));
        self.columns.push(values);
        self
    }

    /// The table as one batch.
    pub(crate) fn batch(self) -> RecordBatch {
        RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.columns)
            .expect("every column of a report has one value for each row")
    }

    /// The table as what a statement answers.
    pub(crate) fn outcome(self) -> Outcome {
        Outcome { rows: Some(one_batch(self.batch())), ..Outcome::nothing() }
    }
}

/// One batch as a result set.
pub(crate) fn one_batch(batch: RecordBatch) -> Rows {
    let schema = batch.schema();
    let stream = futures::stream::once(async move { Ok(batch) });
    Rows { schema: Arc::clone(&schema), stream: Box::pin(RecordBatchStreamAdapter::new(schema, stream)) }
}
