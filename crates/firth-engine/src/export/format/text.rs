//! Formats of lines: rows become bytes, gzipped or not.

use std::io::Write as _;

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use firth_diagnostic::Result;
use flate2::{Compression, write::GzEncoder};

use super::{Chunk, FileBody, encoding};
use crate::value::{Values, push_csv_field, push_json_string};

/// What a line looks like.
#[derive(Clone, Debug)]
pub(crate) enum Lines {
    /// CSV as the shell writes it: NULL is the empty field, the empty string is `""`.
    Csv { delimiter: char, header: bool },
    /// One object a line. `<`, `>` and `&` are escaped, as BigQuery does.
    Json { int64_as_string: bool },
}

/// A format of lines.
#[derive(Clone, Debug)]
pub(crate) struct TextFormat {
    pub(crate) lines: Lines,
    pub(crate) gzip: bool,
}

impl TextFormat {
    /// The lines of `batches`, whose columns are those of `schema`.
    pub(crate) fn encode(&self, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Vec<u8>> {
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        let mut text = String::with_capacity(rows * 8 * (schema.fields().len() + 1));
        for batch in batches {
            let columns: Vec<Values> = schema
                .fields()
                .iter()
                .zip(batch.columns())
                .map(|(field, column)| {
                    let values = Values::try_new(field, column).map_err(encoding)?;
                    Ok(match self.lines {
                        Lines::Json { int64_as_string: true } => values.with_integers_quoted(),
                        Lines::Json { int64_as_string: false } | Lines::Csv { .. } => values,
                    })
                })
                .collect::<Result<_>>()?;
            match &self.lines {
                Lines::Csv { delimiter, .. } => push_csv(&columns, batch.num_rows(), *delimiter, &mut text),
                Lines::Json { .. } => push_json(schema, &columns, batch.num_rows(), &mut text),
            }
        }
        self.compressed(text)
    }

    /// What stands at a file's beginning.
    pub(crate) fn begin(&self, schema: &SchemaRef) -> Result<TextBody> {
        let mut line = String::new();
        if let Lines::Csv { delimiter, header: true } = &self.lines {
            for (index, field) in schema.fields().iter().enumerate() {
                if index > 0 {
                    line.push(*delimiter);
                }
                push_csv_field(field.name(), *delimiter, &mut line);
            }
            line.push('\n');
        }
        // An empty file is no gzip file; an empty member is one.
        let head = if line.is_empty() && !self.gzip { Vec::new() } else { self.compressed(line)? };
        Ok(TextBody { head })
    }

    /// Gzip members that follow each other are one gzip file (RFC 1952, 2.2), so chunks are compressed apart.
    fn compressed(&self, text: String) -> Result<Vec<u8>> {
        if !self.gzip {
            return Ok(text.into_bytes());
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).map_err(encoding)?;
        encoder.finish().map_err(encoding)
    }
}

/// A file of lines: its chunks, one after another.
pub(crate) struct TextBody {
    head: Vec<u8>,
}

impl FileBody for TextBody {
    fn begin(&mut self) -> Result<Vec<u8>> {
        Ok(std::mem::take(&mut self.head))
    }

    fn append(&mut self, chunk: Chunk) -> Result<Vec<u8>> {
        match chunk {
            Chunk::Text(bytes) => Ok(bytes),
            Chunk::RowGroup(_) | Chunk::Batches(_) => Err(encoding("a chunk of another format")),
        }
    }

    fn finish(self: Box<Self>) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

fn push_csv(columns: &[Values], rows: usize, delimiter: char, lines: &mut String) {
    let columns: Vec<(&Values, bool)> =
        columns.iter().map(|values| (values, values.needs_no_quotes(delimiter))).collect();
    let mut field = String::new();
    for row in 0..rows {
        for (index, (values, is_plain)) in columns.iter().enumerate() {
            if index > 0 {
                lines.push(delimiter);
            }
            if values.is_null(row) {
                continue;
            }
            if *is_plain {
                values.push_text(row, lines);
            } else if let Some(text) = values.borrowed(row) {
                push_csv_field(text, delimiter, lines);
            } else {
                field.clear();
                values.push_text(row, &mut field);
                push_csv_field(&field, delimiter, lines);
            }
        }
        lines.push('\n');
    }
}

fn push_json(schema: &SchemaRef, columns: &[Values], rows: usize, lines: &mut String) {
    let keys: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| {
            let mut key = String::new();
            push_json_string(field.name(), &mut key);
            key
        })
        .collect();
    let mut value = String::new();
    for row in 0..rows {
        let mut before = '{';
        for (key, values) in keys.iter().zip(columns) {
            // BigQuery leaves a NULL out; so do we, and it reads back as NULL.
            if values.is_null(row) {
                continue;
            }
            lines.push(before);
            before = ',';
            lines.push_str(key);
            lines.push(':');
            value.clear();
            values.push_json(row, &mut value);
            push_escaped(&value, lines);
        }
        if before == '{' {
            lines.push('{');
        }
        lines.push_str("}\n");
    }
}

fn push_escaped(json: &str, out: &mut String) {
    let mut rest = json;
    while let Some(at) = rest.find(['<', '>', '&']) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'<' => "\\u003c",
            b'>' => "\\u003e",
            _ => "\\u0026",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}
