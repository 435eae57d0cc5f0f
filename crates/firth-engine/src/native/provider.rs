//! The table that plans see: the files of one snapshot, without the rows that are deleted.

use std::{fmt, sync::Arc};

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use chrono::DateTime;
use datafusion::{
    catalog::{Session, TableProvider},
    common::ScalarValue,
    datasource::{
        TableType,
        listing::PartitionedFile,
        physical_plan::{FileGroup, FileScanConfigBuilder},
        source::DataSourceExec,
        table_schema::TableSchema,
    },
    error::Result as DataFusionResult,
    logical_expr::{Expr, TableProviderFilterPushDown},
    physical_expr_adapter::PhysicalExprAdapterFactory,
    physical_plan::{ExecutionPlan, empty::EmptyExec},
};
use firth_catalog::{COLUMN_ID, Catalog, NativeState};
use firth_connector::OpenedRemote;
use firth_diagnostic::{Code, Diagnostic, Result};
use firth_pushdown::shown_schema;
use firth_sql::{FILE_COLUMN, ROW_COLUMN};
use futures::{StreamExt as _, stream};
use object_store::{ObjectMeta, path::Path};
use parquet::arrow::RowNumber;

use super::{assign::plain_columns, deletes::read_deletes};
use crate::{
    files::{
        FILES_WITH_STATISTICS, FOOTERS_AT_ONCE, TableFormat, footer, parquet_source, renamed, statistics_of,
        viewed,
    },
    local_uri::local_uri,
    store::{StatementStores, StoreHandle},
    versioned::ColumnFinder,
};

/// Files never change under their names, so this stands for the ETag that local files do not have.
const IMMUTABLE: &str = "firth-native";

/// A native table at one snapshot.
pub(crate) struct NativeFiles {
    file_schema: SchemaRef,
    /// As shown to DataFusion: names in lower case.
    shown: SchemaRef,
    /// Finds the columns in files by their numbers: a file may be older than a column, or its name.
    finder: Arc<dyn PhysicalExprAdapterFactory>,
    /// Whether it has the columns that say where a row is.
    with_place: bool,
    /// Absent if there is no file.
    handle: Option<StoreHandle>,
    files: Vec<PartitionedFile>,
}

impl NativeFiles {
    /// The table of this state. `with_place`: with [`FILE_COLUMN`] and [`ROW_COLUMN`] at its end.
    pub(crate) async fn try_new(
        catalog: &Catalog,
        state: &NativeState,
        stores: &StatementStores,
        remote: &OpenedRemote,
        with_place: bool,
    ) -> Result<Self> {
        let file_schema = viewed(&plain_columns(&state.columns));
        let finder = Arc::new(ColumnFinder::by_number(&state.columns, &file_schema));
        let numbered = numbered(&file_schema, &state.columns);
        let mut fields: Vec<FieldRef> = file_schema.fields().iter().cloned().collect();
        if with_place {
            fields.extend([file_field(), row_field()]);
        }
        let shown = shown_schema(&Schema::new(fields))?;
        let deletes = read_deletes(catalog, &state.files).await?;
        let folder = catalog.data_folder();
        let objects = Arc::clone(&remote.remote)
            .objects()
            .ok_or_else(|| Diagnostic::internal("local files are no objects"))?;
        let mut handle: Option<StoreHandle> = None;
        let mut reads = Vec::new();
        for file in &state.files {
            let uri = local_uri(&folder.join(&file.path)).ok_or_else(|| {
                Diagnostic::error(
                    Code::Unsupported,
                    format!("the path of the home is not Unicode: {folder:?}"),
                )
            })?;
            let location = objects.locate(&uri)?;
            let store = match &handle {
                Some(store) => store.clone(),
                None => handle.insert(stores.open(remote, &objects, &location)?).clone(),
            };
            let key = Path::parse(&location.key).map_err(|error| {
                Diagnostic::internal(format!("{:?} is not a path: {error}", location.key))
            })?;
            let meta = store.planned(ObjectMeta {
                location: key,
                last_modified: DateTime::UNIX_EPOCH,
                size: file.bytes,
                e_tag: Some(IMMUTABLE.to_owned()),
                version: None,
            });
            let mut planned = PartitionedFile::new_from_meta(meta.clone());
            if with_place {
                planned = planned.with_partition_values(vec![ScalarValue::Int64(Some(file.id))]);
            }
            let deleted = deletes.get(&file.id).cloned();
            let wants_statistics = !with_place && state.files.len() <= FILES_WITH_STATISTICS;
            let schema = Arc::clone(&numbered);
            reads.push(async move {
                if deleted.is_none() && !wants_statistics {
                    return Ok(planned);
                }
                let footer = match footer(&store.store, &meta).await {
                    Ok(footer) => footer,
                    // It is reported when it is read, unless there is more to know than statistics.
                    Err(_) if deleted.is_none() => return Ok(planned),
                    Err(error) => return Err(crate::error::from_datafusion(error.into())),
                };
                if wants_statistics && let Ok(statistics) = footer.statistics(&schema) {
                    planned = planned.with_statistics(match &deleted {
                        None => statistics,
                        Some(_) => Arc::new(statistics.as_ref().clone().to_inexact()),
                    });
                }
                if let Some(deleted) = &deleted {
                    planned = planned.with_extension(deleted.access_plan(footer.metadata()));
                }
                Ok(planned)
            });
        }
        let files: Vec<Result<PartitionedFile>> =
            stream::iter(reads).buffered(FOOTERS_AT_ONCE).collect().await;
        let files = files.into_iter().collect::<Result<_>>()?;
        Ok(NativeFiles { file_schema, shown, finder, with_place, handle, files })
    }

