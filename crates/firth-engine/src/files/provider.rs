//! The table that plans see: files of one format, listed already.

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{ScalarValue, Statistics, stats::Precision},
    datasource::{
        TableType,
        listing::PartitionedFile,
        physical_plan::{FileGroup, FileScanConfigBuilder},
        source::DataSourceExec,
        table_schema::TableSchema,
    },
    error::{DataFusionError, Result as DataFusionResult},
    logical_expr::{Expr, TableProviderFilterPushDown},
    physical_plan::{
        ExecutionPlan, empty::EmptyExec, expressions::Column, projection::ProjectionExec, union::UnionExec,
    },
};
use firth_connector::OpenedRemote;
use firth_diagnostic::{Code, Diagnostic, Result, Span};
use firth_pushdown::shown_schema;
use futures::{StreamExt, stream};

use super::{
    FileKind, HiveLayout, ListedFiles, TableFormat, folder_walk::FolderFilter, footer,
    listing::list_wanted_files, parquet_source, pruning, text::TextSource, whole::WholeSource,
    widened::FileSchemaAdapter,
};
use crate::{rejected::RejectedRows, store::StatementStores};

/// Parquet footers read at once while resolving.
pub(crate) const FOOTERS_AT_ONCE: usize = 8;
/// The column of the files' uris, as plans call it.
const FILE_NAME: &str = "_file_name";
/// With more files than this, statistics are not worth the wait.
pub(crate) const FILES_WITH_STATISTICS: usize = 1000;

/// An external table over files that were listed when the statement was resolved, or, if a filter may leave out
/// folders, once its filters are known: planning does no I/O.
pub(crate) struct ExternalFiles {
    format: TableFormat,
    /// As in the files: the source's spelling.
    file_schema: SchemaRef,
    /// The columns that are folders; they come after the files' own.
    layout: Option<HiveLayout>,
    /// As shown to DataFusion: names in lower case.
    shown: SchemaRef,
    /// What has been listed.
    listed: Mutex<Option<Arc<Listed>>>,
    /// How the files are listed, if they are not yet.
    unlisted: Option<Unlisted>,
    /// Where the statement names the table.
    span: OnceLock<Span>,
    /// The table's name, if a query must have a filter over its partition columns.
    filter_required: Option<String>,
    /// Whether the last column is the files' uris.
    file_name: bool,
}

/// Where the files of a partitioned table are.
pub(crate) struct Unlisted {
    pub(crate) stores: Arc<StatementStores>,
    pub(crate) remote: Arc<OpenedRemote>,
    pub(crate) uris: Vec<String>,
}

/// The files of a table: all that scans with these filters may need.
struct Listed {
    buckets: Vec<Bucket>,
    /// The filters over partition columns of each scan. One without filters needs all files.
    scans: Vec<Vec<Expr>>,
}

impl Listed {
    /// Whether all files are here that a scan with these filters needs.
    fn serves(&self, filters: &[Expr]) -> bool {
        self.scans.iter().any(|scan| scan.iter().all(|filter| filters.contains(filter)))
    }
}

struct Bucket {
    listed: ListedFiles,
    files: Vec<PartitionedFile>,
}

impl ExternalFiles {
    /// The table of these files. Reads Parquet footers for their statistics, which the scan then has.
    pub(crate) async fn try_new(
        format: TableFormat,
        file_schema: SchemaRef,
        layout: Option<HiveLayout>,
        listed: Vec<ListedFiles>,
    ) -> Result<Self> {
        let files = Self::described(format, file_schema, layout, None)?;
        let buckets = files.with_statistics(listed).await?;
        files.keep(Listed { buckets, scans: vec![Vec::new()] });
        Ok(files)
    }

    /// The same table, whose files are listed by [`ExternalFiles::list_for`] before it is scanned.
    pub(crate) fn try_new_unlisted(
        format: TableFormat,
        file_schema: SchemaRef,
        layout: HiveLayout,
        unlisted: Unlisted,
    ) -> Result<Self> {
        Self::described(format, file_schema, Some(layout), Some(unlisted))
    }

