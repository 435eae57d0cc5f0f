//! Text to statements: what kind of statement it is, and the clauses that many share.

mod alter_table;
mod assert;
mod balance;
mod connection;
mod cursor;
mod export;
mod external_table;
mod keys;
mod load;
mod materialized_view;
mod names;
mod options;
mod query;
mod rows;
mod schema;
mod show;
mod size;
mod syntax_error;
mod table;
mod tokens;
mod types;
mod unsupported;
mod view;

#[cfg(test)]
mod tests;

use firth_diagnostic::{Code, Diagnostic, Name, Result, Span, Spanned, did_you_mean};

use crate::lexer::decode_string;
use crate::{Creation, Drop, DropBehavior, Explain, ExplainKind, Statement, TokenKind};
use cursor::Cursor;

pub use names::connection_name;
pub(crate) use rows::is_default;
pub(crate) use tokens::span as place;
pub(crate) use types::unknown_type;

/// Reads a statement whose first words have been read.
type Parse = fn(&mut Cursor<'_>) -> Result<Statement>;

/// The same after CREATE.
type ParseCreate = fn(&mut Cursor<'_>, Head) -> Result<Statement>;

/// The words that begin statements, and what reads the rest.
const STATEMENTS: &[(&[&str], Parse)] = &[
    (&["CREATE"], create),
    (&["ALTER", "CONNECTION"], connection::alter),
    (&["ALTER", "TABLE"], alter_table::alter),
    (&["DROP", "CONNECTION"], connection::drop),
    (&["DROP", "EXTERNAL", "SCHEMA"], schema::drop),
    (&["DROP", "SCHEMA"], schema::drop),
    (&["DROP", "EXTERNAL", "TABLE"], external_table::drop),
    (&["DROP", "TABLE"], table::drop),
    (&["DROP", "VIEW"], view::drop),
    (&["DROP", "MATERIALIZED", "VIEW"], materialized_view::drop),
    (&["TRUNCATE", "TABLE"], table::truncate),
    (&["INSERT"], rows::insert),
    (&["UPDATE"], rows::update),
    (&["DELETE"], rows::delete),
    (&["MERGE"], rows::merge),
    (&["REFRESH", "EXTERNAL", "TABLE"], external_table::refresh),
    (&["REFRESH", "MATERIALIZED", "VIEW"], materialized_view::refresh),
    (&["CALL", "BQ"], call_bigquery),
    (&["EXPORT", "DATA"], export::export_data),
    (&["LOAD", "DATA"], load::load_data),
    (&["OPTIMIZE"], table::optimize),
    (&["CLEAN", "TABLES"], table::clean),
    (&["CLEAN", "EXPORTS"], |_| Ok(Statement::CleanExports)),
    (&["ASSERT"], assert::assert),
    (&["EXPLAIN"], explain),
    (&["SHOW"], show::show),
    (&["DESCRIBE"], show::describe),
    (&["DESC"], show::describe),
    (&["CHECK"], show::check),
    (&["SET"], show::set),
    (&["RESET"], show::reset),
];

/// The words that begin queries.
const QUERIES: &[&str] = &["SELECT", "WITH", "VALUES", "FROM"];

/// Parses a data type alone, such as `ARRAY<STRUCT<a INT64>>`.
pub fn parse_type(text: &str) -> Result<crate::ColumnType> {
    let mut cursor = Cursor::try_new(text)?;
    let data_type = types::data_type(&mut cursor, 0)?;
    cursor.expect_end()?;
    Ok(data_type)
}

/// Parses one statement, with or without its semicolon. Spans are bytes into `text`.
pub fn parse(text: &str) -> Result<Statement> {
    let mut cursor = Cursor::try_new(text)?;
    let statement = statement(&mut cursor)?;
    cursor.expect_end()?;
    Ok(statement)
}

fn statement(cursor: &mut Cursor<'_>) -> Result<Statement> {
    if cursor.peek().is_none() {
        return Err(Diagnostic::error(Code::Syntax, "there is no statement here").at(cursor.here()));
    }
    if cursor.at_operator("(") || QUERIES.iter().any(|word| cursor.at_keyword(word)) {
        return query::rest(cursor).map(Statement::Query);
    }
    for (words, parse) in STATEMENTS {
        if cursor.take_keywords(words) {
            return parse(cursor);
        }
    }
    unsupported::statement(cursor)?;
    Err(unknown_statement(cursor))
}

fn unknown_statement(cursor: &Cursor<'_>) -> Diagnostic {
    let given = cursor.peek().map(|token| token.text(cursor.text)).unwrap_or_default();
    let known = STATEMENTS.iter().map(|(words, _)| words[0]).chain(QUERIES.iter().copied());
    let known: Vec<&str> = known.chain(["DROP", "ALTER", "EXPORT"]).collect();
    if known.iter().any(|word| word.eq_ignore_ascii_case(given)) {
        let mut next: Vec<String> = Vec::new();
        for (words, _) in STATEMENTS.iter().filter(|(words, _)| words[0].eq_ignore_ascii_case(given)) {
            next.push(words[1..].join(" "));
        }
        let after = cursor.peek_ahead(1);
        let here = after.map_or(Span::new(cursor.text.len(), cursor.text.len()), |token| token.span);
        return cursor::expected(cursor.text, after, here, &next.join(" or "));
    }
    let near = did_you_mean(given, known).map(|near| format!("Did you mean {near}?"));
    cursor.expected("a statement").hint_if(near)
}

/// `EXPLAIN [ANALYZE | (PUSHDOWN)]` in front of a query or an EXPORT DATA.
fn explain(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let kind = if cursor.take_keyword("ANALYZE") {
        ExplainKind::Analyze
    } else if is_pushdown(cursor) {
        for _ in 0..3 {
            cursor.advance();
        }
        ExplainKind::Pushdown
    } else {
        ExplainKind::Plan
    };
    let statement = if cursor.take_keywords(&["EXPORT", "DATA"]) {
        export::export_data(cursor)?
    } else if cursor.at_operator("(") || QUERIES.iter().any(|word| cursor.at_keyword(word)) {
        Statement::Query(query::rest(cursor)?)
    } else {
        return Err(cursor.expected("a query or EXPORT DATA"));
    };
    Ok(Statement::Explain(Explain { kind, statement: Box::new(statement) }))
}

/// Whether `(PUSHDOWN)` is next. A query in parentheses begins with another word.
fn is_pushdown(cursor: &Cursor<'_>) -> bool {
    let is = |ahead: usize, text: &str| {
        cursor
            .peek_ahead(ahead)
            .is_some_and(|token| cursor.text[token.span.start..token.span.end].eq_ignore_ascii_case(text))
    };
    is(0, "(") && is(1, "PUSHDOWN") && is(2, ")")
}

/// What stands between CREATE and the kind of thing.
#[derive(Clone, Copy)]
struct Head {
    /// OR REPLACE.
    replace: bool,
    /// TEMP, where it was written.
    temporary: Option<Span>,
}

impl Head {
    /// Reads IF NOT EXISTS and says what to do with what exists.
    fn creation(self, cursor: &mut Cursor<'_>, statement: &str) -> Result<Creation> {
        if let Some(span) = self.temporary {
            return Err(Diagnostic::error(Code::Syntax, format!("{statement} cannot have TEMP")).at(span));
        }
        let start = cursor.here();
        let if_not_exists = if_not_exists(cursor);
        match (self.replace, if_not_exists) {
            (true, true) => Err(Diagnostic::error(
                Code::Invalid,
                format!("{statement} cannot have both OR REPLACE and IF NOT EXISTS"),
            )
            .at(cursor.since(start))),
            (true, false) => Ok(Creation::OrReplace),
            (false, true) => Ok(Creation::IfNotExists),
            (false, false) => Ok(Creation::New),
        }
    }
}

/// What can be created, by the words after CREATE.
const CREATED: &[(&[&str], ParseCreate)] = &[
    (&["CONNECTION"], connection::create),
    (&["EXTERNAL", "TABLE"], external_table::create),
    (&["EXTERNAL", "SCHEMA"], schema::create_external),
    (&["SCHEMA"], schema::create),
    (&["TABLE"], table::create),
    (&["VIEW"], view::create),
    (&["MATERIALIZED", "VIEW"], materialized_view::create),
];

fn create(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let replace = cursor.take_keywords(&["OR", "REPLACE"]);
    let here = cursor.here();
    let temporary = (cursor.take_keyword("TEMP") || cursor.take_keyword("TEMPORARY")).then_some(here);
    let head = Head { replace, temporary };
    for (words, parse) in CREATED {
        if cursor.take_keywords(words) {
            return parse(cursor, head);
        }
    }
    unsupported::created(cursor)?;
    let given = cursor.peek().map(|token| token.text(cursor.text)).unwrap_or_default();
    let near = did_you_mean(given, CREATED.iter().map(|(words, _)| words[0]));
    Err(cursor
        .expected("what to create")
        .hint_if(near.map(|near| format!("Did you mean {near}?")))
        .hint("CREATE takes CONNECTION, EXTERNAL TABLE, EXTERNAL SCHEMA, SCHEMA, TABLE, VIEW and MATERIALIZED VIEW."))
}

/// BigQuery's procedures, after `CALL BQ`: `.REFRESH_MATERIALIZED_VIEW('dataset.view')`.
fn call_bigquery(cursor: &mut Cursor<'_>) -> Result<Statement> {
    cursor.expect_operator(".")?;
    let statement: fn(Spanned<Name>) -> Statement = if cursor.take_keyword("REFRESH_MATERIALIZED_VIEW") {
        Statement::RefreshMaterializedView
    } else {
        cursor.expect_keyword("REFRESH_EXTERNAL_METADATA_CACHE")?;
        Statement::RefreshExternalTable
    };
    cursor.expect_operator("(")?;
    let token = match cursor.peek() {
        Some(token) if token.kind == TokenKind::String => token,
        _ => return Err(cursor.expected("the name of a table in quotes")),
    };
    cursor.advance();
    let text = decode_string(cursor.text, &token)?;
    cursor.expect_operator(")")?;
    Ok(statement(Spanned::new(Name::new(text.split('.')), token.span)))
}

fn if_exists(cursor: &mut Cursor<'_>) -> bool {
    cursor.take_keywords(&["IF", "EXISTS"])
}

fn if_not_exists(cursor: &mut Cursor<'_>) -> bool {
    cursor.take_keywords(&["IF", "NOT", "EXISTS"])
}

/// `[RESTRICT | CASCADE]` after a dropped thing's name.
fn drop_tail(cursor: &mut Cursor<'_>, if_exists: bool, name: Spanned<Name>) -> Drop {
    let behavior = if cursor.take_keyword("RESTRICT") {
        DropBehavior::Restrict
    } else if cursor.take_keyword("CASCADE") {
        DropBehavior::Cascade
    } else {
        DropBehavior::Unspecified
    };
    Drop { if_exists, name, behavior }
}
