//! The test kit's own tests: what stands in for a service behaves as the service does.

#![expect(clippy::unwrap_used, reason = "what a test helper cannot do is the test's failure")]

mod object_stores;
mod slt;