    fn described(
        format: TableFormat,
        file_schema: SchemaRef,
        layout: Option<HiveLayout>,
        unlisted: Option<Unlisted>,
    ) -> Result<Self> {
        let file_schema = if format.kind() == FileKind::Parquet { viewed(&file_schema) } else { file_schema };
        let mut fields: Vec<FieldRef> = file_schema.fields().iter().cloned().collect();
        fields.extend(layout.iter().flat_map(HiveLayout::fields));
        let shown = shown_schema(&Schema::new(fields))?;
        Ok(ExternalFiles {
            format,
            file_schema,
            layout,
            shown,
            listed: Mutex::default(),
            unlisted,
            span: OnceLock::new(),
            filter_required: None,
            file_name: false,
        })
    }

    async fn with_statistics(&self, listed: Vec<ListedFiles>) -> Result<Vec<Bucket>> {
        let count: usize = listed.iter().map(|listed| listed.files.len()).sum();
        let wants_statistics = self.format.kind() == FileKind::Parquet && count <= FILES_WITH_STATISTICS;
        let mut buckets = Vec::new();
        for listed in listed {
            let mut reads = Vec::new();
            for file in &listed.files {
                let values = match &self.layout {
                    Some(layout) => layout.values(&file.location, &listed.uri(file))?,
                    None => Vec::new(),
                };
                let planned = listed.handle.planned(file.clone());
                let (store, schema) = (Arc::clone(&listed.handle.store), Arc::clone(&self.file_schema));
                reads.push(async move {
                    let mut partitioned =
                        PartitionedFile::new_from_meta(planned.clone()).with_partition_values(values);
                    if wants_statistics {
                        // Statistics only help: a broken file is reported when it is read.
                        if let Ok(footer) = footer(&store, &planned).await
                            && let Ok(statistics) = footer.statistics(&schema)
                        {
                            partitioned = partitioned.with_statistics(statistics);
                        }
                    }
                    partitioned
                });
            }
            let files = stream::iter(reads).buffered(FOOTERS_AT_ONCE).collect().await;
            buckets.push(Bucket { listed, files });
        }
        Ok(buckets)
    }

    /// Lists what scans with these filters may need, unless that has been done.
    pub(crate) async fn list_for(&self, session: &dyn Session, scans: &[Vec<Expr>]) -> Result<()> {
        let (Some(unlisted), Some(layout)) = (&self.unlisted, &self.layout) else { return Ok(()) };
        for filters in scans {
            self.check_filters(filters)?;
        }
        if self.listed().is_some_and(|listed| scans.iter().all(|filters| listed.serves(filters))) {
            return Ok(());
        }
        let keys = self.partition_columns();
        let about = |filters: &Vec<Expr>| {
            filters.iter().filter(|filter| pruning::is_about(filter, keys)).cloned().collect::<Vec<Expr>>()
        };
        let scans: Vec<Vec<Expr>> = scans.iter().map(about).collect();
        let filter = FolderFilter { session, layout, keys, scans: &scans };
        let placed = |error: Diagnostic| match self.span.get() {
            Some(span) => error.or_at(*span),
            None => error,
        };
        let listed = list_wanted_files(&unlisted.stores, &unlisted.remote, &unlisted.uris, &filter)
            .await
            .map_err(placed)?;
        let buckets = self.with_statistics(listed).await.map_err(placed)?;
        self.keep(Listed { buckets, scans });
        Ok(())
    }

    /// Notes where the statement names the table, for messages about its files.
    pub(crate) fn named_at(&self, span: Span) {
        // A table that is named twice is one, and is pointed at where it stands first.
        let _ = self.span.set(span);
    }

