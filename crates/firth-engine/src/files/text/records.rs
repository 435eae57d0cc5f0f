//! CSV text as records of fields: where each begins and ends. Knows nothing of columns.
//!
//! RFC 4180, with any byte for delimiter and quote: a quote in a quoted field is doubled, and a quote that
//! does not stand at a field's beginning is a character like any other. Records end with `\n`, `\r\n` or `\r`.

use super::Problem;

/// What separates and quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Syntax {
    pub(super) delimiter: u8,
    pub(super) quote: Option<u8>,
    /// Whether quoted fields may hold line ends.
    pub(super) quoted_newlines: bool,
}

/// Records of a text, as places in it.
pub(super) struct Records {
    syntax: Syntax,
    /// Which bytes end a field that is not quoted.
    ends_field: [bool; 256],
    fields: Vec<Place>,
    pub(super) records: Vec<Record>,
    /// What quoted fields with doubled quotes say.
    unquoted: Vec<u8>,
}

/// One record.
pub(super) struct Record {
    /// Where it begins and ends in the text, without its line end.
    pub(super) start: usize,
    pub(super) end: usize,
    first: usize,
    /// How many fields it has.
    pub(super) fields: usize,
    /// Why it cannot be read, if so.
    pub(super) problem: Option<&'static str>,
}

/// Where a field stands.
#[derive(Clone, Copy)]
struct Place {
    start: u32,
    /// The two highest bits: whether it is quoted, and whether it stands in `unquoted`.
    end: u32,
}

const QUOTED: u32 = 1 << 31;
const UNQUOTED: u32 = 1 << 30;
/// A text is not longer than this, so that a place fits.
pub(super) const LONGEST: usize = UNQUOTED as usize - 1;

/// A field of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) text: &'a str,
    pub(super) quoted: bool,
}

impl Records {
    pub(super) fn new(syntax: Syntax) -> Self {
        let mut ends_field = [false; 256];
        for byte in [syntax.delimiter, b'\n', b'\r'] {
            ends_field[usize::from(byte)] = true;
        }
        Records { syntax, ends_field, fields: Vec::new(), records: Vec::new(), unquoted: Vec::new() }
    }

    /// Finds the records of `text`, `most` at most, and returns how many bytes they are. What is left has no
    /// whole record, unless `most` were found. `at_end` says that nothing follows the text.
    ///
    /// Lines without anything are left out, or are records of one empty field if `blank_lines`.
    pub(super) fn find(&mut self, text: &[u8], at_end: bool, most: usize, blank_lines: bool) -> usize {
        self.fields.clear();
        self.records.clear();
        self.unquoted.clear();
        let mut at = 0;
        while self.records.len() < most && at < text.len() {
            let Some(next) = self.record(text, at, at_end, blank_lines) else { break };
            at = next;
        }
        at
    }

