//! What a statement answers.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use firth_diagnostic::Diagnostic;

use crate::RejectedRows;

/// What a statement answered: rows, or nothing, and maybe warnings.
pub struct Outcome {
    /// The rows, if the statement has any: queries, SHOW, DESCRIBE, CHECK, EXPLAIN, EXPORT DATA.
    pub rows: Option<Rows>,
    /// What there is to know beside the rows. Never a reason to stop.
    pub warnings: Vec<Diagnostic>,
    /// What EXPORT DATA wrote.
    pub exported: Option<Exported>,
    /// The rows of files that it leaves out: known when its own rows have been read.
    pub rejected: Option<Arc<RejectedRows>>,
}

/// What an export has written, or found written by the one that it repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Files; none if the rows went to a database.
    pub files: u64,
    /// Rows.
    pub rows: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// Calls to the store, from looking what is there to the last put; one that is repeated after a fault is one. 0 if
    /// the rows went to a database.
    pub requests: u64,
}

impl Outcome {
    /// Done, and nothing to show.
    pub(crate) fn nothing() -> Self {
        Outcome { rows: None, warnings: Vec::new(), exported: None, rejected: None }
    }
}

/// A result set. Work happens as the stream is polled; dropping the stream cancels it, at the sources too.
pub struct Rows {
    /// The columns, headed as the query spells them. Names may repeat. Two details beyond Arrow's types:
    /// a TIMESTAMP is `Timestamp(Microsecond, "UTC")` and a DATETIME has no zone; a JSON column is Utf8
    /// with `firth.type` = `JSON` in its field's metadata.
    pub schema: SchemaRef,
    /// The batches, with exactly `schema`. Errors are diagnostics inside `DataFusionError::External`:
    /// `firth_engine::diagnostic` takes them out.
    pub stream: SendableRecordBatchStream,
}