    fn listed(&self) -> Option<Arc<Listed>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, listed: Listed) {
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(listed));
    }

    /// The same with the files' uris as the last column, which no file has.
    #[must_use]
    pub(crate) fn with_file_name(mut self) -> Self {
        let field = Arc::new(Field::new(FILE_NAME, DataType::Utf8, false));
        let fields = self.shown.fields().iter().cloned().chain([field]).collect::<Vec<_>>();
        self.shown = Arc::new(Schema::new(fields));
        self.file_name = true;
        self
    }

    /// The same, and no query may read it without a filter over its partition columns alone.
    #[must_use]
    pub(crate) fn requiring_filter(mut self, table: String) -> Self {
        self.filter_required = Some(table);
        self
    }

    /// The columns that are one value for each file, as plans call them.
    fn keys(&self) -> &[FieldRef] {
        &self.shown.fields()[self.file_schema.fields().len()..]
    }

    /// The columns that are folders, as plans call them.
    fn partition_columns(&self) -> &[FieldRef] {
        &self.keys()[..self.layout.as_ref().map_or(0, |layout| layout.fields().len())]
    }

    /// The files that a query with these filters reads, with their values for `keys`.
    fn files_for(
        &self,
        session: &dyn Session,
        bucket: &Bucket,
        filters: &[Expr],
    ) -> DataFusionResult<Vec<PartitionedFile>> {
        let mut files = bucket.files.clone();
        if self.file_name {
            for file in &mut files {
                let uri = bucket.listed.handle.store.uri(file.path());
                file.partition_values.push(ScalarValue::from(uri));
            }
        }
        let values: Vec<Vec<ScalarValue>> = files.iter().map(|file| file.partition_values.clone()).collect();
        let mut kept = pruning::kept(session, filters, self.keys(), &values)?.into_iter();
        files.retain(|_| kept.next().unwrap_or(true));
        Ok(files)
    }

    /// Fails if a filter is required and there is none (BigQuery's rule and words).
    fn check_filters(&self, filters: &[Expr]) -> Result<()> {
        let Some(table) = &self.filter_required else { return Ok(()) };
        let keys = self.partition_columns();
        if filters.iter().any(|filter| pruning::is_about(filter, keys)) {
            return Ok(());
        }
        let names: Vec<String> = keys.iter().map(|key| format!("'{}'", key.name())).collect();
        Err(Diagnostic::error(
            Code::Invalid,
            format!(
                "cannot query over table {table:?} without a filter over column(s) {} that can be used for partition elimination",
                names.join(", ")
            ),
        )
        .hint("The table was made with require_hive_partition_filter = TRUE. Name these columns, and no others, in a part of WHERE."))
    }

    /// The files as far as they are listed: for messages about them.
    pub(crate) fn files(&self) -> Vec<ListedFiles> {
        let listed = self.listed();
        listed.iter().flat_map(|listed| &listed.buckets).map(|bucket| bucket.listed.clone()).collect()
    }

    fn scan_bucket(
        &self,
        session: &dyn Session,
        bucket: &Bucket,
        mut rest: Vec<PartitionedFile>,
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
    ) -> DataFusionResult<Vec<Arc<dyn ExecutionPlan>>> {
        let mut plans = Vec::new();
        // Files of one table may be compressed differently, by their endings; a reader has one compression.
        while let Some(first) = rest.first() {
            let compression = self.format.compression_of(first.path().as_ref());
            let (these, others): (Vec<_>, Vec<_>) = rest
                .into_iter()
                .partition(|file| self.format.compression_of(file.path().as_ref()) == compression);
            rest = others;
            let statistics = statistics_of(&these, &self.shown);
            let groups = FileGroup::new(these).split_files(session.config().target_partitions());
            let mut keys = self.layout.as_ref().map(HiveLayout::fields).unwrap_or_default();
            keys.extend(self.keys().get(keys.len()..).into_iter().flatten().cloned());
            // The planner compares fields with their metadata, which hold the source's spelling of names.
            let mut fields: Vec<FieldRef> = self.file_schema.fields().iter().chain(&keys).cloned().collect();
            for (field, shown) in fields.iter_mut().zip(self.shown.fields()) {
                Arc::make_mut(field).set_metadata(shown.metadata().clone());
            }
            let keys = fields.split_off(self.file_schema.fields().len());
            let table =
                TableSchema::builder(Arc::new(Schema::new(fields))).with_table_partition_cols(keys).build();
            let source = match &self.format {
                TableFormat::Parquet { .. } => {
                    let options = TableFormat::parquet(session.config_options());
                    parquet_source(table, options, &bucket.listed.handle.store)
                }
                TableFormat::Text(text) => {
                    let store = Arc::clone(&bucket.listed.handle.store);
                    let rejected = session.config().get_extension::<RejectedRows>().unwrap_or_default();
                    Arc::new(TextSource::new(text.clone(), compression, store, table, rejected))
                }
                TableFormat::Whole(whole) => {
                    let store = Arc::clone(&bucket.listed.handle.store);
                    let pool = Arc::clone(&session.runtime_env().memory_pool);
                    Arc::new(WholeSource::new(whole.clone(), store, pool, table))
                }
            };
            let config = FileScanConfigBuilder::new(bucket.listed.handle.url.clone(), source)
                .with_file_groups(groups)
                .with_statistics(statistics)
                .with_projection_indices(projection.cloned())?
                .with_limit(limit)
                .with_expr_adapter(Some(Arc::new(FileSchemaAdapter)))
                .build();
            // A format's own way to a plan would read footers through DataFusion's cache, which knows no ETags.
            plans.push(DataSourceExec::from_data_source(config) as Arc<dyn ExecutionPlan>);
        }
        Ok(plans)
    }
}

