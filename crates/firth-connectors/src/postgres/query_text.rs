//! Whether a text is one statement that reads, by PostgreSQL's lexical rules.
//!
//! This is for good messages and for cutting one trailing semicolon. Safety does not rest on it: the
//! server itself prepares the text alone, which fails for several statements and for text that tries
//! to close a parenthesis it did not open, and runs it in a read-only transaction.

use firth_diagnostic::{Code, Diagnostic, Result};

/// The text without its trailing semicolon and what follows it.
pub(super) fn single_query(text: &str) -> Result<&str> {
    if text.contains('\0') {
        return Err(Diagnostic::error(Code::Invalid, "the query holds a NUL character"));
    }
    let mut end = text.len();
    let mut first = None;
    let mut ended = false;
    for token in Tokens::new(text) {
        if token.kind == Kind::Semicolon && first.is_none() {
            break;
        }
        if ended && token.kind != Kind::Semicolon {
            return Err(Diagnostic::error(Code::Invalid, "the query is more than one statement")
                .detail(format!("another one begins at {:?}", beginning(&text[token.start..])))
                .hint("Keep the first, or call EXTERNAL_QUERY once for each."));
        }
        match token.kind {
            Kind::Semicolon if ended => {
                return Err(Diagnostic::error(Code::Invalid, "the query ends in more than one semicolon")
                    .hint("Keep one or none."));
            }
            Kind::Semicolon => {
                ended = true;
                end = token.start;
            }
            Kind::Open if first.is_none() => {}
            Kind::Word | Kind::Open | Kind::Other => {
                first.get_or_insert(&text[token.start..token.end]);
            }
        }
    }
    let Some(first) = first else {
        return Err(Diagnostic::error(Code::Invalid, "the query is empty"));
    };
    let reads = ["SELECT", "WITH", "VALUES", "TABLE"].iter().any(|word| first.eq_ignore_ascii_case(word));
    if !reads {
        return Err(Diagnostic::error(
            Code::Invalid,
            format!("the query begins with {:?}", beginning(first)),
        )
        .detail("only SELECT, WITH, VALUES and TABLE read")
        .hint("Connections only read: run other statements with the server's own client."));
    }
    Ok(&text[..end])
}

fn beginning(text: &str) -> String {
    let mut short: String = text.chars().take(30).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Word,
    Semicolon,
    Open,
    /// A string, a quoted name, a number, an operator.
    Other,
}

#[derive(Clone, Copy, Debug)]
struct Token {
    kind: Kind,
    start: usize,
    end: usize,
}

/// The tokens of a text, without white space and comments. What is not closed goes on to the end.
struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    fn new(text: &'a str) -> Self {
        Tokens { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Goes on to after the next `end`.
    fn skip_past(&mut self, end: &str) {
        self.at = self.rest().find(end).map_or(self.text.len(), |found| self.at + found + end.len());
    }

    fn skip_space_and_comments(&mut self) {
        loop {
            let rest = self.rest();
            if rest.starts_with("--") {
                let line = rest.find(['\n', '\r']).unwrap_or(rest.len());
                self.at += line;
            } else if rest.starts_with("/*") {
                self.skip_block_comment();
            } else if rest.starts_with([' ', '\t', '\n', '\r', '\x0b', '\x0c']) {
                self.at += 1;
            } else {
                return;
            }
        }
    }

    /// Block comments nest.
    fn skip_block_comment(&mut self) {
        let mut depth = 0;
        loop {
            let rest = self.rest();
            if rest.starts_with("/*") {
                depth += 1;
                self.at += 2;
            } else if rest.starts_with("*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return;
                }
            } else {
                match rest.chars().next() {
                    Some(letter) => self.at += letter.len_utf8(),
                    None => return,
                }
            }
        }
    }

    /// After the opening quote: goes on to after the closing one. Two quotes are one character.
    fn skip_quoted(&mut self, quote: u8, backslash: bool) {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            self.at += 1;
            if byte == b'\\' && backslash {
                let escaped = self.rest().chars().next().map_or(0, char::len_utf8);
                self.at += escaped;
            } else if byte == quote {
                if bytes.get(self.at) != Some(&quote) {
                    return;
                }
                self.at += 1;
            }
        }
    }

    fn skip_word(&mut self) {
        let length = self.rest().find(|letter: char| !is_word_part(letter)).unwrap_or(self.rest().len());
        self.at += length;
    }

    /// At a dollar: goes on to after the closing tag, if this is a dollar-quoted string.
    fn skip_dollar_quoted(&mut self) -> bool {
        let Some(tag) = self.rest()[1..].find('$').map(|end| &self.rest()[..end + 2]) else { return false };
        let name = &tag[1..tag.len() - 1];
        let is_tag = !name.starts_with(|letter: char| letter.is_ascii_digit())
            && name.chars().all(|letter| letter != '$' && is_word_part(letter));
        if is_tag {
            self.at += tag.len();
            self.skip_past(tag);
        }
        is_tag
    }
}

