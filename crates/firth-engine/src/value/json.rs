//! JSON text: strings, and documents that columns hold already.

use std::fmt::Write as _;

/// A JSON string with its quotes. Beyond what JSON asks, line separators are escaped as well, so that
/// a value never breaks a line.
pub fn push_json_string(text: &str, out: &mut String) {
    out.push('"');
    // Line separators begin with the byte E2, as much else does that stays as it is.
    let is_plain = |byte: u8| (byte >= 0x20) & (byte != b'"') & (byte != b'\\') & (byte < 0x7f);
    if text.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
        out.push_str(text);
        out.push('"');
        return;
    }
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || c == '\u{2028}' || c == '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A JSON document, embedded as it is but for the whitespace between its tokens: numbers keep every
/// digit. A text that is not JSON becomes a JSON string.
pub(super) fn push_document(text: &str, out: &mut String) {
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return push_json_string(text, out);
    }
    let (mut inside, mut escaped) = (false, false);
    for c in text.chars() {
        if inside {
            out.push(c);
            inside = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if !c.is_ascii_whitespace() {
            out.push(c);
            inside = c == '"';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_keep_their_digits_and_lose_their_line_breaks() {
        let embedded = |text: &str| {
            let mut out = String::new();
            push_document(text, &mut out);
            out
        };
        assert_eq!(
            embedded("{ \"a b\" :\n [1.10, 12345678901234567890] }"),
            r#"{"a b":[1.10,12345678901234567890]}"#
        );
        assert_eq!(embedded(r#"{"a\\" : "x \" y"}"#), r#"{"a\\":"x \" y"}"#);
        assert_eq!(embedded("{oops"), r#""{oops""#);
        assert_eq!(embedded(""), r#""""#);
    }

    #[test]
    fn strings_are_escaped() {
        let mut out = String::new();
        push_json_string("a\"b\\c\n\u{1}é", &mut out);
        assert_eq!(out, r#""a\"b\\c\n\u0001é""#);
    }
}
