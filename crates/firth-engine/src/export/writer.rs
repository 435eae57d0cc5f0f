//! Rows into files: chunks are encoded on all cores and appended in order.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use arrow::{
    array::{Array as _, ArrayRef, AsArray as _, RecordBatch},
    datatypes::{DataType, SchemaRef},
};
use bytes::Bytes;
use datafusion::{common::runtime::SpawnedTask, execution::SendableRecordBatchStream};
use firth_diagnostic::{Diagnostic, Result};
use futures::TryStreamExt as _;

use super::{
    Bounds, ColumnBounds, Destination, ExportFormat, Journal, Layout, StagedUpload, Upload,
    format::{Chunk, ChunkEncoder, FileBody},
    layout::partitions,
};
use crate::error::{from_datafusion, not_joined};

/// Files whose last parts are under way, at most.
const FINISHING: usize = 4;

/// A file whose bytes are all at the store, and which is not visible yet.
pub(crate) struct Written {
    /// Below the destination's folder.
    pub(crate) name: String,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) crc32: String,
    /// What lies around the values of its columns.
    pub(crate) columns: Vec<ColumnBounds>,
    /// What completes it.
    pub(crate) staged: StagedUpload,
    /// Forgets the file at the store when dropped, unless released.
    pub(crate) upload: Upload,
}

/// What an export is written with.
pub(crate) struct Writing<'a> {
    pub(crate) destination: &'a Arc<Destination>,
    pub(crate) format: &'a ExportFormat,
    pub(crate) layout: &'a Layout,
    /// The rows' columns as the answer has them, and so the files'. The rows may have other layouts of strings.
    pub(crate) schema: &'a SchemaRef,
    /// `None`: nothing is known of the files after a crash.
    pub(crate) journal: Option<&'a Journal<'a>>,
    /// How many chunks are encoded at once.
    pub(crate) threads: usize,
    /// Is told of each upload that was begun.
    pub(crate) begun: &'a (dyn Fn() + Sync),
}

/// Sends every row to the store. If the rows have partition columns, those of one partition follow each other.
pub(crate) async fn write_rows(
    writing: &Writing<'_>,
    mut stream: SendableRecordBatchStream,
) -> Result<Vec<Written>> {
    let schema = writing.schema;
    let partition_columns = writing.layout.partition_columns(schema)?;
    let file_schema = writing.layout.file_schema(schema)?;
    let encoder = writing.format.encoder(&file_schema)?;
    let mut files = Files::new(writing, encoder.clone(), file_schema);
    let mut jobs: VecDeque<Job> = VecDeque::new();
    let mut gathered = Gathered::default();
    let most_rows = writing.format.most_rows();
    let waiting = chunks_ahead(writing.threads);
    while let Some(batch) = stream.try_next().await.map_err(from_datafusion)? {
        for (partition, rows) in partitions(&batch, &partition_columns)? {
            if gathered.partition != partition {
                start(&mut gathered, partition, &encoder, &mut jobs);
            }
            let mut rows = rows;
            let most_rows = most_rows.min(writing.layout.chunk_rows(&rows));
            while gathered.rows + rows.num_rows() > most_rows {
                let fitting = most_rows.saturating_sub(gathered.rows);
                gathered.add(rows.slice(0, fitting));
                rows = rows.slice(fitting, rows.num_rows() - fitting);
                let partition = gathered.partition.clone();
                start(&mut gathered, partition, &encoder, &mut jobs);
                catch_up(&mut jobs, waiting, &mut files).await?;
            }
            gathered.add(rows);
            if writing.format.is_enough(gathered.rows, gathered.bytes) {
                let partition = gathered.partition.clone();
                start(&mut gathered, partition, &encoder, &mut jobs);
            }
            catch_up(&mut jobs, waiting, &mut files).await?;
        }
    }
    start(&mut gathered, String::new(), &encoder, &mut jobs);
    catch_up(&mut jobs, 0, &mut files).await?;
    files.finish(partition_columns.is_empty()).await
}

/// Rows of one partition that are to be one chunk.
#[derive(Default)]
struct Gathered {
    partition: String,
    batches: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
}

impl Gathered {
    fn add(&mut self, rows: RecordBatch) {
        if rows.num_rows() == 0 {
            return;
        }
        self.rows += rows.num_rows();
        // Of a slice, only its own rows count.
        self.bytes += row_bytes(&rows);
        self.batches.push(rows);
    }
}

/// Bytes of the rows of a batch, which may be a slice, in memory.
pub(super) fn row_bytes(rows: &RecordBatch) -> usize {
    rows.columns().iter().map(memory).sum()
}

/// Bytes of an array's own rows. What its views share with others counts once for each view.
fn memory(array: &ArrayRef) -> usize {
    match array.data_type() {
        DataType::Utf8View => array.len() * 16 + array.as_string_view().total_buffer_bytes_used(),
        DataType::BinaryView => array.len() * 16 + array.as_binary_view().total_buffer_bytes_used(),
        _ => array.to_data().get_slice_memory_size().unwrap_or(0),
    }
}

/// A chunk that is being encoded.
struct Job {
    partition: String,
    rows: u64,
    bytes: u64,
    task: SpawnedTask<Result<(Chunk, Bounds)>>,
}