/// What is known of these files together, as plans call their columns; of files without statistics, their size.
pub(crate) fn statistics_of(files: &[PartitionedFile], shown: &SchemaRef) -> Statistics {
    let known: Option<Vec<Statistics>> =
        files.iter().map(|file| file.statistics.as_ref().map(|known| known.as_ref().clone())).collect();
    let merged = known
        .filter(|known| !known.is_empty())
        .and_then(|known| Statistics::try_merge_iter(known.iter(), shown).ok());
    merged.unwrap_or_else(|| {
        let mut unknown = Statistics::new_unknown(shown);
        let size: u64 = files.iter().map(|file| file.object_meta.size).sum();
        unknown.total_byte_size = usize::try_from(size).map_or(Precision::Absent, Precision::Inexact);
        unknown
    })
}

/// Renames columns from the files' spelling to the shown one, where they differ.
pub(crate) fn renamed(
    plan: Arc<dyn ExecutionPlan>,
    shown: &SchemaRef,
    projection: Option<&Vec<usize>>,
) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
    let shown = match projection {
        Some(indices) => shown.project(indices)?,
        None => shown.as_ref().clone(),
    };
    if plan.schema().fields().iter().zip(shown.fields()).all(|(a, b)| a.name() == b.name()) {
        return Ok(plan);
    }
    let read = plan.schema();
    let columns = read.fields().iter().enumerate().zip(shown.fields()).map(|((index, from), to)| {
        let column: Arc<dyn datafusion::physical_plan::PhysicalExpr> =
            Arc::new(Column::new(from.name(), index));
        (column, to.name().clone())
    });
    let columns: Vec<_> = columns.collect();
    Ok(Arc::new(ProjectionExec::try_new(columns, plan)?))
}

#[async_trait]
impl TableProvider for ExternalFiles {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.shown)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        // Filters reach Parquet through the physical optimizer, which keeps them above the scan too.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let limit = if filters.is_empty() { limit } else { None };
        self.check_filters(filters).map_err(in_datafusion)?;
        let listed = self.listed().filter(|listed| listed.serves(filters));
        let Some(listed) = listed else {
            return Err(in_datafusion(Diagnostic::internal(
                "the files of a table that is scanned are not listed",
            )));
        };
        let mut plans = Vec::new();
        for bucket in &listed.buckets {
            let files = self.files_for(session, bucket, filters)?;
            for plan in self.scan_bucket(session, bucket, files, projection, limit)? {
                plans.push(renamed(plan, &self.shown, projection)?);
            }
        }
        if plans.len() > 1 {
            return UnionExec::try_new(plans);
        }
        match plans.pop() {
            Some(plan) => Ok(plan),
            None => {
                let schema = match projection {
                    Some(indices) => Arc::new(self.shown.project(indices)?),
                    None => Arc::clone(&self.shown),
                };
                Ok(Arc::new(EmptyExec::new(schema)))
            }
        }
    }
}

impl fmt::Debug for ExternalFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: usize = self.files().iter().map(|listed| listed.files.len()).sum();
        f.debug_struct("ExternalFiles")
            .field("format", &self.format.kind())
            .field("files", &files)
            .finish_non_exhaustive()
    }
}

fn in_datafusion(error: Diagnostic) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// The schema with its strings as views: pages of Parquet then need not be copied value by value, and
/// comparing and grouping look at the first bytes only. Results have plain strings again.
pub(crate) fn viewed(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View)),
        _ => Arc::clone(field),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Whether every column can be read from the format; the first that cannot, if not.
pub(crate) fn unreadable_column<'a>(
    format: &TableFormat,
    schema: &'a Schema,
) -> Option<(&'a str, &'a DataType)> {
    schema
        .fields()
        .iter()
        .find(|field| !format.can_hold(field.data_type()))
        .map(|field| (field.name().as_str(), field.data_type()))
}
