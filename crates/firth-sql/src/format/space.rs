//! Whether a space stands between two tokens of one line.

use super::tree::Piece;
use crate::{TokenKind, lex};

/// Operators that stand apart from both sides.
const APART: &[&str] = &["=", "<>", "!=", "<=", ">=", "||", "=>", "<<", "|>", "+=", "-="];

/// Whether a space stands between these neighbours.
pub(super) fn between(before: &Piece<'_>, after: &Piece<'_>) -> bool {
    wanted(before, after) || would_merge(before, after)
}

fn wanted(before: &Piece<'_>, after: &Piece<'_>) -> bool {
    if after.kind == TokenKind::Semicolon || after.is_operator(",") {
        return false;
    }
    if before.is_comment() || after.is_comment() {
        return true;
    }
    if before.kind == TokenKind::Semicolon || before.is_operator(",") {
        return true;
    }
    if ["(", "["].iter().any(|open| before.is_operator(open))
        || [")", "]"].iter().any(|c| after.is_operator(c))
    {
        return false;
    }
    if before.is_operator(".") || after.is_operator(".") {
        return before.spaced_word_before(after);
    }
    if APART.iter().any(|operator| before.is_operator(operator) || after.is_operator(operator)) {
        return true;
    }
    // A word apart from what ends before it: `)FROM`, `'x'AND`.
    let ends = before.kind != TokenKind::Operator || [")", "]"].iter().any(|close| before.is_operator(close));
    if ends && after.kind == TokenKind::Word {
        return true;
    }
    after.spaced
}

impl Piece<'_> {
    /// A dot joins what stands at its sides, unless a number does, which would take it as its own.
    fn spaced_word_before(&self, after: &Piece<'_>) -> bool {
        (self.kind == TokenKind::Number || after.kind == TokenKind::Number) && after.spaced
    }
}

/// Whether the two would be read as something else without a space.
fn would_merge(before: &Piece<'_>, after: &Piece<'_>) -> bool {
    let joined = format!("{}{}", before.text, after.text);
    let tokens = lex(&joined);
    tokens.len() != 2
        || tokens[0].span.end != before.text.len()
        || tokens[0].kind != before.kind
        || tokens[1].kind != after.kind
}
