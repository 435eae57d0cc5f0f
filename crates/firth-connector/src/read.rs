//! Reading a SQL remote: scans, splits, and one statement's view of the source.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::execution::SendableRecordBatchStream;
use firth_diagnostic::Result;
use serde::{Deserialize, Serialize};

use crate::{RemoteDialect, RemoteWriter, SourceMetrics, StatementId, TableDescription, TableSpec};

/// What a scan reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Relation {
    /// A table.
    Table(TableSpec),
    /// A query in the source's own SQL, from EXTERNAL_QUERY. One statement, without a trailing semicolon.
    Query(String),
}

/// One scan of a remote, before it is text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemoteScan {
    /// What is read.
    pub relation: Relation,
    /// What is known of it. For a query, the columns that its preparation answered.
    pub description: TableDescription,
    /// Which columns, by index into the description, in the order they are delivered. May be empty:
    /// then only the number of rows matters.
    pub columns: Vec<usize>,
    /// A condition in the source's SQL.
    pub predicate: Option<String>,
    /// At most this many rows, of all splits together. With several splits each may deliver as many;
    /// the reader stops.
    pub limit: Option<usize>,
}

/// A part of a scan that can be read by itself. All parts together are the scan, without overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// A condition in the source's SQL that selects this part.
    pub predicate: Option<String>,
    /// A token that the source gave out for this part.
    pub token: Option<Vec<u8>>,
}

/// One text to run, for one split.
#[derive(Clone, Debug)]
pub struct RemoteRead {
    /// The text, with the split's condition already in it.
    pub sql: String,
    /// What the batches must look like, exactly.
    pub schema: SchemaRef,
    /// The split.
    pub split: Split,
    /// What each column is called in messages, such as `column "price" of table "public.orders"`.
    pub labels: Vec<String>,
    /// Where the reader counts rows, bytes and requests.
    pub metrics: Arc<SourceMetrics>,
}

/// What becomes of a number in decimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalType {
    /// NUMERIC: 38 digits, 9 of them after the point.
    Numeric,
    /// BIGNUMERIC: 76 digits, 38 of them after the point.
    BigNumeric,
    /// STRING: every digit.
    String,
    /// FLOAT64: the nearest one.
    Float64,
}

impl DecimalType {
    /// All of them, by GoogleSQL's name.
    pub const ALL: [(&'static str, DecimalType); 4] = [
        ("NUMERIC", DecimalType::Numeric),
        ("BIGNUMERIC", DecimalType::BigNumeric),
        ("STRING", DecimalType::String),
        ("FLOAT64", DecimalType::Float64),
    ];

    /// The type of this name, whatever its case.
    pub fn named(name: &str) -> Option<Self> {
        DecimalType::ALL
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, type_)| type_)
    }
}

/// The SQL side of a remote.
#[async_trait]
pub trait RemoteSql: Send + Sync {
    /// How its SQL is written, and what it shares with ours.
    fn dialect(&self) -> &dyn RemoteDialect;

    /// Prepares a query without running it, and answers its columns.
    ///
    /// `sql` comes from a user and is checked here before anything is built around it: one statement,
    /// and one that only reads. The description's table is empty; `relation` holds the text to wrap.
    /// `decimals` says what becomes of decimal columns; `None` leaves it to the connection.
    async fn describe_query(
        &self,
        sql: &str,
        decimals: Option<DecimalType>,
    ) -> Result<(Relation, TableDescription)>;

    /// Begins one statement's view of the source. `scans` is how often [`ReadScope::splits`] will be
    /// asked, or `None` if that is not known: a view can end sooner, and share out what it has, if it knows.
    async fn begin(&self, statement: StatementId, scans: Option<usize>) -> Result<Arc<dyn ReadScope>>;

    /// In how many parts a scan will be read, and why, in words for a person, as far as that is known without
    /// asking the source.
    fn reading(&self, scan: &RemoteScan) -> Option<String> {
        let _ = scan;
        None
    }

    /// Writing, where there is any.
    fn writer(&self) -> Option<Arc<dyn RemoteWriter>> {
        None
    }
}

/// At which state a source is read, in its own words. What it does not say is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceState {
    /// Which transactions are seen.
    pub snapshot: Option<String>,
    /// How far its log had come.
    pub position: Option<String>,
    /// Its time, as RFC 3339 has it.
    pub at: Option<String>,
}

/// One statement's view of one SQL remote: every scan of the statement sees the same rows, where the
/// source can promise that. Dropping it, and every stream from it, ends it at the source.
#[async_trait]
pub trait ReadScope: Send + Sync {
    /// The parts of a scan. `sql` is the scan's text without any split's condition. Never empty.
    ///
    /// Asked once for each time a scan runs, before its first read.
    async fn splits(&self, scan: &RemoteScan, sql: &str) -> Result<Vec<Split>>;

    /// At which state the rows are read. `None` if the source does not tell, which is no failure. Asked before the first
    /// read, in one round trip beside those that begin the view.
    async fn state(&self) -> Result<Option<SourceState>> {
        Ok(None)
    }

    /// Streams the rows of one read. Sends nothing before the first poll; dropping the stream cancels
    /// the work at the source. Row order is unspecified unless the text orders.
    fn read(self: Arc<Self>, read: RemoteRead) -> Result<SendableRecordBatchStream>;
}
