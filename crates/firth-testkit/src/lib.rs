//! Local servers, TPC-H data, the slt runner: for tests and the demo.
//!
//! It names no connector, so that every crate may use it in its tests. The servers themselves are
//! started by `cargo xtask servers up`; here is what talks to them, or stands in front of one.

mod azure_signature;
pub mod chaos;
pub mod fake_remote;
pub mod gcs_front;
pub mod kill_drill;
pub mod ready;
pub mod s3_server;
pub mod servers;
pub mod slt;
pub mod tpch;
pub mod upload;
pub mod web_server;
