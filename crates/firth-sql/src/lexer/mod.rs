//! GoogleSQL's tokens: where words, strings, numbers and comments begin and end.
//!
//! Lexing never fails and never panics. What is not a token of the language is `Unknown`; a string,
//! a back-quoted name or a comment that does not end runs to the end of the text and is not `closed`.
//! Values are decoded elsewhere (`literal`), since most users of tokens only need their places.

mod literal;

use firth_diagnostic::Span;

pub use literal::quote_identifier;
pub(crate) use literal::{decode_bytes, decode_identifier, decode_string, quote_string};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A keyword or an identifier without quotes.
    Word,
    /// `` `…` ``
    QuotedIdentifier,
    /// `'…'`, `"…"`, `'''…'''`, `"""…"""`, with or without `r`.
    String,
    /// The same with `b`, `rb` or `br`.
    Bytes,
    /// `42`, `0x2A`, `1.5e3`
    Number,
    /// `@name`
    Parameter,
    /// `@@name`
    SystemVariable,
    /// `-- …`, `# …` up to the end of the line, and `/* … */`.
    Comment,
    /// `;`
    Semicolon,
    /// Any other punctuation, the longest that is one: `||`, `<=`, `|>`, `(`. `>>` is two of `>`, since it
    /// closes types too.
    Operator,
    /// A character that begins no token.
    Unknown,
}

/// A token and where it is. Whitespace is not a token: it is what lies between two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its bytes, on character boundaries.
    pub span: Span,
    /// Whether a string, quoted identifier or comment ends. True for all others.
    pub closed: bool,
}

impl Token {
    /// The token's own text. Empty if `text` is not the text it came from.
    pub fn text<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.span.start..self.span.end).unwrap_or_default()
    }
}

/// Takes a text apart into tokens, comments among them, in order and without overlap.
pub fn lex(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text, bytes: text.as_bytes(), at: 0 };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next_token() {
        tokens.push(token);
    }
    tokens
}

/// Operators of more than one character, the longer ones first.
const LONG_OPERATORS: &[&str] =
    &["<=>", "||", "|>", "<=", ">=", "<>", "!=", "<<", "=>", "->", "+=", "-=", "::"];

