//! A remote in memory, for tests that need a source but no server.
//!
//! It behaves as a server does: it takes SQL text, evaluates it on its own (in a private DataFusion
//! context over Arrow batches), and knows nothing of who asks. Tests read what it received, and can
//! tell it to fail or to stall. Its dialect is as uneven as real ones: see [`FakeDialect`].

mod dialect;

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use arrow::{
    array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions},
    compute::filter_record_batch,
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use async_trait::async_trait;
use datafusion::{
    catalog::MemorySchemaProvider,
    datasource::MemTable,
    error::DataFusionError,
    execution::{SendableRecordBatchStream, context::SQLOptions},
    physical_plan::stream::RecordBatchStreamAdapter,
    prelude::{SessionConfig, SessionContext},
};
use firth_connector::{
    CheckReport, ColumnDescription, ConnectionType, Connector, DecimalType, OptionSpec, Options, ReadScope,
    Relation, Remote, RemoteDialect, RemoteId, RemoteRead, RemoteScan, RemoteSql, SchemaSpec, Split,
    StatementId, TableDescription, TableSpec,
};
use firth_diagnostic::{Code, Diagnostic, Result};
use futures::{Stream, StreamExt, TryStreamExt, stream};

pub use dialect::FakeDialect;

/// A column that every table has besides its own and that no description shows: the row's number.
/// Splits are made of it.
const ROW: &str = "__row";

/// How the remote cuts its tables for parallel reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FakeSplits {
    /// Not at all: one split.
    Whole,
    /// Into this many parts, by a condition in its SQL.
    Predicates(usize),
    /// Into this many parts, by a token.
    Tokens(usize),
}

/// Where the remote can be told to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FakeFault {
    /// When a statement begins.
    Begin,
    /// When it is asked for splits.
    Splits,
    /// When a read is first polled.
    Read,
}

/// What the remote has seen so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FakeLog {
    /// How many statements have begun.
    pub statements: usize,
    /// The texts that splits were asked for.
    pub split_requests: Vec<String>,
    /// The texts that were run, in order.
    pub received: Vec<String>,
    /// How many reads ended at their last row.
    pub finished: usize,
    /// How many reads were dropped before that.
    pub cancelled: usize,
}

/// A remote in memory. Clones share the log and what it has been told.
#[derive(Clone)]
pub struct FakeRemote {
    tables: Vec<FakeTable>,
    splits: FakeSplits,
    batch_rows: usize,
    state: Arc<State>,
}

#[derive(Clone)]
struct FakeTable {
    table: TableSpec,
    batch: RecordBatch,
    remote_types: Vec<String>,
    key: Vec<String>,
}

#[derive(Default)]
struct State {
    log: Mutex<FakeLog>,
    fault: Mutex<Option<(FakeFault, Diagnostic)>>,
    stall_after: Mutex<Option<usize>>,
    polls: AtomicUsize,
}

impl State {
    fn log(&self) -> MutexGuard<'_, FakeLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault(&self, at: FakeFault) -> Result<()> {
        match &*self.fault.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((fault, diagnostic)) if *fault == at => Err(diagnostic.clone()),
            _ => Ok(()),
        }
    }
}

impl Default for FakeRemote {
    fn default() -> Self {
        FakeRemote { tables: Vec::new(), splits: FakeSplits::Whole, batch_rows: 1024, state: Arc::default() }
    }
}

impl FakeRemote {
    /// A remote without tables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a table. An empty `schema` is the default one.
    #[must_use]
    pub fn with_table(mut self, schema: &str, name: &str, batch: RecordBatch) -> Self {
        let table = TableSpec { schema: schema.to_owned(), name: name.to_owned() };
        let types = batch.schema_ref().fields().iter().map(|field| field.data_type().to_string()).collect();
        self.tables.push(FakeTable { table, batch, remote_types: types, key: Vec::new() });
        self
    }

