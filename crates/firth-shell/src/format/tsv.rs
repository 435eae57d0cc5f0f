//! Tab-separated values, as PostgreSQL's COPY and MySQL's batch mode write them: a header row, `\t`,
//! `\n`, `\r` and `\\` inside values, `\N` for NULL. A line is a row, always.

use super::{
    Between, Format,
    text::{TextFormat, TextWriter},
};
use firth_engine::value::Values;

pub(super) const FORMAT: Format = Format {
    name: "tsv",
    extensions: &["tsv", "tab"],
    between: Between::EmptyLine,
    is_text: true,
    open: |schema, sink, _| {
        let names = schema.fields().iter().map(|field| field.name().clone()).collect();
        Ok(Box::new(TextWriter::open(Tsv { names, field: String::new() }, schema, sink)?))
    },
};

struct Tsv {
    names: Vec<String>,
    field: String,
}

impl TextFormat for Tsv {
    fn header(&mut self, out: &mut String) {
        for (index, name) in self.names.iter().enumerate() {
            if index > 0 {
                out.push('\t');
            }
            push_field(name, out);
        }
        out.push('\n');
    }

    fn row(&mut self, columns: &[Values], row: usize, out: &mut String) {
        for (index, values) in columns.iter().enumerate() {
            if index > 0 {
                out.push('\t');
            }
            if values.is_null(row) {
                out.push_str("\\N");
            } else {
                self.field.clear();
                values.push_text(row, &mut self.field);
                push_field(&self.field, out);
            }
        }
        out.push('\n');
    }
}

fn push_field(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
}
