//! The SPI: what a connector is, and the vocabulary around it.
//!
//! A *connector* is our code for a kind of system. It is stateless data (its connection types and
//! their options) and a function that opens a *remote*. A remote can be checked, lists and describes
//! tables, and is one or both of: a SQL system ([`RemoteSql`]) and an object store ([`Objects`]).
//! One statement's view of one SQL remote is a *read scope* ([`ReadScope`]); it hands out *splits*
//! and streams batches.
//!
//! This crate names no system and sends nothing. Plans hold a [`RemoteId`] and descriptions, never a
//! client and never a secret; [`Remotes`] finds the opened remote when a plan runs.

mod canceller;
mod connector;
mod dialect;
mod metrics;
mod object_error;
mod objects;
mod option;
mod options;
mod progress;
mod query_dialect;
mod read;
mod remote;
mod remotes;
mod table;
mod write;

pub use canceller::Canceller;
pub use connector::{ConnectionType, Connector, Connectors};
pub use dialect::{Comparison, Operand, Operation, RemoteDialect, Rendered};
pub use metrics::{SourceMetrics, SourceReport};
pub use object_error::object_error;
pub use objects::{ObjectLocation, Objects, PartPlace, Staging};
pub use option::{OptionKind, OptionSpec};
pub use options::{GivenOption, GivenValue, OptionValue, Options};
pub use progress::ScanProgress;
pub use query_dialect::{Aggregate, QueryDialect, Reason, WindowFunction, Written};
pub use read::{DecimalType, ReadScope, Relation, RemoteRead, RemoteScan, RemoteSql, SourceState, Split};
pub use remote::{CheckReport, Remote, RemoteId, StatementId};
pub use remotes::{OpenedRemote, Remotes};
pub use table::{ColumnDescription, SchemaSpec, TableDescription, TableSpec};
pub use write::{RemoteWrite, RemoteWriter, WritePoints};