    /// Says that these columns are the primary key of the tables of this name.
    #[must_use]
    pub fn with_key(mut self, name: &str, columns: &[&str]) -> Self {
        for table in self.tables.iter_mut().filter(|table| table.table.name == name) {
            table.key = columns.iter().map(|&column| column.to_owned()).collect();
        }
        self
    }

    /// Cuts every table so.
    #[must_use]
    pub fn with_splits(mut self, splits: FakeSplits) -> Self {
        self.splits = splits;
        self
    }

    /// Delivers batches of this many rows at most.
    #[must_use]
    pub fn with_batch_rows(mut self, rows: usize) -> Self {
        self.batch_rows = rows;
        self
    }

    /// From now on, fails there with this message.
    pub fn fail(&self, at: FakeFault, diagnostic: Diagnostic) {
        *self.state.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some((at, diagnostic));
    }

    /// From now on, every read delivers this many batches and then nothing, without ending.
    pub fn stall_after(&self, batches: usize) {
        *self.state.stall_after.lock().unwrap_or_else(PoisonError::into_inner) = Some(batches);
    }

    /// What it has seen so far.
    pub fn log(&self) -> FakeLog {
        self.state.log().clone()
    }

    /// The texts that were run, in order.
    pub fn received(&self) -> Vec<String> {
        self.state.log().received.clone()
    }

    /// How often its reads were polled: 0 proves that nothing was asked for.
    pub fn polls(&self) -> usize {
        self.state.polls.load(Ordering::Relaxed)
    }

    fn description(&self, table: &FakeTable) -> TableDescription {
        let columns = table.remote_types.iter().map(ColumnDescription::of_type).collect();
        TableDescription {
            table: table.table.clone(),
            schema: table.batch.schema(),
            columns,
            primary_key: table.key.clone(),
            row_count: Some(table.batch.num_rows() as u64),
            total_bytes: Some(table.batch.get_array_memory_size() as u64),
            max_splits: self.split_count(),
        }
    }

    fn split_count(&self) -> usize {
        match self.splits {
            FakeSplits::Whole => 1,
            FakeSplits::Predicates(count) | FakeSplits::Tokens(count) => count,
        }
    }

    /// A context over the rows of one part, or over all.
    fn context(&self, token: Option<&[u8]>) -> Result<SessionContext, DataFusionError> {
        let config = SessionConfig::new().with_target_partitions(1);
        let context = SessionContext::new_with_config(config);
        for FakeTable { table, batch, .. } in &self.tables {
            let mut batch = with_row_numbers(batch)?;
            if let Some([part]) = token {
                batch = self.part(&batch, usize::from(*part))?;
            }
            let schema = batch.schema();
            let batches: Vec<RecordBatch> = (0..batch.num_rows())
                .step_by(self.batch_rows)
                .map(|start| batch.slice(start, self.batch_rows.min(batch.num_rows() - start)))
                .collect();
            let provider = Arc::new(MemTable::try_new(schema, vec![batches])?);
            let schema = if table.schema.is_empty() { "public" } else { &table.schema };
            let catalog = context.catalog("datafusion").ok_or_else(|| absent("catalog"))?;
            if catalog.schema(schema).is_none() {
                catalog.register_schema(schema, Arc::new(MemorySchemaProvider::new()))?;
            }
            let schema = catalog.schema(schema).ok_or_else(|| absent("schema"))?;
            schema.register_table(table.name.clone(), provider)?;
        }
        Ok(context)
    }

    fn part(&self, batch: &RecordBatch, part: usize) -> Result<RecordBatch, DataFusionError> {
        let mask: BooleanArray =
            (0..batch.num_rows()).map(|row| Some(row % self.split_count() == part)).collect();
        Ok(filter_record_batch(batch, &mask)?)
    }

    async fn run(
        &self,
        sql: &str,
        token: Option<&[u8]>,
    ) -> Result<SendableRecordBatchStream, DataFusionError> {
        let reads_only =
            SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        self.context(token)?.sql_with_options(sql, reads_only).await?.execute_stream().await
    }
}

