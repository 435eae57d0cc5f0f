//! ORC, by the crate orc-rust: its footer first, then stripe after stripe.
//!
//! The crate asks for each column's streams one by one. What it asks for is fetched in windows, so that streams
//! that lie next to each other, and those that a projection leaves out between them if they are small, cost one request.
//!
//! A filter leaves out stripes, whose statistics stand in the footer (see `stripes`).
//!
//! A timestamp of ORC is the clock on a wall, without a zone. It is TIMESTAMP in UTC, as in BigQuery; a table whose
//! column is declared DATETIME has it as it is.

use std::{
    io,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use arrow::{
    array::RecordBatch,
    compute::cast,
    datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit},
    error::ArrowError,
};
use bytes::Bytes;
use datafusion::{
    error::DataFusionError,
    execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation},
};
use futures::{FutureExt as _, Stream, StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use object_store::{ObjectStoreExt as _, path::Path};
use orc_rust::{
    ArrowReaderBuilder,
    projection::ProjectionMask,
    reader::{AsyncChunkReader, metadata::read_metadata_async},
    schema::TimestampPrecision,
};

use super::stripes::{StripeFilter, WHOLE};
use crate::store::StatementStore;

/// The least that is fetched at once. Footers and the streams of narrow columns fit in.
const WINDOW: u64 = 1 << 20;

/// A file of the statement's, and what of it is held.
pub(super) struct OrcBytes {
    store: Arc<StatementStore>,
    path: Path,
    size: u64,
    /// What was fetched last, and where it begins.
    window: (u64, Bytes),
    /// The end of the file, likewise: its footer is read again for each run of stripes.
    tail: (u64, Bytes),
    charged: MemoryReservation,
    charged_tail: Arc<MemoryReservation>,
    failed: OrcFailed,
}

/// The store's own error, since the reader makes words of it.
#[derive(Clone, Default)]
pub(super) struct OrcFailed(Arc<Mutex<Option<DataFusionError>>>);

impl OrcFailed {
    /// The error, if there is one that nobody has taken.
    pub(super) fn take(&self) -> Option<DataFusionError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep(&self, error: DataFusionError) -> io::Error {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(error);
        io::Error::other("the store did not answer")
    }
}

impl OrcBytes {
    /// The file at `path`, of which nothing has been read.
    pub(super) fn new(store: Arc<StatementStore>, path: Path, size: u64, pool: &Arc<dyn MemoryPool>) -> Self {
        let charged = MemoryConsumer::new("files as they are read").register(pool);
        OrcBytes {
            store,
            path,
            size,
            window: (0, Bytes::new()),
            tail: (size, Bytes::new()),
            charged_tail: Arc::new(charged.new_empty()),
            charged,
            failed: OrcFailed::default(),
        }
    }

    /// The same file, of which the end is known if it is here.
    fn again(&self) -> Self {
        OrcBytes {
            store: Arc::clone(&self.store),
            path: self.path.clone(),
            size: self.size,
            window: (0, Bytes::new()),
            tail: self.tail.clone(),
            charged: self.charged.new_empty(),
            charged_tail: Arc::clone(&self.charged_tail),
            failed: self.failed.clone(),
        }
    }

    pub(super) fn failed(&self) -> OrcFailed {
        self.failed.clone()
    }

    /// What of `range` is held, if all of it is.
    fn held(&self, range: &Range<u64>) -> Option<Bytes> {
        [&self.window, &self.tail].into_iter().find_map(|(start, bytes)| {
            let from = usize::try_from(range.start.checked_sub(*start)?).ok()?;
            let to = usize::try_from(range.end - start).ok()?;
            (to <= bytes.len()).then(|| bytes.slice(from..to))
        })
    }

    async fn bytes(&mut self, range: Range<u64>) -> io::Result<Bytes> {
        if range.end > self.size || range.start > range.end {
            // As a file says of itself: not to be believed.
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is shorter than it says"));
        }
        if let Some(held) = self.held(&range) {
            return Ok(held);
        }
        let end = range.end.max(range.start + WINDOW).min(self.size);
        // At the end of the file its footer stands: what is before that is wanted with it.
        let start = if range.end == self.size {
            range.start.min(self.size.saturating_sub(WINDOW))
        } else {
            range.start
        };
        let length = usize::try_from(end - start).map_err(io::Error::other)?;
        if range.end < self.size {
            self.window = (0, Bytes::new());
            self.charged.try_resize(length).map_err(|error| self.failed.keep(error))?;
        } else {
            let charged = self.charged.new_empty();
            charged.try_grow(length).map_err(|error| self.failed.keep(error))?;
            self.charged_tail = Arc::new(charged);
        }
        let fetched = self.store.get_range(&self.path, start..end).await;
        let fetched =
            fetched.map_err(|error| self.failed.keep(DataFusionError::ObjectStore(Box::new(error))))?;
        if fetched.len() != length {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is shorter than it was"));
        }
        *(if range.end < self.size { &mut self.window } else { &mut self.tail }) = (start, fetched);
        self.held(&range).ok_or_else(|| io::Error::other("the window misses what it was fetched for"))
    }
}

impl AsyncChunkReader for OrcBytes {
    fn len(&mut self) -> BoxFuture<'_, io::Result<u64>> {
        std::future::ready(Ok(self.size)).boxed()
    }

    fn get_bytes(&mut self, offset: u64, length: u64) -> BoxFuture<'_, io::Result<Bytes>> {
        let end = offset.saturating_add(length);
        self.bytes(offset..end).boxed()
    }
}

