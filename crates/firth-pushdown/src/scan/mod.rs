//! The operator that reads a remote.
//!
//! `exec` is the plan node, `queue` hands splits to its partitions, `stream` is what one partition does;
//! `keys` sees to it that what joins learn reaches it in time, `ambiguous` that it reaches the right column;
//! `run` runs a plan with such nodes; `statistics` says what it is expected to deliver.

mod ambiguous;
mod exec;
mod keys;
mod queue;
mod run;
mod statistics;
mod stream;

pub use ambiguous::FiltersToTheirColumns;
pub use exec::RemoteScanExec;
pub use keys::tell_keys;
pub use run::{LeafProgress, execute, expect_scans};
pub(crate) use statistics::estimate;
