//! A folder's files as tables with Spanner's types.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::{
    catalog::TableProvider,
    common::TableReference,
    dataframe::DataFrame,
    error::DataFusionError,
    functions::expr_fn::to_timestamp_micros,
    logical_expr::{Expr, cast, ident},
    physical_plan::statistics::{StatisticsArgs, StatisticsContext},
    prelude::{CsvReadOptions, JsonReadOptions, ParquetReadOptions, SessionConfig, SessionContext},
};

use crate::spanner::{
    client::{SpannerCode, SpannerError, SpannerTable},
    column::SpannerType,
};

/// The tables of a folder, as they were when it was last looked at.
pub(super) struct Tables {
    /// Where texts are planned and run. Its tables are named as the files are.
    pub(super) context: SessionContext,
    /// In name order.
    pub(super) described: Vec<SpannerTable>,
    files: Vec<File>,
}

/// What of a file tells whether it is still the one that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct File {
    path: PathBuf,
    format: Format,
    size: u64,
    modified: Option<SystemTime>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Format {
    Parquet,
    Csv,
    Json,
}

impl Tables {
    /// Reads the schemas of the folder's files.
    pub(super) async fn open(folder: &Path) -> Result<Self, SpannerError> {
        let files = files(folder)?;
        let mut config = SessionConfig::new()
            // One partition and no repartitioning: rows come in the file's order, so that parts of an
            // answer can be told apart by their place in it.
            .with_target_partitions(1)
            .with_information_schema(false);
        config.options_mut().execution.time_zone = Some("UTC".to_owned());
        let context = SessionContext::new_with_config(config);
        let mut described = Vec::with_capacity(files.len());
        for file in &files {
            let (table, provider) = file.table(&context).await.map_err(|error| file.unreadable(&error))?;
            context
                .register_table(TableReference::bare(table.name.clone()), provider)
                .map_err(|error| file.unreadable(&error))?;
            described.push(table);
        }
        Ok(Tables { context, described, files })
    }

    /// Whether the folder still holds the same files.
    pub(super) fn are_current(&self, folder: &Path) -> bool {
        files(folder).is_ok_and(|files| files == self.files)
    }

    /// The table of this name, in any case.
    pub(super) fn find(&self, name: &str) -> Option<&SpannerTable> {
        self.described.iter().find(|table| table.name.eq_ignore_ascii_case(name))
    }
}

impl File {
    fn name(&self) -> &str {
        self.path.file_stem().and_then(OsStr::to_str).unwrap_or_default()
    }

    /// The file under Spanner's types. Columns of other types are left out.
    async fn table(
        &self,
        context: &SessionContext,
    ) -> Result<(SpannerTable, Arc<dyn TableProvider>), DataFusionError> {
        let frame = self.frame(context).await?;
        let mut columns = Vec::new();
        let mut delivered = Vec::new();
        for field in frame.schema().fields() {
            let Some(kind) = SpannerType::holding(field.data_type()) else { continue };
            delivered.push(as_delivered(field.name(), field.data_type(), kind));
            columns.push((field.name().clone(), kind));
        }
        let frame = frame.select(delivered)?;
        let plan = frame.clone().create_physical_plan().await?;
        let rows = StatisticsContext::new()
            .compute(plan.as_ref(), &StatisticsArgs::new())?
            .num_rows
            .get_value()
            .copied();
        let row_count = rows.and_then(|rows| u64::try_from(rows).ok());
        Ok((SpannerTable { name: self.name().to_owned(), columns, row_count }, frame.into_view()))
    }

    async fn frame(&self, context: &SessionContext) -> Result<DataFrame, DataFusionError> {
        let path = self.path.to_string_lossy();
        let extension = self.path.extension().and_then(OsStr::to_str).unwrap_or_default();
        match self.format {
            Format::Parquet => {
                let options =
                    ParquetReadOptions { file_extension: extension, ..ParquetReadOptions::default() };
                context.read_parquet(path.as_ref(), options).await
            }
            Format::Csv => {
                context.read_csv(path.as_ref(), CsvReadOptions::new().file_extension(extension)).await
            }
            Format::Json => {
                let options = JsonReadOptions { file_extension: extension, ..JsonReadOptions::default() };
                context.read_json(path.as_ref(), options).await
            }
        }
    }

    fn unreadable(&self, error: &DataFusionError) -> SpannerError {
        let text = error.strip_backtrace();
        let line = text.lines().next().unwrap_or_default();
        SpannerError::new(SpannerCode::Internal, format!("Table {} cannot be read: {line}", self.name()))
    }
}

/// A column under the type that it is delivered as.
fn as_delivered(name: &str, data_type: &DataType, kind: SpannerType) -> Expr {
    let column = match data_type {
        DataType::Timestamp(TimeUnit::Microsecond, _) => ident(name),
        // The optimizer moves casts from a column to the literal it is compared with, and rounds a
        // time that the column's coarser unit does not have. It leaves functions where they are.
        DataType::Timestamp(_, _) => to_timestamp_micros(vec![ident(name)]),
        _ => ident(name),
    };
    cast(column, kind.arrow()).alias(name)
}

/// The folder's files that are tables, in name order.
fn files(folder: &Path) -> Result<Vec<File>, SpannerError> {
    let absent = |error: std::io::Error| {
        SpannerError::new(SpannerCode::NotFound, format!("Database not found: {}: {error}", folder.display()))
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(absent)? {
        let path = entry.map_err(absent)?.path();
        let format = match path.extension().and_then(OsStr::to_str) {
            Some("parquet") => Format::Parquet,
            Some("csv") => Format::Csv,
            Some("json" | "ndjson" | "jsonl") => Format::Json,
            _ => continue,
        };
        let metadata = std::fs::metadata(&path).map_err(absent)?;
        if metadata.is_file() {
            files.push(File { path, format, size: metadata.len(), modified: metadata.modified().ok() });
        }
    }
    files.sort();
    Ok(files)
}
