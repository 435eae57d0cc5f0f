//! Scripts laid out anew: the same tokens and comments, other spaces and line ends.
//!
//! Works on tokens, so that it serves every statement, also those that this version cannot run. A piece that fits
//! on a line is one line. What does not is broken where it says most: a query before its clauses, a list after its
//! commas, a condition before AND and OR, parentheses inside. Words keep their case, and what stood close together
//! (`my-project.t`, `a*b`, `f(x)`) still does, since GoogleSQL tells `my-project` from `my - project`.

mod layout;
mod space;
#[cfg(test)]
mod tests;
mod tree;

use firth_diagnostic::{Code, Diagnostic, Result};

use crate::{Token, TokenKind, lex};

/// Lines are no longer than this, where they can be broken.
pub(crate) const WIDTH: usize = 100;

/// Once laid out, a text stays as it is. It may take a second pass where a comment has moved to a line of its own.
const PASSES: usize = 4;

/// Lays a script out anew. Fails where the text holds what is no token, or an open string or comment.
///
/// The tokens of the answer are those of the text, comments among them, and formatting the answer changes
/// nothing. A script for which that cannot be kept is answered as it is.
pub fn format(text: &str) -> Result<String> {
    let wanted = lex(text);
    if let Some(token) = wanted.iter().find(|token| !token.closed || token.kind == TokenKind::Unknown) {
        let what = if token.closed { "this is no part of GoogleSQL" } else { "this has no end" };
        return Err(Diagnostic::error(Code::Syntax, what)
            .at(token.span)
            .hint("Mend it first: nothing is formatted that cannot be read."));
    }
    let mut formatted = text.to_owned();
    for _ in 0..PASSES {
        let next = pass(&formatted);
        if !same_tokens(text, &wanted, &next) {
            break;
        }
        if next == formatted {
            return Ok(formatted);
        }
        formatted = next;
    }
    Ok(text.to_owned())
}

fn pass(text: &str) -> String {
    let pieces = tree::pieces(text);
    let mut layout = layout::Layout::new(&pieces);
    for statement in tree::statements(&pieces) {
        layout.statement(&statement);
    }
    layout.end()
}

fn same_tokens(text: &str, wanted: &[Token], other: &str) -> bool {
    let found = lex(other);
    found.len() == wanted.len()
        && found.iter().zip(wanted).all(|(found, wanted)| {
            // A line comment ends before the line does; spaces at its end are not worth keeping.
            found.kind == wanted.kind && found.text(other).trim_end() == wanted.text(text).trim_end()
        })
}
