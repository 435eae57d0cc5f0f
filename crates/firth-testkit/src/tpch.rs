//! TPC-H's eight tables at any scale: the same rows on every machine.
//!
//! Types are those that a BigQuery user would choose, and each format says them in its own way: keys
//! and counts INT64, money and quantities NUMERIC(15, 2), dates DATE, the rest STRING. Nothing is NULL.

mod row;
mod table;
mod write;

pub use table::{Column, ColumnKind, Table};
pub use write::{Format, write};
