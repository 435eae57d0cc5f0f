//! Files that are read from start to end, as DataFusion's scans take them.

use std::{panic::AssertUnwindSafe, sync::Arc};

use arrow::{array::RecordBatch, datatypes::SchemaRef, error::ArrowError};
use datafusion::{
    common::{runtime::SpawnedTask, tree_node::TreeNodeRecursion},
    config::ConfigOptions,
    datasource::{
        listing::PartitionedFile,
        physical_plan::{FileOpenFuture, FileOpener, FileScanConfig, FileSource},
        projection::{ProjectionOpener, SplitProjection},
        table_schema::TableSchema,
    },
    error::{DataFusionError, Result},
    execution::memory_pool::MemoryPool,
    physical_expr::{conjunction, projection::ProjectionExprs},
    physical_plan::{
        PhysicalExpr,
        execution_plan::apply_expression_roots,
        filter_pushdown::{FilterPushdownPropagation, PushedDown},
        metrics::{ExecutionPlanMetricsSet, MetricBuilder},
    },
};
use firth_diagnostic::Diagnostic;
use futures::{FutureExt, StreamExt, stream};
use object_store::{ObjectStore, ObjectStoreExt as _};

use tokio::sync::mpsc;

use super::{
    WholeFormat,
    conform::conformed,
    file_bytes::FileBytes,
    orc::{self, OrcBytes},
    stripes::StripeFilter,
};
use crate::store::StatementStore;

/// Files of Avro, ORC or Arrow IPC.
#[derive(Clone)]
pub(crate) struct WholeSource {
    format: WholeFormat,
    store: Arc<StatementStore>,
    /// What bytes are charged to until they are decoded.
    pool: Arc<dyn MemoryPool>,
    table_schema: TableSchema,
    projection: SplitProjection,
    batch_size: usize,
    /// What rows will be asked for. It leaves out stripes, and no rows.
    predicate: Option<Arc<dyn PhysicalExpr>>,
    metrics: ExecutionPlanMetricsSet,
}

