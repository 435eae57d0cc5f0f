//! The table that plans see: the Parquet files of one version, without the rows that are gone by their place.

use std::{fmt, sync::Arc};

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{ColumnStatistics, ScalarValue, Statistics, stats::Precision},
    datasource::{
        TableType,
        listing::PartitionedFile,
        physical_plan::{FileGroup, FileScanConfigBuilder},
        source::DataSourceExec,
        table_schema::TableSchema,
    },
    error::{DataFusionError, Result as DataFusionResult},
    logical_expr::{Expr, TableProviderFilterPushDown},
    physical_plan::{ExecutionPlan, empty::EmptyExec, union::UnionExec},
};
use firth_diagnostic::{Diagnostic, Result};
use firth_pushdown::shown_schema;
use futures::{StreamExt as _, stream};

use super::{
    adapter::ColumnFinder,
    filter_rule::FilterRule,
    pruning,
    table::{DataFile, TableColumn},
};
use crate::{
    error::{InFile as _, from_datafusion},
    files::{FOOTERS_AT_ONCE, TableFormat, footer, parquet_source, renamed, statistics_of},
    store::StoreHandle,
};

/// The column of the files' uris, as plans call it.
const FILE_NAME: &str = "_file_name";
/// The columns by which lists of deleted values are compared.
pub(super) const SEQUENCE: &str = "_firth_sequence";
pub(super) const PARTITION: &str = "_firth_partition";

/// What a scan has beside the table's own columns. Each is one value for each file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extras {
    /// [`SEQUENCE`] and [`PARTITION`].
    pub(super) place: bool,
    /// The files' uris.
    pub(super) file_name: bool,
}

/// Files of a table, of which planning knows all that it needs.
pub(crate) struct VersionedFiles {
    columns: Arc<[TableColumn]>,
    /// As plans call the columns, the extra ones too.
    shown: SchemaRef,
    groups: Vec<Group>,
    rule: Option<FilterRule>,
}

/// Files of one bucket for which the same columns are taken from the metadata.
struct Group {
    handle: StoreHandle,
    /// Their places among the table's columns.
    constants: Vec<usize>,
    files: Vec<(PartitionedFile, DataFile)>,
}

impl VersionedFiles {
    /// The table of these files. Reads the footers of those that have deleted rows.
    pub(super) async fn try_new(
        columns: Arc<[TableColumn]>,
        files: Vec<DataFile>,
        extras: Extras,
    ) -> Result<Self> {
        let mut fields: Vec<FieldRef> = columns.iter().map(|column| Arc::clone(&column.field)).collect();
        if extras.place {
            fields
                .extend([SEQUENCE, PARTITION].map(|name| Arc::new(Field::new(name, DataType::Int64, false))));
        }
        if extras.file_name {
            fields.push(Arc::new(Field::new(FILE_NAME, DataType::Utf8, false)));
        }
        let shown = shown_schema(&Schema::new(fields))?;
        let mut reads = Vec::with_capacity(files.len());
        for file in files {
            reads.push(planned(file, extras));
        }
        let planned: Vec<Result<_>> = stream::iter(reads).buffered(FOOTERS_AT_ONCE).collect().await;
        let mut groups: Vec<Group> = Vec::new();
        for file in planned {
            let (planned, file) = file?;
            let same = |group: &Group| {
                group.handle.url == file.handle.url
                    && group.constants.iter().eq(file.constants.iter().map(|(column, _)| column))
            };
            match groups.iter().position(same) {
                Some(at) => groups[at].files.push((planned, file)),
                None => groups.push(Group {
                    handle: file.handle.clone(),
                    constants: file.constants.iter().map(|(column, _)| *column).collect(),
                    files: vec![(planned, file)],
                }),
            }
        }
        let mut table = VersionedFiles { columns, shown, groups, rule: None };
        table.set_statistics();
        Ok(table)
    }

    /// The same, and no query may read it without such a filter.
    #[must_use]
    pub(super) fn ruled_by(mut self, rule: Option<FilterRule>) -> Self {
        self.rule = rule;
        self
    }

    /// Where in a group's scan each of the shown columns is.
    fn places(&self, group: &Group) -> Vec<usize> {
        let own = self.columns.len() - group.constants.len();
        let (mut in_file, mut constant) = (0, own);
        let mut places = Vec::with_capacity(self.shown.fields().len());
        for column in 0..self.columns.len() {
            let next = if group.constants.contains(&column) { &mut constant } else { &mut in_file };
            places.push(*next);
            *next += 1;
        }
        places.extend(self.columns.len()..self.shown.fields().len());
        places
    }

    /// A group's columns as a scan has them: those of the files, then those of the metadata.
    fn table_schema(&self, group: &Group) -> TableSchema {
        // The planner compares fields with their metadata, which hold the source's spelling of names.
        let spelled = |at: usize| {
            let shown = self.shown.field(at);
            match self.columns.get(at) {
                Some(column) => {
                    Arc::new(column.field.as_ref().clone().with_metadata(shown.metadata().clone()))
                }
                None => Arc::new(shown.clone()),
            }
        };
        let is_constant = |at: &usize| group.constants.contains(at);
        let own: Vec<FieldRef> = (0..self.columns.len()).filter(|at| !is_constant(at)).map(spelled).collect();
        let extra = self.columns.len()..self.shown.fields().len();
        let constants: Vec<FieldRef> = group.constants.iter().copied().chain(extra).map(spelled).collect();
        TableSchema::builder(Arc::new(Schema::new(own))).with_table_partition_cols(constants).build()
    }

