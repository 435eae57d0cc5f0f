//! Rows into files of a native table: chunks are encoded on all cores and appended in order.

use std::{collections::VecDeque, fs::File, io::Write as _, path::PathBuf, sync::Arc};

use arrow::{
    array::{Array as _, ArrayRef, AsArray as _, ListArray, RecordBatch, RecordBatchOptions, StructArray},
    compute::cast,
    datatypes::{DataType, Field, SchemaRef, TimeUnit},
    error::ArrowError,
};
use datafusion::{common::runtime::SpawnedTask, execution::SendableRecordBatchStream};
use firth_catalog::{COLUMN_ID, ColumnStatistics, NewDataFile};
use firth_diagnostic::{Code, Diagnostic, Result};
use futures::TryStreamExt as _;
use parquet::{
    basic::Compression,
    file::{
        metadata::{ParquetMetaData, ParquetMetaDataReader},
        statistics::Statistics,
    },
};

use super::{
    TablePlace,
    place::{failed, seal},
};
use crate::{
    error::{from_datafusion, not_joined},
    export::{Chunk, ChunkEncoder, ExportFormat, FileBody, chunks_ahead},
};

/// Rows of a row group: small enough to buffer, and what pruning skips by.
const ROW_GROUP_ROWS: usize = 122_880;
/// Bytes of a file after which the next begins.
const FILE_BYTES: u64 = 256 << 20;

/// Writes all rows to new files of the table at `place`; they are in no snapshot yet. `columns` are the table's,
/// numbered, and the stream's are the same in the same order. After a failure nothing is left.
pub(crate) async fn write_rows(
    place: &TablePlace,
    columns: &SchemaRef,
    mut rows: SendableRecordBatchStream,
    threads: usize,
) -> Result<Vec<NewDataFile>> {
    let format = ExportFormat::Parquet { compression: Compression::SNAPPY, row_group_rows: ROW_GROUP_ROWS };
    let mut files = Files {
        place: place.clone(),
        encoder: format.encoder(columns)?,
        columns: Arc::clone(columns),
        open: None,
        jobs: VecDeque::new(),
        written: Vec::new(),
        is_done: false,
    };
    let mut gathered: Vec<RecordBatch> = Vec::new();
    let (mut count, mut bytes) = (0, 0);
    while let Some(batch) = rows.try_next().await.map_err(from_datafusion)? {
        if batch.num_rows() == 0 {
            continue;
        }
        let batch = conformed(&batch, columns)?;
        count += batch.num_rows();
        bytes += batch.columns().iter().map(|column| column.get_buffer_memory_size()).sum::<usize>();
        gathered.push(batch);
        if format.is_enough(count, bytes) {
            files.encode(std::mem::take(&mut gathered));
            (count, bytes) = (0, 0);
            files.catch_up(chunks_ahead(threads)).await?;
        }
    }
    if !gathered.is_empty() {
        files.encode(gathered);
    }
    files.catch_up(0).await?;
    files.close().await?;
    if !files.written.is_empty() {
        place.sync()?;
    }
    files.is_done = true;
    Ok(std::mem::take(&mut files.written))
}

/// The rows in exactly the table's types; fails on a NULL where there must be none.
fn conformed(batch: &RecordBatch, columns: &SchemaRef) -> Result<RecordBatch> {
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(columns.fields().len());
    for (field, array) in columns.fields().iter().zip(batch.columns()) {
        if !field.is_nullable() && array.logical_null_count() > 0 {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("column {:?} is NOT NULL, and a row has NULL there", field.name()),
            )
            .hint("Nothing was written."));
        }
        arrays.push(if array.data_type() == field.data_type() {
            Arc::clone(array)
        } else {
            conformed_array(array, field.data_type()).map_err(|error| from_datafusion(error.into()))?
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(columns), arrays, &options)
        .map_err(|error| from_datafusion(error.into()))
}

/// An array in another type. Fields of a STRUCT are taken by their place, whatever they are called.
fn conformed_array(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    match to {
        DataType::Struct(fields) if matches!(array.data_type(), DataType::Struct(_)) => {
            let given = array.as_struct();
            let columns = given.columns().iter().zip(fields);
            let columns = columns.map(|(column, field)| conformed_array(column, field.data_type()));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            Ok(Arc::new(StructArray::try_new(fields.clone(), columns, given.nulls().cloned())?))
        }
        DataType::List(item) if matches!(array.data_type(), DataType::List(_)) => {
            let given = array.as_list::<i32>();
            let values = conformed_array(given.values(), item.data_type())?;
            let (offsets, nulls) = (given.offsets().clone(), given.nulls().cloned());
            Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, values, nulls)?))
        }
        to => cast(array, to),
    }
}

/// The files of one statement, one of them open. What was not handed over goes when this is dropped.
struct Files {
    place: TablePlace,
    encoder: ChunkEncoder,
    columns: SchemaRef,
    open: Option<OpenFile>,
    jobs: VecDeque<(u64, SpawnedTask<Result<Chunk>>)>,
    written: Vec<NewDataFile>,
    is_done: bool,
}

struct OpenFile {
    name: String,
    path: PathBuf,
    file: File,
    body: Box<dyn FileBody>,
    rows: u64,
    bytes: u64,
}

