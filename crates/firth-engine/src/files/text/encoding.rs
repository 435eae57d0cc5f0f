//! Encodings of text that are not UTF-8.

use std::mem;

use super::Problem;

/// How the bytes of a file are characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Encoding {
    #[default]
    Utf8,
    Latin1,
    Utf16 {
        big_endian: bool,
    },
    Utf32 {
        big_endian: bool,
    },
}

/// The spellings of the option `encoding`.
pub(crate) const ENCODINGS: &[(&str, Encoding)] = &[
    ("UTF-8", Encoding::Utf8),
    ("UTF8", Encoding::Utf8),
    ("UTF_8", Encoding::Utf8),
    ("ISO-8859-1", Encoding::Latin1),
    ("ISO_8859_1", Encoding::Latin1),
    ("UTF-16BE", Encoding::Utf16 { big_endian: true }),
    ("UTF_16BE", Encoding::Utf16 { big_endian: true }),
    ("UTF-16LE", Encoding::Utf16 { big_endian: false }),
    ("UTF_16LE", Encoding::Utf16 { big_endian: false }),
    ("UTF-32BE", Encoding::Utf32 { big_endian: true }),
    ("UTF_32BE", Encoding::Utf32 { big_endian: true }),
    ("UTF-32LE", Encoding::Utf32 { big_endian: false }),
    ("UTF_32LE", Encoding::Utf32 { big_endian: false }),
];

impl Encoding {
    /// Whether a byte of a line end is nothing else: then a file can be read in parts.
    pub(crate) fn has_plain_line_ends(self) -> bool {
        matches!(self, Encoding::Utf8 | Encoding::Latin1)
    }
}

/// Turns a file's bytes into UTF-8 as they come. A byte order mark at the beginning is left out.
///
/// Text that is said to be UTF-8 passes as it is: whoever splits it into records finds what is not.
pub(super) struct Transcoder {
    encoding: Encoding,
    at_start: bool,
    /// The beginning of a character whose rest has not come yet.
    pending: Vec<u8>,
}

impl Transcoder {
    /// `at_start`: whether the first bytes are the file's first.
    pub(super) fn new(encoding: Encoding, at_start: bool) -> Self {
        Transcoder { encoding, at_start, pending: Vec::new() }
    }

    /// Appends `bytes` to `text`.
    pub(super) fn push(&mut self, bytes: &[u8], text: &mut Vec<u8>) -> Result<(), Problem> {
        match self.encoding {
            Encoding::Utf8 => self.push_utf8(bytes, text),
            Encoding::Latin1 => {
                for byte in bytes {
                    push_char(char::from(*byte), text);
                }
            }
            Encoding::Utf16 { big_endian } => return self.push_utf16(bytes, big_endian, text),
            Encoding::Utf32 { big_endian } => return self.push_utf32(bytes, big_endian, text),
        }
        Ok(())
    }

    /// What is left when the file has ended: nothing, unless it ended within a character.
    pub(super) fn finish(&mut self, text: &mut Vec<u8>) -> Result<(), Problem> {
        match self.encoding {
            // A file of one or two bytes may look like the beginning of a mark.
            Encoding::Utf8 => text.append(&mut self.pending),
            _ if !self.pending.is_empty() => return Err(self.wrong()),
            _ => {}
        }
        Ok(())
    }

    fn push_utf8(&mut self, bytes: &[u8], text: &mut Vec<u8>) {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        if !self.at_start {
            return text.extend_from_slice(bytes);
        }
        self.pending.extend_from_slice(bytes);
        if self.pending.len() < MARK.len() && MARK.starts_with(&self.pending) {
            return;
        }
        self.at_start = false;
        let first = mem::take(&mut self.pending);
        text.extend_from_slice(first.strip_prefix(MARK).unwrap_or(&first));
    }

