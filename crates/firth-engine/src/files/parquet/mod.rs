//! Parquet, read with few requests: footers are kept between statements, column chunks are fetched ahead.

mod footer;
mod read_ahead;
mod reader;
#[cfg(test)]
mod tests;

pub(crate) use footer::{Footer, footer};
pub(crate) use reader::ReaderFactory;