    fn table_schema(&self) -> TableSchema {
        // The planner compares fields with their metadata, which hold the source's spelling of names.
        let mut fields: Vec<FieldRef> = self.file_schema.fields().iter().cloned().collect();
        for (field, shown) in fields.iter_mut().zip(self.shown.fields()) {
            Arc::make_mut(field).set_metadata(shown.metadata().clone());
        }
        let schema = TableSchema::builder(Arc::new(Schema::new(fields)));
        if !self.with_place {
            return schema.build();
        }
        let place = self.shown.fields().iter().skip(self.file_schema.fields().len()).cloned();
        let place: Vec<FieldRef> = place.collect();
        schema
            .with_table_partition_cols(place[..1].to_vec())
            .with_virtual_columns(place[1..].to_vec())
            .build()
    }
}

/// The columns with their numbers, for the statistics of files.
fn numbered(columns: &Schema, numbers: &Schema) -> SchemaRef {
    let fields = columns.fields().iter().zip(numbers.fields()).map(|(field, numbered)| {
        let number = numbered.metadata().get(COLUMN_ID).map(|id| (COLUMN_ID.to_owned(), id.clone()));
        field.as_ref().clone().with_metadata(number.into_iter().collect())
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn file_field() -> FieldRef {
    Arc::new(Field::new(FILE_COLUMN, DataType::Int64, true))
}

fn row_field() -> FieldRef {
    Arc::new(Field::new(ROW_COLUMN, DataType::Int64, false).with_extension_type(RowNumber))
}

#[async_trait]
impl TableProvider for NativeFiles {
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
        let Some(handle) = &self.handle else {
            let schema = match projection {
                Some(indices) => Arc::new(self.shown.project(indices)?),
                None => Arc::clone(&self.shown),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        };
        let options = TableFormat::parquet(session.config_options());
        let source = parquet_source(self.table_schema(), options, &handle.store);
        let groups = FileGroup::new(self.files.clone()).split_files(session.config().target_partitions());
        let config = FileScanConfigBuilder::new(handle.url.clone(), source)
            .with_file_groups(groups)
            .with_statistics(statistics_of(&self.files, &self.shown))
            .with_projection_indices(projection.cloned())?
            .with_limit(if filters.is_empty() { limit } else { None })
            .with_expr_adapter(Some(Arc::clone(&self.finder)))
            .build();
        renamed(DataSourceExec::from_data_source(config), &self.shown, projection)
    }
}

impl fmt::Debug for NativeFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeFiles").field("files", &self.files.len()).finish_non_exhaustive()
    }
}
