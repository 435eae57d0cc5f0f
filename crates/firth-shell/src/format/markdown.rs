//! A Markdown table, as GitHub reads it. Columns are not padded, so that rows need not wait.

use super::{
    Between, Format,
    text::{TextFormat, TextWriter, header, printable},
};
use firth_engine::value::{Values, is_number};

pub(super) const FORMAT: Format = Format {
    name: "markdown",
    extensions: &["md", "markdown"],
    between: Between::EmptyLine,
    is_text: true,
    open: |schema, sink, _| {
        let heads = schema.fields().iter().map(|field| (header(field), is_number(field.data_type())));
        Ok(Box::new(TextWriter::open(Markdown { heads: heads.collect() }, schema, sink)?))
    },
};

struct Markdown {
    /// Each column's name, and whether it is lined up to the right.
    heads: Vec<(String, bool)>,
}

impl TextFormat for Markdown {
    fn header(&mut self, out: &mut String) {
        push_row(self.heads.iter().map(|(name, _)| name.clone()), out);
        push_row(self.heads.iter().map(|(_, right)| if *right { "---:" } else { "---" }.to_owned()), out);
    }

    fn row(&mut self, columns: &[Values], row: usize, out: &mut String) {
        push_row(columns.iter().map(|values| printable(values, row)), out);
    }
}

fn push_row(cells: impl Iterator<Item = String>, out: &mut String) {
    out.push('|');
    for cell in cells {
        out.push(' ');
        out.push_str(&cell.replace('|', "\\|"));
        out.push_str(" |");
    }
    out.push('\n');
}
