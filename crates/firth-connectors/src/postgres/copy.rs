//! The stream of a binary `COPY`: bytes in, batches out.
//!
//! ```text
//! "PGCOPY\n\377\r\n\0" | flags u32 | extension: length u32, bytes
//! tuple: fields i16, then for each field its length i32 (−1 for NULL) and its bytes
//! trailer: −1 i16
//! ```
//!
//! The server sends one message a tuple, but nothing here depends on it.

use arrow::{
    array::{RecordBatch, RecordBatchOptions},
    datatypes::{FieldRef, SchemaRef},
};
use bytes::{Buf, Bytes};
use firth_diagnostic::{Code, Diagnostic, Result};

use super::{column::Column, types::Wire};

/// Rows in a batch, at most.
const BATCH_ROWS: usize = 8192;

/// Bytes of tuples in a batch, beyond which it is handed on.
const BATCH_BYTES: usize = 8 << 20;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// Decodes one `COPY`.
pub(super) struct Decoder {
    schema: SchemaRef,
    columns: Vec<Column>,
    /// What has come and is not decoded: usually nothing, or a whole message.
    input: Bytes,
    position: Position,
    rows: usize,
    bytes: usize,
}

#[derive(PartialEq)]
enum Position {
    Header,
    Tuples,
    Ended,
}

impl Decoder {
    /// A decoder into batches of `schema`, whose columns come in these formats.
    ///
    /// `labels` are what they are called in messages, where that is more than their names.
    pub(super) fn new(schema: SchemaRef, wires: &[Wire], labels: &[String]) -> Self {
        let column = |(index, (field, wire)): (usize, (&FieldRef, &Wire))| {
            let label = labels.get(index).cloned().unwrap_or_else(|| format!("column {:?}", field.name()));
            Column::new(label, wire, field.data_type())
        };
        let columns = schema.fields().iter().zip(wires).enumerate().map(column).collect();
        Decoder { schema, columns, input: Bytes::new(), position: Position::Header, rows: 0, bytes: 0 }
    }

    /// Adds bytes.
    pub(super) fn feed(&mut self, bytes: Bytes) {
        if self.input.is_empty() {
            self.input = bytes;
        } else {
            self.input = [&self.input[..], &bytes[..]].concat().into();
        }
    }

    /// Decodes what has been fed, until a batch is full. Answers whether it is.
    pub(super) fn fill(&mut self) -> Result<bool> {
        loop {
            if self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
                return Ok(true);
            }
            let consumed = match self.position {
                Position::Header => self.header()?,
                Position::Tuples => self.tuple()?,
                Position::Ended => None,
            };
            match consumed {
                Some(length) => self.input.advance(length),
                None => return Ok(false),
            }
        }
    }

    /// The rows decoded since the last batch, if there are any.
    pub(super) fn take_batch(&mut self) -> Result<Option<RecordBatch>> {
        if self.rows == 0 {
            return Ok(None);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let columns = self.columns.iter_mut().map(Column::finish).collect();
        (self.rows, self.bytes) = (0, 0);
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map(Some)
            .map_err(Diagnostic::internal)
    }

    /// Whether the stream came to its proper end.
    pub(super) fn finish(&self) -> Result<()> {
        if self.position == Position::Ended && self.input.is_empty() { Ok(()) } else { Err(torn()) }
    }

    fn header(&mut self) -> Result<Option<usize>> {
        let known = self.input.len().min(SIGNATURE.len());
        if self.input[..known] != SIGNATURE[..known] {
            return Err(torn());
        }
        let Some(extension) = word(&self.input, SIGNATURE.len() + 4) else { return Ok(None) };
        let length = SIGNATURE.len() + 8 + usize::try_from(extension).map_err(|_| torn())?;
        if self.input.len() < length {
            return Ok(None);
        }
        self.position = Position::Tuples;
        Ok(Some(length))
    }

    fn tuple(&mut self) -> Result<Option<usize>> {
        let Some(count) = self.input.first_chunk::<2>() else { return Ok(None) };
        let count = i16::from_be_bytes(*count);
        if count == -1 {
            self.position = Position::Ended;
            return Ok(Some(2));
        }
        if usize::try_from(count) != Ok(self.columns.len()) {
            return Err(torn());
        }
        // Whole or not at all: a tuple that is cut short must leave no value behind.
        let Some(length) = self.tuple_length()? else { return Ok(None) };
        let mut at = 2;
        for column in &mut self.columns {
            let size = word(&self.input, at).unwrap_or(-1);
            at += 4;
            match usize::try_from(size) {
                Ok(size) => {
                    column.push(Some(&self.input[at..at + size]))?;
                    at += size;
                }
                Err(_) => column.push(None)?,
            }
        }
        self.rows += 1;
        self.bytes += length;
        Ok(Some(length))
    }

    /// The length of the tuple at the start of the input; `None` if its end has not come.
    fn tuple_length(&self) -> Result<Option<usize>> {
        let mut at = 2;
        for _ in &self.columns {
            match word(&self.input, at) {
                Some(-1) => at += 4,
                Some(size) => at += 4 + usize::try_from(size).map_err(|_| torn())?,
                None => return Ok(None),
            }
        }
        Ok((at <= self.input.len()).then_some(at))
    }
}

fn word(bytes: &[u8], at: usize) -> Option<i32> {
    bytes.get(at..)?.first_chunk::<4>().map(|word| i32::from_be_bytes(*word))
}

fn torn() -> Diagnostic {
    Diagnostic::error(Code::BadData, "the server's answer is not a whole binary COPY")
        .hint("Something between here and the server may have changed it; run the statement again.")
}

#[cfg(test)]
mod tests;
