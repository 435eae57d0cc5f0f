//! CSV as RFC 4180 quotes it, with a header row and LF line ends.
//!
//! NULL is the empty field and the empty string is `""`: the two can be told apart by readers that
//! look.

use super::{
    Between, Format,
    text::{TextFormat, TextWriter},
};
use firth_engine::value::{Values, push_csv_field};

pub(super) const FORMAT: Format = Format {
    name: "csv",
    extensions: &["csv"],
    between: Between::EmptyLine,
    is_text: true,
    open: |schema, sink, _| {
        let names = schema.fields().iter().map(|field| field.name().clone()).collect();
        Ok(Box::new(TextWriter::open(Csv { names, field: String::new() }, schema, sink)?))
    },
};

struct Csv {
    names: Vec<String>,
    /// The value under way, kept for its memory.
    field: String,
}

impl TextFormat for Csv {
    fn header(&mut self, out: &mut String) {
        for (index, name) in self.names.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            push_csv_field(name, ',', out);
        }
        out.push('\n');
    }

    fn row(&mut self, columns: &[Values], row: usize, out: &mut String) {
        for (index, values) in columns.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            if !values.is_null(row) {
                self.field.clear();
                values.push_text(row, &mut self.field);
                push_csv_field(&self.field, ',', out);
            }
        }
        out.push('\n');
    }
}
