//! JSON text, read from left to right. Numbers stay as they are written.

/// A place in a JSON text. What is not JSON is `None`.
pub(super) struct JsonText<'a> {
    text: &'a str,
    at: usize,
}

/// What a value is, by its first character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Bool,
    Number,
    Text,
    Array,
    Object,
}

/// Values nest no deeper than this.
const DEEPEST: usize = 128;

impl<'a> JsonText<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        JsonText { text, at: 0 }
    }

    /// Whether only blanks are left.
    pub(super) fn is_done(&mut self) -> bool {
        self.blanks();
        self.at == self.text.len()
    }

    /// The kind of the value that stands here.
    pub(super) fn kind(&mut self) -> Option<Kind> {
        self.blanks();
        Some(match self.byte()? {
            b'n' => Kind::Null,
            b't' | b'f' => Kind::Bool,
            b'-' | b'0'..=b'9' => Kind::Number,
            b'"' => Kind::Text,
            b'[' => Kind::Array,
            b'{' => Kind::Object,
            _ => return None,
        })
    }

    /// Passes this character, if it stands here.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        self.blanks();
        let there = self.byte() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// After a value in an array or object: whether another one follows. `None` if neither a comma nor `end`
    /// stands here.
    pub(super) fn more(&mut self, end: u8) -> Option<bool> {
        if self.take(b',') {
            return Some(true);
        }
        self.take(end).then_some(false)
    }

    /// `null`, `true`, `false` or a number, as it is written.
    pub(super) fn plain(&mut self) -> Option<&'a str> {
        self.blanks();
        let rest = &self.text[self.at..];
        let length = match self.byte()? {
            b'n' if rest.starts_with("null") => 4,
            b't' if rest.starts_with("true") => 4,
            b'f' if rest.starts_with("false") => 5,
            _ => number(rest.as_bytes())?,
        };
        self.at += length;
        Some(&rest[..length])
    }

    /// A text. `scratch` is where it is put together if it has escapes.
    pub(super) fn text<'b>(&mut self, scratch: &'b mut String) -> Option<&'b str>
    where
        'a: 'b,
    {
        if !self.take(b'"') {
            return None;
        }
        let start = self.at;
        let mut copied = false;
        let mut from = start;
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let length = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..0x20))?;
            self.at += length;
            match rest[length] {
                b'"' => {
                    let piece = &self.text[from..self.at];
                    self.at += 1;
                    if !copied {
                        return Some(piece);
                    }
                    scratch.push_str(piece);
                    return Some(scratch);
                }
                b'\\' => {
                    if !copied {
                        scratch.clear();
                        copied = true;
                    }
                    scratch.push_str(&self.text[from..self.at]);
                    self.at += 1;
                    scratch.push(self.escape()?);
                    from = self.at;
                }
                // A character that JSON wants to be escaped; most writers' tabs are not.
                b'\t' => self.at += 1,
                _ => return None,
            }
        }
    }

    /// Any value, as it is written.
    pub(super) fn raw(&mut self) -> Option<&'a str> {
        self.blanks();
        let start = self.at;
        self.skip(0)?;
        Some(&self.text[start..self.at])
    }

    fn skip(&mut self, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        match self.kind()? {
            Kind::Null | Kind::Bool | Kind::Number => {
                self.plain()?;
            }
            Kind::Text => self.skip_text()?,
            Kind::Array => {
                self.take(b'[');
                if self.take(b']') {
                    return Some(());
                }
                loop {
                    self.skip(depth + 1)?;
                    if !self.more(b']')? {
                        break;
                    }
                }
            }
            Kind::Object => {
                self.take(b'{');
                if self.take(b'}') {
                    return Some(());
                }
                loop {
                    self.blanks();
                    self.skip_text()?;
                    if !self.take(b':') {
                        return None;
                    }
                    self.skip(depth + 1)?;
                    if !self.more(b'}')? {
                        break;
                    }
                }
            }
        }
        Some(())
    }

    fn skip_text(&mut self) -> Option<()> {
        let rest = &self.text.as_bytes()[self.at..];
        if rest.first() != Some(&b'"') {
            return None;
        }
        let mut at = 1;
        loop {
            at += memchr::memchr2(b'"', b'\\', rest.get(at..)?)?;
            if rest[at] == b'"' {
                self.at += at + 1;
                return Some(());
            }
            at += 2;
        }
    }

    fn escape(&mut self) -> Option<char> {
        let byte = self.byte()?;
        self.at += 1;
        Some(match byte {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hex()?;
                if !(0xd800..0xdc00).contains(&first) {
                    return char::from_u32(u32::from(first));
                }
                if !self.text[self.at..].starts_with("\\u") {
                    return None;
                }
                self.at += 2;
                let second = self.hex()?;
                char::decode_utf16([first, second]).next()?.ok()?
            }
            _ => return None,
        })
    }

    fn hex(&mut self) -> Option<u16> {
        let digits = self.text.get(self.at..self.at + 4)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u16::from_str_radix(digits, 16).ok()
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }
}

/// How long the number is that a text begins with.
fn number(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(text.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || (whole > 1 && text[at] == b'0') {
        return None;
    }
    at += whole;
    if text.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits((at + 1 + sign).min(text.len()));
        if exponent == 0 {
            return None;
        }
        at += 1 + sign + exponent;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_passed_as_they_are_written() {
        for text in [
            "null",
            "true",
            "-0.5e+10",
            "\"a\\\"b\"",
            "[1, [2], {\"a\": \"]\"}]",
            "{\"a\" : {} , \"b\":[]}",
            "12345678901234567890.123456789012345678901234567890",
        ] {
            let mut json = JsonText::new(text);
            assert_eq!(json.raw(), Some(text));
            assert!(json.is_done());
        }
        let deep = "[".repeat(200) + &"]".repeat(200);
        for text in [
            "nul", "01", "1.", ".5", "+1", "1e", "\"a", "\"\\", "[1,]", "[1 2]", "{\"a\"}", "{a:1}", "",
            &deep,
        ] {
            assert_eq!(JsonText::new(text).raw(), None, "{text}");
        }
    }

    #[test]
    fn texts_lose_their_escapes() {
        for (text, expected) in [
            ("\"plain é\"", Some("plain é")),
            ("\"\\u00e9\\n\\\"\\/\"", Some("é\n\"/")),
            ("\"\\ud834\\udd1e!\"", Some("𝄞!")),
            ("\"\"", Some("")),
            ("\"\\ud834\"", None),
            ("\"\\ud834\\u0041\"", None),
            ("\"\\udd1e\"", None),
            ("\"\\x\"", None),
            ("\"\\u+123\"", None),
            ("\"line\nend\"", None),
        ] {
            let mut scratch = String::new();
            assert_eq!(JsonText::new(text).text(&mut scratch), expected, "{text}");
        }
    }
}
