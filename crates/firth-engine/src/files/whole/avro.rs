//! Avro's object container files.

use std::io::Cursor;

use arrow::{datatypes::SchemaRef, error::ArrowError};
use arrow_avro::reader::{Reader, ReaderBuilder};
use bytes::Bytes;

use super::{Batches, file_bytes::FileBytes, positions};

/// The columns, with logical types.
pub(super) fn schema(bytes: FileBytes) -> Result<SchemaRef, ArrowError> {
    Ok(ReaderBuilder::new().build(bytes)?.schema())
}

pub(super) fn batches(
    mut bytes: FileBytes,
    wanted: &[String],
    batch_size: usize,
) -> Result<Batches, ArrowError> {
    // Read twice for the columns' places, and because the reader takes a wrong sync marker from a header that comes in
    // pieces (arrow-avro 59.3): the second time it is one piece.
    bytes.remember();
    let own = ReaderBuilder::new().build(&mut bytes)?.schema();
    bytes.rewind();
    let columns = positions(own.as_ref(), wanted);
    let builder = ReaderBuilder::new().with_batch_size(batch_size);
    // A record of no field could not be counted: then all are read.
    let builder = if columns.is_empty() { builder } else { builder.with_projection(columns) };
    let tail = bytes.tail();
    let mut reader = builder.build(bytes)?;
    let sync = reader.avro_header().sync();
    let mut is_over = false;
    Ok(Box::new(std::iter::from_fn(move || {
        if is_over {
            return None;
        }
        let next = reader.next();
        is_over = !matches!(next, Some(Ok(_)));
        match next {
            None if !tail.is(&sync) => Some(Err(cut_short())),
            next => next,
        }
    })))
}

/// A file that is there as a whole.
pub(crate) fn open(bytes: Bytes, builder: ReaderBuilder) -> Result<Reader<Cursor<Bytes>>, ArrowError> {
    let reader = builder.build(Cursor::new(bytes.clone()))?;
    if !bytes.ends_with(&reader.avro_header().sync()) {
        return Err(cut_short());
    }
    Ok(reader)
}

/// The reader takes a file that ends within a block for one that ends before it (arrow-avro 59.3): rows would be
/// missing. A whole file ends with its sync marker.
fn cut_short() -> ArrowError {
    ArrowError::ParseError("the file ends within a block".to_owned())
}
