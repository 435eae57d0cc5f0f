//! The test kit's own tests: what stands in for a service behaves as the service does.

mod object_stores;
mod slt;