impl Files {
    fn encode(&mut self, batches: Vec<RecordBatch>) {
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        let encoder = self.encoder.clone();
        self.jobs.push_back((rows as u64, SpawnedTask::spawn(async move { encoder.encode(batches).await })));
    }

    /// Appends chunks in order until at most `waiting` are left.
    async fn catch_up(&mut self, waiting: usize) -> Result<()> {
        while self.jobs.len() > waiting
            && let Some((rows, task)) = self.jobs.pop_front()
        {
            let chunk = task.join().await.map_err(not_joined)??;
            self.append(rows, chunk)?;
            if self.open.as_ref().is_some_and(|file| file.bytes >= FILE_BYTES) {
                self.close().await?;
            }
        }
        Ok(())
    }

    fn append(&mut self, rows: u64, chunk: Chunk) -> Result<()> {
        if self.open.is_none() {
            let (name, path, file) = self.place.create("")?;
            let body = self.encoder.begin()?;
            let file = self.open.insert(OpenFile { name, path, file, body, rows: 0, bytes: 0 });
            let first = file.body.begin()?;
            file.write(&first)?;
        }
        let Some(file) = &mut self.open else { return Err(Diagnostic::internal("no file is open")) };
        let bytes = file.body.append(chunk)?;
        file.rows += rows;
        file.write(&bytes)
    }

    /// Ends the open file.
    async fn close(&mut self) -> Result<()> {
        let Some(OpenFile { name, path, mut file, body, rows, .. }) = self.open.take() else { return Ok(()) };
        // Known from here on, so that it is discarded after a failure.
        let empty = NewDataFile { name, rows, bytes: 0, footer_bytes: 0, columns: Vec::new() };
        self.written.push(empty);
        let columns = Arc::clone(&self.columns);
        let (bytes, footer_bytes, statistics) = SpawnedTask::spawn_blocking(move || {
            let rest = body.finish()?;
            file.write_all(&rest).map_err(|error| failed("write", &path, &error))?;
            let (bytes, footer_bytes) = seal(&mut file, &path)?;
            let metadata = ParquetMetaDataReader::new()
                .parse_and_finish(&file)
                .map_err(|error| from_datafusion(error.into()))?;
            Ok::<_, Diagnostic>((bytes, footer_bytes, statistics(&metadata, &columns)))
        })
        .join()
        .await
        .map_err(not_joined)??;
        if let Some(written) = self.written.last_mut() {
            (written.bytes, written.footer_bytes, written.columns) = (bytes, footer_bytes, statistics);
        }
        Ok(())
    }
}

impl OpenFile {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes).map_err(|error| failed("write", &self.path, &error))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if !self.is_done {
            let open = self.open.iter().map(|file| file.name.as_str());
            self.place.discard(self.written.iter().map(|file| file.name.as_str()).chain(open));
        }
    }
}

/// What the footer tells of columns that are not nested. Least and greatest are given where their text is sure.
fn statistics(metadata: &ParquetMetaData, columns: &SchemaRef) -> Vec<ColumnStatistics> {
    let schema = metadata.file_metadata().schema_descr();
    let mut found = Vec::new();
    for field in columns.fields() {
        if field.data_type().is_nested() {
            continue;
        }
        let leaf = (0..schema.num_columns())
            .find(|index| schema.column(*index).path().parts() == std::slice::from_ref(field.name()));
        let id = field.metadata().get(COLUMN_ID).and_then(|id| id.parse().ok());
        let (Some(leaf), Some(column_id)) = (leaf, id) else { continue };
        let groups: Vec<_> = metadata.row_groups().iter().map(|group| group.column(leaf)).collect();
        let nulls: Option<Vec<u64>> =
            groups.iter().map(|column| column.statistics().and_then(Statistics::null_count_opt)).collect();
        found.push(ColumnStatistics {
            column_id,
            bytes: groups.iter().map(|column| column.compressed_size().unsigned_abs()).sum(),
            values: groups.iter().map(|column| column.num_values().unsigned_abs()).sum(),
            nulls: nulls.map(|nulls| nulls.iter().sum()),
            range: groups
                .iter()
                .map(|column| column.statistics().and_then(integers))
                .reduce(|a, b| Some((a?.0.min(b?.0), a?.1.max(b?.1))))
                .flatten()
                .and_then(|(least, greatest)| Some((text(field, least)?, text(field, greatest)?))),
        });
    }
    found
}

fn integers(statistics: &Statistics) -> Option<(i64, i64)> {
    match statistics {
        Statistics::Int32(values) => Some((i64::from(*values.min_opt()?), i64::from(*values.max_opt()?))),
        Statistics::Int64(values) => Some((*values.min_opt()?, *values.max_opt()?)),
        _ => None,
    }
}

/// A value of a column as text that casts to its type.
fn text(field: &Field, value: i64) -> Option<String> {
    match field.data_type() {
        DataType::Int64 => Some(value.to_string()),
        DataType::Date32 => {
            let date = chrono::NaiveDate::from_epoch_days(i32::try_from(value).ok()?)?;
            Some(date.format("%Y-%m-%d").to_string())
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let time = chrono::DateTime::from_timestamp_micros(value)?;
            let zone = if zone.is_some() { "+00" } else { "" };
            Some(format!("{}{zone}", time.format("%Y-%m-%d %H:%M:%S%.6f")))
        }
        _ => None,
    }
}