/// Operators of one character.
const SHORT_OPERATORS: &[u8] = b"+-*/%=<>!&|^~.,:()[]{}?$\\";

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl Lexer<'_> {
    fn next_token(&mut self) -> Option<Token> {
        self.skip_whitespace();
        let start = self.at;
        let first = self.peek(0)?;
        let mut closed = true;
        let kind = match first {
            b'-' if self.peek(1) == Some(b'-') => self.line_comment(),
            b'#' => self.line_comment(),
            b'/' if self.peek(1) == Some(b'*') => {
                closed = self.block_comment();
                TokenKind::Comment
            }
            b'\'' | b'"' => {
                closed = self.quoted();
                TokenKind::String
            }
            b'`' => {
                closed = self.quoted();
                TokenKind::QuotedIdentifier
            }
            b'@' => self.parameter(),
            b'0'..=b'9' => self.number(),
            b'.' if self.peek(1).is_some_and(|next| next.is_ascii_digit()) && !self.follows_name(start) => {
                self.number()
            }
            b';' => {
                self.at += 1;
                TokenKind::Semicolon
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => match self.string_prefix() {
                Some((length, kind)) => {
                    self.at += length;
                    closed = self.quoted();
                    kind
                }
                None => {
                    self.word();
                    TokenKind::Word
                }
            },
            _ => self.punctuation(),
        };
        Some(Token { kind, span: Span::new(start, self.at), closed })
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn skip_whitespace(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').len();
    }

    fn line_comment(&mut self) -> TokenKind {
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
        TokenKind::Comment
    }

    /// GoogleSQL's block comments do not nest.
    fn block_comment(&mut self) -> bool {
        match self.text[self.at + 2..].find("*/") {
            Some(length) => {
                self.at += 2 + length + 2;
                true
            }
            None => {
                self.at = self.bytes.len();
                false
            }
        }
    }

    /// Stands at the opening quote. A backslash guards the next character in raw strings too: there it
    /// stays in the value, but the quote after it still does not end the string.
    fn quoted(&mut self) -> bool {
        let quote = self.bytes[self.at];
        let triple = quote != b'`' && self.peek(1) == Some(quote) && self.peek(2) == Some(quote);
        let width = if triple { 3 } else { 1 };
        let mut at = self.at + width;
        while let Some(&byte) = self.bytes.get(at) {
            match byte {
                b'\\' => at += 2,
                b'\n' | b'\r' if !triple => break,
                _ if byte == quote && (!triple || self.bytes[at..].starts_with(&[quote; 3])) => {
                    self.at = at + width;
                    return true;
                }
                _ => at += 1,
            }
        }
        self.at = self.bytes.len();
        false
    }

    /// `r`, `b`, `rb` or `br` right before a quote: how long it is, and what it makes.
    fn string_prefix(&self) -> Option<(usize, TokenKind)> {
        let is_quote = |ahead| matches!(self.peek(ahead), Some(b'\'' | b'"'));
        let first = self.peek(0)?.to_ascii_lowercase();
        let second = self.peek(1)?.to_ascii_lowercase();
        match (first, second) {
            (b'r', _) if is_quote(1) => Some((1, TokenKind::String)),
            (b'b', _) if is_quote(1) => Some((1, TokenKind::Bytes)),
            (b'r', b'b') | (b'b', b'r') if is_quote(2) => Some((2, TokenKind::Bytes)),
            _ => None,
        }
    }

    fn word(&mut self) {
        while self.peek(0).is_some_and(is_word_byte) {
            self.at += 1;
        }
    }

    fn parameter(&mut self) -> TokenKind {
        self.at += 1;
        let kind = match self.peek(0) {
            Some(b'@') => {
                self.at += 1;
                TokenKind::SystemVariable
            }
            _ => TokenKind::Parameter,
        };
        let name = self.at;
        match self.peek(0) {
            Some(b'`') => {
                self.quoted();
            }
            Some(byte) if is_word_byte(byte) => {
                self.word();
                // A system variable has a path: @@a.b.
                while kind == TokenKind::SystemVariable
                    && self.peek(0) == Some(b'.')
                    && self.peek(1).is_some_and(is_word_byte)
                {
                    self.at += 1;
                    self.word();
                }
            }
            _ => {}
        }
        if self.at == name { TokenKind::Unknown } else { kind }
    }

    /// Whether a word ends right before `start`: then `.5` is a path's step, not a number.
    fn follows_name(&self, start: usize) -> bool {
        start > 0
            && (is_word_byte(self.bytes[start - 1]) || matches!(self.bytes[start - 1], b'`' | b')' | b']'))
    }

    fn number(&mut self) -> TokenKind {
        let digits = |lexer: &mut Self, is_digit: fn(&u8) -> bool| {
            while lexer.peek(0).is_some_and(|byte| is_digit(&byte)) {
                lexer.at += 1;
            }
        };
        if self.peek(0) == Some(b'0')
            && matches!(self.peek(1), Some(b'x' | b'X'))
            && self.peek(2).is_some_and(|byte| byte.is_ascii_hexdigit())
        {
            self.at += 2;
            digits(self, u8::is_ascii_hexdigit);
            return TokenKind::Number;
        }
        digits(self, u8::is_ascii_digit);
        if self.peek(0) == Some(b'.') {
            self.at += 1;
            digits(self, u8::is_ascii_digit);
        }
        if matches!(self.peek(0), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.peek(1), Some(b'+' | b'-')));
            if self.peek(1 + sign).is_some_and(|byte| byte.is_ascii_digit()) {
                self.at += 1 + sign;
                digits(self, u8::is_ascii_digit);
            }
        }
        TokenKind::Number
    }

    fn punctuation(&mut self) -> TokenKind {
        let rest = &self.bytes[self.at..];
        if let Some(operator) = LONG_OPERATORS.iter().find(|operator| rest.starts_with(operator.as_bytes())) {
            self.at += operator.len();
            return TokenKind::Operator;
        }
        if SHORT_OPERATORS.contains(&rest[0]) {
            self.at += 1;
            return TokenKind::Operator;
        }
        self.at += self.text[self.at..].chars().next().map_or(1, char::len_utf8);
        TokenKind::Unknown
    }
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests;
