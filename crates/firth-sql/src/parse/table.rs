//! `CREATE TABLE`, `DROP TABLE`, `TRUNCATE TABLE`.

use firth_diagnostic::{Code, Diagnostic, Name, Result, Spanned};

use super::connection::with_connection;
use super::cursor::Cursor;
use super::{Head, drop_tail, if_exists, names, options, query, types};
use crate::{CleanTables, CopyKind, CopyTable, CreateTable, Creation, Statement, TokenKind};

/// The words that end the expression of PARTITION BY.
const AFTER_PARTITION_BY: &[&str] = &["CLUSTER", "OPTIONS", "AS", "WITH", "FROM"];

pub(super) fn create(cursor: &mut Cursor<'_>, head: Head) -> Result<Statement> {
    let temporary = head.temporary.is_some();
    let creation = Head { temporary: None, ..head }.creation(cursor, "CREATE TABLE")?;
    let name = names::table(cursor)?;
    for (word, kind) in [("LIKE", CopyKind::Like), ("COPY", CopyKind::Copy), ("CLONE", CopyKind::Clone)] {
        if cursor.take_keyword(word) {
            return copy(cursor, creation, temporary, name, kind);
        }
    }
    let columns = types::columns(cursor)?;
    let partition_by = partition_by(cursor)?;
    let cluster_by = cluster_by(cursor)?;
    let connection = with_connection(cursor)?;
    let options = match options::optional(cursor)? {
        Some(options) => options,
        None => options::none(cursor),
    };
    let query = if cursor.take_keyword("AS") { Some(query::rest(cursor)?) } else { None };
    if columns.is_none() && query.is_none() {
        return Err(cursor.expected("a list of columns, or AS and a query"));
    }
    let table = CreateTable {
        creation,
        temporary,
        name,
        columns,
        partition_by,
        cluster_by,
        connection,
        options,
        query,
    };
    Ok(Statement::CreateTable(table))
}

/// Stands after LIKE, COPY or CLONE.
fn copy(
    cursor: &mut Cursor<'_>,
    creation: Creation,
    temporary: bool,
    name: Spanned<Name>,
    kind: CopyKind,
) -> Result<Statement> {
    let source = names::table(cursor)?;
    let as_of = match kind == CopyKind::Clone && cursor.take_keywords(&["FOR", "SYSTEM_TIME", "AS", "OF"]) {
        true => Some(expression(cursor, &["OPTIONS"], "a TIMESTAMP")?),
        false => None,
    };
    if cursor.at_keyword("AS") && kind == CopyKind::Like {
        return Err(Diagnostic::error(Code::Unsupported, "CREATE TABLE … LIKE … AS is not in this version")
            .at(cursor.here())
            .hint("Make the table, and fill it by INSERT INTO … SELECT."));
    }
    let options = match options::optional(cursor)? {
        Some(options) => options,
        None => options::none(cursor),
    };
    Ok(Statement::CopyTable(CopyTable { creation, temporary, name, kind, source, as_of, options }))
}

/// `PARTITION BY` and an expression, which is kept as it is written.
pub(super) fn partition_by(cursor: &mut Cursor<'_>) -> Result<Option<Spanned<String>>> {
    if !cursor.take_keywords(&["PARTITION", "BY"]) {
        return Ok(None);
    }
    expression(cursor, AFTER_PARTITION_BY, "what to partition by").map(Some)
}

/// An expression up to one of these words, as it is written.
fn expression(cursor: &mut Cursor<'_>, ends: &[&str], what: &str) -> Result<Spanned<String>> {
    let start = cursor.here();
    let mut depth = 0_usize;
    while let Some(token) = cursor.peek() {
        let text = token.text(cursor.text);
        if depth == 0
            && token.kind == TokenKind::Word
            && ends.iter().any(|word| text.eq_ignore_ascii_case(word))
        {
            break;
        }
        match text {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        cursor.advance();
    }
    let span = cursor.since(start);
    if cursor.here() == start {
        return Err(cursor.expected(what));
    }
    let text = cursor.text.get(span.start..span.end).unwrap_or_default().to_owned();
    Ok(Spanned::new(text, span))
}

/// `CLUSTER BY a, b`.
pub(super) fn cluster_by(cursor: &mut Cursor<'_>) -> Result<Vec<Spanned<String>>> {
    let mut columns = Vec::new();
    if cursor.take_keywords(&["CLUSTER", "BY"]) {
        loop {
            columns.push(names::identifier(cursor, "the name of a column")?);
            if !cursor.take_operator(",") {
                break;
            }
        }
    }
    Ok(columns)
}

pub(super) fn drop(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let if_exists = if_exists(cursor);
    let name = names::table(cursor)?;
    Ok(Statement::DropTable(drop_tail(cursor, if_exists, name)))
}

/// Stands after OPTIMIZE.
pub(super) fn optimize(cursor: &mut Cursor<'_>) -> Result<Statement> {
    cursor.take_keyword("TABLE");
    names::table(cursor).map(Statement::Optimize)
}

/// Stands after CLEAN TABLES.
pub(super) fn clean(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let mut older_than = None;
    if cursor.take_keywords(&["OLDER", "THAN"]) {
        let number = cursor.peek().filter(|token| token.kind == TokenKind::Number);
        let days =
            number.and_then(|token| Some(Spanned::new(token.text(cursor.text).parse().ok()?, token.span)));
        older_than = Some(days.ok_or_else(|| cursor.expected("a number of days"))?);
        cursor.advance();
        if !cursor.take_keyword("DAYS") && !cursor.take_keyword("DAY") {
            return Err(cursor.expected("DAYS"));
        }
    }
    Ok(Statement::CleanTables(CleanTables { older_than }))
}

pub(super) fn truncate(cursor: &mut Cursor<'_>) -> Result<Statement> {
    names::table(cursor).map(Statement::TruncateTable)
}