fn is_word_start(letter: char) -> bool {
    letter.is_ascii_alphabetic() || letter == '_' || !letter.is_ascii()
}

fn is_word_part(letter: char) -> bool {
    is_word_start(letter) || letter.is_ascii_digit() || letter == '$'
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip_space_and_comments();
        let start = self.at;
        let letter = self.rest().chars().next()?;
        let kind = match letter {
            ';' => {
                self.at += 1;
                Kind::Semicolon
            }
            '(' => {
                self.at += 1;
                Kind::Open
            }
            '\'' | '"' => {
                self.at += 1;
                self.skip_quoted(letter as u8, false);
                Kind::Other
            }
            '$' => {
                if !self.skip_dollar_quoted() {
                    self.at += 1;
                }
                Kind::Other
            }
            letter if is_word_start(letter) => {
                self.skip_word();
                let word = &self.text[start..self.at];
                if word.eq_ignore_ascii_case("e") && self.rest().starts_with('\'') {
                    self.at += 1;
                    self.skip_quoted(b'\'', true);
                    Kind::Other
                } else {
                    Kind::Word
                }
            }
            // A number takes letters along, so that what follows it is not taken for a word.
            letter if letter.is_ascii_digit() => {
                self.skip_word();
                Kind::Other
            }
            letter => {
                self.at += letter.len_utf8();
                Kind::Other
            }
        };
        Some(Token { kind, start, end: self.at })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> String {
        match single_query(text) {
            Ok(query) => query.to_owned(),
            Err(error) => format!("{}: {}", error.code().word(), error),
        }
    }

    #[test]
    fn one_semicolon_and_what_follows_it_is_cut() {
        assert_eq!(read("SELECT 1"), "SELECT 1");
        assert_eq!(read("SELECT 1 ; -- done\n /* really; */ "), "SELECT 1 ");
        assert_eq!(read("SELECT 1 -- ; no end"), "SELECT 1 -- ; no end");
        assert_eq!(read(" ((select 1) union (values (2)));"), " ((select 1) union (values (2)))");
        assert_eq!(read("/* a /* nested */ ; */ TABLE t;"), "/* a /* nested */ ; */ TABLE t");
    }

    #[test]
    fn semicolons_in_strings_and_names_do_not_count() {
        for text in [
            r#"SELECT ';', "a;b""#,
            "SELECT 'it''s;'",
            r"SELECT E'\';', e'\\' ",
            r"SELECT '\', 1",
            "SELECT $$;$$, $tag$ $$;$other$; $tag$",
            "SELECT a$b$c, 1",
            "WITH x AS (SELECT 1) SELECT * FROM x",
            "SELECT 'ü;', U&'d;'",
        ] {
            assert_eq!(read(text), text);
        }
    }

    #[test]
    fn several_statements_and_other_ones_are_refused() {
        insta::assert_snapshot!(read("SELECT 1; DROP TABLE t"), @r#"invalid: the query is more than one statement: another one begins at "DROP TABLE t""#);
        insta::assert_snapshot!(read("SELECT 1;;"), @"invalid: the query ends in more than one semicolon");
        insta::assert_snapshot!(read("DELETE FROM t"), @r#"invalid: the query begins with "DELETE": only SELECT, WITH, VALUES and TABLE read"#);
        insta::assert_snapshot!(read("1) TO PROGRAM 'id' --"), @r#"invalid: the query begins with "1": only SELECT, WITH, VALUES and TABLE read"#);
        insta::assert_snapshot!(read(" -- nothing"), @"invalid: the query is empty");
        insta::assert_snapshot!(read(";"), @"invalid: the query is empty");
        insta::assert_snapshot!(read("SELECT '\0'"), @"invalid: the query holds a NUL character");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in r#"[-/*'"$a-cE0-9;()\\ \nü]{0,40}"#) {
            if let Ok(query) = single_query(&text) {
                prop_assert!(text.starts_with(query));
            }
        }
    }
}
