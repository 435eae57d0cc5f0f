//! Names of connections, datasets, tables and columns.

use firth_diagnostic::{Code, Diagnostic, Name, Result, Span, Spanned};

use super::cursor::Cursor;
use crate::keyword;
use crate::lexer::decode_identifier;
use crate::{Token, TokenKind};

/// A name of one part: a column, an option, a setting.
pub(super) fn identifier(cursor: &mut Cursor<'_>, what: &str) -> Result<Spanned<String>> {
    let Some(token) = cursor.peek() else { return Err(cursor.expected(what)) };
    let name = match token.kind {
        TokenKind::Word if !keyword::is_reserved(token.text(cursor.text)) => {
            token.text(cursor.text).to_string()
        }
        TokenKind::QuotedIdentifier => decode_identifier(cursor.text, &token)?,
        TokenKind::Word => {
            let hint =
                format!("`{}` is a reserved word: put back-quotes around it.", token.text(cursor.text));
            return Err(cursor.expected(what).hint(hint));
        }
        _ => return Err(cursor.expected(what)),
    };
    cursor.advance();
    Ok(Spanned::new(name, token.span))
}

/// A connection: `c`, `location.c`, `project.location.c` or a resource path in back-quotes. Dashes
/// stand only inside back-quotes.
pub(super) fn connection(cursor: &mut Cursor<'_>) -> Result<Spanned<Name>> {
    let start = cursor.here();
    let parts = path(cursor, "the name of a connection", false)?;
    let span = cursor.since(start);
    if cursor.at_operator("-") {
        return Err(cursor
            .expected("the end of the connection's name")
            .hint("Put back-quotes around a connection's name that has dashes in it."));
    }
    match parts.as_slice() {
        [whole] => connection_name(whole),
        parts => connection_parts(&split_parts(parts), &parts.join(".")),
    }
    .map(|name| Spanned::new(name, span))
    .map_err(|error| error.at(span))
}

/// A dataset: `dataset` or `project.dataset`.
pub(super) fn schema(cursor: &mut Cursor<'_>) -> Result<Spanned<Name>> {
    dashed_name(cursor, "dataset", 2)
}

/// A table or view: `table`, `dataset.table` or `project.dataset.table`.
pub(super) fn table(cursor: &mut Cursor<'_>) -> Result<Spanned<Name>> {
    dashed_name(cursor, "table", 3)
}

fn dashed_name(cursor: &mut Cursor<'_>, what: &str, most: usize) -> Result<Spanned<Name>> {
    let start = cursor.here();
    let parts = split_parts(&path(cursor, &format!("the name of a {what}"), true)?);
    let span = cursor.since(start);
    let information_schema = parts.iter().any(|part| part.eq_ignore_ascii_case("INFORMATION_SCHEMA"));
    if parts.len() > most + usize::from(information_schema) {
        return Err(Diagnostic::error(
            Code::Invalid,
            format!("{what} name {:?} has {} parts", parts.join("."), parts.len()),
        )
        .at(span)
        .hint(format!("A {what} has at most {most}, from its project to itself.")));
    }
    if parts.iter().any(String::is_empty) {
        return Err(Diagnostic::error(
            Code::Invalid,
            format!("{what} name {:?} has an empty part", parts.join(".")),
        )
        .at(span));
    }
    Ok(Spanned::new(Name(parts), span))
}

/// Reads the name of a connection as EXTERNAL_QUERY takes it: `c`, `location.c`,
/// `project.location.c`, or `projects/P/locations/L/connections/C`. Answers its one to three parts
/// in the order project, location, id. The error has no place.
pub fn connection_name(text: &str) -> Result<Name> {
    if text.contains('/') {
        let parts: Vec<&str> = text.trim_start_matches('/').split('/').collect();
        return match parts.as_slice() {
            ["projects", project, "locations", location, "connections", id]
                if ![project, location, id].iter().any(|part| part.is_empty()) =>
            {
                Ok(Name::new([*project, *location, *id]))
            }
            _ => Err(malformed_connection(text)),
        };
    }
    connection_parts(&split_parts(&[text.to_string()]), text)
}

/// A project may hold dots; a location and an id may not.
fn connection_parts(parts: &[String], whole: &str) -> Result<Name> {
    if parts.iter().any(String::is_empty) {
        return Err(malformed_connection(whole));
    }
    match parts {
        [domain, project, location, id] => {
            Ok(Name::new([format!("{domain}.{project}"), location.clone(), id.clone()]))
        }
        [_] | [_, _] | [_, _, _] => Ok(Name(parts.to_vec())),
        _ => Err(malformed_connection(whole)),
    }
}

fn malformed_connection(text: &str) -> Diagnostic {
    Diagnostic::error(Code::Invalid, format!("{text:?} is not the name of a connection")).hint(
        "Write id, location.id, project.location.id or projects/PROJECT/locations/LOCATION/connections/ID.",
    )
}

fn split_parts(parts: &[String]) -> Vec<String> {
    parts.iter().flat_map(|part| part.split('.')).map(str::to_string).collect()
}

/// Identifiers between dots, each as it was quoted. `dashed` lets the first have dashes without
/// back-quotes, as a project's name does in front of a table.
fn path(cursor: &mut Cursor<'_>, what: &str, dashed: bool) -> Result<Vec<String>> {
    let first = cursor.here();
    let mut parts = vec![identifier(cursor, what)?.value];
    if dashed && cursor.text.get(first.start..first.end).is_some_and(|text| !text.starts_with('`')) {
        take_dashes(cursor, first, &mut parts);
    }
    loop {
        // A number such as `1.` has swallowed the dot.
        let dot_was_read = parts.last().is_some_and(String::is_empty);
        if !dot_was_read && !cursor.take_operator(".") {
            return Ok(parts);
        }
        if dot_was_read {
            parts.pop();
        }
        parts.push(step(cursor)?);
    }
}

/// What follows a dot: there, reserved words are plain.
fn step(cursor: &mut Cursor<'_>) -> Result<String> {
    let Some(token) = cursor.peek() else { return Err(cursor.expected("a name after the dot")) };
    let name = match token.kind {
        TokenKind::Word => token.text(cursor.text).to_string(),
        TokenKind::QuotedIdentifier => decode_identifier(cursor.text, &token)?,
        _ => return Err(cursor.expected("a name after the dot")),
    };
    cursor.advance();
    Ok(name)
}

/// Joins `my-project-1` to one part: words, numbers and dashes with no space between.
fn take_dashes(cursor: &mut Cursor<'_>, first: Span, parts: &mut Vec<String>) {
    let mut end = first.end;
    while let (Some(dash), Some(next)) = (cursor.peek(), cursor.peek_ahead(1)) {
        let joins = |token: &Token, at: usize| token.span.start == at;
        if !cursor.at_operator("-") || !joins(&dash, end) || !joins(&next, dash.span.end) {
            break;
        }
        if !matches!(next.kind, TokenKind::Word | TokenKind::Number) {
            break;
        }
        cursor.advance();
        cursor.advance();
        end = next.span.end;
        // `-1` may be followed by letters: `my-2nd-project`.
        while let Some(more) = cursor.peek().filter(|more| joins(more, end) && more.kind == TokenKind::Word) {
            if cursor.text.as_bytes()[end - 1] == b'.' {
                break;
            }
            cursor.advance();
            end = more.span.end;
        }
    }
    if end > first.end {
        let text = cursor.text.get(first.start..end).unwrap_or_default();
        *parts = text.split('.').map(str::to_string).collect();
    }
}
