//! One statement's reads of one connection: all of them see one moment, by as many backends as `members`
//! gives them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use datafusion::{
    error::DataFusionError, execution::SendableRecordBatchStream,
    physical_plan::stream::RecordBatchStreamAdapter,
};
use firth_connector::{ReadScope, RemoteRead, RemoteScan, SourceMetrics, SourceState, Split, StatementId};
use firth_diagnostic::{Code, Diagnostic, Result};
use futures::stream::try_unfold;
use tokio::sync::Mutex;
use tokio_postgres::{CopyOutStream, SimpleQueryMessage, Statement};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    budget::Budget,
    copy::Decoder,
    error,
    members::{Member, Members, Purpose},
    pool::Pool,
    reading::{COPY, Reading, TO_STDOUT},
    splits,
    types::Wire,
};

/// One statement's view. Begun lazily: its snapshot is taken when the first scan is polled.
pub(super) struct Scope {
    members: Arc<Members>,
    budget: Budget,
}

impl Scope {
    /// The view of a statement with so many scans.
    pub(super) fn new(pool: Arc<Pool>, statement: StatementId, scans: Option<usize>) -> Self {
        let budget = Budget::new(&pool.server.settings);
        Scope { members: Members::new(pool, statement, scans), budget }
    }
}

#[async_trait]
impl ReadScope for Scope {
    async fn splits(&self, scan: &RemoteScan, sql: &str) -> Result<Vec<Split>> {
        self.members.scan_begins();
        let splits = splits::splits(&self.members, scan, sql).await?;
        self.members.splits_due(splits.len());
        Ok(splits)
    }

    async fn state(&self) -> Result<Option<SourceState>> {
        let mut member = self.members.member(Purpose::Ask).await?;
        if let Some(ahead) = member.ahead.take()
            && let Err(failure) = member.client().batch_execute(&ahead).await
        {
            let failure = error::request(member.settings(), &failure, None);
            member.give_back();
            return Err(failure);
        }
        match state(&member).await {
            Ok(state) => {
                member.park();
                Ok(Some(state))
            }
            // Servers that speak PostgreSQL's protocol need not know its functions: that spoils no read.
            Err(refused) if refused.as_db_error().is_some() => {
                log::debug!("the server does not say at which state it is read: {refused}");
                member.park();
                Ok(None)
            }
            Err(failure) => {
                let failure = error::request(member.settings(), &failure, None);
                member.give_back();
                Err(failure)
            }
        }
    }