    /// A field of a record. `text` is what `find` had, and is UTF-8; `unquoted` as well, by `unquoted()`.
    pub(super) fn field<'a>(
        &self,
        record: &Record,
        index: usize,
        text: &'a str,
        unquoted: &'a str,
    ) -> Option<Field<'a>> {
        if index >= record.fields {
            return None;
        }
        let Place { start, end } = self.fields[record.first + index];
        let range = start as usize..(end & !(QUOTED | UNQUOTED)) as usize;
        let text = if end & UNQUOTED == 0 { text.get(range) } else { unquoted.get(range) };
        Some(Field { text: text?, quoted: end & QUOTED != 0 })
    }

    /// What stands for fields with doubled quotes. Takes it, to be put back by `restore`.
    pub(super) fn take_unquoted(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.unquoted)
    }

    /// Reads the record at `at` and returns where the next begins. `None` if it is not all there.
    fn record(&mut self, text: &[u8], at: usize, at_end: bool, blank_lines: bool) -> Option<usize> {
        let first = self.fields.len();
        if matches!(text[at], b'\n' | b'\r') && !blank_lines {
            return line_end(text, at, at_end);
        }
        let mut field = at;
        loop {
            let mut end = field;
            if self.syntax.quote.is_some_and(|quote| text.get(field) == Some(&quote)) {
                match self.quoted(text, field, at_end) {
                    Quoted::Field(next) => end = next,
                    Quoted::Cut => {
                        self.fields.truncate(first);
                        return None;
                    }
                    Quoted::Wrong(problem, next) => {
                        self.fields.truncate(first);
                        let end = memchr::memchr(b'\n', &text[next..]).map(|length| next + length);
                        if end.is_none() && !at_end {
                            return None;
                        }
                        let end = end.unwrap_or(text.len());
                        self.push_record(at, end, first, Some(problem));
                        return Some((end + 1).min(text.len()));
                    }
                }
            } else {
                while end < text.len() && !self.ends_field[usize::from(text[end])] {
                    end += 1;
                }
                self.push_field(field, end, 0);
            }
            match text.get(end) {
                Some(byte) if *byte == self.syntax.delimiter => field = end + 1,
                Some(_) => {
                    let next = line_end(text, end, at_end);
                    match next {
                        Some(_) => self.push_record(at, end, first, None),
                        None => self.fields.truncate(first),
                    }
                    return next;
                }
                None if at_end => {
                    self.push_record(at, end, first, None);
                    return Some(end);
                }
                None => {
                    self.fields.truncate(first);
                    return None;
                }
            }
        }
    }

    fn quoted(&mut self, text: &[u8], start: usize, at_end: bool) -> Quoted {
        let quote = text[start];
        let copy = self.unquoted.len();
        let mut from = start + 1;
        loop {
            let rest = &text[from..];
            let found = if self.syntax.quoted_newlines {
                memchr::memchr(quote, rest)
            } else {
                memchr::memchr3(quote, b'\n', b'\r', rest)
            };
            let Some(length) = found else {
                self.unquoted.truncate(copy);
                return if at_end { Quoted::Wrong("a quote is not closed", text.len()) } else { Quoted::Cut };
            };
            let at = from + length;
            if text[at] != quote {
                self.unquoted.truncate(copy);
                return Quoted::Wrong(LINE_END_IN_QUOTES, at);
            }
            match text.get(at + 1) {
                Some(byte) if *byte == quote => {
                    self.unquoted.extend_from_slice(&text[from..=at]);
                    from = at + 2;
                }
                None if !at_end => {
                    self.unquoted.truncate(copy);
                    return Quoted::Cut;
                }
                Some(byte) if !self.ends_field[usize::from(*byte)] => {
                    self.unquoted.truncate(copy);
                    return Quoted::Wrong("text follows a closing quote", at + 1);
                }
                Some(_) | None => {
                    if self.unquoted.len() == copy {
                        self.push_field(from, at, QUOTED);
                    } else {
                        self.unquoted.extend_from_slice(&text[from..at]);
                        let end = self.unquoted.len();
                        self.push_field(copy, end, QUOTED | UNQUOTED);
                    }
                    return Quoted::Field(at + 1);
                }
            }
        }
    }

    fn push_field(&mut self, start: usize, end: usize, marks: u32) {
        debug_assert!(end <= LONGEST);
        self.fields.push(Place { start: start as u32, end: end as u32 | marks });
    }

    fn push_record(&mut self, start: usize, end: usize, first: usize, problem: Option<&'static str>) {
        let fields = self.fields.len() - first;
        self.records.push(Record { start, end, first, fields, problem });
    }
}

/// Why a quoted field cannot be read if it goes over a line.
const LINE_END_IN_QUOTES: &str = "a quoted field goes on after the line's end";

/// What to do about a record that cannot be read.
pub(super) fn hint_for(problem: &str) -> Option<&'static str> {
    (problem == LINE_END_IN_QUOTES).then_some("If fields hold line ends, set allow_quoted_newlines = TRUE.")
}

impl From<&Record> for Problem {
    fn from(record: &Record) -> Self {
        let problem = record.problem.unwrap_or("it is not CSV");
        Problem { hint: hint_for(problem), ..Problem::new(problem.to_owned()) }
    }
}

