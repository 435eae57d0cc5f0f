//! What is asked of a Spanner database, whoever answers.

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use async_trait::async_trait;
use futures::stream::BoxStream;

use super::column::SpannerType;

/// A database, as its sessions show it. Everything is read-only.
///
/// Batches come with the Arrow types of [`SpannerType::arrow`]. Dropping a stream of rows cancels the
/// work at the database.
#[async_trait]
pub(super) trait SpannerClient: Send + Sync + 'static {
    /// The database's name and version.
    async fn version(&self) -> Result<String, SpannerError>;

    /// Begins a read-only transaction: all that is read at one timestamp sees the same rows.
    async fn begin_read(&self) -> Result<ReadTimestamp, SpannerError>;

    /// Runs a query, or the part of it that `token` was given out for.
    async fn execute_sql(
        &self,
        sql: &str,
        token: Option<&[u8]>,
        at: ReadTimestamp,
    ) -> Result<BoxStream<'static, Result<RecordBatch, SpannerError>>, SpannerError>;

    /// Cuts a query into parts, each with a token. Fails if the database cannot cut it.
    async fn partition_query(&self, sql: &str, at: ReadTimestamp) -> Result<Vec<Vec<u8>>, SpannerError>;

    /// Plans a query and answers the columns it would have.
    async fn query_schema(&self, sql: &str) -> Result<SchemaRef, SpannerError>;

    /// The tables of the default schema, in name order.
    async fn list_tables(&self) -> Result<Vec<String>, SpannerError>;

    /// A table's columns. Names of tables are matched without regard to case.
    async fn describe_table(&self, name: &str) -> Result<SpannerTable, SpannerError>;

    /// How many parts a query may be cut into, at most.
    fn max_partitions(&self) -> usize;
}

/// The time that a read-only transaction sees, in microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ReadTimestamp(pub(super) i64);

/// A table as the database's catalog shows it. Columns of types that cannot be delivered are left out.
#[derive(Clone, Debug)]
pub(super) struct SpannerTable {
    /// In the database's spelling.
    pub(super) name: String,
    /// In order.
    pub(super) columns: Vec<(String, SpannerType)>,
    /// About how many rows.
    pub(super) row_count: Option<u64>,
}

/// The status of a failed call, by its name in the service's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpannerCode {
    /// INVALID_ARGUMENT: the text is wrong, or asks for what cannot be.
    InvalidArgument,
    /// FAILED_PRECONDITION: the transaction cannot do this.
    FailedPrecondition,
    /// NOT_FOUND
    NotFound,
    /// PERMISSION_DENIED
    PermissionDenied,
    /// UNAUTHENTICATED
    Unauthenticated,
    /// UNAVAILABLE
    Unavailable,
    /// DEADLINE_EXCEEDED
    DeadlineExceeded,
    /// RESOURCE_EXHAUSTED
    ResourceExhausted,
    /// OUT_OF_RANGE: a value does not fit its type.
    OutOfRange,
    /// UNIMPLEMENTED
    Unimplemented,
    /// INTERNAL
    Internal,
}

/// A failed call: the status, and the database's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpannerError {
    /// The status.
    pub code: SpannerCode,
    /// The words.
    pub message: String,
}

impl SpannerError {
    /// A failed call.
    pub fn new(code: SpannerCode, message: impl Into<String>) -> Self {
        SpannerError { code, message: message.into() }
    }
}
