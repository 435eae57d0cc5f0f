//! Local servers, TPC-H data, the slt runner: for tests and the demo.

pub mod fake_remote;
