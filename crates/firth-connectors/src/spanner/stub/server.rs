//! The server: one for each folder, shared by all connections to it and by the tests that watch it.

use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock, Mutex, PoisonError, Weak,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use arrow::{
    array::{ArrayRef, RecordBatch, RecordBatchOptions},
    compute::{CastOptions, cast_with_options},
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use async_trait::async_trait;
use datafusion::{
    common::runtime::SpawnedTask, error::DataFusionError, execution::SendableRecordBatchStream,
};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::sync::mpsc;

use super::{
    query::{self, AcceptedQuery},
    request::{RequestLog, StubFault, StubOutcome, StubRequest, StubRequestKind},
    tables::Tables,
};
use crate::spanner::{
    client::{ReadTimestamp, SpannerClient, SpannerCode, SpannerError, SpannerTable},
    column::SpannerType,
};

/// The parts that a query is cut into.
const PARTITIONS: usize = 3;

/// Batches that wait between the server and its caller.
const BATCHES_IN_FLIGHT: usize = 2;

/// The servers that somebody holds, by folder.
static SERVERS: LazyLock<Mutex<HashMap<PathBuf, Weak<StubServer>>>> = LazyLock::new(Mutex::default);

/// A stand-in Spanner database over a folder of files.
///
/// Lives as long as somebody holds it: a test that wants to read the log, or to inject a fault before
/// a connection is used, keeps the handle.
pub struct StubServer {
    folder: PathBuf,
    tables: tokio::sync::Mutex<Option<Arc<Tables>>>,
    log: Arc<RequestLog>,
    faults: Mutex<VecDeque<StubFault>>,
    last_timestamp: AtomicI64,
}

impl StubServer {
    /// The server of a folder. The same one for every caller, while anybody holds it.
    pub fn for_folder(folder: impl AsRef<Path>) -> Arc<StubServer> {
        let folder = folder.as_ref();
        // What is not there yet has one spelling only.
        let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = servers.get(&folder).and_then(Weak::upgrade) {
            return server;
        }
        servers.retain(|_, server| server.strong_count() > 0);
        let server = Arc::new(StubServer {
            folder: folder.clone(),
            tables: tokio::sync::Mutex::default(),
            log: Arc::new(RequestLog::new()),
            faults: Mutex::default(),
            last_timestamp: AtomicI64::new(0),
        });
        servers.insert(folder, Arc::downgrade(&server));
        server
    }

    /// What was asked so far, in order.
    pub fn requests(&self) -> Vec<StubRequest> {
        self.log.read()
    }

    /// Forgets what was asked so far.
    pub fn clear_requests(&self) {
        self.log.clear();
    }

    /// Waits until the log fulfils `condition`, and answers it.
    pub async fn wait_for(&self, mut condition: impl FnMut(&[StubRequest]) -> bool) -> Vec<StubRequest> {
        self.log.wait_for(|log| condition(log)).await
    }

    /// Makes a coming ExecuteSql go wrong. Several faults are used up in order, one by each.
    pub fn inject(&self, fault: StubFault) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push_back(fault);
    }

    fn next_fault(&self) -> Option<StubFault> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    async fn tables(&self) -> Result<Arc<Tables>, SpannerError> {
        let mut cached = self.tables.lock().await;
        if let Some(tables) = cached.as_ref().filter(|tables| tables.are_current(&self.folder)) {
            return Ok(Arc::clone(tables));
        }
        let tables = Arc::new(Tables::open(&self.folder).await?);
        *cached = Some(Arc::clone(&tables));
        Ok(tables)
    }

    /// Notes a request around `work`.
    async fn answering<T>(
        &self,
        kind: StubRequestKind,
        sql: &str,
        work: impl Future<Output = Result<T, SpannerError>>,
    ) -> Result<T, SpannerError> {
        let running = Running::begin(&self.log, kind, sql, None);
        let answer = work.await;
        running.end(if answer.is_ok() { StubOutcome::Finished } else { StubOutcome::Failed });
        answer
    }

    fn require_begun(&self, at: ReadTimestamp) -> Result<(), SpannerError> {
        match at.0 > 0 && at.0 <= self.last_timestamp.load(Ordering::Relaxed) {
            true => Ok(()),
            false => Err(SpannerError::new(
                SpannerCode::FailedPrecondition,
                "Cannot read at a timestamp that this database did not give out.",
            )),
        }
    }

    async fn run(&self, sql: &str, part: Part) -> Result<Rows, SpannerError> {
        let tables = self.tables().await?;
        let accepted = query::accept(&tables.context.state(), sql).await?;
        if part.of > 1 {
            query::require_partitionable(&accepted.plan)?;
        }
        let schema = delivered_schema(&accepted)?;
        let plan = tables.context.execute_logical_plan(accepted.plan).await;
        let stream = match plan {
            Ok(frame) => frame.execute_stream().await,
            Err(error) => Err(error),
        };
        Ok(Rows { stream: stream.map_err(|error| execution_error(&error))?, schema, part })
    }
}

