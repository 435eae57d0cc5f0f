//! The values of GoogleSQL's quoted literals, and their spelling.

use std::fmt::Write as _;

use firth_diagnostic::{Code, Diagnostic, Result, Span};

use super::Token;
use crate::keyword;

/// The text of a string token.
pub(crate) fn decode_string(text: &str, token: &Token) -> Result<String> {
    let mut value = String::new();
    decode(text, token, &mut |piece| match piece {
        Piece::Text(text) => value.push_str(text),
        Piece::Char(letter) => value.push(letter),
        Piece::Byte(byte) => value.push(char::from(byte)),
    })?;
    Ok(value)
}

/// The bytes of a bytes token.
pub(crate) fn decode_bytes(text: &str, token: &Token) -> Result<Vec<u8>> {
    let mut value = Vec::new();
    decode(text, token, &mut |piece| match piece {
        Piece::Text(text) => value.extend_from_slice(text.as_bytes()),
        Piece::Char(letter) => value.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        Piece::Byte(byte) => value.push(byte),
    })?;
    Ok(value)
}

/// The name in a back-quoted identifier token.
pub(crate) fn decode_identifier(text: &str, token: &Token) -> Result<String> {
    let name = decode_string(text, token)?;
    if name.is_empty() {
        return Err(Diagnostic::error(Code::Syntax, "a back-quoted name is empty").at(token.span));
    }
    Ok(name)
}

/// Writes a string literal that reads back as `value`, on one line.
pub(crate) fn quote_string(value: &str) -> String {
    quoted(value, '\'')
}

/// Writes an identifier that reads back as `name`: back-quoted if it has to be.
pub fn quote_identifier(name: &str) -> String {
    let mut bytes = name.bytes();
    let plain = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !keyword::is_reserved(name);
    if plain { name.to_string() } else { quoted(name, '`') }
}

fn quoted(value: &str, quote: char) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push(quote);
    for letter in value.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if letter == quote => {
                out.push('\\');
                out.push(letter);
            }
            _ if letter.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            _ => out.push(letter),
        }
    }
    out.push(quote);
    out
}

enum Piece<'a> {
    Text(&'a str),
    Char(char),
    /// `\x41` or `\101`: a byte in BYTES, the character of that number in a STRING.
    Byte(u8),
}

fn decode(text: &str, token: &Token, emit: &mut dyn FnMut(Piece<'_>)) -> Result<()> {
    let whole = token.text(text);
    let prefix = whole.len() - whole.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '@').len();
    let raw = whole[..prefix].contains(['r', 'R']);
    let quote = whole[prefix..].chars().next().unwrap_or('\'');
    let width =
        if quote != '`' && whole[prefix..].starts_with(&String::from(quote).repeat(3)) { 3 } else { 1 };
    if !token.closed {
        return Err(unclosed(quote, width, token.span.start, prefix));
    }
    let inner_start = prefix + width;
    let Some(inner) = whole.get(inner_start..whole.len().saturating_sub(width)) else {
        return Err(unclosed(quote, width, token.span.start, prefix));
    };

    let mut rest = inner;
    while let Some(at) = rest.find(['\\', '\r']) {
        emit(Piece::Text(&rest[..at]));
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix('\r') {
            // Every kind of line end is a line feed in the value.
            emit(Piece::Char('\n'));
            rest = after.strip_prefix('\n').unwrap_or(after);
        } else if raw {
            emit(Piece::Char('\\'));
            let next = rest[1..].chars().next().map_or(0, char::len_utf8);
            emit(Piece::Text(&rest[1..1 + next]));
            rest = &rest[1 + next..];
        } else {
            let (piece, length) = escape(&rest[1..]).ok_or_else(|| {
                let start = token.span.start + inner_start + (inner.len() - rest.len());
                let shown: String = rest.chars().take(2).collect();
                Diagnostic::error(Code::Syntax, format!("`{shown}` is not an escape sequence"))
                    .at(Span::new(start, start + shown.len()))
                    .hint("Write `\\\\` for a backslash, or put `r` before the quote: r'…'.")
            })?;
            emit(piece);
            rest = &rest[1 + length..];
        }
    }
    emit(Piece::Text(rest));
    Ok(())
}

fn unclosed(quote: char, width: usize, start: usize, prefix: usize) -> Diagnostic {
    let quotes = String::from(quote).repeat(width);
    let what = if quote == '`' { "back-quoted name" } else { "string" };
    let opening = Span::new(start, start + prefix + width);
    let diagnostic = Diagnostic::error(Code::Syntax, format!("this {what} has no end")).at(opening);
    if width == 1 && quote != '`' {
        diagnostic.hint(format!(
            "Close it with {quotes} on the same line, or write text of several lines in '''…'''."
        ))
    } else {
        diagnostic.hint(format!("Close it with {quotes}."))
    }
}

/// The escape whose backslash has been read, and how many bytes it takes after that.
fn escape(rest: &str) -> Option<(Piece<'static>, usize)> {
    let first = rest.chars().next()?;
    let simple = |letter| Some((Piece::Char(letter), 1));
    match first {
        'a' => simple('\u{07}'),
        'b' => simple('\u{08}'),
        'f' => simple('\u{0c}'),
        'n' => simple('\n'),
        'r' => simple('\r'),
        't' => simple('\t'),
        'v' => simple('\u{0b}'),
        '\\' | '?' | '"' | '\'' | '`' => simple(first),
        '0'..='3' => {
            let digits =
                rest.get(..3).filter(|digits| digits.bytes().all(|byte| matches!(byte, b'0'..=b'7')))?;
            Some((Piece::Byte(u8::from_str_radix(digits, 8).ok()?), 3))
        }
        'x' | 'X' => Some((Piece::Byte(u8::try_from(hex(rest, 2)?).ok()?), 3)),
        'u' => Some((Piece::Char(char::from_u32(hex(rest, 4)?)?), 5)),
        'U' => Some((Piece::Char(char::from_u32(hex(rest, 8)?)?), 9)),
        _ => None,
    }
}

fn hex(rest: &str, digits: usize) -> Option<u32> {
    let text = rest.get(1..1 + digits).filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u32::from_str_radix(text, 16).ok()
}
