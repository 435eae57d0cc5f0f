//! Pushdown against a remote in memory: what it is sent, and that the answer stays the same.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod dynamic;
mod execution;
mod law;
mod limit;
mod names;
mod plan;
mod progress;
mod queries;
mod rendering;
mod session;
