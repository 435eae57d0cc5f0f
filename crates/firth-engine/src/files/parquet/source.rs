//! DataFusion's Parquet source, whose files are opened by [`Morsels`].

use std::{fmt, sync::Arc};

use datafusion::{
    common::{config::TableParquetOptions, tree_node::TreeNodeRecursion},
    config::ConfigOptions,
    datasource::{
        listing::PartitionedFile,
        physical_plan::{FileOpener, FileScanConfig, FileSource, ParquetSource},
        table_schema::TableSchema,
    },
    error::Result,
    physical_expr::{EquivalenceProperties, PhysicalSortExpr, projection::ProjectionExprs},
    physical_expr_adapter::DefaultPhysicalExprAdapterFactory,
    physical_plan::{
        DisplayFormatType, PhysicalExpr, SortOrderPushdownResult, filter_pushdown::FilterPushdownPropagation,
        metrics::ExecutionPlanMetricsSet,
    },
};
use datafusion_datasource::morsel::Morselizer;
use object_store::ObjectStore;

use super::{
    ReaderFactory,
    late::Survivors,
    morsels::{Morsels, Scan},
};
use crate::store::StatementStore;

/// What reads Parquet files of one bucket.
pub(crate) fn parquet_source(
    table: TableSchema,
    options: TableParquetOptions,
    store: &Arc<StatementStore>,
) -> Arc<dyn FileSource> {
    let most_in_list = options.global.max_in_list_size;
    let inner = ParquetSource::new(table)
        .with_table_parquet_options(options)
        .with_parquet_file_reader_factory(Arc::new(ReaderFactory::new(Arc::clone(store))));
    Arc::new(Source {
        inner: Arc::new(inner),
        store: Arc::clone(store),
        most_in_list,
        batch_size: None,
        is_ordered: false,
        survivors: Arc::default(),
    })
}

/// Takes filters, projections and orders as DataFusion's source does, and gives them to it.
#[derive(Clone)]
struct Source {
    inner: Arc<dyn FileSource>,
    store: Arc<StatementStore>,
    /// The longest list of values that statistics are compared with one by one.
    most_in_list: usize,
    batch_size: Option<usize>,
    /// Whether row groups are to be read in an order of their own.
    is_ordered: bool,
    survivors: Arc<Survivors>,
}

impl Source {
    fn around(&self, inner: Arc<dyn FileSource>) -> Arc<dyn FileSource> {
        // The plan has changed, and with it what its filters leave.
        Arc::new(Source { inner, survivors: Arc::default(), ..self.clone() })
    }
}

impl FileSource for Source {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        self.inner.create_file_opener(store, config, partition)
    }

    fn create_morselizer(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Box<dyn Morselizer>> {
        let whole = self.inner.create_morselizer(store, config, partition)?;
        let table = self.inner.table_schema();
        let (Some(batch_size), Some(projection)) = (self.batch_size, self.inner.projection()) else {
            return Ok(whole);
        };
        if self.is_ordered || config.limit.is_some() || !table.virtual_columns().is_empty() {
            return Ok(whole);
        }
        let adapter = config.expr_adapter_factory.clone();
        Ok(Box::new(Morsels::new(Scan {
            whole,
            store: Arc::clone(&self.store),
            table: table.clone(),
            projection: projection.clone(),
            predicate: self.inner.filter(),
            adapter: adapter.unwrap_or_else(|| Arc::new(DefaultPhysicalExprAdapterFactory)),
            batch_size,
            most_in_list: self.most_in_list,
            keeps_order: config.preserve_order,
            partition,
            metrics: self.inner.metrics().clone(),
            survivors: Arc::clone(&self.survivors),
        })))
    }

    fn table_schema(&self) -> &TableSchema {
        self.inner.table_schema()
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        let inner = self.inner.with_batch_size(batch_size);
        Arc::new(Source { inner, batch_size: Some(batch_size), ..self.clone() })
    }

    fn filter(&self) -> Option<Arc<dyn PhysicalExpr>> {
        self.inner.filter()
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        self.inner.projection()
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        self.inner.metrics()
    }

    fn file_type(&self) -> &str {
        self.inner.file_type()
    }

    fn fmt_extra(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_extra(format, f)
    }

    fn try_pushdown_filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn FileSource>>> {
        let mut result = self.inner.try_pushdown_filters(filters, config)?;
        result.updated_node = result.updated_node.map(|inner| self.around(inner));
        Ok(result)
    }

    fn try_pushdown_sort(
        &self,
        order: &[PhysicalSortExpr],
        properties: &EquivalenceProperties,
    ) -> Result<SortOrderPushdownResult<Arc<dyn FileSource>>> {
        Ok(match self.inner.try_pushdown_sort(order, properties)? {
            SortOrderPushdownResult::Exact { inner } => {
                SortOrderPushdownResult::Exact { inner: self.around(inner) }
            }
            SortOrderPushdownResult::Inexact { inner } => SortOrderPushdownResult::Inexact {
                inner: Arc::new(Source { inner, is_ordered: true, ..self.clone() }),
            },
            SortOrderPushdownResult::Unsupported => SortOrderPushdownResult::Unsupported,
        })
    }

    fn reorder_files(&self, files: Vec<PartitionedFile>) -> Vec<PartitionedFile> {
        self.inner.reorder_files(files)
    }

    fn try_pushdown_projection(&self, projection: &ProjectionExprs) -> Result<Option<Arc<dyn FileSource>>> {
        Ok(self.inner.try_pushdown_projection(projection)?.map(|inner| self.around(inner)))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.inner.apply_expressions(f)
    }
}