fn absent(what: &str) -> DataFusionError {
    DataFusionError::Internal(format!("the private context has no {what}"))
}

fn with_row_numbers(batch: &RecordBatch) -> Result<RecordBatch, DataFusionError> {
    let mut fields = batch.schema_ref().fields().to_vec();
    fields.push(Arc::new(Field::new(ROW, DataType::Int64, false)));
    let mut columns = batch.columns().to_vec();
    let rows: ArrayRef = Arc::new(Int64Array::from_iter_values((0_i64..).take(batch.num_rows())));
    columns.push(rows);
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

#[async_trait]
impl Remote for FakeRemote {
    async fn check(&self) -> Result<CheckReport> {
        self.state.fault(FakeFault::Begin)?;
        Ok(CheckReport {
            latency: Duration::from_millis(1),
            server_version: "fake 1".to_owned(),
            ..CheckReport::default()
        })
    }

    /// `fake://<schema>`, or any text that ends in `/<schema>`.
    fn schema_spec(&self, external_source: &str) -> Result<SchemaSpec> {
        let schema = external_source.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(SchemaSpec { source: external_source.to_owned(), schema })
    }

    async fn list(&self, schema: &SchemaSpec) -> Result<Vec<TableSpec>> {
        let mut tables: Vec<TableSpec> = self.tables.iter().map(|table| table.table.clone()).collect();
        tables.retain(|table| table.schema == schema.schema);
        tables.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(tables)
    }

    async fn describe(&self, table: &TableSpec) -> Result<TableDescription> {
        match self.tables.iter().find(|candidate| candidate.table == *table) {
            Some(table) => Ok(self.description(table)),
            None => Err(Diagnostic::error(Code::NotFound, format!("there is no table {:?}", table.name))),
        }
    }

    fn sql(self: Arc<Self>) -> Option<Arc<dyn RemoteSql>> {
        Some(self as Arc<dyn RemoteSql>)
    }
}

#[async_trait]
impl RemoteSql for FakeRemote {
    fn dialect(&self) -> &dyn RemoteDialect {
        &FakeDialect
    }

    async fn describe_query(
        &self,
        sql: &str,
        _decimals: Option<DecimalType>,
    ) -> Result<(Relation, TableDescription)> {
        let sql = sql.trim_end().trim_end_matches(';');
        let stream = self.run(sql, None).await.map_err(remote_error)?;
        let fields: Vec<_> =
            stream.schema().fields().iter().filter(|field| field.name() != ROW).cloned().collect();
        let columns =
            fields.iter().map(|field| ColumnDescription::of_type(field.data_type().to_string())).collect();
        let description = TableDescription {
            table: TableSpec { schema: String::new(), name: String::new() },
            schema: Arc::new(Schema::new(fields)),
            columns,
            primary_key: Vec::new(),
            row_count: None,
            total_bytes: None,
            max_splits: 1,
        };
        Ok((Relation::Query(sql.to_owned()), description))
    }

    async fn begin(&self, _statement: StatementId, _scans: Option<usize>) -> Result<Arc<dyn ReadScope>> {
        self.state.fault(FakeFault::Begin)?;
        self.state.log().statements += 1;
        Ok(Arc::new(Scope(self.clone())))
    }
}

/// One statement's view of the remote. Its tables never change, so it holds nothing else.
struct Scope(FakeRemote);

#[async_trait]
impl ReadScope for Scope {
    async fn splits(&self, scan: &RemoteScan, sql: &str) -> Result<Vec<Split>> {
        self.0.state.log().split_requests.push(sql.to_owned());
        self.0.state.fault(FakeFault::Splits)?;
        if matches!(scan.relation, Relation::Query(_)) {
            return Ok(vec![Split::default()]);
        }
        let count = self.0.split_count();
        let part = |part: usize| match self.0.splits {
            FakeSplits::Whole => Split::default(),
            FakeSplits::Predicates(_) => {
                Split { predicate: Some(format!("\"{ROW}\" % {count} = {part}")), token: None }
            }
            FakeSplits::Tokens(_) => {
                Split { predicate: None, token: Some(vec![u8::try_from(part).unwrap_or(u8::MAX)]) }
            }
        };
        Ok((0..count).map(part).collect())
    }

    fn read(self: Arc<Self>, read: RemoteRead) -> Result<SendableRecordBatchStream> {
        let state = Arc::clone(&self.0.state);
        let stall_after = *state.stall_after.lock().unwrap_or_else(PoisonError::into_inner);
        let schema = Arc::clone(&read.schema);
        let metrics = Arc::clone(&read.metrics);
        let rows = stream::once(async move {
            let state = &self.0.state;
            state.log().received.push(read.sql.clone());
            state.fault(FakeFault::Read).map_err(|fault| DataFusionError::External(Box::new(fault)))?;
            read.metrics.add_request();
            read.metrics.sent(&read.sql);
            let rows = self.0.run(&read.sql, read.split.token.as_deref()).await;
            rows.map_err(|error| DataFusionError::External(Box::new(remote_error(error))))
        });
        let shape = Arc::clone(&schema);
        let batches = rows.try_flatten().map(move |batch| {
            let batch = shaped(&batch?, &shape)?;
            metrics.add_rows(batch.num_rows());
            metrics.add_bytes(batch.get_array_memory_size());
            Ok(batch)
        });
        let batches = match stall_after {
            Some(count) => batches.take(count).chain(stream::pending()).boxed(),
            None => batches.boxed(),
        };
        let read = FakeRead { batches, ended: false, state };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, read)))
    }
}

