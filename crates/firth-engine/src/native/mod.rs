//! Native tables: rows as Parquet files below the home, in the manner of DuckLake. docs/adr/0024.
//!
//! A statement writes its files first, and they are nobody's until one transaction of the catalog makes them
//! the table's. A file never changes; rows that go are listed in files of their own.

mod assign;
mod deletes;
mod place;
mod provider;
mod writer;

pub(crate) use assign::{assigned, columns_of, plain_columns};
pub(crate) use deletes::{Deletions, read_deletes, write_deletes};
pub(crate) use place::TablePlace;
pub(crate) use provider::NativeFiles;
pub(crate) use writer::write_rows;