    fn push_utf16(&mut self, bytes: &[u8], big_endian: bool, text: &mut Vec<u8>) -> Result<(), Problem> {
        self.pending.extend_from_slice(bytes);
        let pending = mem::take(&mut self.pending);
        let mut units = pending.chunks_exact(2).map(|pair| match big_endian {
            true => u16::from_be_bytes([pair[0], pair[1]]),
            false => u16::from_le_bytes([pair[0], pair[1]]),
        });
        let mut read = 0;
        while let Some(unit) = units.next() {
            let mut pair = vec![unit];
            if (0xd800..0xdc00).contains(&unit) {
                let Some(second) = units.next() else { break };
                pair.push(second);
            }
            read += 2 * pair.len();
            let Some(Ok(character)) = char::decode_utf16(pair).next() else { return Err(self.wrong()) };
            self.push_unless_mark(character, text);
        }
        self.pending = pending[read..].to_vec();
        Ok(())
    }

    fn push_utf32(&mut self, bytes: &[u8], big_endian: bool, text: &mut Vec<u8>) -> Result<(), Problem> {
        self.pending.extend_from_slice(bytes);
        let pending = mem::take(&mut self.pending);
        let units = pending.chunks_exact(4);
        let rest = units.remainder().to_vec();
        for unit in units {
            let unit = [unit[0], unit[1], unit[2], unit[3]];
            let number = if big_endian { u32::from_be_bytes(unit) } else { u32::from_le_bytes(unit) };
            let Some(character) = char::from_u32(number) else { return Err(self.wrong()) };
            self.push_unless_mark(character, text);
        }
        self.pending = rest;
        Ok(())
    }

    fn push_unless_mark(&mut self, character: char, text: &mut Vec<u8>) {
        if mem::take(&mut self.at_start) && character == '\u{feff}' {
            return;
        }
        push_char(character, text);
    }

    fn wrong(&self) -> Problem {
        let name =
            ENCODINGS.iter().find(|(_, encoding)| *encoding == self.encoding).map_or("", |(name, _)| name);
        Problem::new(format!("the text is not {name}"))
    }
}

fn push_char(character: char, text: &mut Vec<u8>) {
    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every way to cut the bytes in two.
    fn read(encoding: Encoding, bytes: &[u8]) -> Result<String, String> {
        let mut texts = (0..=bytes.len()).map(|cut| {
            let mut transcoder = Transcoder::new(encoding, true);
            let mut text = Vec::new();
            transcoder.push(&bytes[..cut], &mut text).map_err(|problem| problem.reason)?;
            transcoder.push(&bytes[cut..], &mut text).map_err(|problem| problem.reason)?;
            transcoder.finish(&mut text).map_err(|problem| problem.reason)?;
            Ok(String::from_utf8(text).expect("UTF-8"))
        });
        let first = texts.next().expect("there is one way at least");
        assert!(texts.all(|text| text == first));
        first
    }

    #[test]
    fn encodings_are_read_wherever_the_bytes_are_cut() {
        let text = "\u{feff}é€𝄞\n";
        let utf16: Vec<u16> = text.encode_utf16().collect();
        let big: Vec<u8> = utf16.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        let little: Vec<u8> = utf16.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let wide: Vec<u8> = text.chars().flat_map(|unit| u32::from(unit).to_le_bytes()).collect();
        let expected = Ok("é€𝄞\n".to_owned());
        assert_eq!(read(Encoding::Utf8, text.as_bytes()), expected);
        assert_eq!(read(Encoding::Utf16 { big_endian: true }, &big), expected);
        assert_eq!(read(Encoding::Utf16 { big_endian: false }, &little), expected);
        assert_eq!(read(Encoding::Utf32 { big_endian: false }, &wide), expected);
        assert_eq!(read(Encoding::Latin1, b"caf\xe9"), Ok("café".to_owned()));
    }

    #[test]
    fn what_is_cut_short_or_no_character_is_told() {
        let wrong = |encoding, bytes: &[u8]| read(encoding, bytes).expect_err("it is wrong");
        assert_eq!(wrong(Encoding::Utf16 { big_endian: false }, b"a\0b"), "the text is not UTF-16LE");
        assert_eq!(wrong(Encoding::Utf16 { big_endian: true }, b"\xd8\x00"), "the text is not UTF-16BE");
        assert_eq!(wrong(Encoding::Utf32 { big_endian: true }, b"\0\x11\0\0"), "the text is not UTF-32BE");
    }
}