#[async_trait]
impl SpannerClient for StubServer {
    async fn version(&self) -> Result<String, SpannerError> {
        let catalog = async {
            let tables = self.tables().await?;
            Ok(format!("Spanner stand-in over {} tables", tables.described.len()))
        };
        self.answering(StubRequestKind::ReadCatalog, "", catalog).await
    }

    async fn begin_read(&self) -> Result<ReadTimestamp, SpannerError> {
        let begin = async {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_micros());
            let now = i64::try_from(now).unwrap_or(i64::MAX);
            let before = self.last_timestamp.fetch_max(now, Ordering::Relaxed);
            Ok(ReadTimestamp(now.max(before)))
        };
        self.answering(StubRequestKind::BeginTransaction, "", begin).await
    }

    async fn execute_sql(
        &self,
        sql: &str,
        token: Option<&[u8]>,
        at: ReadTimestamp,
    ) -> Result<BoxStream<'static, Result<RecordBatch, SpannerError>>, SpannerError> {
        let running = Running::begin(&self.log, StubRequestKind::ExecuteSql, sql, token);
        let fault = self.next_fault();
        match &fault {
            Some(StubFault::Fail(error)) => {
                running.end(StubOutcome::Failed);
                return Err(error.clone());
            }
            // Whoever waits here can only go away.
            Some(StubFault::Stall) => std::future::pending().await,
            Some(StubFault::FailMidway(_) | StubFault::StallMidway) | None => {}
        }
        let begun = async {
            self.require_begun(at)?;
            let part = token.map_or(Ok(Part::WHOLE), |token| Part::of_token(token, sql))?;
            self.run(sql, part).await
        };
        let rows = match begun.await {
            Ok(rows) => rows,
            Err(error) => {
                running.end(StubOutcome::Failed);
                return Err(error);
            }
        };
        let (sender, receiver) = mpsc::channel(BATCHES_IN_FLIGHT);
        // The server works by itself; the task dies with the stream, as a call dies with its socket.
        let server = SpawnedTask::spawn(async move { running.end(rows.send(&sender, fault).await) });
        let answer = stream::unfold((receiver, server), |(mut receiver, server)| async move {
            let batch = receiver.recv().await?;
            Some((batch, (receiver, server)))
        });
        Ok(answer.boxed())
    }

    async fn partition_query(&self, sql: &str, at: ReadTimestamp) -> Result<Vec<Vec<u8>>, SpannerError> {
        let cut = async {
            self.require_begun(at)?;
            let tables = self.tables().await?;
            let accepted = query::accept(&tables.context.state(), sql).await?;
            query::require_partitionable(&accepted.plan)?;
            Ok((0..PARTITIONS).map(|index| Part { index, of: PARTITIONS }.token(sql)).collect())
        };
        self.answering(StubRequestKind::PartitionQuery, sql, cut).await
    }

    async fn query_schema(&self, sql: &str) -> Result<SchemaRef, SpannerError> {
        let plan = async {
            let tables = self.tables().await?;
            delivered_schema(&query::accept(&tables.context.state(), sql).await?)
        };
        self.answering(StubRequestKind::PlanQuery, sql, plan).await
    }

    async fn list_tables(&self) -> Result<Vec<String>, SpannerError> {
        let list =
            async { Ok(self.tables().await?.described.iter().map(|table| table.name.clone()).collect()) };
        self.answering(StubRequestKind::ReadCatalog, "", list).await
    }

    async fn describe_table(&self, name: &str) -> Result<SpannerTable, SpannerError> {
        let describe = async {
            let tables = self.tables().await?;
            let absent = || SpannerError::new(SpannerCode::NotFound, format!("Table not found: {name}"));
            tables.find(name).cloned().ok_or_else(absent)
        };
        self.answering(StubRequestKind::ReadCatalog, "", describe).await
    }

    fn max_partitions(&self) -> usize {
        PARTITIONS
    }
}

/// A request that is being answered. Dropped without an end, it was cancelled.
struct Running {
    log: Arc<RequestLog>,
    index: usize,
}

