//! The operator that reads a remote.
//!
//! `exec` is the plan node, `queue` hands splits to its partitions, `stream` is what one partition does;
//! `statistics` says what it is expected to deliver.

mod exec;
mod queue;
mod statistics;
mod stream;

pub use exec::RemoteScanExec;
pub(crate) use statistics::estimate;
