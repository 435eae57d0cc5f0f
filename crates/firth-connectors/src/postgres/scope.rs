//! One statement's reads of one connection.
//!
//! Each read has its own backend and its own REPEATABLE READ transaction, so that it sees one moment;
//! several reads of a statement may see moments that lie apart. (Sharing one snapshot comes with splits.)

use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use datafusion::{
    error::DataFusionError, execution::SendableRecordBatchStream,
    physical_plan::stream::RecordBatchStreamAdapter,
};
use firth_connector::{ReadScope, RemoteRead, RemoteScan, SourceMetrics, Split};
use firth_diagnostic::{Code, Diagnostic, Result};
use futures::stream::try_unfold;
use tokio::sync::Mutex;
use tokio_postgres::Statement;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    copy::Decoder,
    error,
    pool::{Lease, Pool},
    reading::{COPY, Reading, TO_STDOUT},
    types::Wire,
};

/// One statement's view. Begun lazily: a read begins its transaction at its first poll.
pub(super) struct Scope {
    pool: Arc<Pool>,
}

impl Scope {
    pub(super) fn new(pool: Arc<Pool>) -> Self {
        Scope { pool }
    }
}

#[async_trait]
impl ReadScope for Scope {
    async fn splits(&self, _scan: &RemoteScan, _sql: &str) -> Result<Vec<Split>> {
        Ok(vec![Split::default()])
    }

    fn read(self: Arc<Self>, read: RemoteRead) -> Result<SendableRecordBatchStream> {
        let schema = Arc::clone(&read.schema);
        let batches = try_unfold(Step::Open(Arc::clone(&self.pool), Box::new(read)), |step| async {
            let failed = |failure: Diagnostic| DataFusionError::External(Box::new(failure));
            let mut reader = match step {
                Step::Open(pool, read) => Box::new(Reader::open(&pool, *read).await.map_err(failed)?),
                Step::Read(reader) => reader,
            };
            let batch = reader.next_batch().await.map_err(failed)?;
            Ok(batch.map(|batch| (batch, Step::Read(reader))))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

/// Where a stream is. Dropping either cancels what the server does for it.
enum Step {
    Open(Arc<Pool>, Box<RemoteRead>),
    Read(Box<Reader>),
}

struct Reader {
    decoder: Decoder,
    metrics: Arc<SourceMetrics>,
    /// Locked while we read, so that whoever waits for a backend sees whether we do.
    reading: Arc<Mutex<Reading>>,
    _gone: DropGuard,
}

impl Reader {
    /// Takes a backend, begins a transaction, checks that the columns are still what was described, and
    /// starts the `COPY`: two round trips once connected.
    async fn open(pool: &Arc<Pool>, read: RemoteRead) -> Result<Self> {
        let RemoteRead { sql, schema, metrics, .. } = read;
        let lease = pool.lease().await?;
        metrics.sent(&sql);
        metrics.add_request();

        let copy = format!("{COPY}{sql}{TO_STDOUT}");
        let client = lease.client();
        let begin = begin(&lease);
        // Sent one after the other without waiting for the answers between.
        let (begun, columns, copy) =
            tokio::join!(client.batch_execute(&begin), client.prepare(&sql), client.prepare(&copy));
        let refused = |prefix| {
            let sent = error::Sent { sql: &sql, prefix };
            let settings = lease.settings();
            move |failure| error::request(settings, &failure, Some(sent))
        };
        begun.map_err(refused(""))?;
        let decoder = Decoder::new(Arc::clone(&schema), &wires(&columns.map_err(refused(""))?, &schema)?);
        let rows = client.copy_out(&copy.map_err(refused(COPY))?).await.map_err(refused(COPY))?;

        let reading = Arc::new(Mutex::new(Reading::new(lease, rows, sql)));
        let gone = CancellationToken::new();
        pool.register(&reading, gone.clone());
        Ok(Reader { decoder, metrics, reading, _gone: gone.drop_guard() })
    }

    async fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let mut reading = self.reading.lock().await;
        let mut received = 0;
        while !self.decoder.fill()? {
            match reading.next().await? {
                Some(bytes) => {
                    received += bytes.len();
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
        self.metrics.add_rows(batch.as_ref().map_or(0, RecordBatch::num_rows));
        Ok(batch)
    }
}

/// Begins a read. Literals are written for `standard_conforming_strings`, which a role may have turned off.
fn begin(lease: &Lease) -> String {
    let mut begin = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; \
                     SET LOCAL standard_conforming_strings = on"
        .to_owned();
    if let Some(timeout) = lease.settings().statement_timeout {
        begin.push_str(&format!("; SET LOCAL statement_timeout = {}", timeout.as_millis()));
    }
    begin
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
        let wire = Wire::of(column.type_(), column.type_modifier());
        match wire.filter(|wire| wire.data_type() == *field.data_type()) {
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