impl Running {
    fn begin(log: &Arc<RequestLog>, kind: StubRequestKind, sql: &str, token: Option<&[u8]>) -> Self {
        Running { log: Arc::clone(log), index: log.begin(kind, sql, token) }
    }

    fn end(self, outcome: StubOutcome) {
        self.log.end(self.index, outcome);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.log.end(self.index, StubOutcome::Cancelled);
    }
}

/// One of the parts of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    index: usize,
    of: usize,
}

impl Part {
    const WHOLE: Part = Part { index: 0, of: 1 };

    /// A token is good for the text it was given out for, and for no other.
    fn token(self, sql: &str) -> Vec<u8> {
        let mut hasher = DefaultHasher::new();
        sql.hash(&mut hasher);
        format!("stub {} {} {:x}", self.index, self.of, hasher.finish()).into_bytes()
    }

    fn of_token(token: &[u8], sql: &str) -> Result<Part, SpannerError> {
        (0..PARTITIONS)
            .map(|index| Part { index, of: PARTITIONS })
            .find(|part| part.token(sql) == token)
            .ok_or_else(|| {
                SpannerError::new(
                    SpannerCode::InvalidArgument,
                    "The partition token does not belong to this query.",
                )
            })
    }

    /// This part's rows of a batch: the same for the same batch, and all parts' together are the batch.
    fn cut(self, batch: &RecordBatch) -> RecordBatch {
        let from = batch.num_rows() * self.index / self.of;
        let to = batch.num_rows() * (self.index + 1) / self.of;
        batch.slice(from, to - from)
    }
}

/// An answer on its way.
struct Rows {
    stream: SendableRecordBatchStream,
    schema: SchemaRef,
    part: Part,
}

impl Rows {
    async fn send(
        mut self,
        caller: &mpsc::Sender<Result<RecordBatch, SpannerError>>,
        fault: Option<StubFault>,
    ) -> StubOutcome {
        while let Some(batch) = self.stream.next().await {
            let batch = batch.map_err(|error| execution_error(&error)).and_then(|batch| {
                let batch = self.part.cut(&batch);
                delivered(&batch, &self.schema)
            });
            let failed = batch.is_err();
            if batch.as_ref().is_ok_and(|batch| batch.num_rows() == 0) {
                continue;
            }
            if caller.send(batch).await.is_err() {
                return StubOutcome::Cancelled;
            }
            if failed {
                return StubOutcome::Failed;
            }
            match fault {
                Some(StubFault::FailMidway(error)) => {
                    let _ = caller.send(Err(error)).await;
                    return StubOutcome::Failed;
                }
                Some(StubFault::StallMidway) => std::future::pending::<()>().await,
                Some(StubFault::Fail(_) | StubFault::Stall) | None => {}
            }
        }
        StubOutcome::Finished
    }
}

/// The columns of an answer, under Spanner's types.
fn delivered_schema(accepted: &AcceptedQuery) -> Result<SchemaRef, SpannerError> {
    let mut fields = Vec::new();
    for (field, name) in accepted.plan.schema().fields().iter().zip(&accepted.names) {
        let kind = match field.data_type() {
            // NULL alone is an INT64, as in GoogleSQL.
            DataType::Null => SpannerType::Int64,
            // Whatever is computed from a NUMERIC is one again.
            DataType::Decimal128(..) | DataType::Decimal256(..) => SpannerType::Numeric,
            other => SpannerType::holding(other).ok_or_else(|| {
                SpannerError::new(
                    SpannerCode::Unimplemented,
                    format!("Column {name} is of a type that is not supported"),
                )
            })?,
        };
        fields.push(Field::new(name, kind.arrow(), true));
    }
    Ok(Arc::new(Schema::new(fields)))
}

fn delivered(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, SpannerError> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
    for (column, field) in batch.columns().iter().zip(schema.fields()) {
        columns.push(cast_with_options(column, field.data_type(), &strict).map_err(|error| {
            SpannerError::new(
                SpannerCode::OutOfRange,
                format!("Invalid value in column {}: {error}", field.name()),
            )
        })?);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(|error| SpannerError::new(SpannerCode::Internal, error.to_string()))
}

fn execution_error(error: &DataFusionError) -> SpannerError {
    let text = match error.find_root() {
        DataFusionError::ArrowError(error, _) => error.to_string(),
        other => other.strip_backtrace(),
    };
    let line = text.lines().next().unwrap_or_default();
    SpannerError::new(SpannerCode::OutOfRange, line.trim_start_matches("Cast error: "))
}
