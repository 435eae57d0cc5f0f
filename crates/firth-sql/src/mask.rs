//! A script as it may be shown: with the secrets that stand in it blotted out.
//!
//! An error message shows the line it is about, and people type passwords into that line. Works on
//! tokens, so that it also serves texts that do not parse; where it is not clear what a text is, it is
//! hidden.

use firth_diagnostic::userinfo_in;

use crate::{Token, TokenKind, lex};

/// What is known of an option by its name alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionSecrecy {
    /// Its values are secrets, in whatever statement.
    Secret,
    /// Its values may be shown.
    Public,
    /// Nothing: perhaps the misspelt name of a secret.
    Unknown,
}

/// The text with every secret replaced by `*`, byte for byte: places in it stay what they were.
///
/// Hidden is the value of a secret option, wherever it stands, of an unknown one in `OPTIONS (…)` and behind `=>`, and users and passwords
/// of urls; and in statements about connections everything that is not the plain value of a public option, comments too.
pub fn mask_secrets(text: &str, secrecy: impl Fn(&str) -> OptionSecrecy) -> String {
    let tokens = lex(text);
    let mut masker = Masker {
        text,
        tokens: &tokens,
        secrecy,
        in_connection: false,
        options: None,
        value: Value::None,
        depth: 0,
        brackets: 0,
    };
    let mut shown = String::with_capacity(text.len());
    let mut end = 0;
    for (index, token) in tokens.iter().enumerate() {
        shown.push_str(&text[end..token.span.start]);
        if masker.hides(index) {
            shown.extend(token.text(text).chars().map(blot));
        } else {
            shown.push_str(&without_userinfo(token.text(text)));
        }
        end = token.span.end;
    }
    shown.push_str(&text[end..]);
    shown
}

/// The text of a token, with the users and passwords of urls in it blotted out.
fn without_userinfo(text: &str) -> String {
    let places = userinfo_in(text);
    let is_hidden = |at: usize| places.iter().any(|place| place.contains(&at));
    text.char_indices().map(|(at, letter)| if is_hidden(at) { blot(letter) } else { letter }).collect()
}

/// A character that is as long in UTF-8, and on screen.
fn blot(letter: char) -> char {
    match letter.len_utf8() {
        _ if letter.is_control() => letter,
        1 => '*',
        2 => '·',
        3 => '•',
        _ => '\u{10101}',
    }
}

/// Where the walk stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    /// Not in an option's value.
    None,
    /// Before the value of a public option.
    Public,
    /// Behind it: what stands here was not meant to be there.
    AfterPublic,
    /// In a value to hide.
    Hidden,
}

struct Masker<'a, F> {
    text: &'a str,
    tokens: &'a [Token],
    secrecy: F,
    in_connection: bool,
    /// How deep the parentheses of the OPTIONS around here are.
    options: Option<usize>,
    value: Value,
    depth: usize,
    brackets: usize,
}

