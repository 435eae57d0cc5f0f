//! The benchmark harness: issue E fills it.
fn main() {}
