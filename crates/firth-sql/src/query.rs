//! Queries: sqlparser's tree, the text it came from, and what the rewriting answers.

use std::collections::BTreeMap;

use firth_diagnostic::{Name, Span, Spanned};
use sqlparser::ast;

use crate::{ColumnType, SqlOption};

/// A query as parsed. Printing gives the text it came from; equality compares the trees, not spacing.
#[derive(Clone, Debug)]
pub struct Query {
    /// The tree, still in GoogleSQL.
    pub tree: Box<ast::Query>,
    /// The query's own text.
    pub text: String,
    /// Where that text begins in the statement.
    pub span: Span,
}

/// The values of `@name`, by lower-case name.
pub type Parameters = BTreeMap<String, Parameter>;

/// The value of one `@name`.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameter {
    /// NULL
    Null,
    /// INT64
    Int64(i64),
    /// FLOAT64
    Float64(f64),
    /// BOOL
    Bool(bool),
    /// A STRING, which coerces to DATE, TIMESTAMP … as a literal does.
    String(String),
    /// The text, cast to the type.
    Typed(ColumnType, String),
}

/// A query that DataFusion can plan, and what has to be looked up before it does.
#[derive(Clone, Debug)]
pub struct Rewritten {
    /// The tree for DataFusion: type names, functions, operators and identifiers replaced. Column names
    /// are in lower case; each table is one identifier, the `key` of an entry of `tables`,
    /// `external_queries` or `file_reads`, with an alias in lower case.
    pub query: Box<ast::Query>,
    /// The tables named, each once for each place. Names of CTEs are not among them.
    pub tables: Vec<TableReference>,
    /// The EXTERNAL_QUERY calls.
    pub external_queries: Vec<ExternalQueryCall>,
    /// The files that are read without a table.
    pub file_reads: Vec<FileRead>,
    /// How the result's columns are headed.
    pub headers: Headers,
}

/// A table named in FROM.
#[derive(Clone, Debug, PartialEq)]
pub struct TableReference {
    /// The identifier that stands for it in the rewritten tree. Two places with one name share a key.
    pub key: String,
    /// One to three parts as written (back-quoted paths already taken apart).
    pub name: Name,
    /// FOR SYSTEM_TIME AS OF: a query of one value, rewritten, for the time at which the table is read.
    pub as_of: Option<Box<ast::Query>>,
    /// Where.
    pub span: Span,
    /// Which columns it is to have besides those of `*`.
    pub pseudo: PseudoColumns,
}

/// Columns that `*` does not show, and that a table has, as its last one, where the query names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PseudoColumns {
    /// `_file_name`: of a table over files, their uris.
    pub file_name: bool,
    /// `_data`: of a table of objects, their bytes.
    pub data: bool,
}

/// `EXTERNAL_QUERY('connection', 'sql' [, 'options'])` in FROM.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalQueryCall {
    /// The identifier that stands for it in the rewritten tree. Each call has its own.
    pub key: String,
    /// The connection: any of its forms, not taken apart.
    pub connection: Spanned<String>,
    /// The text for the source.
    pub sql: Spanned<String>,
    /// The JSON options.
    pub options: Option<Spanned<String>>,
    /// The whole call.
    pub span: Span,
}

/// Files in FROM without a table: `'uri'`, or `READ('uri' | ['uri', …] [, connection => 'name'] [, option => value]…)`.
#[derive(Clone, Debug, PartialEq)]
pub struct FileRead {
    /// The identifier that stands for them in the rewritten tree. Each has its own.
    pub key: String,
    /// Uris, or paths of this machine.
    pub uris: Spanned<Vec<String>>,
    /// The connection: any of its forms, not taken apart.
    pub connection: Option<Spanned<String>>,
    /// Options of CREATE EXTERNAL TABLE.
    pub options: Vec<SqlOption>,
    /// Whether they are to have the column `_file_name`, the last one.
    pub file_name: bool,
    /// Where.
    pub span: Span,
}

/// The spelling of the result's column names, to be laid over the planned ones (which are in lower case).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// The select list's names in order. `None` stands for a `*`, of however many columns.
    pub items: Vec<Option<String>>,
}

impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        self.tree == other.tree
    }
}
