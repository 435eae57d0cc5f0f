//! Newline-delimited JSON: an object a line, nothing else.

use ::arrow::datatypes::Schema;

use super::{
    Between, Format, distinct_names,
    text::{TextFormat, TextWriter},
};
use firth_engine::value::{Values, push_json_string};

pub(super) const FORMAT: Format = Format {
    name: "ndjson",
    extensions: &["ndjson", "jsonl"],
    between: Between::Nothing,
    is_text: true,
    open: |schema, sink, _| Ok(Box::new(TextWriter::open(JsonRows::new(schema), schema, sink)?)),
};

/// Rows as JSON objects.
pub(super) struct JsonRows {
    /// Each `"name":`.
    keys: Vec<String>,
}

impl JsonRows {
    pub(super) fn new(schema: &Schema) -> Self {
        let key = |name: String| {
            let mut key = String::new();
            push_json_string(&name, &mut key);
            key.push(':');
            key
        };
        JsonRows { keys: distinct_names(schema).into_iter().map(key).collect() }
    }

    pub(super) fn push_object(&self, columns: &[Values], row: usize, out: &mut String) {
        out.push('{');
        for (index, (key, values)) in self.keys.iter().zip(columns).enumerate() {
            if index > 0 {
                out.push(',');
            }
            out.push_str(key);
            values.push_json(row, out);
        }
        out.push('}');
    }
}

impl TextFormat for JsonRows {
    fn header(&mut self, _: &mut String) {}

    fn row(&mut self, columns: &[Values], row: usize, out: &mut String) {
        self.push_object(columns, row, out);
        out.push('\n');
    }
}
