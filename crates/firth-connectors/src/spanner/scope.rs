//! One statement's reads: all of them at one timestamp.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch, RecordBatchOptions},
    compute::{CastOptions, cast_with_options},
    datatypes::SchemaRef,
};
use async_trait::async_trait;
use datafusion::{
    error::DataFusionError, execution::SendableRecordBatchStream,
    physical_plan::stream::RecordBatchStreamAdapter,
};
use firth_connector::{ReadScope, RemoteRead, RemoteScan, SourceMetrics, Split};
use firth_diagnostic::{Diagnostic, Result};
use futures::{StreamExt, TryStreamExt, stream};

use super::{
    client::{ReadTimestamp, SpannerClient, SpannerError},
    error::{diagnostic, is_not_partitionable},
};

/// A read-only transaction at one timestamp.
pub(super) struct SpannerScope {
    client: Arc<dyn SpannerClient>,
    at: ReadTimestamp,
}

impl SpannerScope {
    /// Reads at `at`, which the database gave out.
    pub(super) fn new(client: Arc<dyn SpannerClient>, at: ReadTimestamp) -> Self {
        SpannerScope { client, at }
    }
}

#[async_trait]
impl ReadScope for SpannerScope {
    async fn splits(&self, _scan: &RemoteScan, sql: &str) -> Result<Vec<Split>> {
        match self.client.partition_query(sql, self.at).await {
            Ok(tokens) if tokens.is_empty() => Ok(vec![Split::default()]),
            Ok(tokens) => {
                Ok(tokens.into_iter().map(|token| Split { predicate: None, token: Some(token) }).collect())
            }
            // Joins, aggregates and limits are read as a whole.
            Err(error) if is_not_partitionable(&error) => Ok(vec![Split::default()]),
            Err(error) => Err(diagnostic(error)),
        }
    }

    fn read(self: Arc<Self>, read: RemoteRead) -> Result<SendableRecordBatchStream> {
        let schema = Arc::clone(&read.schema);
        let rows = stream::once(async move { self.rows(read).await }).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}

impl SpannerScope {
    async fn rows(
        &self,
        read: RemoteRead,
    ) -> Result<impl futures::Stream<Item = Result<RecordBatch, DataFusionError>> + use<>, DataFusionError>
    {
        let RemoteRead { sql, schema, split, metrics, .. } = read;
        metrics.sent(&sql);
        metrics.add_request();
        let answer = self.client.execute_sql(&sql, split.token.as_deref(), self.at).await.map_err(failed)?;
        Ok(answer.map(move |batch| {
            let batch = batch.map_err(failed)?;
            count(&batch, &metrics);
            conform(&batch, &schema).map_err(external)
        }))
    }
}

fn count(batch: &RecordBatch, metrics: &SourceMetrics) {
    metrics.add_rows(batch.num_rows());
    metrics.add_bytes(batch.get_array_memory_size());
}

/// The rows under exactly the schema that was asked for.
fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    if schema.fields().is_empty() {
        return RecordBatch::try_new_with_options(Arc::clone(schema), Vec::new(), &options)
            .map_err(Diagnostic::internal);
    }
    if batch.num_columns() != schema.fields().len() {
        return Err(Diagnostic::internal(format!(
            "Spanner delivered {} columns instead of {}",
            batch.num_columns(),
            schema.fields().len()
        )));
    }
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
    for (column, field) in batch.columns().iter().zip(schema.fields()) {
        columns.push(match column.data_type() == field.data_type() {
            true => Arc::clone(column),
            false => cast_with_options(column, field.data_type(), &strict).map_err(|error| {
                Diagnostic::internal(format!("Spanner's column {:?} does not fit: {error}", field.name()))
            })?,
        });
    }
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(Diagnostic::internal)
}

fn failed(error: SpannerError) -> DataFusionError {
    external(diagnostic(error))
}

fn external(diagnostic: Diagnostic) -> DataFusionError {
    DataFusionError::External(Box::new(diagnostic))
}
