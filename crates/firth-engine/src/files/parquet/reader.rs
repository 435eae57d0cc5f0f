//! How DataFusion's Parquet scan reads a file.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use datafusion::{
    common::runtime::SpawnedTask,
    datasource::{
        listing::PartitionedFile,
        physical_plan::{ParquetFileMetrics, ParquetFileReaderFactory},
    },
    error::Result as DataFusionResult,
    physical_plan::metrics::ExecutionPlanMetricsSet,
};
use futures::{FutureExt, future::BoxFuture};
use object_store::{ObjectMeta, ObjectStore as _};
use parquet::{
    arrow::{arrow_reader::ArrowReaderOptions, async_reader::AsyncFileReader},
    errors::{ParquetError, Result},
    file::metadata::ParquetMetaData,
};

use super::{footer, read_ahead::ReadAhead};
use crate::store::StatementStore;

/// Makes readers of one bucket's files.
#[derive(Debug)]
pub(crate) struct ReaderFactory {
    store: Arc<StatementStore>,
}

impl ReaderFactory {
    pub(crate) fn new(store: Arc<StatementStore>) -> Self {
        ReaderFactory { store }
    }
}

impl ParquetFileReaderFactory for ReaderFactory {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        _footer_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> DataFusionResult<Box<dyn AsyncFileReader + Send>> {
        let part = file
            .range
            .as_ref()
            .and_then(|range| Some(u64::try_from(range.start).ok()?..u64::try_from(range.end).ok()?));
        Ok(Box::new(Reader {
            store: Arc::clone(&self.store),
            metrics: ParquetFileMetrics::new(partition, file.object_meta.location.as_ref(), metrics),
            file: file.object_meta,
            part,
            metadata: None,
            ahead: ReadAhead::default(),
            held: Vec::new(),
            coming: None,
        }))
    }
}

/// Ranges and their bytes.
type Fetched = Vec<(Range<u64>, Bytes)>;

/// A reader of one file, or of a part of it.
struct Reader {
    store: Arc<StatementStore>,
    metrics: ParquetFileMetrics,
    file: ObjectMeta,
    part: Option<Range<u64>>,
    metadata: Option<Arc<ParquetMetaData>>,
    ahead: ReadAhead,
    /// What was fetched ahead and not yet asked for.
    held: Fetched,
    /// What is being fetched ahead. Dies with the reader.
    coming: Option<SpawnedTask<Result<Fetched>>>,
}

impl Reader {
    async fn read(&mut self, ranges: Vec<Range<u64>>) -> Result<Vec<Bytes>> {
        let scanned: u64 = ranges.iter().map(|range| range.end.saturating_sub(range.start)).sum();
        self.metrics.bytes_scanned.add(usize::try_from(scanned).unwrap_or(usize::MAX));
        let ahead = match &self.metadata {
            Some(metadata) if !self.store.is_local() => {
                self.ahead.next(metadata, self.part.as_ref(), &ranges)
            }
            _ => Vec::new(),
        };
        // Row groups that were fetched ahead and then ruled out are never asked for.
        let first = ranges.iter().map(|range| range.start).min().unwrap_or_default();
        self.held.retain(|(held, _)| held.end > first);
        let mut found = self.take_held(&ranges);
        if found.iter().any(Option::is_none)
            && let Some(coming) = self.coming.take()
        {
            let fetched = coming.await.map_err(|error| ParquetError::External(Box::new(error)))??;
            self.held.extend(fetched);
            for (found, again) in found.iter_mut().zip(self.take_held(&ranges)) {
                *found = found.take().or(again);
            }
        }
        let missing: Vec<Range<u64>> = ranges
            .iter()
            .zip(&found)
            .filter(|(_, found)| found.is_none())
            .map(|(range, _)| range.clone())
            .collect();
        if !missing.is_empty() {
            // What lies ahead comes in the same requests, where it lies near.
            let wanted: Vec<Range<u64>> = missing.iter().chain(&ahead).cloned().collect();
            self.held.extend(fetch(&self.store, &self.file, wanted).await?);
            for (found, again) in found.iter_mut().zip(self.take_held(&ranges)) {
                *found = found.take().or(again);
            }
        } else if !ahead.is_empty() {
            if let Some(coming) = self.coming.take() {
                let fetched = coming.await.map_err(|error| ParquetError::External(Box::new(error)))??;
                self.held.extend(fetched);
            }
            let (store, file) = (Arc::clone(&self.store), self.file.clone());
            self.coming = Some(SpawnedTask::spawn(async move { fetch(&store, &file, ahead).await }));
        }
        let lost = || ParquetError::General("a range that was read is missing".to_owned());
        found.into_iter().map(|bytes| bytes.ok_or_else(lost)).collect()
    }

    /// The bytes of those ranges that are held, which then are so no longer.
    fn take_held(&mut self, ranges: &[Range<u64>]) -> Vec<Option<Bytes>> {
        let mut used = Vec::new();
        let found = ranges
            .iter()
            .map(|range| {
                let at = self
                    .held
                    .iter()
                    .position(|(held, _)| held.start <= range.start && range.end <= held.end)?;
                used.push(at);
                let (held, bytes) = &self.held[at];
                let from = usize::try_from(range.start - held.start).ok()?;
                let to = usize::try_from(range.end - held.start).ok()?;
                (to <= bytes.len()).then(|| bytes.slice(from..to))
            })
            .collect();
        let mut at = 0;
        self.held.retain(|_| {
            at += 1;
            !used.contains(&(at - 1))
        });
        found
    }
}

async fn fetch(store: &StatementStore, file: &ObjectMeta, ranges: Vec<Range<u64>>) -> Result<Fetched> {
    let bytes = store
        .get_ranges(&file.location, &ranges)
        .await
        .map_err(|error| ParquetError::External(Box::new(error)))?;
    Ok(ranges.into_iter().zip(bytes).collect())
}

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        async move {
            let mut bytes = self.read(vec![range]).await?;
            bytes.pop().ok_or_else(|| ParquetError::General("a range that was read is missing".to_owned()))
        }
        .boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        self.read(ranges).boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        async move {
            let footer = footer(&self.store, &self.file).await.map_err(|error| match error {
                ParquetError::External(_) => error,
                // The words by which messages find the file.
                other => ParquetError::General(format!(
                    "Failed to fetch metadata for file {}: {other}",
                    self.file.location
                )),
            })?;
            let metadata = Arc::clone(footer.metadata());
            self.metadata = Some(Arc::clone(&metadata));
            Ok(metadata)
        }
        .boxed()
    }
}
