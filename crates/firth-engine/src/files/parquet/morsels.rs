//! How a part of a Parquet file is opened: what of it is read column by column, and what by DataFusion's reader.
//!
//! DataFusion's reader does everything. Ours does what most scans need (whole row groups, columns without nesting) and
//! remembers what it decoded. What it leaves to DataFusion: nested columns, rows chosen one by one (deleted rows, pages that the page index rules
//! out), Bloom filters, timestamps of 96 bits, and orders of row groups.

use std::{collections::HashMap, fmt, sync::Arc};

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::{
    common::ScalarValue,
    datasource::{
        listing::PartitionedFile,
        physical_plan::{
            ParquetFileMetrics, ParquetFileReaderFactory as _,
            parquet::{
                PagePruningAccessPlanFilter, ParquetAccessPlan, ParquetRowSelection, RowGroupAccess,
                RowGroupAccessPlanFilter, apply_file_schema_type_coercions,
            },
        },
        table_schema::TableSchema,
    },
    error::Result,
    physical_expr::{
        expressions::DynamicFilterTracking, projection::ProjectionExprs, simplifier::PhysicalExprSimplifier,
    },
    physical_expr_adapter::{
        PhysicalExprAdapterFactory, replace_columns_with_literals,
        rewrite::rewrite_input_file_name_in_projection,
    },
    physical_optimizer::pruning::{FilePruner, PruningPredicate, PruningPredicateBuilder},
    physical_plan::{
        PhysicalExpr,
        metrics::{Count, ExecutionPlanMetricsSet},
    },
};
use datafusion_datasource::morsel::{Morsel, MorselPlan, MorselPlanner, Morselizer};
use futures::stream::BoxStream;
use parquet::{
    arrow::{
        arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions},
        async_reader::AsyncFileReader,
    },
    basic::Type,
    file::metadata::{PageIndexPolicy, ParquetMetaData},
};

use super::{
    ReaderFactory,
    columns::Read,
    late::{LateFilters, Survivors},
    row_groups::{Output, RowGroups, Ruler},
};
use crate::store::StatementStore;

/// Pages that are ruled out are skipped if they hold at least one row in so many of their group. Fewer are read with the rest, for whole columns
/// can be kept.
const SKIPPED_ONE_IN: usize = 2;

/// One partition of a scan.
pub(super) struct Scan {
    /// DataFusion's way to open a file.
    pub(super) whole: Box<dyn Morselizer>,
    pub(super) store: Arc<StatementStore>,
    pub(super) table: TableSchema,
    /// Over the table's columns.
    pub(super) projection: ProjectionExprs,
    /// Over the table's columns. Nobody relies on it: it only saves work.
    pub(super) predicate: Option<Arc<dyn PhysicalExpr>>,
    pub(super) adapter: Arc<dyn PhysicalExprAdapterFactory>,
    pub(super) batch_size: usize,
    pub(super) most_in_list: usize,
    /// Whether rows come in the order of the file.
    pub(super) keeps_order: bool,
    pub(super) partition: usize,
    pub(super) metrics: ExecutionPlanMetricsSet,
    pub(super) survivors: Arc<Survivors>,
}

/// Opens files for one partition of a scan.
pub(super) struct Morsels(Arc<Scan>);

impl Morsels {
    pub(super) fn new(scan: Scan) -> Self {
        Morsels(Arc::new(scan))
    }
}

impl fmt::Debug for Morsels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Morsels").field("whole", &self.0.whole).finish_non_exhaustive()
    }
}

impl Morselizer for Morsels {
    fn plan_file(&self, file: PartitionedFile) -> Result<Box<dyn MorselPlanner>> {
        let chosen = &file.extensions;
        if chosen.get::<ParquetAccessPlan>().is_some()
            || chosen.get::<ParquetRowSelection>().is_some()
            || file.arrow_schema.is_some()
        {
            return self.0.whole.plan_file(file);
        }
        Ok(Box::new(Opening { scan: Arc::clone(&self.0), file, footer: None }))
    }
}

/// A part of a file that is being opened.
struct Opening {
    scan: Arc<Scan>,
    file: PartitionedFile,
    /// Once it was read.
    footer: Option<(Box<dyn AsyncFileReader + Send>, Arc<ParquetMetaData>)>,
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").field("file", &self.file.object_meta.location).finish_non_exhaustive()
    }
}

impl MorselPlanner for Opening {
    fn plan(self: Box<Self>) -> Result<Option<MorselPlan>> {
        let Opening { scan, file, footer } = *self;
        match footer {
            Some((reader, footer)) => scan.open(&file, reader, &footer),
            None if scan.rules_out(&file)? => Ok(None),
            None => {
                let readers = ReaderFactory::new(Arc::clone(&scan.store));
                let mut reader = readers.create_reader(scan.partition, file.clone(), None, &scan.metrics)?;
                Ok(Some(MorselPlan::new().with_pending_planner(async move {
                    let footer = reader.get_metadata(None).await?;
                    let opening = Opening { scan, file, footer: Some((reader, footer)) };
                    Ok(Box::new(opening) as Box<dyn MorselPlanner>)
                })))
            }
        }
    }
}

