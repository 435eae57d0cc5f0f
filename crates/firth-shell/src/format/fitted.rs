//! A table that fits the terminal: the first and the last rows of many, long values shortened, types under
//! the names. Rows too wide even so are written one value a line.
//!
//! Only for people: a table in a file or a pipe has every row and every character (`table`).

use std::collections::VecDeque;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use ::arrow::datatypes::Schema;
use firth_engine::{
    sql_type,
    value::{Values, is_number},
};

use super::{
    Fit, Style,
    frame::{BOLD, DIM, RESET, push_rule},
    text::{TextFormat, header, printable},
};

/// A column is not made narrower than this for the sake of others.
const NARROWEST: usize = 8;

/// A result set that is laid out when its last row has come. It keeps as many rows as it shows.
pub(super) struct Fitted {
    columns: Vec<Column>,
    first: Vec<Vec<Cell>>,
    last: VecDeque<Vec<Cell>>,
    /// Rows in all.
    count: usize,
    fit: Fit,
    style: Style,
}

struct Column {
    name: String,
    kind: String,
    right: bool,
    width: usize,
}

struct Cell {
    text: String,
    null: bool,
}

impl Fitted {
    pub(super) fn new(schema: &Schema, fit: Fit, style: Style) -> Self {
        let columns = schema.fields().iter().map(|field| Column {
            name: header(field),
            kind: sql_type(field),
            right: is_number(field.data_type()),
            width: 0,
        });
        Fitted { columns: columns.collect(), first: Vec::new(), last: VecDeque::new(), count: 0, fit, style }
    }

    /// How many rows are shown at the beginning, and so at the end, when not all are.
    fn half(&self) -> usize {
        (self.fit.rows / 2).max(1)
    }

    fn rows(&self) -> impl Iterator<Item = &Vec<Cell>> {
        self.first.iter().chain(&self.last)
    }

    /// Gives each column its width. False if even narrow columns do not fit.
    fn decide_widths(&mut self) -> bool {
        let mut natural: Vec<usize> =
            self.columns.iter().map(|column| column.name.width().max(column.kind.width())).collect();
        for cells in self.rows() {
            for (width, cell) in natural.iter_mut().zip(cells) {
                *width = (*width).max(cell.text.width());
            }
        }
        // A bar and two spaces for each column, and the last bar.
        let room = self.fit.columns.saturating_sub(3 * natural.len() + 1);
        let with = |most: usize| natural.iter().map(|width| (*width).min(most)).sum::<usize>();
        if with(NARROWEST) > room {
            return false;
        }
        let widest = natural.iter().copied().max().unwrap_or(0).max(NARROWEST);
        // The largest common limit under which all fit; it leaves narrow columns as they are.
        let most = (NARROWEST..=widest).rev().find(|most| with(*most) <= room).unwrap_or(NARROWEST);
        for (column, natural) in self.columns.iter_mut().zip(natural) {
            column.width = natural.min(most);
        }
        true
    }

    fn push_table(&self, out: &mut String) {
        self.push_rule(["┌", "┬", "┐"], out);
        self.push_line(self.columns.iter().map(|column| (column.name.as_str(), BOLD)), out);
        self.push_line(self.columns.iter().map(|column| (column.kind.as_str(), DIM)), out);
        self.push_rule(["├", "┼", "┤"], out);
        for (index, cells) in self.rows().enumerate() {
            if index == self.first.len() && self.hidden() > 0 {
                self.push_gap(out);
            }
            let cells = cells.iter().map(|cell| (cell.text.as_str(), if cell.null { DIM } else { "" }));
            self.push_line(cells, out);
        }
        self.push_rule(["└", "┴", "┘"], out);
    }

    fn push_line<'a>(&self, cells: impl Iterator<Item = (&'a str, &'static str)>, out: &mut String) {
        out.push('│');
        for (column, (text, paint)) in self.columns.iter().zip(cells) {
            let text = shortened(text, column.width);
            let padding = " ".repeat(column.width.saturating_sub(text.width()));
            let (before, after) = if column.right { (padding.as_str(), "") } else { ("", padding.as_str()) };
            let paint = if self.style.color { paint } else { "" };
            let reset = if paint.is_empty() { "" } else { RESET };
            for part in [" ", before, paint, &text, reset, after, " │"] {
                out.push_str(part);
            }
        }
        out.push('\n');
    }

    /// A line over all columns that says how many rows are not shown.
    fn push_gap(&self, out: &mut String) {
        let inside = self.columns.iter().map(|column| column.width + 3).sum::<usize>().saturating_sub(1);
        let text = shortened(&self.gap(), inside);
        let left = (inside - text.width()) / 2;
        out.push('│');
        out.extend(std::iter::repeat_n(' ', left));
        out.push_str(&text);
        out.extend(std::iter::repeat_n(' ', inside - left - text.width()));
        out.push_str("│\n");
    }

    fn gap(&self) -> String {
        format!("… {} rows not shown …", self.hidden())
    }

    fn hidden(&self) -> usize {
        self.count - self.first.len() - self.last.len()
    }

    fn push_rule(&self, ends: [&str; 3], out: &mut String) {
        push_rule(self.columns.iter().map(|column| column.width), ends, out);
    }

    /// A line for each value. Here nothing is shortened: who has few columns on a line wants to read them.
    fn push_vertical(&self, out: &mut String) {
        let width = self.columns.iter().map(|column| column.name.width()).max().unwrap_or(0);
        for (index, cells) in self.rows().enumerate() {
            let after_gap = index >= self.first.len();
            if index == self.first.len() && self.hidden() > 0 {
                out.push_str(&format!("{}\n", self.gap()));
            }
            let number = index + 1 + if after_gap { self.hidden() } else { 0 };
            out.push_str(&format!("-[ row {number} ]-\n"));
            for (column, cell) in self.columns.iter().zip(cells) {
                let padding = " ".repeat(width - column.name.width());
                let paint = if cell.null && self.style.color { DIM } else { "" };
                let reset = if paint.is_empty() { "" } else { RESET };
                out.push_str(&format!("{}{padding} | {paint}{}{reset}\n", column.name, cell.text));
            }
        }
    }
}

impl TextFormat for Fitted {
    fn header(&mut self, _: &mut String) {}

    fn row(&mut self, columns: &[Values], row: usize, _: &mut String) {
        let cells =
            columns.iter().map(|values| Cell { text: printable(values, row), null: values.is_null(row) });
        let cells = cells.collect();
        self.count += 1;
        let half = self.half();
        if self.first.len() < half {
            return self.first.push(cells);
        }
        if self.last.len() == half {
            self.last.pop_front();
        }
        self.last.push_back(cells);
    }

    fn footer(&mut self, out: &mut String) {
        if self.decide_widths() { self.push_table(out) } else { self.push_vertical(out) }
    }
}

/// At most `width` columns of a text; what was cut is an ellipsis.
fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}
