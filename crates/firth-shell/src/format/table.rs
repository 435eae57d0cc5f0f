//! A table with borders, for a terminal. The first thousand rows decide how wide the columns are;
//! the rest streams. A later value that is wider moves its line and nothing else: no value is cut. On a
//! terminal of known size it is `fitted` instead.

use unicode_width::UnicodeWidthStr as _;

use super::{
    Between, Format, Style,
    fitted::Fitted,
    frame::{BOLD, DIM, RESET, push_rule},
    text::{TextFormat, TextWriter, header, printable},
};
use firth_engine::value::{Values, is_number};

pub(super) const FORMAT: Format = Format {
    name: "table",
    extensions: &["txt"],
    between: Between::EmptyLine,
    is_text: true,
    open: |schema, sink, style| {
        if let Some(fit) = style.fit {
            return Ok(Box::new(TextWriter::open(Fitted::new(schema, fit, style), schema, sink)?));
        }
        let columns = schema.fields().iter().map(|field| {
            let name = header(field);
            Column { width: name.width(), name, right: is_number(field.data_type()) }
        });
        let table = Table { columns: columns.collect(), waiting: Vec::new(), begun: false, style };
        Ok(Box::new(TextWriter::open(table, schema, sink)?))
    },
};

/// How many rows decide the widths.
const DECIDING_ROWS: usize = 1000;

struct Table {
    columns: Vec<Column>,
    /// Rows that came before the widths were decided.
    waiting: Vec<Vec<Cell>>,
    begun: bool,
    style: Style,
}

struct Column {
    name: String,
    width: usize,
    right: bool,
}

struct Cell {
    text: String,
    null: bool,
}

impl TextFormat for Table {
    fn header(&mut self, _: &mut String) {}

    fn row(&mut self, columns: &[Values], row: usize, out: &mut String) {
        let cells: Vec<Cell> = columns
            .iter()
            .map(|values| Cell { text: printable(values, row), null: values.is_null(row) })
            .collect();
        if self.begun {
            return self.push_row(&cells, out);
        }
        self.waiting.push(cells);
        if self.waiting.len() == DECIDING_ROWS {
            self.begin(out);
        }
    }

    fn footer(&mut self, out: &mut String) {
        if !self.begun {
            self.begin(out);
        }
        self.push_rule(["└", "┴", "┘"], out);
    }
}

impl Table {
    /// Decides the widths, and writes the header and the rows that waited.
    fn begin(&mut self, out: &mut String) {
        self.begun = true;
        let waiting = std::mem::take(&mut self.waiting);
        for cells in &waiting {
            for (column, cell) in self.columns.iter_mut().zip(cells) {
                column.width = column.width.max(cell.text.width());
            }
        }
        self.push_rule(["┌", "┬", "┐"], out);
        out.push('│');
        for column in &self.columns {
            push_cell(&column.name, column, self.paint(BOLD), out);
        }
        out.push('\n');
        self.push_rule(["├", "┼", "┤"], out);
        for cells in &waiting {
            self.push_row(cells, out);
        }
    }

    fn push_row(&self, cells: &[Cell], out: &mut String) {
        out.push('│');
        for (column, cell) in self.columns.iter().zip(cells) {
            let paint = if cell.null { self.paint(DIM) } else { "" };
            push_cell(&cell.text, column, paint, out);
        }
        out.push('\n');
    }

    fn push_rule(&self, ends: [&str; 3], out: &mut String) {
        push_rule(self.columns.iter().map(|column| column.width), ends, out);
    }

    fn paint(&self, code: &'static str) -> &'static str {
        if self.style.color { code } else { "" }
    }
}

fn push_cell(text: &str, column: &Column, paint: &str, out: &mut String) {
    let padding = " ".repeat(column.width.saturating_sub(text.width()));
    let reset = if paint.is_empty() { "" } else { RESET };
    let (before, after) = if column.right { (padding.as_str(), "") } else { ("", padding.as_str()) };
    for part in [" ", before, paint, text, reset, after, " │"] {
        out.push_str(part);
    }
}
