//! `INSERT`, `UPDATE`, `DELETE`, `MERGE`: their queries and expressions are sqlparser's.

use firth_diagnostic::{Code, Diagnostic, Name, Result, Span, Spanned};
use sqlparser::ast::{self, Expr, FromTable, SetExpr, TableFactor, TableWithJoins, Value};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{self, TokenWithSpan};

use super::cursor::Cursor;
use super::{balance, names, query, size, syntax_error, tokens};
use crate::dialect::GoogleSqlDialect;
use crate::{Insert, RowChange, RowChangeKind, Statement};

/// Stands after INSERT.
pub(super) fn insert(cursor: &mut Cursor<'_>) -> Result<Statement> {
    cursor.take_keyword("INTO");
    let target = names::table(cursor)?;
    let columns = columns(cursor)?;
    let mut query = query::rest(cursor)?;
    let mut says_default = false;
    if let SetExpr::Values(values) = query.tree.body.as_mut() {
        for expr in values.rows.iter_mut().flat_map(|row| &mut row.content) {
            if is_default(expr) {
                says_default = true;
                *expr = Expr::Value(Value::Null.with_empty_span());
            }
        }
    }
    Ok(Statement::Insert(Insert { target, columns, query, says_default }))
}

/// A list of columns in parentheses, which a query may begin with too.
fn columns(cursor: &mut Cursor<'_>) -> Result<Option<Vec<Spanned<String>>>> {
    let begins_query = |word: &str| {
        cursor.peek_ahead(1).is_some_and(|token| token.text(cursor.text).eq_ignore_ascii_case(word))
    };
    if !cursor.at_operator("(") || ["SELECT", "WITH", "VALUES", "FROM", "("].into_iter().any(begins_query) {
        return Ok(None);
    }
    cursor.advance();
    let mut columns: Vec<Spanned<String>> = Vec::new();
    loop {
        let column = names::identifier(cursor, "the name of a column")?;
        if columns.iter().any(|other| other.value.eq_ignore_ascii_case(&column.value)) {
            let message = format!("column {:?} is listed twice", column.value);
            return Err(Diagnostic::error(Code::Invalid, message).at(column.span));
        }
        columns.push(column);
        if !cursor.take_operator(",") {
            break;
        }
    }
    cursor.expect_operator(")")?;
    Ok(Some(columns))
}

/// The word DEFAULT where a value may stand.
pub(crate) fn is_default(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(ident)
        if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("DEFAULT"))
}

/// Stands after UPDATE.
pub(super) fn update(cursor: &mut Cursor<'_>) -> Result<Statement> {
    row_change(cursor, RowChangeKind::Update, |parser, word| parser.parse_update(word))
}

/// Stands after DELETE.
pub(super) fn delete(cursor: &mut Cursor<'_>) -> Result<Statement> {
    row_change(cursor, RowChangeKind::Delete, |parser, word| parser.parse_delete(word))
}

/// Stands after MERGE.
pub(super) fn merge(cursor: &mut Cursor<'_>) -> Result<Statement> {
    row_change(cursor, RowChangeKind::Merge, |parser, word| {
        parser.parse_merge(word).map(ast::Statement::Merge)
    })
}

