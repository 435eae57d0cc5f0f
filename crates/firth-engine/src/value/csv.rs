//! CSV's quotes (RFC 4180).

/// Writes a field that is not NULL: quoted if it has to be, and if it is empty, so that NULL, the field
/// without anything, is told from the empty string.
pub fn push_csv_field(text: &str, delimiter: char, out: &mut String) {
    let is_special = |byte: u8| (byte == b'"') | (byte == b'\n') | (byte == b'\r');
    let is_plain = match u8::try_from(delimiter) {
        // To look at all bytes, several at once, is quicker than to stop at the first.
        Ok(delimiter) if delimiter.is_ascii() => {
            !text.bytes().fold(false, |found, byte| found | (byte == delimiter) | is_special(byte))
        }
        Ok(_) | Err(_) => !text.contains(delimiter) && !text.bytes().any(is_special),
    };
    if is_plain && !text.is_empty() {
        return out.push_str(text);
    }
    out.push('"');
    let mut rest = text;
    while let Some(quote) = rest.find('"') {
        out.push_str(&rest[..=quote]);
        out.push('"');
        rest = &rest[quote + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::push_csv_field;

    #[test]
    fn only_what_has_to_be_is_quoted() {
        for (text, delimiter, expected) in [
            ("plain text", ',', "plain text"),
            ("", ',', "\"\""),
            ("a,b", ',', "\"a,b\""),
            ("a,b", ';', "a,b"),
            ("say \"hi\"", ',', "\"say \"\"hi\"\"\""),
            ("two\nlines", ',', "\"two\nlines\""),
            ("é|", '|', "\"é|\""),
        ] {
            let mut out = String::new();
            push_csv_field(text, delimiter, &mut out);
            assert_eq!(out, expected, "{text:?}");
        }
    }
}
