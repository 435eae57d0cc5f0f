//! The operator that reads a remote.
//!
//! `exec` is the plan node, `queue` hands splits to its partitions, `stream` is what one partition does.

mod exec;
mod queue;
mod stream;

pub use exec::RemoteScanExec;
