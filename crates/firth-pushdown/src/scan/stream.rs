//! What one partition of a remote scan does: draw a split, read it to its end, draw the next.

use std::sync::Arc;

use arrow::{
    array::{RecordBatch, RecordBatchOptions},
    datatypes::SchemaRef,
};
use datafusion::{
    error::Result as DataFusionResult,
    execution::SendableRecordBatchStream,
    physical_plan::{
        metrics::{BaselineMetrics, Count, RecordOutput, Time},
        stream::RecordBatchStreamAdapter,
    },
};
use firth_connector::{
    OpenedRemote, Relation, RemoteDialect, RemoteRead, RemoteScan, RemoteSql, TableDescription, TableSpec,
};
use firth_diagnostic::{Diagnostic, Result};
use futures::{StreamExt, stream};

use super::queue::Execution;
use crate::{
    dynamic::{DynamicFilters, Narrowed},
    external,
    names::shown_schema,
    render::Scope,
    scan_sql,
};

/// One partition of one execution, before it is polled.
pub(super) struct PartitionRead {
    pub(super) remote: Arc<OpenedRemote>,
    pub(super) scan: Arc<RemoteScan>,
    pub(super) sql: Arc<str>,
    /// What the source delivers.
    pub(super) source_schema: SchemaRef,
    /// What goes out: the same, with the names that DataFusion is shown.
    pub(super) schema: SchemaRef,
    /// What operators above have learnt, and learn while this reads.
    pub(super) filters: DynamicFilters,
    pub(super) execution: Arc<Execution>,
    pub(super) metrics: ScanMetrics,
}

/// What a partition counts. `elapsed_compute` is the work here; the wait for the source is apart.
pub(super) struct ScanMetrics {
    pub(super) baseline: BaselineMetrics,
    pub(super) waiting: Time,
    pub(super) splits: Count,
    pub(super) bytes: Count,
}