    fn read(self: Arc<Self>, read: RemoteRead) -> Result<SendableRecordBatchStream> {
        let schema = Arc::clone(&read.schema);
        let batches = try_unfold(Step::Open(self, Box::new(read)), |step| async {
            let failed = |failure: Diagnostic| DataFusionError::External(Box::new(failure));
            let mut reader = match step {
                Step::Open(scope, read) => Box::new(Reader::open(scope, *read).await.map_err(failed)?),
                Step::Read(reader) => reader,
            };
            let batch = reader.next_batch().await.map_err(failed)?;
            Ok(batch.map(|batch| (batch, Step::Read(reader))))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

/// What a transaction sees, how far the server's log has come, also on a standby, and its time. No right is needed for it.
const STATE: &str = "SELECT pg_catalog.pg_current_snapshot()::text, \
    (CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() \
          ELSE pg_catalog.pg_current_wal_lsn() END)::text, \
    pg_catalog.to_char(pg_catalog.now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";

async fn state(member: &Member) -> std::result::Result<SourceState, tokio_postgres::Error> {
    let answers = member.client().simple_query(STATE).await?;
    let row = answers.iter().find_map(|answer| match answer {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let text = |index: usize| row.and_then(|row| row.get(index)).map(str::to_owned);
    Ok(SourceState { snapshot: text(0), position: text(1), at: text(2) })
}

/// Where a stream is. Dropping either cancels what the server does for it.
enum Step {
    Open(Arc<Scope>, Box<RemoteRead>),
    Read(Box<Reader>),
}

struct Reader {
    decoder: Decoder,
    metrics: Arc<SourceMetrics>,
    /// Locked while we read, so that whoever waits for a backend sees whether we do.
    reading: Arc<Mutex<Reading>>,
    _gone: DropGuard,
    scope: Arc<Scope>,
}

impl Reader {
    async fn open(scope: Arc<Scope>, read: RemoteRead) -> Result<Self> {
        let mut member = scope.members.member(Purpose::Read).await?;
        let RemoteRead { sql, schema, labels, metrics, .. } = read;
        metrics.sent(&sql);
        metrics.add_request();
        scope.members.take_notes().iter().for_each(|note| metrics.note(note));
        let (decoder, rows) = match start(&mut member, &sql, &schema, &labels).await {
            Ok(started) => started,
            Err(failure) => {
                member.give_back();
                return Err(failure);
            }
        };
        let reading = Arc::new(Mutex::new(Reading::new(member, rows, sql)));
        let gone = CancellationToken::new();
        scope.members.pool().register(&reading, gone.clone());
        Ok(Reader { decoder, metrics, reading, _gone: gone.drop_guard(), scope })
    }

    async fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let mut reading = self.reading.lock().await;
        let mut received = 0;
        while !self.decoder.fill()? {
            match reading.next().await? {
                Some(bytes) => {
                    received += bytes.len();
                    self.scope.budget.spend_bytes(bytes.len())?;
                    self.decoder.feed(bytes);
                }
                None => {
                    self.decoder.finish()?;
                    break;
                }
            }
        }
        let batch = self.decoder.take_batch()?;
        self.metrics.add_bytes(received);
        let rows = batch.as_ref().map_or(0, RecordBatch::num_rows);
        self.metrics.add_rows(rows);
        self.scope.budget.spend_rows(rows)?;
        Ok(batch)
    }
}

/// Checks that the columns are still what was described, and starts the `COPY`: two round trips.
async fn start(
    member: &mut Member,
    sql: &str,
    schema: &arrow::datatypes::SchemaRef,
    labels: &[String],
) -> Result<(Decoder, CopyOutStream)> {
    let ahead = member.ahead.take();
    let copy = format!("{COPY}{sql}{TO_STDOUT}");
    let client = member.client();
    let begin = async {
        match &ahead {
            Some(ahead) => client.batch_execute(ahead).await,
            None => Ok(()),
        }
    };
    // Sent one after the other without waiting for the answers between.
    let (begun, columns, copy) = tokio::join!(begin, client.prepare(sql), client.prepare(&copy));
    let refused = |prefix| {
        let sent = error::Sent { sql, prefix };
        let settings = member.settings();
        move |failure| error::request(settings, &failure, Some(sent))
    };
    begun.map_err(refused(""))?;
    let columns = columns.map_err(refused(""))?;
    member.has_described(columns.columns());
    let wires = wires(&columns, schema)?;
    let decoder = Decoder::new(Arc::clone(schema), &wires, labels);
    let rows = client.copy_out(&copy.map_err(refused(COPY))?).await.map_err(refused(COPY))?;
    Ok((decoder, rows))
}

/// The formats in which the columns come, if they still become what the plan was made for.
fn wires(statement: &Statement, schema: &arrow::datatypes::Schema) -> Result<Vec<Wire>> {
    let columns = statement.columns();
    let changed = |message: String| {
        Diagnostic::error(Code::Conflict, message)
            .hint("The table has changed since it was described: create it again, or name the columns.")
    };
    if columns.len() != schema.fields().len() {
        return Err(changed(format!("expected {} columns, got {}", schema.fields().len(), columns.len())));
    }
    let mut wires = Vec::with_capacity(columns.len());
    for (column, field) in columns.iter().zip(schema.fields()) {
        match Wire::reading(column.type_(), field.data_type()) {
            Some(wire) => wires.push(wire),
            None => {
                let (name, type_) = (field.name(), column.type_().name());
                return Err(changed(format!(
                    "column {name:?} is now of type {type_}, not what it was described as"
                )));
            }
        }
    }
    Ok(wires)
}