impl WholeSource {
    pub(crate) fn new(
        format: WholeFormat,
        store: Arc<StatementStore>,
        pool: Arc<dyn MemoryPool>,
        table_schema: TableSchema,
    ) -> Self {
        WholeSource {
            format,
            store,
            pool,
            projection: SplitProjection::unprojected(&table_schema),
            table_schema,
            batch_size: ConfigOptions::default().execution.batch_size.get(),
            predicate: None,
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

/// Batches that may lie between the thread that decodes and its reader.
const BATCHES: usize = 2;

/// A file that is being decoded. Ends with its reader.
struct Decoding {
    batches: mpsc::Receiver<Result<RecordBatch>>,
    decode: Option<SpawnedTask<()>>,
    /// Brings the bytes.
    _coming: Option<SpawnedTask<()>>,
}

impl Decoding {
    async fn next(mut self) -> Option<(Result<RecordBatch>, Self)> {
        if let Some(batch) = self.batches.recv().await {
            return Some((batch, self));
        }
        // A thread that died has not read to the end.
        match self.decode.take()?.join().await {
            Ok(()) => None,
            Err(error) => Some((Err(DataFusionError::External(Box::new(error))), self)),
        }
    }
}

impl WholeSource {
    /// A file of ORC, which is read where it is wanted: by a task that waits for bytes between stripes.
    fn decode_orc(&self, file: &PartitionedFile, schema: SchemaRef, partition: usize) -> Decoding {
        let location = file.object_meta.location.clone();
        let uri = self.store.uri(&location);
        let bytes = OrcBytes::new(Arc::clone(&self.store), location, file.object_meta.size, &self.pool);
        let (format, batch_size) = (self.format.clone(), self.batch_size);
        let filter = self.predicate.as_ref().map(|predicate| StripeFilter {
            predicate: Arc::clone(predicate),
            table: Arc::clone(self.table_schema.table_schema()),
            left_out: MetricBuilder::new(&self.metrics).counter("stripes_left_out", partition),
        });
        let (sender, batches) = mpsc::channel(BATCHES);
        let decode = SpawnedTask::spawn(async move {
            let failed = bytes.failed();
            let told = |error: Diagnostic| DataFusionError::External(Box::new(error));
            let broken = |error| told(format.broken(&uri, &error));
            let decode = async {
                let read =
                    orc::batches(bytes, Arc::clone(&schema), batch_size, filter).await.map_err(broken)?;
                let mut read = std::pin::pin!(read);
                while let Some(batch) = read.next().await {
                    let batch = conformed(&batch.map_err(broken)?, &schema, &uri).map_err(told)?;
                    if sender.send(Ok(batch)).await.is_err() {
                        break;
                    }
                }
                Ok(())
            };
            // The crate trusts files: what is wrong with one may be found by arithmetic that overflows.
            let decoded = AssertUnwindSafe(decode).catch_unwind().await.unwrap_or_else(|_| {
                Err(broken(ArrowError::ParseError("its values are none that the format has".to_owned())))
            });
            if let Err(error) = decoded {
                // The store's own words go first. Nobody may be there to hear them.
                let _ = sender.send(Err(failed.take().unwrap_or(error))).await;
            }
        });
        Decoding { batches, decode: Some(decode), _coming: None }
    }
}

struct WholeOpener {
    source: WholeSource,
    partition: usize,
    /// The wanted columns.
    schema: SchemaRef,
}

impl FileOpener for WholeOpener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let (source, schema, partition) = (self.source.clone(), Arc::clone(&self.schema), self.partition);
        Ok(async move {
            if let WholeFormat::Orc = source.format {
                return Ok(
                    stream::unfold(source.decode_orc(&file, schema, partition), Decoding::next).boxed()
                );
            }
            let location = &file.object_meta.location;
            let uri = source.store.uri(location);
            let told = |error: Diagnostic| DataFusionError::External(Box::new(error));
            let unread = |error| DataFusionError::ObjectStore(Box::new(error));
            let answer = source.store.get(location).await.map_err(unread)?;
            let (bytes, coming) = FileBytes::new(answer, &source.pool);
            let (sender, batches) = mpsc::channel(BATCHES);
            let decode = SpawnedTask::spawn_blocking(move || {
                let failed = bytes.failed();
                let wanted: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
                let broken = |error| told(source.format.broken(&uri, &error));
                let decode = || -> Result<()> {
                    for batch in source.format.batches(bytes, &wanted, source.batch_size).map_err(broken)? {
                        let batch = conformed(&batch.map_err(broken)?, &schema, &uri).map_err(told)?;
                        if sender.blocking_send(Ok(batch)).is_err() {
                            break;
                        }
                    }
                    Ok(())
                };
                if let Err(error) = decode() {
                    // The store's own words go first. Nobody may be there to hear them.
                    let _ = sender.blocking_send(Err(failed.take().unwrap_or(error)));
                }
            });
            let decoding = Decoding { batches, decode: Some(decode), _coming: coming };
            Ok(stream::unfold(decoding, Decoding::next).boxed())
        }
        .boxed())
    }
}

impl FileSource for WholeSource {
    fn create_file_opener(
        &self,
        _store: Arc<dyn ObjectStore>,
        _config: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        let file_schema = self.table_schema.file_schema();
        let schema = Arc::new(file_schema.project(&self.projection.file_indices)?);
        let opener = Arc::new(WholeOpener { source: self.clone(), partition, schema });
        ProjectionOpener::try_new(self.projection.clone(), opener, file_schema)
    }

    fn table_schema(&self) -> &TableSchema {
        &self.table_schema
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        Arc::new(WholeSource { batch_size, ..self.clone() })
    }

    fn try_pushdown_projection(&self, projection: &ProjectionExprs) -> Result<Option<Arc<dyn FileSource>>> {
        let merged = self.projection.source.try_merge(projection)?;
        let projection = SplitProjection::new(self.table_schema.file_schema(), &merged);
        Ok(Some(Arc::new(WholeSource { projection, ..self.clone() })))
    }

    /// Takes filters of ORC, to leave out stripes: the rows are still filtered above.
    fn try_pushdown_filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn FileSource>>> {
        let answer =
            FilterPushdownPropagation::with_parent_pushdown_result(vec![PushedDown::No; filters.len()]);
        if !matches!(self.format, WholeFormat::Orc) || filters.is_empty() {
            return Ok(answer);
        }
        let predicate = Some(conjunction(self.predicate.iter().cloned().chain(filters)));
        Ok(answer.with_updated_node(Arc::new(WholeSource { predicate, ..self.clone() })))
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        Some(&self.projection.source)
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        &self.metrics
    }

    fn file_type(&self) -> &'static str {
        match self.format {
            WholeFormat::Avro(_) => "avro",
            WholeFormat::Orc => "orc",
            WholeFormat::ArrowIpc => "arrow",
        }
    }

    fn supports_repartitioning(&self) -> bool {
        false
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let projected = self.projection.source.iter().map(|column| &column.expr);
        apply_expression_roots(self.predicate.iter().chain(projected), f)
    }
}