/// What of a file is read, by row groups.
struct Chosen {
    /// Those that are read by columns.
    whole: Vec<usize>,
    /// Those of which pages are skipped.
    parts: Option<ParquetAccessPlan>,
    /// Those that statistics ruled out.
    ruled_out: usize,
}

impl Scan {
    /// The partition columns of a file.
    fn literals(&self, file: &PartitionedFile) -> HashMap<String, ScalarValue> {
        let keys = self.table.table_partition_cols().iter().zip(&file.partition_values);
        keys.map(|(key, value)| (key.name().clone(), value.clone())).collect()
    }

    fn predicate_for(&self, file: &PartitionedFile) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        let literals = self.literals(file);
        let predicate = self.predicate.as_ref().map(Arc::clone);
        predicate.map(|predicate| replace_columns_with_literals(predicate, &literals)).transpose()
    }

    /// Whether the file's statistics and folders say that no row passes. Filters may have changed since the plan was made.
    fn rules_out(&self, file: &PartitionedFile) -> Result<bool> {
        let Some(predicate) = self.predicate_for(file)? else { return Ok(false) };
        let schema = self.table.file_schema();
        let Some(mut pruner) = FilePruner::try_new(predicate, schema, file, Count::new()) else {
            return Ok(false);
        };
        let is_out = pruner.should_prune()?;
        if is_out {
            self.file_metrics(file, &self.metrics).files_ranges_pruned_statistics.add_pruned(1);
        }
        Ok(is_out)
    }

    fn file_metrics(&self, file: &PartitionedFile, set: &ExecutionPlanMetricsSet) -> ParquetFileMetrics {
        ParquetFileMetrics::new(self.partition, file.object_meta.location.as_ref(), set)
    }

    /// Leaves a file to DataFusion.
    fn leave(&self, file: &PartitionedFile) -> Result<Option<MorselPlan>> {
        Ok(Some(MorselPlan::new().with_planners(vec![self.whole.plan_file(file.clone())?])))
    }

    /// Opens a part of a file whose footer was read. `None` if nothing of it is read.
    fn open(
        self: &Arc<Self>,
        file: &PartitionedFile,
        reader: Box<dyn AsyncFileReader + Send>,
        footer: &Arc<ParquetMetaData>,
    ) -> Result<Option<MorselPlan>> {
        let logical = self.table.file_schema();
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Skip);
        let mut metadata = ArrowReaderMetadata::try_new(Arc::clone(footer), options.clone())?;
        if metadata.parquet_schema().columns().iter().any(|column| column.physical_type() == Type::INT96) {
            return self.leave(file);
        }
        let mut physical = Arc::clone(metadata.schema());
        if let Some(coerced) = apply_file_schema_type_coercions(logical, &physical) {
            physical = Arc::new(coerced);
            let options = options.with_schema(Arc::clone(&physical));
            metadata = ArrowReaderMetadata::try_new(Arc::clone(footer), options)?;
        }
        let (predicate, projection) = self.adapted(file, &physical)?;
        let mut columns = projection.column_indices();
        columns.sort_unstable();
        columns.dedup();
        if columns.iter().any(|column| physical.field(*column).data_type().is_nested()) {
            return self.leave(file);
        }
        let pruning = predicate.as_ref().and_then(|predicate| {
            PruningPredicateBuilder::new()
                .with_file_schema(Arc::clone(&physical))
                .with_max_in_list_size(self.most_in_list)
                .build(Arc::clone(predicate))
        });
        if pruning.as_ref().is_some_and(|pruning| has_bloom_filter(pruning, &physical, &metadata)) {
            return self.leave(file);
        }
        let chosen = self.choose(file, &metadata, &physical, predicate.as_ref(), pruning.as_deref());
        if chosen.parts.is_some() && self.keeps_order {
            return self.leave(file);
        }

        let metrics = self.file_metrics(file, &self.metrics);
        metrics.files_ranges_pruned_statistics.add_matched(1);
        metrics.row_groups_pruned_statistics.add_pruned(chosen.ruled_out);
        metrics.row_groups_pruned_statistics.add_matched(chosen.whole.len());
        let parts = chosen.parts.map(|parts| self.whole.plan_file(file.clone().with_extension(parts)));
        let parts: Vec<Box<dyn MorselPlanner>> = parts.into_iter().collect::<Result<_>>()?;
        if chosen.whole.is_empty() {
            return Ok((!parts.is_empty()).then(|| MorselPlan::new().with_planners(parts)));
        }
        let late = LateFilters::new(predicate.as_ref(), &columns);
        let kept = self.store.columns(&file.object_meta);
        let read = Read::try_new(metadata, &physical, columns, self.batch_size, kept)?;
        let promised = self.projection.project_schema(self.table.table_schema())?;
        let output = Output::try_new(&projection, &read.schema, Arc::new(promised))?;
        let ruler = predicate.map(|predicate| Ruler {
            tracking: DynamicFilterTracking::classify(&predicate),
            predicate,
            physical,
            most_in_list: self.most_in_list,
            now: pruning,
        });
        let row_groups = RowGroups {
            read,
            reader,
            output,
            rest: chosen.whole.into(),
            ruler,
            late,
            survivors: Arc::clone(&self.survivors),
            metrics,
            uncounted: self.file_metrics(file, &ExecutionPlanMetricsSet::new()),
            current: None,
            few: None,
            is_over: false,
        };
        Ok(Some(MorselPlan::new().with_planners(parts).with_morsels(vec![Box::new(Columns(row_groups))])))
    }

    /// Filter and projection over the file's own columns.
    fn adapted(
        &self,
        file: &PartitionedFile,
        physical: &SchemaRef,
    ) -> Result<(Option<Arc<dyn PhysicalExpr>>, ProjectionExprs)> {
        let logical = self.table.file_schema();
        let literals = self.literals(file);
        let mut predicate = self.predicate_for(file)?;
        let mut projection = self.projection.clone();
        if !literals.is_empty() {
            projection = projection.try_map_exprs(|part| replace_columns_with_literals(part, &literals))?;
        }
        projection = rewrite_input_file_name_in_projection(projection, file.object_meta.location.as_ref())?;
        if predicate.is_some() || logical != physical {
            let adapter = self.adapter.create(Arc::clone(logical), Arc::clone(physical))?;
            let simplifier = PhysicalExprSimplifier::new(physical);
            predicate = predicate.map(|part| simplifier.simplify(adapter.rewrite(part)?)).transpose()?;
            projection = projection.try_map_exprs(|part| simplifier.simplify(adapter.rewrite(part)?))?;
        }
        Ok((predicate, projection))
    }

    /// Which row groups of the part are read, and how.
    fn choose(
        &self,
        file: &PartitionedFile,
        metadata: &ArrowReaderMetadata,
        physical: &Schema,
        predicate: Option<&Arc<dyn PhysicalExpr>>,
        pruning: Option<&PruningPredicate>,
    ) -> Chosen {
        // DataFusion's reader counts again what is left to it.
        let uncounted = self.file_metrics(file, &ExecutionPlanMetricsSet::new());
        let (footer, parquet_schema) = (metadata.metadata(), metadata.parquet_schema());
        let groups = footer.row_groups();
        let mut filter = RowGroupAccessPlanFilter::new(ParquetAccessPlan::new_all(groups.len()));
        if let Some(range) = &file.range {
            filter.prune_by_range(groups, range);
        }
        let within = filter.remaining_row_group_count();
        if let Some(pruning) = pruning {
            filter.prune_by_statistics(physical, parquet_schema, groups, pruning, &uncounted);
        }
        let mut chosen =
            Chosen { whole: Vec::new(), parts: None, ruled_out: within - filter.remaining_row_group_count() };
        let mut plan = filter.build();
        if let Some(predicate) = predicate
            && footer.column_index().is_some()
        {
            let pages = PagePruningAccessPlanFilter::new(predicate, Arc::new(physical.clone()));
            if pages.filter_number() > 0 {
                plan = pages.prune_plan_with_page_index(plan, physical, parquet_schema, footer, &uncounted);
            }
        }
        for (group, access) in plan.into_inner().into_iter().enumerate() {
            let rows = usize::try_from(groups[group].num_rows()).unwrap_or(0);
            match access {
                RowGroupAccess::Skip => {}
                RowGroupAccess::Selection(left)
                    if left.row_count().saturating_mul(SKIPPED_ONE_IN)
                        <= rows.saturating_mul(SKIPPED_ONE_IN - 1) =>
                {
                    let parts = chosen.parts.get_or_insert_with(|| ParquetAccessPlan::new_none(groups.len()));
                    parts.scan(group);
                    parts.scan_selection(group, left);
                }
                RowGroupAccess::Scan | RowGroupAccess::Selection(_) => chosen.whole.push(group),
            }
        }
        chosen
    }
}

/// Whether the file has a Bloom filter for a column that is compared with single values.
fn has_bloom_filter(pruning: &PruningPredicate, physical: &Schema, metadata: &ArrowReaderMetadata) -> bool {
    let names = pruning.literal_columns();
    let groups = metadata.metadata().row_groups();
    names.iter().any(|name| {
        let schema = metadata.parquet_schema();
        parquet::arrow::parquet_column(schema, physical, name).is_some_and(|(leaf, _)| {
            groups.iter().any(|group| group.column(leaf).bloom_filter_offset().is_some())
        })
    })
}

/// Row groups that are read column by column.
struct Columns(RowGroups);

impl fmt::Debug for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Columns").finish_non_exhaustive()
    }
}

impl Morsel for Columns {
    fn into_stream(self: Box<Self>) -> BoxStream<'static, Result<arrow::array::RecordBatch>> {
        self.0.into_stream()
    }
}
