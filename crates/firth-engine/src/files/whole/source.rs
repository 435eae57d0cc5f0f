//! Files that are read from start to end, as DataFusion's scans take them.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::{
    common::tree_node::TreeNodeRecursion,
    config::ConfigOptions,
    datasource::{
        listing::PartitionedFile,
        physical_plan::{FileOpenFuture, FileOpener, FileScanConfig, FileSource},
        projection::{ProjectionOpener, SplitProjection},
        table_schema::TableSchema,
    },
    error::{DataFusionError, Result},
    physical_expr::projection::ProjectionExprs,
    physical_plan::{PhysicalExpr, execution_plan::apply_expression_roots, metrics::ExecutionPlanMetricsSet},
};
use firth_diagnostic::Diagnostic;
use futures::{FutureExt, StreamExt, stream};
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::{WholeFormat, conform::conformed};
use crate::store::StatementStore;

/// Files of Avro or Arrow IPC.
#[derive(Clone)]
pub(crate) struct WholeSource {
    format: WholeFormat,
    store: Arc<StatementStore>,
    table_schema: TableSchema,
    projection: SplitProjection,
    batch_size: usize,
    metrics: ExecutionPlanMetricsSet,
}

impl WholeSource {
    pub(crate) fn new(format: WholeFormat, store: Arc<StatementStore>, table_schema: TableSchema) -> Self {
        WholeSource {
            format,
            store,
            projection: SplitProjection::unprojected(&table_schema),
            table_schema,
            batch_size: ConfigOptions::default().execution.batch_size.get(),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

struct WholeOpener {
    source: WholeSource,
    /// The wanted columns.
    schema: SchemaRef,
}

impl FileOpener for WholeOpener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let (source, schema) = (self.source.clone(), Arc::clone(&self.schema));
        Ok(async move {
            let location = &file.object_meta.location;
            let uri = source.store.uri(location);
            let told = |error: Diagnostic| DataFusionError::External(Box::new(error));
            let unread = |error| DataFusionError::ObjectStore(Box::new(error));
            let bytes = source.store.get(location).await.map_err(unread)?.bytes().await.map_err(unread)?;
            let wanted: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
            let batches = source
                .format
                .batches(bytes, &wanted, source.batch_size)
                .map_err(|error| told(source.format.broken(&uri, &error)))?;
            let format = source.format.clone();
            let conformed = batches.map(move |batch| {
                let batch = batch.map_err(|error| told(format.broken(&uri, &error)))?;
                conformed(&batch, &schema, &uri).map_err(told)
            });
            Ok(stream::iter(conformed).boxed())
        }
        .boxed())
    }
}

impl FileSource for WholeSource {
    fn create_file_opener(
        &self,
        _store: Arc<dyn ObjectStore>,
        _config: &FileScanConfig,
        _partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        let file_schema = self.table_schema.file_schema();
        let schema = Arc::new(file_schema.project(&self.projection.file_indices)?);
        let opener = Arc::new(WholeOpener { source: self.clone(), schema });
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

    fn projection(&self) -> Option<&ProjectionExprs> {
        Some(&self.projection.source)
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        &self.metrics
    }

    fn file_type(&self) -> &'static str {
        match self.format {
            WholeFormat::Avro(_) => "avro",
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
        apply_expression_roots(self.projection.source.iter().map(|column| &column.expr), f)
    }
}