/// Starts to encode what was gathered, and goes on with another partition.
fn start(gathered: &mut Gathered, next: String, encoder: &ChunkEncoder, jobs: &mut VecDeque<Job>) {
    let done = std::mem::replace(gathered, Gathered { partition: next, ..Gathered::default() });
    if done.batches.is_empty() {
        return;
    }
    let encoder = encoder.clone();
    jobs.push_back(Job {
        partition: done.partition,
        rows: done.rows as u64,
        bytes: done.bytes as u64,
        task: SpawnedTask::spawn(async move { encoder.encode_with_bounds(done.batches).await }),
    });
}

/// How many chunks are encoded while another is gathered, so that no thread waits.
pub(crate) fn chunks_ahead(threads: usize) -> usize {
    threads.saturating_sub(1).max(1)
}

/// Appends chunks in order until at most `waiting` are left.
async fn catch_up(jobs: &mut VecDeque<Job>, waiting: usize, files: &mut Files<'_>) -> Result<()> {
    while jobs.len() > waiting
        && let Some(job) = jobs.pop_front()
    {
        let (chunk, bounds) = job.task.join().await.map_err(not_joined)??;
        files.append(&job.partition, job.rows, job.bytes, chunk).await?;
        files.widen(bounds);
    }
    Ok(())
}

/// The files of an export, one of them open.
struct Files<'a> {
    writing: &'a Writing<'a>,
    encoder: ChunkEncoder,
    schema: SchemaRef,
    open: Option<OpenFile>,
    finishing: VecDeque<SpawnedTask<Result<Written>>>,
    written: Vec<Written>,
    begun: u64,
    numbers: Numbers,
}

/// The numbers that files of each folder have so far.
///
/// Rows of one folder need not follow each other: values that differ may be written alike, as NaN of either
/// sign. Folders that differ by case alone share their numbers, since some file systems take them for one.
#[derive(Default)]
struct Numbers(HashMap<String, u64>);

impl Numbers {
    /// The number of the next file of a folder.
    fn next(&mut self, folder: &str) -> u64 {
        let next = self.0.entry(folder.to_ascii_lowercase()).or_default();
        let number = *next;
        *next += 1;
        number
    }
}

struct OpenFile {
    partition: String,
    name: String,
    body: Box<dyn FileBody>,
    upload: Upload,
    rows: u64,
    row_bytes: u64,
    bounds: Bounds,
}

impl<'a> Files<'a> {
    fn new(writing: &'a Writing<'a>, encoder: ChunkEncoder, schema: SchemaRef) -> Self {
        Files {
            writing,
            encoder,
            schema,
            open: None,
            finishing: VecDeque::new(),
            written: Vec::new(),
            begun: 0,
            numbers: Numbers::default(),
        }
    }

    async fn append(&mut self, partition: &str, rows: u64, row_bytes: u64, chunk: Chunk) -> Result<()> {
        let in_another = match &self.open {
            Some(file) if file.partition != partition => true,
            Some(file) => self.writing.layout.is_full(file.upload.bytes(), file.row_bytes, self.begun),
            None => true,
        };
        if in_another {
            self.close().await?;
            self.begin(partition).await?;
        }
        let Some(file) = &mut self.open else { return Err(Diagnostic::internal("no file is open")) };
        let bytes = file.body.append(chunk)?;
        file.rows += rows;
        file.row_bytes += row_bytes;
        file.upload.write(Bytes::from(bytes)).await
    }

    /// Takes in what lies around the rows that were appended last.
    fn widen(&mut self, bounds: Bounds) {
        if let Some(file) = &mut self.open {
            file.bounds.widen(bounds);
        }
    }

    async fn begin(&mut self, partition: &str) -> Result<()> {
        let destination = self.writing.destination;
        let name = destination.names.name(partition, self.numbers.next(partition));
        let expected = self.writing.layout.expected_bytes();
        let upload = Upload::begin(destination, destination.key(&name)?, expected).await?;
        if let Some(journal) = self.writing.journal {
            journal.note(&upload)?;
        }
        let mut upload = upload.prepare().await?;
        (self.writing.begun)();
        let mut body = self.encoder.begin()?;
        upload.write(Bytes::from(body.begin()?)).await?;
        self.begun += 1;
        let partition = partition.to_owned();
        self.open = Some(OpenFile {
            partition,
            name,
            body,
            upload,
            rows: 0,
            row_bytes: 0,
            bounds: Bounds::none(&self.schema),
        });
        Ok(())
    }

    /// Sends the rest of the open file, in the background.
    async fn close(&mut self) -> Result<()> {
        let Some(OpenFile { name, body, mut upload, rows, bounds, .. }) = self.open.take() else {
            return Ok(());
        };
        let columns = bounds.columns(&self.schema);
        let rest = body.finish()?;
        self.finishing.push_back(SpawnedTask::spawn(async move {
            upload.write(Bytes::from(rest)).await?;
            let staged = upload.finish().await?;
            Ok(Written { name, rows, bytes: upload.bytes(), crc32: upload.crc32(), columns, staged, upload })
        }));
        self.settle(FINISHING).await
    }

    async fn settle(&mut self, most: usize) -> Result<()> {
        while self.finishing.len() > most
            && let Some(file) = self.finishing.pop_front()
        {
            self.written.push(file.join().await.map_err(not_joined)??);
        }
        Ok(())
    }

    /// Closes the last file. `needs_one`: a file without rows is written if there were none.
    async fn finish(mut self, needs_one: bool) -> Result<Vec<Written>> {
        if self.begun == 0 && needs_one {
            self.begin("").await?;
        }
        self.close().await?;
        self.settle(0).await?;
        Ok(self.written)
    }
}