impl PartitionRead {
    /// The rows. Does nothing before the first poll; dropping it cancels the read at the source.
    pub(super) fn stream(
        self,
    ) -> RecordBatchStreamAdapter<futures::stream::BoxStream<'static, DataFusionResult<RecordBatch>>> {
        let schema = Arc::clone(&self.schema);
        let state = (self, None);
        let batches = stream::try_unfold(state, |(partition, reading)| async move {
            let next = partition.next(reading).await?;
            Ok(next.map(|(batch, reading)| (batch, (partition, Some(reading)))))
        });
        RecordBatchStreamAdapter::new(schema, batches.boxed())
    }

    /// The next batch, and the read it came from. `reading` is dropped at its end, or when the limit
    /// is reached.
    async fn next(
        &self,
        mut reading: Option<SendableRecordBatchStream>,
    ) -> DataFusionResult<Option<(RecordBatch, SendableRecordBatchStream)>> {
        loop {
            if self.scan.limit.is_some_and(|limit| self.execution.is_satisfied(limit)) {
                return Ok(None);
            }
            let mut read = match reading.take() {
                Some(read) => read,
                None => match self.read_next_split().await.map_err(external)? {
                    Some(read) => read,
                    None => return Ok(None),
                },
            };
            let waiting = self.metrics.waiting.timer();
            let batch = read.next().await.transpose()?;
            drop(waiting);
            let Some(batch) = batch else {
                self.execution.has_read_split();
                continue;
            };
            let _timer = self.metrics.baseline.elapsed_compute().timer();
            let batch = self.shown(batch).map_err(external)?;
            if batch.num_rows() > 0 {
                self.metrics.bytes.add(batch.get_array_memory_size());
                return Ok(Some((batch.record_output(&self.metrics.baseline), read)));
            }
            reading = Some(read);
        }
    }

    /// The scan as it is wanted now: fixed for a split when it is drawn, and narrower with each one.
    ///
    /// `None` if no row is wanted any more.
    fn narrowed(&self, dialect: &dyn RemoteDialect) -> Result<Option<Arc<RemoteScan>>> {
        if self.filters.expressions().is_empty() {
            return Ok(Some(Arc::clone(&self.scan)));
        }
        let description = &self.scan.description;
        let scope = Scope::of_table(dialect, description, &*shown_schema(&description.schema)?, None);
        Ok(match self.filters.narrowed(dialect, &scope) {
            Narrowed::All => Some(Arc::clone(&self.scan)),
            Narrowed::Nothing => None,
            Narrowed::Where(condition) => {
                let mut scan = self.scan.as_ref().clone();
                scan.predicate = Some(match scan.predicate {
                    Some(predicate) => format!("{predicate} AND {condition}"),
                    None => condition.to_string(),
                });
                Some(Arc::new(scan))
            }
        })
    }

    async fn read_next_split(&self) -> Result<Option<SendableRecordBatchStream>> {
        let _waiting = self.metrics.waiting.timer();
        let remote: Arc<dyn RemoteSql> = Arc::clone(&self.remote.remote)
            .sql()
            .ok_or_else(|| Diagnostic::internal(format!("connection {} has no SQL side", self.remote.id)))?;
        let Some(scan) = self.narrowed(remote.dialect())? else { return Ok(None) };
        let scope = self.remote.scope().await?;
        let splits = async || {
            let sql = if Arc::ptr_eq(&scan, &self.scan) {
                self.sql.to_string()
            } else {
                scan_sql(remote.dialect(), &scan, None)
            };
            scope.splits(&scan, &sql).await
        };
        let Some(split) = self.execution.draw(splits).await? else { return Ok(None) };
        self.metrics.splits.add(1);
        let sql = if Arc::ptr_eq(&scan, &self.scan) && split.predicate.is_none() {
            self.sql.to_string()
        } else {
            scan_sql(remote.dialect(), &scan, Some(&split))
        };
        let schema = Arc::clone(&self.source_schema);
        let metrics = Arc::clone(&self.remote.metrics);
        Arc::clone(&scope)
            .read(RemoteRead { sql, schema, split, labels: labels(&self.scan), metrics })
            .map(Some)
    }

    /// The batch under the names that DataFusion is shown, cut at the limit.
    ///
    /// Fails if it is not of the schema that was asked for: operators above trust it blindly.
    fn shown(&self, batch: RecordBatch) -> Result<RecordBatch> {
        if batch.schema_ref().fields() != self.source_schema.fields() {
            return Err(Diagnostic::internal(format!(
                "connection {} delivered columns other than those asked for: {} instead of {}",
                self.remote.id,
                batch.schema_ref(),
                self.source_schema,
            )));
        }
        let rows = match self.scan.limit {
            Some(limit) => self.execution.take(batch.num_rows(), limit),
            None => batch.num_rows(),
        };
        let batch = if rows < batch.num_rows() { batch.slice(0, rows) } else { batch };
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), batch.columns().to_vec(), &options)
            .map_err(|error| {
                Diagnostic::internal(format!(
                    "connection {} delivered a faulty batch: {error}",
                    self.remote.id
                ))
            })
    }
}

/// What the scan's columns are called in messages.
fn labels(scan: &RemoteScan) -> Vec<String> {
    let TableDescription { schema, columns, .. } = &scan.description;
    let label = |&index: &usize| {
        let known = columns.get(index).and_then(|column| column.label.as_deref());
        let name = known.unwrap_or_else(|| schema.field(index).name());
        match &scan.relation {
            Relation::Table(table) if table.schema.is_empty() => {
                format!("column {name:?} of table {:?}", table.name)
            }
            Relation::Table(TableSpec { schema, name: table }) => {
                format!("column {name:?} of table {:?}", format!("{schema}.{table}"))
            }
            Relation::Query(_) => format!("column {name:?} of the query"),
        }
    };
    scan.columns.iter().map(label).collect()
}
