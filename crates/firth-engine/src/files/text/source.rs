//! CSV and JSON as DataFusion's scans of files take them.

use std::{collections::HashMap, sync::Arc};

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
use futures::{FutureExt, StreamExt};
use object_store::{ObjectStore, path::Path};
use tokio::sync::Mutex;

use super::{
    Compression, Decoder, TextFormat,
    csv::CsvDecoder,
    infer, input,
    json::JsonDecoder,
    reading::{BadRows, TextFile, batches},
};
use crate::{rejected::RejectedRows, store::StatementStore};

/// Files of CSV or JSON.
#[derive(Clone)]
pub(crate) struct TextSource {
    format: Arc<TextFormat>,
    compression: Compression,
    store: Arc<StatementStore>,
    table_schema: TableSchema,
    projection: SplitProjection,
    batch_size: usize,
    bad: Arc<BadRows>,
    headers: Arc<Headers>,
    metrics: ExecutionPlanMetricsSet,
}

/// What the headers of files say, by file: each is read once for a scan, however many parts the file has.
type Headers = Mutex<HashMap<Path, Arc<Positions>>>;

/// Which field of a file's records each column is, and how many fields there are.
struct Positions {
    fields: Vec<Option<usize>>,
    width: usize,
}

impl TextSource {
    /// Reads files of one compression. Rows that are left out are told to `rejected`.
    pub(crate) fn new(
        format: TextFormat,
        compression: Compression,
        store: Arc<StatementStore>,
        table_schema: TableSchema,
        rejected: Arc<RejectedRows>,
    ) -> Self {
        TextSource {
            bad: Arc::new(BadRows::new(format.text().max_bad_records, rejected)),
            format: Arc::new(format),
            compression,
            store,
            projection: SplitProjection::unprojected(&table_schema),
            table_schema,
            batch_size: ConfigOptions::default().execution.batch_size.get(),
            headers: Arc::default(),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    fn file(&self, location: &Path) -> TextFile {
        TextFile {
            store: Arc::clone(&self.store),
            location: location.clone(),
            compression: self.compression,
            encoding: self.format.text().encoding,
        }
    }

    async fn decoder(&self, file: &TextFile, is_beginning: bool) -> Result<Box<dyn Decoder>> {
        let schema = self.table_schema.file_schema();
        let wanted = &self.projection.file_indices;
        let decoder = match self.format.as_ref() {
            TextFormat::Json(json) => JsonDecoder::try_new(json, schema, wanted, self.batch_size)
                .map(|decoder| Box::new(decoder) as Box<dyn Decoder>),
            TextFormat::Csv(csv) => {
                let positions = self.positions(csv, file, schema).await?;
                let (fields, width) = (&positions.fields, positions.width);
                CsvDecoder::try_new(csv, schema, wanted, fields, width, self.batch_size).map(|decoder| {
                    let decoder = if is_beginning { decoder } else { decoder.without_header() };
                    Box::new(decoder) as Box<dyn Decoder>
                })
            }
        };
        decoder
            .ok_or_else(|| DataFusionError::Internal("a column has a type that text cannot hold".to_owned()))
    }

    async fn positions(
        &self,
        csv: &super::CsvSpec,
        file: &TextFile,
        schema: &SchemaRef,
    ) -> Result<Arc<Positions>> {
        if !csv.by_name() {
            let columns = schema.fields().len();
            return Ok(Arc::new(Positions { fields: (0..columns).map(Some).collect(), width: columns }));
        }
        let mut headers = self.headers.lock().await;
        if let Some(known) = headers.get(&file.location) {
            return Ok(Arc::clone(known));
        }
        let (fields, width) = infer::positions(csv, file, schema)
            .await
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        let positions = Arc::new(Positions { fields, width });
        headers.insert(file.location.clone(), Arc::clone(&positions));
        Ok(positions)
    }
}

struct TextOpener(TextSource);

impl FileOpener for TextOpener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let source = self.0.clone();
        Ok(async move {
            let meta = &file.object_meta;
            let text = source.file(&meta.location);
            let place = |at: i64| u64::try_from(at).unwrap_or(0);
            let part = file.range.as_ref().map(|range| place(range.start)..place(range.end));
            // A part that is the whole file is read as such.
            let part = part.filter(|part| part.start > 0 || part.end < meta.size);
            let is_beginning = part.as_ref().is_none_or(|part| part.start == 0);
            let decoder = source.decoder(&text, is_beginning).await?;
            let pieces = match part.clone() {
                None => text.whole().await?,
                Some(part) => input::part(&text.store, &text.location, meta.size, part)
                    .await
                    .map_err(|error| text.named(error))?,
            };
            Ok(batches(text, pieces, part, decoder, source.bad).boxed())
        }
        .boxed())
    }
}

impl FileSource for TextSource {
    fn create_file_opener(
        &self,
        _store: Arc<dyn ObjectStore>,
        _config: &FileScanConfig,
        _partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        let opener = Arc::new(TextOpener(self.clone()));
        ProjectionOpener::try_new(self.projection.clone(), opener, self.table_schema.file_schema())
    }

    fn table_schema(&self) -> &TableSchema {
        &self.table_schema
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        Arc::new(TextSource { batch_size, ..self.clone() })
    }

    fn try_pushdown_projection(&self, projection: &ProjectionExprs) -> Result<Option<Arc<dyn FileSource>>> {
        let merged = self.projection.source.try_merge(projection)?;
        let projection = SplitProjection::new(self.table_schema.file_schema(), &merged);
        Ok(Some(Arc::new(TextSource { projection, ..self.clone() })))
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        Some(&self.projection.source)
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        &self.metrics
    }

    fn file_type(&self) -> &'static str {
        match self.format.as_ref() {
            TextFormat::Csv(_) => "csv",
            TextFormat::Json(_) => "json",
        }
    }

    fn supports_repartitioning(&self) -> bool {
        self.compression == Compression::None && self.format.can_be_split()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(self.projection.source.iter().map(|column| &column.expr), f)
    }
}