impl<F: Fn(&str) -> OptionSecrecy> Masker<'_, F> {
    fn hides(&mut self, index: usize) -> bool {
        let token = self.tokens[index];
        if self.begins_statement(index) {
            self.in_connection = self.is_about_connection(index);
            self.options = None;
            self.brackets = 0;
        }
        match token.kind {
            TokenKind::Comment => return self.in_connection,
            // In parentheses it ends no statement that is worth the name: a quote went wrong.
            TokenKind::Semicolon => {
                if self.depth == 0 {
                    self.value = Value::None;
                }
                return false;
            }
            TokenKind::Operator => return self.passes_operator(index),
            _ if matches!(self.word(index + 1), "=" | "=>") && self.value != Value::Hidden => {
                self.value = match (self.secrecy)(self.word(index).trim_matches('`')) {
                    OptionSecrecy::Secret => Value::Hidden,
                    OptionSecrecy::Unknown
                        if self.in_connection || self.options.is_some() || self.word(index + 1) == "=>" =>
                    {
                        Value::Hidden
                    }
                    OptionSecrecy::Public if self.in_connection => Value::Public,
                    OptionSecrecy::Unknown | OptionSecrecy::Public => Value::None,
                };
                return false;
            }
            _ => {}
        }
        if self.is_reference(index) {
            return false;
        }
        match self.value {
            Value::Hidden => {
                // Elsewhere the value is one literal, and a query goes on behind it.
                if !self.in_connection && self.options.is_none() {
                    self.value = Value::None;
                }
                true
            }
            Value::AfterPublic => self.in_connection,
            Value::Public => {
                self.value = Value::AfterPublic;
                // A connection string in the wrong place.
                token.text(self.text).contains(['@', '?', ';'])
            }
            Value::None => self.in_connection && matches!(token.kind, TokenKind::String | TokenKind::Bytes),
        }
    }

    /// Operators are shown but for those in the middle of a value to hide.
    fn passes_operator(&mut self, index: usize) -> bool {
        match self.word(index) {
            "(" => {
                self.depth += 1;
                let before = index.checked_sub(1).map_or("", |before| self.word(before));
                if self.options.is_none() && before.eq_ignore_ascii_case("OPTIONS") {
                    self.options = Some(self.depth);
                }
            }
            ")" => {
                self.options = self.options.filter(|depth| *depth < self.depth);
                self.depth = self.depth.saturating_sub(1);
                self.brackets = 0;
                if !self.is_reference(index) {
                    self.value = Value::None;
                }
            }
            "," if self.brackets == 0 => self.value = Value::None,
            "[" => self.brackets += 1,
            "]" => self.brackets = self.brackets.saturating_sub(1),
            "," | "=" | "=>" => {}
            _ => return self.value == Value::Hidden,
        }
        false
    }

    fn begins_statement(&self, index: usize) -> bool {
        let before = self.tokens[..index].iter().rfind(|token| token.kind != TokenKind::Comment);
        self.depth == 0 && before.is_none_or(|token| token.kind == TokenKind::Semicolon)
    }

    /// `CREATE OR REPLACE CONNECTION …`, `ALTER CONNECTION …`, also misspelt; not `… WITH CONNECTION`.
    fn is_about_connection(&self, index: usize) -> bool {
        let rest = self.tokens[index..].iter().filter(|token| token.kind != TokenKind::Comment);
        let rest = rest.take_while(|token| token.kind != TokenKind::Semicolon);
        let words: Vec<String> = rest.map(|token| token.text(self.text).to_ascii_uppercase()).collect();
        let object = words.iter().take(4).position(|word| word == "CONNECTION");
        let is_object = object.is_some_and(|at| at == 0 || words[at - 1] != "WITH");
        is_object || words.iter().any(|word| word == "CONNECTION_TYPE")
    }

    /// Whether the token is a part of `ENV('X')`, `FILE('path')` or `PROMPT()`, which only say where the
    /// secret is.
    fn is_reference(&self, index: usize) -> bool {
        let begins = |from: usize| {
            matches!(self.word(from).to_ascii_uppercase().as_str(), "ENV" | "FILE" | "PROMPT")
                && self.word(from + 1) == "("
                && (self.word(from + 2) == ")" || self.word(from + 3) == ")")
        };
        (0..4).any(|back| index.checked_sub(back).is_some_and(begins))
    }

    fn word(&self, index: usize) -> &str {
        self.tokens.get(index).map_or("", |token| token.text(self.text))
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn masked(text: &str) -> String {
        let masked = mask_secrets(text, |name| match name.to_ascii_lowercase().as_str() {
            "password" => OptionSecrecy::Secret,
            "host" | "port" | "connection_type" | "uri" | "uris" | "format" => OptionSecrecy::Public,
            _ => OptionSecrecy::Unknown,
        });
        assert_eq!(masked.len(), text.len(), "places stay what they were");
        masked
    }

    #[test]
    fn secrets_are_hidden_and_the_rest_is_shown() {
        let text = "EXPORT DATA WITH CONNECTION c OPTIONS (uri = 'x', password = 'p') AS SELECT 'x'";
        assert_snapshot!(masked(text), @"EXPORT DATA WITH CONNECTION c OPTIONS (uri = 'x', password = ***) AS SELECT 'x'");
        let text = "SELECT * FROM READ('https://me:secret@h/x.csv', password => 'p', format => 'CSV')";
        assert_snapshot!(masked(text), @"SELECT * FROM READ('https://*********@h/x.csv', password => ***, format => 'CSV')");
        let text = "CREATE CONNECTION c OPTIONS (connection_type = 'POSTGRES', host = 'h', port = 5432, password = 'pässword'); SELECT 'x'";
        assert_snapshot!(masked(text), @"CREATE CONNECTION c OPTIONS (connection_type = 'POSTGRES', host = 'h', port = 5432, password = **·*******); SELECT 'x'");
        assert_snapshot!(masked("ALTER CONNECTION c SET OPTIONS (password = ENV('X'), pasword = 'secret')"), @"ALTER CONNECTION c SET OPTIONS (password = ENV('X'), pasword = ********)");
        assert_snapshot!(masked("CREATE CONECTION c OPTIONS (password = 'a', other = 'b')"), @"CREATE CONECTION c OPTIONS (password = ***, other = ***)");
        assert_snapshot!(masked("SELECT * FROM t WHERE host = 'h' AND password = 'p' AND x = 1"), @"SELECT * FROM t WHERE host = 'h' AND password = *** AND x = 1");
    }

    #[test]
    fn an_unknown_option_may_be_a_misspelt_secret_in_any_statement() {
        let text = "CREATE EXTERNAL TABLE t (a INT64 OPTIONS (pasword = 'a')) WITH CONNECTION c OPTIONS (uris = ['x', 'y'], pasword = 'secret', tokens = ['a', 'b'], n = 5)";
        assert_snapshot!(masked(text), @"CREATE EXTERNAL TABLE t (a INT64 OPTIONS (pasword = ***)) WITH CONNECTION c OPTIONS (uris = ['x', 'y'], pasword = ********, tokens = [***, ***], n = *)");
        let text =
            "CREATE TABLE t OPTIONS (pasword = 'a') AS SELECT 'x' FROM u WHERE name = 'y'; SELECT name = 'z'";
        assert_snapshot!(masked(text), @"CREATE TABLE t OPTIONS (pasword = ***) AS SELECT 'x' FROM u WHERE name = 'y'; SELECT name = 'z'");
        let text = "SELECT 'x' FROM READ('f', pasword => 'secret', format => 'CSV') WHERE name = 'y'";
        assert_snapshot!(masked(text), @"SELECT 'x' FROM READ('f', pasword => ********, format => 'CSV') WHERE name = 'y'");
        let text = "ALTER TABLE t SET OPTIONS (pasword = 'it's secret', uri = 'x')";
        assert!(!masked(text).contains("secret"));
    }

    #[test]
    fn what_went_wrong_is_hidden_too() {
        for text in [
            "CREATE CONNECTION c OPTIONS (connection_type = 'X' password = 'secret')",
            "CREATE CONNECTION c OPTIONS (connection_type = 'X', password 'secret')",
            "CREATE CONNECTION c OPTIONS (password = 'secret",
            "CREATE CONNECTION c OPTIONS (password = secret-secret)",
            "CREATE CONNECTION c OPTIONS (password = 'it's secret')",
            "CREATE CONNECTION c OPTIONS (host = 'h, password = 'secret', x = 'secret')",
            "CREATE CONNECTION c OPTIONS (password = ['secret', 'secret'])",
            "CREATE CONNECTION c OPTIONS (password = 'x';secret'); SELECT 1",
            "CREATE CONNECTION c /* password = 'secret' */ OPTIONS (host = 'h') -- secret",
            "CREATE CONNECTION c OPTIONS (host = 'postgres://me:secret@h/d')",
            "CREATE CONNECTION c OPTIONS (password = '''secret\nsecret''')",
            "CRATE CONNECTION c OPTIONS (password = \"secret\", secret = b'secret')",
            "CREATE c OPTIONS (connection_type = 'X', pwd = 'secret')",
        ] {
            let masked = masked(text).replace("secret =", "");
            assert!(!masked.contains("secret"), "{masked}");
        }
    }
}