enum Quoted {
    /// A field, and where the byte after its quote is.
    Field(usize),
    /// The text ends in it.
    Cut,
    /// What is wrong with it, and up to where it was read.
    Wrong(&'static str, usize),
}

/// Where the next line begins. `None` if a `\n` may still come after a `\r`.
fn line_end(text: &[u8], at: usize, at_end: bool) -> Option<usize> {
    match (text[at], text.get(at + 1)) {
        (b'\r', Some(b'\n')) => Some(at + 2),
        (b'\r', None) if !at_end => None,
        _ => Some(at + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYNTAX: Syntax = Syntax { delimiter: b',', quote: Some(b'"'), quoted_newlines: true };

    /// The records as they are found when the text comes in two pieces, cut anywhere.
    fn read(syntax: Syntax, text: &str, blank_lines: bool) -> Vec<String> {
        let mut answers = (0..=text.len()).map(|cut| {
            let mut records = Records::new(syntax);
            let mut shown = Vec::new();
            let mut at = 0;
            for (end, at_end) in [(cut, false), (text.len(), true)] {
                let piece = &text.as_bytes()[at..end.max(at)];
                at += records.find(piece, at_end, usize::MAX, blank_lines);
                let unquoted = String::from_utf8(records.take_unquoted()).expect("UTF-8");
                let piece = std::str::from_utf8(piece).expect("UTF-8");
                for record in &records.records {
                    shown.push(match record.problem {
                        Some(problem) => format!("! {problem}"),
                        None => (0..record.fields)
                            .map(|index| {
                                let field = records.field(record, index, piece, &unquoted).expect("a field");
                                if field.quoted { format!("<{}>", field.text) } else { field.text.to_owned() }
                            })
                            .collect::<Vec<_>>()
                            .join("|"),
                    });
                }
            }
            assert_eq!(at, text.len(), "cut at {cut}");
            shown
        });
        let first = answers.next().expect("there is one way at least");
        for answer in answers {
            assert_eq!(answer, first);
        }
        first
    }

    #[test]
    fn records_are_the_same_wherever_the_text_is_cut() {
        for (text, expected) in [
            ("a,b\n1,2\n", vec!["a|b", "1|2"]),
            ("a,b\r\n1,2", vec!["a|b", "1|2"]),
            ("a\rb\r\n\rc", vec!["a", "b", "c"]),
            ("a,\n,\n,b", vec!["a|", "|", "|b"]),
            ("\"\",\"x\"\n", vec!["<>|<x>"]),
            ("\"a \"\"b\"\"\",\"\"\"\"", vec!["<a \"b\">|<\">"]),
            ("\"two\nlines\",x\n", vec!["<two\nlines>|x"]),
            ("a\"b,c\"\n", vec!["a\"b|c\""]),
            ("\"a\"b,c\nd,e\n", vec!["! text follows a closing quote", "d|e"]),
            ("a\n\"b,c\n", vec!["a", "! a quote is not closed"]),
            ("\n\na\n\n", vec!["a"]),
            ("", vec![]),
        ] {
            assert_eq!(read(SYNTAX, text, false), expected, "{text:?}");
        }
    }

    #[test]
    fn line_ends_in_quotes_are_refused_unless_allowed() {
        let strict = Syntax { quoted_newlines: false, ..SYNTAX };
        let expected = vec!["! a quoted field goes on after the line's end", "lines\"|x"];
        assert_eq!(read(strict, "\"two\nlines\",x\n", false), expected);
    }

    #[test]
    fn blank_lines_may_be_records_and_quotes_may_be_off() {
        assert_eq!(read(SYNTAX, "a\n\n\r\nb\n", true), ["a", "", "", "b"]);
        let plain = Syntax { delimiter: b'|', quote: None, quoted_newlines: false };
        assert_eq!(read(plain, "\"a\"|b\n", false), ["\"a\"|b"]);
    }
}
