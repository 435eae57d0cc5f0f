//! Writing to a SQL remote: rows at the end of a table.

use std::any::Any;

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
