//! Arrow IPC, as a file with a footer or as a stream.
//!
//! A file is a stream between its magic and its footer, and is read as one.

use std::io::Read as _;

use arrow::{datatypes::SchemaRef, error::ArrowError, ipc::reader::StreamReader};

use super::{Batches, file_bytes::FileBytes, positions};

/// What a file with a footer begins and ends with.
const MAGIC: &[u8] = b"ARROW1";
/// What a stream ends with, as writers since version 0.15 write it.
const END: &[u8] = b"\xff\xff\xff\xff\0\0\0\0";
/// What is aligned to more than this is filled up with zeros.
const ALIGNED: usize = 8;

pub(super) fn schema(mut bytes: FileBytes) -> Result<SchemaRef, ArrowError> {
    begin(&mut bytes)?;
    Ok(StreamReader::try_new(bytes, None)?.schema())
}

pub(super) fn batches(mut bytes: FileBytes, wanted: &[String]) -> Result<Batches, ArrowError> {
    let has_footer = begin(&mut bytes)?;
    bytes.remember();
    let own = StreamReader::try_new(&mut bytes, None)?.schema();
    bytes.rewind();
    // A batch of no column would not say how many rows it has: then all are read.
    let columns = Some(positions(own.as_ref(), wanted)).filter(|columns| !columns.is_empty());
    let mut reader = StreamReader::try_new(bytes, columns)?;
    let mut is_over = false;
    Ok(Box::new(std::iter::from_fn(move || {
        if is_over {
            return None;
        }
        let next = reader.next();
        is_over = !matches!(next, Some(Ok(_)));
        match next {
            // The reader takes bytes that end between two batches for all there are.
            None => ended(reader.get_mut(), has_footer).err().map(Err),
            next => next,
        }
    })))
}

/// Goes to where the stream begins. Answers whether a footer follows it.
fn begin(bytes: &mut FileBytes) -> Result<bool, ArrowError> {
    let mut head = [0; ALIGNED];
    bytes.read_exact(&mut head)?;
    let has_footer = head.starts_with(MAGIC);
    while has_footer && (head.starts_with(MAGIC) || head == [0; ALIGNED]) {
        bytes.read_exact(&mut head)?;
    }
    bytes.unread(&head);
    Ok(has_footer)
}

fn ended(bytes: &mut FileBytes, has_footer: bool) -> Result<(), ArrowError> {
    if !has_footer {
        return match bytes.tail().is(END) {
            true => Ok(()),
            false => Err(ArrowError::ParseError("the stream does not end with its end".to_owned())),
        };
    }
    std::io::copy(bytes, &mut std::io::sink())?;
    match bytes.tail().is(MAGIC) {
        true => Ok(()),
        false => Err(ArrowError::ParseError("the file does not end with a footer".to_owned())),
    }
}
