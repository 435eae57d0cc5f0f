//! Logical plans to remote SQL: the rule, rendering, and the remote scan.
//!
//! A [`RemoteTable`] shows DataFusion a remote's table. When a query is planned, it asks the remote's
//! dialect, operation by operation, which filters mean there what they mean here ([`render`]), and
//! puts them, the columns and the limit into a `RemoteScan`; [`scan_sql`] composes its text. The plan
//! then holds a [`RemoteScanExec`]: an id, a description and a text, never a client and never a
//! secret, so that it can be sent to another machine by the [`RemoteScanCodec`]. Only when it runs
//! does it find the opened remote, by its id, in the session configuration.
//!
//! What the dialect does not list is evaluated here. That is never an error, and never a different
//! answer.

mod codec;
mod dynamic;
mod names;
mod query;
mod render;
mod scan;
mod sql;
mod table;

pub use codec::RemoteScanCodec;
pub use names::{NAME_METADATA, shown_schema};
pub use query::{Kept, Pushed, push_down};
pub use scan::{FiltersToTheirColumns, LeafProgress, RemoteScanExec, execute, expect_scans, tell_keys};
pub use sql::scan_sql;
pub use table::{Pushdown, RemoteTable};

use datafusion::error::DataFusionError;
use firth_diagnostic::Diagnostic;

/// A diagnostic on its way through DataFusion. Whoever runs the plan takes it out again.
fn external(diagnostic: Diagnostic) -> DataFusionError {
    DataFusionError::External(Box::new(diagnostic))
}