/// The batch with exactly the asked schema; without columns, only its number of rows.
fn shaped(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, DataFusionError> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let columns = batch.columns()[..batch.num_columns().min(schema.fields().len())].to_vec();
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

fn remote_error(error: DataFusionError) -> Diagnostic {
    Diagnostic::error(Code::Remote, "the fake remote could not run the query").detail(error.strip_backtrace())
}

/// A read that notes how it ended.
struct FakeRead<S> {
    batches: S,
    ended: bool,
    state: Arc<State>,
}

impl<S> Stream for FakeRead<S>
where
    S: Stream<Item = Result<RecordBatch, DataFusionError>> + Unpin,
{
    type Item = Result<RecordBatch, DataFusionError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.state.polls.fetch_add(1, Ordering::Relaxed);
        let next = std::task::ready!(self.batches.poll_next_unpin(context));
        if !self.ended && !matches!(next, Some(Ok(_))) {
            self.ended = true;
            self.state.log().finished += 1;
        }
        Poll::Ready(next)
    }
}

impl<S> Drop for FakeRead<S> {
    fn drop(&mut self) {
        if !self.ended {
            self.state.log().cancelled += 1;
        }
    }
}

/// A connector of one type, FAKE, whose connections all lead to one remote.
pub struct FakeConnector(Arc<FakeRemote>);

const TYPES: &[ConnectionType] = &[ConnectionType {
    name: "FAKE",
    when: None,
    options: &[
        OptionSpec::string("host").default("nowhere").endpoint().doc("Where it would be."),
        OptionSpec::string("password").secret().doc("What it would want to know."),
    ],
    schemes: &[],
    endpoint: |options| options.string("host").unwrap_or_default().to_owned(),
    doc: "A remote in memory, for tests.",
}];

impl FakeConnector {
    /// A connector to this remote.
    pub fn new(remote: Arc<FakeRemote>) -> Self {
        FakeConnector(remote)
    }
}

impl Connector for FakeConnector {
    fn connection_types(&self) -> &'static [ConnectionType] {
        TYPES
    }

    fn open(
        &self,
        _id: RemoteId,
        _connection_type: &'static ConnectionType,
        _options: Options,
    ) -> Result<Arc<dyn Remote>> {
        Ok(Arc::clone(&self.0) as Arc<dyn Remote>)
    }
}
