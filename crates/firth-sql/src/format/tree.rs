//! Tokens with what the formatter has to know of them, and the parentheses around them.

use crate::{TokenKind, lex};

/// A token, and how it stood in the text.
pub(super) struct Piece<'a> {
    pub(super) kind: TokenKind,
    pub(super) text: &'a str,
    /// Whether whitespace stood before it.
    pub(super) spaced: bool,
    /// Whether it was the first of its line.
    pub(super) first: bool,
    /// Whether an empty line stood before it.
    pub(super) after_gap: bool,
    /// Whether it was the last of its line.
    pub(super) last: bool,
}

impl Piece<'_> {
    /// Whether it is this word, in any case.
    pub(super) fn is(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub(super) fn is_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    pub(super) fn is_operator(&self, operator: &str) -> bool {
        self.kind == TokenKind::Operator && self.text == operator
    }

    pub(super) fn is_comment(&self) -> bool {
        self.kind == TokenKind::Comment
    }

    /// Whether a line has to end behind it.
    pub(super) fn ends_line(&self) -> bool {
        self.is_comment() && (!self.text.starts_with("/*") || self.last)
    }

    /// Whether it has to begin a line: a comment that did.
    pub(super) fn begins_line(&self) -> bool {
        self.is_comment() && self.first
    }
}

/// The tokens of a text.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let tokens = lex(text);
    let gap = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let mut pieces = Vec::with_capacity(tokens.len());
    for (index, token) in tokens.iter().enumerate() {
        let before = gap(index.checked_sub(1).map_or(0, |last| tokens[last].span.end), token.span.start);
        let after = gap(token.span.end, tokens.get(index + 1).map_or(text.len(), |next| next.span.start));
        let line_ends = before.matches('\n').count();
        pieces.push(Piece {
            kind: token.kind,
            text: token.text(text).trim_end(),
            spaced: !before.is_empty(),
            first: index == 0 || line_ends > 0,
            after_gap: index > 0 && line_ends > 1,
            last: after.contains('\n') || index + 1 == tokens.len(),
        });
    }
    pieces
}

/// A token, or what stands between an opening one and its closing one.
pub(super) enum Node {
    Token(usize),
    Group { open: usize, inner: Vec<Node>, close: usize },
}

impl Node {
    /// Its first token.
    pub(super) fn start(&self) -> usize {
        match self {
            Node::Token(index) => *index,
            Node::Group { open, .. } => *open,
        }
    }

    /// Its last token.
    pub(super) fn end(&self) -> usize {
        match self {
            Node::Token(index) => *index,
            Node::Group { close, .. } => *close,
        }
    }
}

/// The statements, each with its semicolon and with what is said about it on the same line. The comments before a
/// statement are its first nodes.
pub(super) fn statements(pieces: &[Piece<'_>]) -> Vec<Vec<Node>> {
    let mut statements = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while at < pieces.len() {
        let ends = pieces[at].kind == TokenKind::Semicolon;
        at += 1;
        if ends {
            while at < pieces.len() && pieces[at].is_comment() && !pieces[at].first {
                at += 1;
            }
            statements.push(nodes(pieces, start, at));
            start = at;
        }
    }
    if start < pieces.len() {
        statements.push(nodes(pieces, start, pieces.len()));
    }
    statements
}

/// The tokens of a range with groups made. What closes nothing, and what is never closed, are tokens like others.
fn nodes(pieces: &[Piece<'_>], start: usize, end: usize) -> Vec<Node> {
    let mut open: Vec<(usize, Vec<Node>)> = Vec::new();
    let mut current = Vec::new();
    for (index, piece) in pieces.iter().enumerate().take(end).skip(start) {
        if opens(piece) {
            open.push((index, std::mem::take(&mut current)));
            continue;
        }
        match open.last() {
            Some((opening, _)) if closes(&pieces[*opening], piece) => {
                if let Some((opening, before)) = open.pop() {
                    let inner = std::mem::replace(&mut current, before);
                    current.push(Node::Group { open: opening, inner, close: index });
                }
            }
            _ => current.push(Node::Token(index)),
        }
    }
    while let Some((opening, mut before)) = open.pop() {
        before.push(Node::Token(opening));
        before.append(&mut current);
        current = before;
    }
    current
}

fn opens(piece: &Piece<'_>) -> bool {
    piece.is_operator("(") || piece.is_operator("[") || piece.is("CASE")
}

fn closes(opening: &Piece<'_>, piece: &Piece<'_>) -> bool {
    match opening.text {
        "(" => piece.is_operator(")"),
        "[" => piece.is_operator("]"),
        _ => piece.is("END"),
    }
}