/// The columns, with timestamps as moments.
pub(super) async fn schema(bytes: OrcBytes) -> Result<SchemaRef, ArrowError> {
    let builder = ArrowReaderBuilder::try_new_async(bytes).await.map_err(external)?;
    let own = builder.with_timestamp_precision(TimestampPrecision::Microsecond).build_async().schema();
    let fields = own.fields().iter().map(|field| fitted(field, false));
    Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
}

/// The batches of a file with at least the columns of `wanted`, if it has them. Stripes that `filter` passes no row of
/// are left out; rows that it does not pass are not.
pub(super) async fn batches(
    mut bytes: OrcBytes,
    wanted: SchemaRef,
    batch_size: usize,
    filter: Option<StripeFilter>,
) -> Result<impl Stream<Item = Result<RecordBatch, ArrowError>>, ArrowError> {
    let file = read_metadata_async(&mut bytes).await.map_err(external)?;
    let ranges = filter.map_or_else(|| vec![WHOLE], |filter| filter.ranges(&file));
    let runs =
        stream::iter(ranges).then(move |range| run(bytes.again(), range, Arc::clone(&wanted), batch_size));
    Ok(runs.try_flatten())
}

/// The batches of the stripes that begin in a range of the file's bytes.
async fn run(
    bytes: OrcBytes,
    range: Range<usize>,
    wanted: SchemaRef,
    batch_size: usize,
) -> Result<impl Stream<Item = Result<RecordBatch, ArrowError>>, ArrowError> {
    let builder = ArrowReaderBuilder::try_new_async(bytes).await.map_err(external)?;
    let columns = builder.file_metadata().root_data_type().children().iter();
    let names: Vec<String> = columns
        .map(|column| column.name().to_owned())
        .filter(|name| named(&wanted, name).is_some())
        .collect();
    let mask = ProjectionMask::named_roots(builder.file_metadata().root_data_type(), &names);
    let batches = builder
        .with_timestamp_precision(TimestampPrecision::Microsecond)
        .with_projection(mask)
        .with_batch_size(batch_size)
        .with_file_byte_range(range)
        .build_async();
    Ok(batches.and_then(move |batch| std::future::ready(moments(batch, &wanted))))
}

fn named<'a>(schema: &'a Schema, name: &str) -> Option<&'a FieldRef> {
    schema.fields().iter().find(|field| field.name().to_lowercase() == name.to_lowercase())
}

/// The batch with timestamps as moments, in columns that do not ask for the clock on the wall.
fn moments(batch: RecordBatch, wanted: &Schema) -> Result<RecordBatch, ArrowError> {
    let own = batch.schema();
    let fields = own.fields().iter().map(|field| {
        let target = named(wanted, field.name());
        fitted(field, target.is_some_and(|target| has_wall_clock(target.data_type())))
    });
    let fields: Vec<FieldRef> = fields.collect();
    if fields.iter().eq(own.fields().iter()) {
        return Ok(batch);
    }
    let columns = batch.columns().iter().zip(&fields).map(|(column, field)| cast(column, field.data_type()));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

fn has_wall_clock(data_type: &DataType) -> bool {
    match data_type {
        DataType::Timestamp(_, None) => true,
        DataType::List(item) => has_wall_clock(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_wall_clock(field.data_type())),
        _ => false,
    }
}

/// The field with every timestamp in UTC, unless the clock on the wall is wanted, and `key` and `value` in maps.
fn fitted(field: &FieldRef, wall_clock: bool) -> FieldRef {
    let with = |data_type| Arc::new(Field::new(field.name(), data_type, field.is_nullable()));
    match field.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, None) if !wall_clock => {
            with(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))
        }
        DataType::List(item) => with(DataType::List(fitted(item, wall_clock))),
        DataType::Struct(fields) => {
            with(DataType::Struct(fields.iter().map(|field| fitted(field, wall_clock)).collect()))
        }
        DataType::Map(entries, sorted) => {
            let named =
                |(name, field): (&str, &FieldRef)| fitted(field, wall_clock).as_ref().clone().with_name(name);
            let fields = match entries.data_type() {
                DataType::Struct(fields) => {
                    ["key", "value"].into_iter().zip(fields.iter()).map(named).collect()
                }
                _ => return Arc::clone(field),
            };
            let entries = entries.as_ref().clone().with_data_type(DataType::Struct(fields));
            with(DataType::Map(Arc::new(entries), *sorted))
        }
        _ => Arc::clone(field),
    }
}

fn external(error: orc_rust::error::OrcError) -> ArrowError {
    ArrowError::ExternalError(Box::new(error))
}
