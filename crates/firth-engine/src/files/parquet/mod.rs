//! Parquet, read with few requests: footers are kept between statements, column chunks are fetched ahead.
//!
//! [`parquet_source`] is what scans read through. It is DataFusion's own source, in whose place [`morsels`] read files column by column where
//! that is all there is to do: decoded columns are kept ([`columns`]), and rows that joins rule out are dropped at once ([`late`]).

mod columns;
mod footer;
mod late;
mod morsels;
mod nan;
mod read_ahead;
mod reader;
mod row_groups;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use footer::{Footer, footer};
use reader::ReaderFactory;
pub(crate) use source::parquet_source;
