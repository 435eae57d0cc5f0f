//! A diagnostic as text, with the line it points at.
//!
//! ```text
//! error[not_found]: connection "salse" does not exist
//!  --> orders.sql:3:17
//! 3 | WITH CONNECTION salse
//!   |                 ^^^^^
//! hint: Did you mean "sales"? `SHOW CONNECTIONS` lists all.
//! ```

use std::fmt::Write as _;

use crate::{Diagnostic, Severity};

const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[1;33m";
const CYAN: &str = "\x1b[36m";
const BOLD: &str = "\x1b[1m";
const RESET: &str = "\x1b[0m";

/// Lines longer than this are cut around the caret.
const WIDEST_LINE: usize = 160;

/// A text that diagnostics point into, and what it is called.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// A file's path, `-c`, or `<stdin>`.
    pub name: &'a str,
    /// The whole text.
    pub text: &'a str,
}

impl Diagnostic {
    /// The message as lines of text, ending in a line feed.
    ///
    /// Control characters of the user's line are shown as spaces, so that the caret stands where it
    /// should. `color` uses ANSI escapes; the text is complete without them.
    pub fn render(&self, source: Option<Source<'_>>, color: bool) -> String {
        let paint = |code: &'static str| if color { code } else { "" };
        let mut out = String::new();
        let (word, tint) = match self.severity() {
            Severity::Error => ("error", RED),
            Severity::Warning => ("warning", YELLOW),
        };
        let (reset, bold, cyan) = (paint(RESET), paint(BOLD), paint(CYAN));
        let _ = writeln!(
            out,
            "{}{word}[{}]{reset}: {bold}{}{reset}",
            paint(tint),
            self.code().word(),
            self.message()
        );
        if let (Some(source), Some(span)) = (source, self.span()) {
            let place = Place::find(source.text, span.start, span.end);
            let gutter = " ".repeat(place.line.to_string().len());
            let _ = writeln!(out, "{gutter}{cyan}-->{reset} {}:{}:{}", source.name, place.line, place.column);
            let _ = writeln!(out, "{cyan}{} |{reset} {}", place.line, place.shown);
            let carets = "^".repeat(place.width);
            let label = self.label_text().map(|label| format!(" {label}")).unwrap_or_default();
            let indent = " ".repeat(place.indent);
            let _ = writeln!(out, "{gutter} {cyan}|{reset} {indent}{}{carets}{label}{reset}", paint(tint));
        }
        if let Some(detail) = self.detail_text() {
            for (index, line) in detail.lines().enumerate() {
                let _ = writeln!(out, "{}{line}", if index == 0 { "detail: " } else { "        " });
            }
        }
        for hint in self.hints() {
            let _ = writeln!(out, "{cyan}hint{reset}: {hint}");
        }
        out
    }
}

/// Where a span lies on screen. `line` and `column` count from one; `column` counts characters.
struct Place {
    line: usize,
    column: usize,
    shown: String,
    indent: usize,
    width: usize,
}

impl Place {
    fn find(text: &str, start: usize, end: usize) -> Place {
        let start = floor_boundary(text, start);
        let end = floor_boundary(text, end.max(start));
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let line = text[..start].matches('\n').count() + 1;
        let before = text[line_start..start].chars().count();
        let width = text[start..end.min(line_end)].chars().count().max(1);
        let letters: Vec<char> =
            text[line_start..line_end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect();

        // A generated one-line script can be very long: show the neighbourhood of the caret.
        let (from, lead) = match letters.len() > WIDEST_LINE && before > WIDEST_LINE / 2 {
            true => (before - WIDEST_LINE / 2, "…"),
            false => (0, ""),
        };
        let to = letters.len().min(from + WIDEST_LINE);
        let tail = if to < letters.len() { "…" } else { "" };
        let shown = format!("{lead}{}{tail}", letters[from..to].iter().collect::<String>().trim_end());
        let indent = before - from + lead.chars().count();
        Place { line, column: before + 1, shown, indent, width: width.min(WIDEST_LINE) }
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Code, Span};

    fn rendered(text: &str, span: Span) -> String {
        Diagnostic::error(Code::NotFound, "connection \"salse\" does not exist")
            .at(span)
            .hint("Did you mean \"sales\"?")
            .render(Some(Source { name: "orders.sql", text }), false)
    }

    #[test]
    fn the_caret_stands_under_the_word() {
        assert_eq!(
            rendered("SELECT 1\nFROM x\nWITH CONNECTION salse\n", Span::new(32, 37)),
            "error[not_found]: connection \"salse\" does not exist\n \
             --> orders.sql:3:17\n\
             3 | WITH CONNECTION salse\n  \
               |                 ^^^^^\n\
             hint: Did you mean \"sales\"?\n"
        );
    }

    #[test]
    fn spans_outside_the_text_or_inside_a_character_do_not_panic() {
        for (start, end) in [(0, 0), (1, 2), (2, 1), (99, 200), (3, 3)] {
            assert!(rendered("é\té", Span::new(start, end)).contains('^'));
        }
        assert!(rendered("", Span::new(0, 1)).contains("1:1"));
    }

    #[test]
    fn long_lines_are_cut_around_the_caret() {
        let text = format!("{}salse{}", "a ".repeat(500), " b".repeat(500));
        let shown = rendered(&text, Span::new(1000, 1005));
        assert!(shown.lines().all(|line| line.chars().count() < 200), "{shown}");
        assert!(shown.contains("…"), "{shown}");
    }
}
