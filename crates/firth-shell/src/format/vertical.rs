//! A line for each value, a block for each row: for rows too wide for a table.

use unicode_width::UnicodeWidthStr as _;

use super::{
    Between, Format,
    text::{TextFormat, TextWriter, header, printable},
};
use firth_engine::value::Values;

pub(super) const FORMAT: Format = Format {
    name: "vertical",
    extensions: &[],
    between: Between::EmptyLine,
    is_text: true,
    open: |schema, sink, _| {
        let names: Vec<String> = schema.fields().iter().map(|field| header(field)).collect();
        let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
        Ok(Box::new(TextWriter::open(Vertical { names, width, rows: 0 }, schema, sink)?))
    },
};

struct Vertical {
    names: Vec<String>,
    width: usize,
    rows: usize,
}

impl TextFormat for Vertical {
    fn header(&mut self, _: &mut String) {}

    fn row(&mut self, columns: &[Values], row: usize, out: &mut String) {
        self.rows += 1;
        out.push_str(&format!("-[ row {} ]-\n", self.rows));
        for (name, values) in self.names.iter().zip(columns) {
            let padding = " ".repeat(self.width - name.width());
            out.push_str(&format!("{name}{padding} | {}\n", printable(values, row)));
        }
    }
}
