//! Avro's object container files.

use std::io::Cursor;

use arrow::{datatypes::SchemaRef, error::ArrowError};
use arrow_avro::reader::{Reader, ReaderBuilder};
use bytes::Bytes;

use super::{Batches, positions};

/// The columns, with logical types.
pub(super) fn schema(bytes: Bytes) -> Result<SchemaRef, ArrowError> {
    Ok(open(bytes, ReaderBuilder::new())?.schema())
}

pub(super) fn batches(bytes: Bytes, wanted: &[String], batch_size: usize) -> Result<Batches, ArrowError> {
    let columns = positions(schema(bytes.clone())?.as_ref(), wanted);
    let builder = ReaderBuilder::new().with_batch_size(batch_size);
    // A record of no field could not be counted: then all are read.
    let builder = if columns.is_empty() { builder } else { builder.with_projection(columns) };
    Ok(Box::new(open(bytes, builder)?))
}

pub(crate) fn open(bytes: Bytes, builder: ReaderBuilder) -> Result<Reader<Cursor<Bytes>>, ArrowError> {
    let reader = builder.build(Cursor::new(bytes.clone()))?;
    // The reader takes a file that ends within a block for one that ends before it (arrow-avro 59.3): rows
    // would be missing. A whole file ends with its sync marker.
    if !bytes.ends_with(&reader.avro_header().sync()) {
        return Err(ArrowError::ParseError("the file ends within a block".to_owned()));
    }
    Ok(reader)
}
