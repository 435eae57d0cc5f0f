//! Arrow IPC, as a file with a footer or as a stream.

use std::io::Cursor;

use arrow::{
    datatypes::SchemaRef,
    error::ArrowError,
    ipc::reader::{FileReader, StreamReader},
};
use bytes::Bytes;

use super::{Batches, positions};

/// What a file with a footer begins with.
const MAGIC: &[u8] = b"ARROW1";
/// What a stream ends with, as writers since version 0.15 write it.
const END: &[u8] = b"\xff\xff\xff\xff\0\0\0\0";

pub(super) fn schema(bytes: Bytes) -> Result<SchemaRef, ArrowError> {
    if bytes.starts_with(MAGIC) {
        Ok(FileReader::try_new(Cursor::new(bytes), None)?.schema())
    } else {
        Ok(StreamReader::try_new(Cursor::new(bytes), None)?.schema())
    }
}

pub(super) fn batches(bytes: Bytes, wanted: &[String]) -> Result<Batches, ArrowError> {
    // A batch of no column would not say how many rows it has: then all are read.
    let columns =
        Some(positions(schema(bytes.clone())?.as_ref(), wanted)).filter(|columns| !columns.is_empty());
    if bytes.starts_with(MAGIC) {
        return Ok(Box::new(FileReader::try_new(Cursor::new(bytes), columns)?));
    }
    // A stream may end without a word, but a file that is cut short between two batches would then miss rows.
    if !bytes.ends_with(END) {
        return Err(ArrowError::ParseError("the stream does not end with its end".to_owned()));
    }
    Ok(Box::new(StreamReader::try_new(Cursor::new(bytes), columns)?))
}
