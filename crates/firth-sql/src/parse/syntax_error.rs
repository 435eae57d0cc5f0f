//! sqlparser's errors, told to a person.

use firth_diagnostic::{Code, Diagnostic, Span, did_you_mean};
use sqlparser::parser::ParserError;

use super::cursor::{self, Cursor};
use crate::TokenKind;

/// The words people most often misspell in the middle of a query.
const CLAUSES: &[&str] = &[
    "FROM",
    "WHERE",
    "GROUP",
    "ORDER",
    "HAVING",
    "LIMIT",
    "QUALIFY",
    "WINDOW",
    "JOIN",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "SELECT",
];

/// The message for an error about the tokens after the cursor.
pub(super) fn diagnostic(cursor: &Cursor<'_>, error: &ParserError) -> Diagnostic {
    let message = match error {
        ParserError::RecursionLimitExceeded => {
            return Diagnostic::error(Code::Exhausted, "this query nests too deep")
                .at(cursor.here())
                .hint("Move inner queries to WITH clauses.");
        }
        ParserError::ParserError(message) | ParserError::TokenizerError(message) => message,
    };
    let (message, at) = take_place(message);
    // Without a place it is about the end.
    let at = at.unwrap_or(cursor.text.len());
    let wanted = message.strip_prefix("Expected: ").and_then(|rest| Some(&rest[..rest.find(", found: ")?]));
    match wanted {
        Some(wanted) => expected_at(cursor, at, &reworded(wanted)),
        None => {
            let mut letters = message.chars();
            let first = letters.next().map(|letter| letter.to_ascii_lowercase());
            let message: String = first.into_iter().chain(letters).collect();
            Diagnostic::error(Code::Syntax, message.trim_end_matches('.')).at(span_at(cursor, at))
        }
    }
}

/// The error that something else should stand at the byte `at`.
pub(super) fn expected_at(cursor: &Cursor<'_>, at: usize, what: &str) -> Diagnostic {
    let tokens = cursor.rest();
    let index = tokens.iter().position(|token| token.span.end > at).filter(|_| at < cursor.text.len());
    let found = index.map(|index| tokens[index]);
    let hint = index.and_then(|index| hint(cursor, index));
    cursor::expected(cursor.text, found, span_at(cursor, at), what).hint_if(hint)
}

fn hint(cursor: &Cursor<'_>, index: usize) -> Option<String> {
    let tokens = cursor.rest();
    let found = tokens[index].text(cursor.text);
    if tokens[index].kind == TokenKind::Word && crate::keyword::is_reserved(found) {
        if index > 0 && tokens[index - 1].text(cursor.text) == "," {
            return Some(format!("Is there a comma too many before {}?", found.to_ascii_uppercase()));
        }
        return Some(format!("`{found}` is a reserved word: put back-quotes around it if it is a name."));
    }
    if found == "-" {
        return Some("Put back-quotes around names with dashes.".to_string());
    }
    // `SELECT a FORM t`: FORM was taken for an alias, and the error is at t.
    let suspects = [Some(index), index.checked_sub(1)];
    suspects.into_iter().flatten().find_map(|index| {
        let word = tokens.get(index).filter(|token| token.kind == TokenKind::Word)?.text(cursor.text);
        let near = did_you_mean(word, CLAUSES.iter().copied())?;
        (word.len() > 2 && !near.eq_ignore_ascii_case(word))
            .then(|| format!("Did you mean {near} in place of `{word}`?"))
    })
}

fn span_at(cursor: &Cursor<'_>, at: usize) -> Span {
    let token = cursor.rest().iter().find(|token| token.span.start <= at && at < token.span.end);
    token.map_or_else(
        || {
            let end = cursor.rest().last().map_or(cursor.text.len(), |last| last.span.end);
            Span::new(end, end)
        },
        |token| token.span,
    )
}

/// Takes ` at Line: 1, Column: 8` off a message: our locations are byte offsets on line one.
fn take_place(message: &str) -> (&str, Option<usize>) {
    const PLACE: &str = " at Line: 1, Column: ";
    let Some(at) = message.rfind(PLACE) else { return (message, None) };
    let column = message[at + PLACE.len()..].parse::<usize>().ok();
    (&message[..at], column.and_then(|column| column.checked_sub(1)))
}

/// sqlparser's words for what it wanted, as a person would say them.
fn reworded(wanted: &str) -> String {
    match wanted {
        "an expression" => "an expression".to_string(),
        "identifier" => "a name".to_string(),
        "end of statement" => "the end of the statement".to_string(),
        "SELECT, VALUES, or a subquery in the query body" => "SELECT or a query in parentheses".to_string(),
        "identifier after AS" | "an identifier after AS" => "a name after AS".to_string(),
        "literal string" => "a string".to_string(),
        "joined table" => "`)` or JOIN".to_string(),
        "a data type name" => "a type".to_string(),
        _ if wanted.len() <= 2 && wanted.bytes().all(|byte| byte.is_ascii_punctuation()) => {
            format!("`{wanted}`")
        }
        _ => wanted.to_string(),
    }
}
