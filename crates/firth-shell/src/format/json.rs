//! One JSON array for each result set, one object a line. A result set that failed stays open, so
//! that no reader takes it for whole.

use super::{
    Between, Format,
    ndjson::JsonRows,
    text::{TextFormat, TextWriter},
};
use firth_engine::value::Values;

pub(super) const FORMAT: Format = Format {
    name: "json",
    extensions: &["json"],
    between: Between::EmptyLine,
    is_text: true,
    open: |schema, sink, _| {
        let json = Json { rows: JsonRows::new(schema), begun: false };
        Ok(Box::new(TextWriter::open(json, schema, sink)?))
    },
};

struct Json {
    rows: JsonRows,
    begun: bool,
}

impl TextFormat for Json {
    fn header(&mut self, out: &mut String) {
        out.push('[');
    }

    fn row(&mut self, columns: &[Values], row: usize, out: &mut String) {
        out.push_str(if self.begun { ",\n" } else { "\n" });
        self.begun = true;
        self.rows.push_object(columns, row, out);
    }

    fn footer(&mut self, out: &mut String) {
        out.push_str(if self.begun { "\n]\n" } else { "]\n" });
    }
}