fn row_change(
    cursor: &mut Cursor<'_>,
    kind: RowChangeKind,
    parse: impl FnOnce(&mut Parser<'_>, TokenWithSpan) -> Result<ast::Statement, ParserError>,
) -> Result<Statement> {
    if cursor.peek().is_none() {
        return Err(cursor.expected("the name of a table"));
    }
    size::check(cursor.text, cursor.rest())?;
    let converted = tokens::convert(cursor.text, cursor.rest())?;
    let mut parser = Parser::new(&GoogleSqlDialect)
        .with_recursion_limit(query::RECURSION_LIMIT)
        .with_tokens_with_locations(converted);
    let word = TokenWithSpan::wrap(tokenizer::Token::make_word(kind.word(), None));
    let mut tree = parse(&mut parser, word).map_err(|error| syntax_error::diagnostic(cursor, &error))?;
    let next = parser.peek_token();
    if next.token != tokenizer::Token::EOF {
        let at = tokens::offset(next.span.start).unwrap_or(cursor.text.len());
        return Err(syntax_error::expected_at(cursor, at, "the end of the statement"));
    }
    cursor.take_rest();
    let span = cursor.since(cursor.first());
    let target = target(&tree, span)?;
    check(&tree, span)?;
    balance::balance(&mut tree);
    let text = cursor.text.get(span.start..span.end).unwrap_or_default().to_owned();
    Ok(Statement::RowChange(RowChange { kind, target, tree: Box::new(tree), text, span }))
}

/// The table whose rows change.
fn target(tree: &ast::Statement, whole: Span) -> Result<Spanned<Name>> {
    let unsupported =
        |what: &str| Diagnostic::error(Code::Unsupported, format!("{what} is not in this version")).at(whole);
    let single = |tables: &[TableWithJoins]| match tables {
        [table] if table.joins.is_empty() => Ok(table.relation.clone()),
        _ => Err(unsupported("a change of several tables")),
    };
    let factor = match tree {
        ast::Statement::Update(update) => single(std::slice::from_ref(&update.table))?,
        ast::Statement::Delete(delete) => match &delete.from {
            FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables) => single(tables)?,
        },
        ast::Statement::Merge(merge) => merge.table.clone(),
        _ => return Err(unsupported("this statement")),
    };
    let TableFactor::Table { name, args: None, version: None, sample: None, .. } = &factor else {
        return Err(unsupported("a change of what is not the name of a table"));
    };
    let span = super::place(ast::Spanned::span(name)).unwrap_or(whole);
    let parts = name.0.iter().filter_map(|part| part.as_ident());
    let name = Name::new(parts.flat_map(|ident| ident.value.split('.')));
    if name.0.len() > 3 || name.0.iter().any(String::is_empty) {
        return Err(
            Diagnostic::error(Code::Invalid, format!("{:?} is not a table's name", name.dotted())).at(span)
        );
    }
    Ok(Spanned::new(name, span))
}

/// sqlparser takes more than GoogleSQL does, and GoogleSQL asks for a WHERE.
fn check(tree: &ast::Statement, span: Span) -> Result<()> {
    let refused = |what: &str| {
        Err(Diagnostic::error(Code::Unsupported, format!("{what} is not in this version")).at(span))
    };
    let (word, selection) = match tree {
        ast::Statement::Update(update) => {
            if update.returning.is_some() || update.output.is_some() || update.or.is_some() {
                return refused("this clause of UPDATE");
            }
            if !update.order_by.is_empty() || update.limit.is_some() {
                return refused("ORDER BY or LIMIT in UPDATE");
            }
            if matches!(update.from, Some(ast::UpdateTableFromKind::BeforeSet(_))) {
                return refused("FROM before SET");
            }
            ("UPDATE", &update.selection)
        }
        ast::Statement::Delete(delete) => {
            let others = delete.using.is_some() || delete.returning.is_some() || delete.output.is_some();
            if others || !delete.order_by.is_empty() || delete.limit.is_some() {
                return refused("this clause of DELETE");
            }
            ("DELETE", &delete.selection)
        }
        ast::Statement::Merge(merge) => {
            if merge.output.is_some() {
                return refused("OUTPUT of MERGE");
            }
            if merge.clauses.is_empty() {
                return Err(Diagnostic::error(Code::Syntax, "MERGE has no WHEN clause").at(span));
            }
            return Ok(());
        }
        _ => return Ok(()),
    };
    match selection {
        Some(_) => Ok(()),
        None => Err(Diagnostic::error(Code::Syntax, format!("{word} must have a WHERE clause"))
            .at(span)
            .hint("Write WHERE TRUE to mean every row.")),
    }
}
