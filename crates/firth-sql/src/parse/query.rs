//! Queries, by sqlparser.

use firth_diagnostic::{Code, Diagnostic, Result, Span};
use sqlparser::ast::{self, SetExpr};
use sqlparser::parser::Parser;
use sqlparser::tokenizer;

use super::cursor::Cursor;
use super::{balance, size, syntax_error, tokens};
use crate::Query;
use crate::dialect::GoogleSqlDialect;

/// How deep queries and expressions may nest: sqlparser's own default, which DataFusion keeps too.
pub(super) const RECURSION_LIMIT: usize = 50;

/// Everything from here to the end of the statement, which has to be one query.
pub(super) fn rest(cursor: &mut Cursor<'_>) -> Result<Query> {
    let Some(first) = cursor.peek() else {
        return Err(cursor.expected("a query"));
    };
    refuse_pipes(cursor)?;
    size::check(cursor.text, cursor.rest())?;
    let converted = tokens::convert(cursor.text, cursor.rest())?;
    let mut parser = Parser::new(&GoogleSqlDialect)
        .with_recursion_limit(RECURSION_LIMIT)
        .with_tokens_with_locations(converted);
    let mut tree = parser.parse_query().map_err(|error| syntax_error::diagnostic(cursor, &error))?;
    let next = parser.peek_token();
    if next.token != tokenizer::Token::EOF {
        let at = tokens::offset(next.span.start).unwrap_or(cursor.text.len());
        return Err(syntax_error::expected_at(cursor, at, "the end of the statement"));
    }
    cursor.take_rest();
    let span = cursor.since(first.span);
    check(&tree, span)?;
    balance::balance(tree.as_mut());
    let text = cursor.text.get(span.start..span.end).unwrap_or_default().to_string();
    Ok(Query { tree, text, span })
}

/// The expression that comes next, as the query `SELECT TRUE WHERE expression`. Stands after it then.
pub(super) fn condition(cursor: &mut Cursor<'_>) -> Result<Query> {
    let Some(first) = cursor.peek() else {
        return Err(cursor.expected("a condition"));
    };
    size::check(cursor.text, cursor.rest())?;
    let converted = tokens::convert(cursor.text, cursor.rest())?;
    let mut parser = Parser::new(&GoogleSqlDialect)
        .with_recursion_limit(RECURSION_LIMIT)
        .with_tokens_with_locations(converted);
    let expression = parser.parse_expr().map_err(|error| syntax_error::diagnostic(cursor, &error))?;
    let end = tokens::offset(parser.peek_token().span.start).unwrap_or(cursor.text.len());
    while cursor.peek().is_some_and(|token| token.span.start < end) {
        cursor.advance();
    }
    let mut tree = select_true()?;
    if let SetExpr::Select(select) = tree.body.as_mut() {
        select.selection = Some(expression);
    }
    balance::balance(&mut tree);
    let span = cursor.since(first.span);
    let text = cursor.text.get(span.start..span.end).unwrap_or_default().to_string();
    Ok(Query { tree, text, span })
}

/// The tree of `SELECT TRUE`.
fn select_true() -> Result<Box<ast::Query>> {
    rest(&mut Cursor::try_new("SELECT TRUE")?).map(|query| query.tree)
}

/// Told before parsing, since sqlparser knows some of the pipe operators and not others.
fn refuse_pipes(cursor: &Cursor<'_>) -> Result<()> {
    let pipe = cursor.rest().iter().find(|token| token.text(cursor.text) == "|>");
    let from_first = cursor.peek().filter(|_| cursor.at_keyword("FROM"));
    match pipe.copied().or(from_first) {
        None => Ok(()),
        Some(token) => Err(Diagnostic::error(Code::Unsupported, "pipe syntax is not in this version")
            .at(token.span)
            .hint("Write SELECT … FROM … WHERE ….")),
    }
}

/// sqlparser takes more for a query than GoogleSQL does.
fn check(tree: &ast::Query, span: Span) -> Result<()> {
    let unsupported = |what: &str| {
        Err(Diagnostic::error(Code::Unsupported, format!("{what} is not in this version")).at(span))
    };
    match tree.body.as_ref() {
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
            unsupported("DML")
        }
        _ => Ok(()),
    }
}
