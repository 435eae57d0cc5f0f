//! Writing to a SQL remote: rows at the end of a table.

use std::{any::Any, fmt, sync::Arc};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::execution::SendableRecordBatchStream;
use firth_diagnostic::Result;

use crate::{StatementId, TableSpec};

/// Where rows go.
#[derive(Clone, Debug)]
pub struct RemoteWrite {
    /// The table.
    pub table: TableSpec,
    /// The columns of the rows, by the table's own names. Of those that the table has besides, the source
    /// decides what they hold.
    pub columns: SchemaRef,
    /// Whether the table is made, with these columns, in the same transaction. It must not exist.
    pub create: bool,
    /// For whom.
    pub statement: StatementId,
    /// Who wants to know how far it is.
    pub points: WritePoints,
}

/// Is told the points of a write as they are reached, for tests that end the process there: `rows_sent`, when the source
/// has all rows and has not committed, and `remote_committed`.
#[derive(Clone, Default)]
pub struct WritePoints(Option<Arc<dyn Fn(&'static str) + Send + Sync>>);

impl WritePoints {
    /// Tells `observer`, if there is one.
    pub fn new(observer: Option<Arc<dyn Fn(&'static str) + Send + Sync>>) -> Self {
        WritePoints(observer)
    }

    /// Says that a point is reached.
    pub fn reach(&self, point: &'static str) {
        if let Some(observer) = &self.0 {
            observer(point);
        }
    }
}

impl fmt::Debug for WritePoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WritePoints").field(&self.0.is_some()).finish()
    }
}

/// Writes to a SQL remote.
#[async_trait]
pub trait RemoteWriter: Send + Sync {
    /// Takes all rows, whose columns are those of `write`, or none; answers how many there were.
    ///
    /// The rows are read once, after the source has let us in. Dropping it before its end leaves nothing there.
    async fn write(&self, write: &RemoteWrite, rows: SendableRecordBatchStream) -> Result<u64>;

    /// Says before its rows are asked for that a statement writes, until the answer is dropped.
    ///
    /// Waits until a write of the statement and a read of it besides cannot wait for each other, or for those of others.
    /// A read of the same statement that would have to wait for the write fails, rather than wait. A statement announces
    /// itself once.
    async fn announce(&self, statement: StatementId) -> Box<dyn Any + Send + Sync>;
}
