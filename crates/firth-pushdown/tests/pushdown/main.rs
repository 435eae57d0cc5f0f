//! Pushdown against a remote in memory: what it is sent, and that the answer stays the same.

mod execution;
mod law;
mod limit;
mod names;
mod plan;
mod rendering;
mod session;
