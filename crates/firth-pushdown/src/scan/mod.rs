//! The operator that reads a remote.
//!
//! `exec` is the plan node, `queue` hands splits to its partitions, `stream` is what one partition does;
//! `run` runs a plan with such nodes; `statistics` says what it is expected to deliver.

mod exec;
mod queue;
mod run;
mod statistics;
mod stream;

pub use exec::RemoteScanExec;
pub use run::execute;
pub(crate) use statistics::estimate;
