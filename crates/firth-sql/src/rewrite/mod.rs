//! GoogleSQL queries to queries that DataFusion plans.
//!
//! The rewriting works on sqlparser's tree, one walk from the outside in: a query's WITH, then its FROM,
//! then everything that may name what FROM brings into scope. No text is ever edited, so nothing inside a
//! literal, a name or a comment can change.
//!
//! What it replaces: type names and typed literals (`types`), names (`scope`, `tables`), functions and
//! operators (`functions`, `dates`), `@parameters`, and the names of result columns (`select`). What it
//! does not know passes through, and DataFusion says that it does not know it either.

pub(crate) mod build;
mod dates;
mod expression;
mod file_name;
mod file_read;
mod functions;
mod merged;
mod parameters;
mod scope;
mod select;
mod tables;
mod types;

#[cfg(test)]
mod planned_tests;
#[cfg(test)]
mod tests;

use firth_diagnostic::{Code, Diagnostic, Result, Span};
use sqlparser::ast;

use crate::{ExternalQueryCall, FileRead, Parameters, Query, Rewritten, TableReference};
use scope::Scope;

/// The functions that are rewritten, in upper case. Others pass through: DataFusion has them under the same name, or not.
pub fn rewritten_functions() -> impl Iterator<Item = &'static str> {
    functions::names()
}

/// Rewrites a query for DataFusion. The places in errors are about the text the query was parsed from.
///
/// DataFusion is to run with `enable_ident_normalization` off and its time zone set to UTC. Division,
/// the order of NULLs and the coercion of operands are left to the planner.
pub fn rewrite(query: &Query, parameters: &Parameters) -> Result<Rewritten> {
    let headers = select::headers(&query.tree);
    let mut rewriter = Rewriter {
        parameters,
        text: &query.text,
        whole: query.span,
        tables: Vec::new(),
        external_queries: Vec::new(),
        file_reads: Vec::new(),
        scope: Scope::default(),
        file_name: file_name::Mentions::default(),
    };
    select::refuse_duplicate_aliases(&query.tree, query.span)?;
    let mut tree = query.tree.clone();
    rewriter.query(&mut tree)?;
    Ok(Rewritten {
        query: tree,
        tables: rewriter.tables,
        external_queries: rewriter.external_queries,
        file_reads: rewriter.file_reads,
        headers,
    })
}

/// What one walk over a query knows.
struct Rewriter<'a> {
    parameters: &'a Parameters,
    /// The query's own text.
    text: &'a str,
    /// The query's place: for messages about what has none of its own.
    whole: Span,
    tables: Vec<TableReference>,
    external_queries: Vec<ExternalQueryCall>,
    file_reads: Vec<FileRead>,
    scope: Scope,
    /// Where the SELECT whose FROM is being rewritten names `_FILE_NAME`.
    file_name: file_name::Mentions,
}

impl Rewriter<'_> {
    /// Where a piece of the tree was written.
    fn span_of(&self, spanned: &impl ast::Spanned) -> Span {
        crate::parse::place(spanned.span()).unwrap_or(self.whole)
    }

    fn unsupported(&self, what: &str, spanned: &impl ast::Spanned) -> Diagnostic {
        Diagnostic::error(Code::Unsupported, format!("{what} is not in this version"))
            .at(self.span_of(spanned))
    }
}
