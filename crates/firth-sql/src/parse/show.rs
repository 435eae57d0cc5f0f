//! `SHOW`, `DESCRIBE`, `CHECK`, `SET` and `RESET`.

use firth_diagnostic::{Diagnostic, Name, Result, Secret, Spanned, did_you_mean};

use super::cursor::Cursor;
use super::{Parse, names, options};
use crate::{OptionLiteral, SetSetting, Statement, Token, TokenKind};

/// What can be shown: the words after SHOW.
const SHOWN: &[(&[&str], Parse)] = &[
    (&["CONNECTIONS"], |_| Ok(Statement::ShowConnections)),
    (&["CONNECTION", "TYPES"], |_| Ok(Statement::ShowConnectionTypes)),
    (&["OPTIONS", "FOR", "CONNECTION", "TYPE"], |cursor| connection_type(cursor).map(Statement::ShowOptions)),
    (&["CREATE", "CONNECTION"], |cursor| names::connection(cursor).map(Statement::ShowCreateConnection)),
    (&["CREATE", "EXTERNAL", "TABLE"], |cursor| names::table(cursor).map(Statement::ShowCreateTable)),
    (&["CREATE", "TABLE"], |cursor| names::table(cursor).map(Statement::ShowCreateTable)),
    (&["CREATE", "VIEW"], |cursor| names::table(cursor).map(Statement::ShowCreateTable)),
    (&["CREATE", "MATERIALIZED", "VIEW"], |cursor| names::table(cursor).map(Statement::ShowCreateTable)),
    (&["SCHEMAS"], |_| Ok(Statement::ShowSchemas)),
    (&["DATASETS"], |_| Ok(Statement::ShowSchemas)),
    (&["TABLES"], |cursor| of_schema(cursor).map(Statement::ShowTables)),
    (&["MATERIALIZED", "VIEWS"], |cursor| of_schema(cursor).map(Statement::ShowMaterializedViews)),
    (&["SETTINGS"], |_| Ok(Statement::ShowSettings)),
    (&["AUDIT"], |_| Ok(Statement::ShowAudit)),
    (&["CACHES"], |_| Ok(Statement::ShowCaches)),
];

/// Stands after SHOW.
pub(super) fn show(cursor: &mut Cursor<'_>) -> Result<Statement> {
    for (words, parse) in SHOWN {
        if cursor.take_keywords(words) {
            return parse(cursor);
        }
    }
    Err(unknown_show(cursor))
}

fn unknown_show(cursor: &Cursor<'_>) -> Diagnostic {
    let phrases: Vec<String> = SHOWN.iter().map(|(words, _)| words.join(" ")).collect();
    let given = cursor.peek().map(|token| token.text(cursor.text)).unwrap_or_default();
    let near = did_you_mean(given, phrases.iter().map(String::as_str));
    let near = near.map(|near| format!("Did you mean SHOW {near}?"));
    cursor
        .expected("what to show")
        .hint_if(near.or_else(|| Some(format!("SHOW takes {}.", phrases.join(", ")))))
}

/// A word, or a string, since `'POSTGRES'` is how CREATE CONNECTION has it.
fn connection_type(cursor: &mut Cursor<'_>) -> Result<Spanned<String>> {
    match cursor.peek() {
        Some(token) if token.kind == TokenKind::String => {
            cursor.advance();
            Ok(Spanned::new(crate::lexer::decode_string(cursor.text, &token)?, token.span))
        }
        _ => names::identifier(cursor, "a connection type"),
    }
}

/// `[FROM | IN schema]`.
fn of_schema(cursor: &mut Cursor<'_>) -> Result<Option<Spanned<Name>>> {
    if cursor.take_keyword("FROM") || cursor.take_keyword("IN") {
        return names::schema(cursor).map(Some);
    }
    Ok(None)
}

/// Stands after DESCRIBE. `connection` and `table` may themselves be tables' names.
pub(super) fn describe(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let names_follow = cursor.peek_ahead(1).is_some_and(|token| token.kind != TokenKind::Operator);
    if names_follow && cursor.take_keyword("CONNECTION") {
        return names::connection(cursor).map(Statement::DescribeConnection);
    }
    let kinds: [&[&str]; 4] = [&["EXTERNAL", "TABLE"], &["TABLE"], &["VIEW"], &["MATERIALIZED", "VIEW"]];
    let _ = names_follow && kinds.iter().any(|words| cursor.take_keywords(words));
    names::table(cursor).map(Statement::DescribeTable)
}

/// Stands after CHECK.
pub(super) fn check(cursor: &mut Cursor<'_>) -> Result<Statement> {
    cursor.expect_keyword("CONNECTION")?;
    names::connection(cursor).map(Statement::CheckConnection)
}

/// Stands after SET.
pub(super) fn set(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let name = setting(cursor)?;
    cursor.expect_operator("=")?;
    let value = match cursor.peek() {
        // A plain word stands for itself: SET dialect = postgres.
        Some(token) if is_plain_word(cursor, token) => {
            cursor.advance();
            Spanned::new(OptionLiteral::String(Secret::new(token.text(cursor.text))), token.span)
        }
        _ => options::literal(cursor)?,
    };
    Ok(Statement::Set(SetSetting { name, value }))
}

/// Stands after RESET.
pub(super) fn reset(cursor: &mut Cursor<'_>) -> Result<Statement> {
    if cursor.at_keyword("ALL") {
        let span = cursor.here();
        cursor.advance();
        return Ok(Statement::Reset(Spanned::new("all".to_string(), span)));
    }
    setting(cursor).map(Statement::Reset)
}

/// A setting's name may have dots: they belong to it.
fn setting(cursor: &mut Cursor<'_>) -> Result<Spanned<String>> {
    let mut name = names::identifier(cursor, "the name of a setting")?;
    while cursor.take_operator(".") {
        let next = names::identifier(cursor, "the name of a setting")?;
        name = Spanned::new(format!("{}.{}", name.value, next.value), name.span.to(next.span));
    }
    Ok(name)
}

fn is_plain_word(cursor: &Cursor<'_>, token: Token) -> bool {
    // ENV('NAME') and the like are calls.
    let call = cursor.peek_ahead(1).is_some_and(|next| next.text(cursor.text) == "(");
    token.kind == TokenKind::Word && !call && !is_literal_word(token.text(cursor.text))
}

fn is_literal_word(word: &str) -> bool {
    let literals =
        ["NULL", "TRUE", "FALSE", "INTERVAL", "DATE", "DATETIME", "TIME", "TIMESTAMP", "NUMERIC", "JSON"];
    literals.iter().any(|literal| literal.eq_ignore_ascii_case(word))
}
