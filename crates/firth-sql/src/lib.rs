//! GoogleSQL text to statements with spans, and back; scripts to statements; queries to what
//! DataFusion plans.
//!
//! The lexer is our own, since GoogleSQL's strings, back-quotes and comments are its own. Expressions
//! and queries are parsed by `sqlparser` from our tokens; the statements around them by us. The
//! rewriting to DataFusion's SQL works on the tree, never on text. No I/O, no async, and no panic on
//! any bytes.

mod column_type;
mod dialect;
mod display;
mod format;
pub mod keyword;
mod lexer;
mod lint;
mod mask;
mod parse;
#[cfg(test)]
mod property_tests;
mod query;
mod rewrite;
mod row_change;
mod script;
mod statement;
mod table_statement;

pub use column_type::ColumnType;
pub use display::ShownOptions;
pub use format::format;
pub use lexer::{Token, TokenKind, lex, quote_identifier};
pub use lint::{Finding, LINT_RULES, LintRule, lint};
pub use mask::{OptionSecrecy, mask_secrets};
pub use parse::{connection_name, parse, parse_type};
pub use query::{
    ExternalQueryCall, FileRead, Headers, Parameter, Parameters, PseudoColumns, Query, Rewritten,
    TableReference,
};
pub use rewrite::{rewrite, rewritten_functions};
pub use row_change::{ACTION_COLUMN, Action, FILE_COLUMN, ROW_COLUMN, TARGET_TABLE};
pub use script::{is_complete, split};
pub use statement::{
    AlterConnection, Assert, ColumnDefinition, ConnectionReference, CreateConnection, CreateExternalSchema,
    CreateExternalTable, CreateMaterializedView, CreateSchema, CreateView, Creation, Drop, DropBehavior,
    Explain, ExplainKind, ExportData, OptionList, OptionLiteral, PartitionColumns, SetSetting, SqlOption,
    Statement,
};
pub use table_statement::{
    AlterTable, CleanTables, CopyKind, CopyTable, CreateTable, Insert, LoadData, RowChange, RowChangeKind,
    TableAction,
};
