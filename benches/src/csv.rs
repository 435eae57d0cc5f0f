//! Reads the CSV that engines write: RFC 4180, with a header line.

use std::io::{self, BufRead};

/// Rows of a CSV file, without its header.
pub(crate) struct Rows<R> {
    input: R,
    line: Vec<u8>,
}

impl<R: BufRead> Rows<R> {
    /// Skips the header.
    pub(crate) fn open(input: R) -> io::Result<Self> {
        let mut rows = Rows { input, line: Vec::new() };
        rows.next_row(&mut Vec::new())?;
        Ok(rows)
    }

    /// Puts the next row's fields into `fields`; false after the last.
    pub(crate) fn next_row(&mut self, fields: &mut Vec<String>) -> io::Result<bool> {
        fields.clear();
        self.line.clear();
        loop {
            if self.input.read_until(b'\n', &mut self.line)? == 0 {
                break;
            }
            // An odd number of quotes: the line's end is within a field.
            if self.line.iter().filter(|byte| **byte == b'"').count() % 2 == 0 {
                break;
            }
        }
        if self.line.is_empty() {
            return Ok(false);
        }
        let text = String::from_utf8_lossy(&self.line);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        split(text.strip_suffix('\r').unwrap_or(text), fields);
        Ok(true)
    }
}

fn split(line: &str, fields: &mut Vec<String>) {
    let mut field = String::new();
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            _ => field.push(character),
        }
    }
    fields.push(field);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_fields_hold_commas_quotes_and_line_ends() {
        let text = "a,b\n1,\"x, \"\"y\"\"\nz\"\r\n,\"\"\nlast,line";
        let mut rows = Rows::open(text.as_bytes()).unwrap();
        let mut fields = Vec::new();
        let mut found = Vec::new();
        while rows.next_row(&mut fields).unwrap() {
            found.push(fields.clone());
        }
        assert_eq!(found, [["1", "x, \"y\"\nz"], ["", ""], ["last", "line"]]);
    }
}