    /// Gives every file what its metadata tell, in the order of its scan's columns.
    fn set_statistics(&mut self) {
        for at in 0..self.groups.len() {
            let places = self.places(&self.groups[at]);
            let width = self.shown.fields().len();
            for (planned, file) in &mut self.groups[at].files {
                let mut columns = vec![ColumnStatistics::new_unknown(); width];
                for (bounds, place) in file.bounds.iter().zip(&places) {
                    let bound = |value: &Option<ScalarValue>| {
                        value.clone().map_or(Precision::Absent, Precision::Inexact)
                    };
                    // With rows gone, there may be fewer.
                    let nulls = bounds.nulls.and_then(|nulls| usize::try_from(nulls).ok());
                    let nulls = match (nulls, &file.deletions) {
                        (None, _) => Precision::Absent,
                        (Some(nulls), None) => Precision::Exact(nulls),
                        (Some(nulls), Some(_)) => Precision::Inexact(nulls),
                    };
                    columns[*place] = ColumnStatistics {
                        null_count: nulls,
                        min_value: bound(&bounds.least),
                        max_value: bound(&bounds.greatest),
                        ..ColumnStatistics::new_unknown()
                    };
                }
                let rows = file.rows.and_then(|rows| usize::try_from(rows).ok());
                let size = usize::try_from(file.meta.size).unwrap_or(usize::MAX);
                planned.statistics = Some(Arc::new(Statistics {
                    num_rows: match (rows, &file.deletions) {
                        (None, _) => Precision::Absent,
                        (Some(rows), None) => Precision::Exact(rows),
                        (Some(rows), Some(_)) => Precision::Inexact(rows),
                    },
                    total_byte_size: Precision::Inexact(size),
                    column_statistics: columns,
                }));
            }
        }
    }

    fn scan_group(
        &self,
        session: &dyn Session,
        group: &Group,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Option<Arc<dyn ExecutionPlan>>> {
        let files: Vec<&DataFile> = group.files.iter().map(|(_, file)| file).collect();
        let kept = pruning::kept(session, filters, &self.shown, &files)?;
        let files: Vec<PartitionedFile> = group
            .files
            .iter()
            .zip(kept)
            .filter(|(_, kept)| *kept)
            .map(|((planned, _), _)| planned.clone())
            .collect();
        if files.is_empty() {
            return Ok(None);
        }
        let places = self.places(group);
        let indices: Vec<usize> = match projection {
            Some(indices) => indices.iter().map(|index| places[*index]).collect(),
            None => places,
        };
        let table = self.table_schema(group);
        let scanned = Arc::clone(table.table_schema());
        let mut options = TableFormat::parquet(session.config_options());
        // Spark writes timestamps as INT96, of which nanoseconds would not reach far.
        options.global.coerce_int96 = Some("us".to_owned());
        let source = parquet_source(table, options, &group.handle.store);
        let statistics = statistics_of(&files, &scanned);
        let groups = FileGroup::new(files).split_files(session.config().target_partitions());
        let config = FileScanConfigBuilder::new(group.handle.url.clone(), source)
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(Some(indices))?
            .with_limit(if filters.is_empty() { limit } else { None })
            .with_expr_adapter(Some(Arc::new(ColumnFinder { columns: Arc::clone(&self.columns) })))
            .build();
        Ok(Some(renamed(DataSourceExec::from_data_source(config), &self.shown, projection)?))
    }
}

/// A file as scans take it, with its values for what is not in it.
async fn planned(file: DataFile, extras: Extras) -> Result<(PartitionedFile, DataFile)> {
    let mut values: Vec<ScalarValue> = file.constants.iter().map(|(_, value)| value.clone()).collect();
    if extras.place {
        values.extend([ScalarValue::from(file.sequence), ScalarValue::from(file.partition)]);
    }
    if extras.file_name {
        values.push(ScalarValue::from(file.handle.store.uri(&file.meta.location)));
    }
    let mut planned = PartitionedFile::new_from_meta(file.meta.clone()).with_partition_values(values);
    if let Some(deletions) = &file.deletions {
        let footer = footer(&file.handle.store, &file.meta).await.map_err(|error| {
            from_datafusion(error.into()).in_file(&file.handle.store.uri(&file.meta.location))
        })?;
        planned = planned.with_extension(deletions.access_plan(footer.metadata()));
    }
    Ok((planned, file))
}

#[async_trait]
impl TableProvider for VersionedFiles {
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
        if let Some(rule) = &self.rule {
            rule.check(filters).map_err(|error: Diagnostic| DataFusionError::External(Box::new(error)))?;
        }
        let mut plans = Vec::new();
        for group in &self.groups {
            plans.extend(self.scan_group(session, group, projection, filters, limit)?);
        }
        match plans.len() {
            0 => {
                let schema = match projection {
                    Some(indices) => Arc::new(self.shown.project(indices)?),
                    None => Arc::clone(&self.shown),
                };
                Ok(Arc::new(EmptyExec::new(schema)))
            }
            1 => Ok(plans.remove(0)),
            _ => UnionExec::try_new(plans),
        }
    }
}

impl fmt::Debug for VersionedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: usize = self.groups.iter().map(|group| group.files.len()).sum();
        f.debug_struct("VersionedFiles").field("files", &files).finish_non_exhaustive()
    }
}
