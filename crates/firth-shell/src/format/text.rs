//! What the text formats share: a batch becomes rows of values, rows become text, text is written.

use ::arrow::{
    array::RecordBatch,
    datatypes::{Field, SchemaRef},
};

use super::{ResultWriter, Sink, WriteError};
use firth_engine::value::Values;

/// A text format's own part. Everything is appended to `out`.
pub(super) trait TextFormat {
    /// What comes before the first row.
    fn header(&mut self, out: &mut String);

    /// One row: the `row`th of `columns`.
    fn row(&mut self, columns: &[Values], row: usize, out: &mut String);

    /// What comes after the last row.
    fn footer(&mut self, out: &mut String) {
        let _ = out;
    }
}

/// Writes a result set in a text format.
pub(super) struct TextWriter<'a, F> {
    format: F,
    schema: SchemaRef,
    sink: Sink<'a>,
    out: String,
}

/// Longer texts are passed on before their batch has ended.
const PASS_ON: usize = 1 << 18;

impl<'a, F: TextFormat> TextWriter<'a, F> {
    pub(super) fn open(mut format: F, schema: &SchemaRef, sink: Sink<'a>) -> Result<Self, WriteError> {
        let mut out = String::new();
        format.header(&mut out);
        let mut writer = TextWriter { format, schema: SchemaRef::clone(schema), sink, out };
        writer.pass_on()?;
        Ok(writer)
    }

    fn pass_on(&mut self) -> Result<(), WriteError> {
        self.sink.write_all(self.out.as_bytes())?;
        self.out.clear();
        Ok(())
    }
}

impl<F: TextFormat> ResultWriter for TextWriter<'_, F> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), WriteError> {
        let fields = self.schema.fields().iter().zip(batch.columns());
        let columns: Vec<Values> =
            fields.map(|(field, array)| Values::try_new(field, array)).collect::<Result<_, _>>()?;
        for row in 0..batch.num_rows() {
            self.format.row(&columns, row, &mut self.out);
            if self.out.len() > PASS_ON {
                self.pass_on()?;
            }
        }
        self.pass_on()?;
        // Whoever reads along sees each batch when it is there.
        Ok(self.sink.flush()?)
    }

    fn finish(&mut self) -> Result<(), WriteError> {
        self.format.footer(&mut self.out);
        self.pass_on()?;
        Ok(self.sink.flush()?)
    }
}

/// Appends a text with control characters written as escapes, so that no value can break the layout
/// or speak to the terminal.
pub(super) fn push_printable(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
}

/// A value for people: printable, and NULL as a word.
pub(super) fn printable(values: &Values, row: usize) -> String {
    if values.is_null(row) {
        return "NULL".to_owned();
    }
    let (mut raw, mut out) = (String::new(), String::new());
    values.push_text(row, &mut raw);
    push_printable(&raw, &mut out);
    out
}

/// A column's header for people.
pub(super) fn header(field: &Field) -> String {
    let mut out = String::new();
    push_printable(field.name(), &mut out);
    out
}
