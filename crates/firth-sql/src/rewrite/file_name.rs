//! `_FILE_NAME` and `_DATA`: the columns that tables over files, and tables of objects, have besides those that `*` shows.
//!
//! A SELECT that names one reads its tables under another key, by which they have the column, and leaves it out
//! of its `*`.

use std::ops::ControlFlow;

use sqlparser::ast::{
    self, ExceptSelectItem, Expr, Ident, Select, SelectItem, SelectItemQualifiedWildcardKind,
    WildcardAdditionalOptions,
};

use super::{build, tables::idents};
use crate::PseudoColumns;

/// The columns, as they are planned.
const FILE_NAME: &str = "_file_name";
const DATA: &str = "_data";

/// Where a SELECT names these columns.
#[derive(Clone, Debug)]
pub(super) struct Mentions {
    file_name: Named,
    data: Named,
}

/// Where a SELECT names one of them.
#[derive(Clone, Debug)]
struct Named {
    column: &'static str,
    /// Without a table before it.
    plain: bool,
    /// The tables before it, in lower case.
    tables: Vec<String>,
}

impl Default for Mentions {
    fn default() -> Self {
        let of = |column| Named { column, plain: false, tables: Vec::new() };
        Mentions { file_name: of(FILE_NAME), data: of(DATA) }
    }
}

impl Mentions {
    /// Looks through a SELECT's own clauses, and not into the subqueries of its FROM.
    pub(super) fn of(select: &Select) -> Self {
        let mut mentions = Mentions::default();
        let mut look = |expr: &Expr| {
            mentions.file_name.note(expr);
            mentions.data.note(expr);
            ControlFlow::<()>::Continue(())
        };
        for item in &select.projection {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                let _ = ast::visit_expressions(expr, &mut look);
            }
        }
        for clause in [&select.selection, &select.having, &select.qualify] {
            let _ = ast::visit_expressions(clause, &mut look);
        }
        let _ = ast::visit_expressions(&select.group_by, &mut look);
        for join in select.from.iter().flat_map(|table| &table.joins) {
            let _ = ast::visit_expressions(&join.join_operator, &mut look);
        }
        mentions
    }

    /// What a table of this name is asked for.
    pub(super) fn of_table(&self, table: &str) -> PseudoColumns {
        PseudoColumns { file_name: self.file_name.include(table), data: self.data.include(table) }
    }

    /// Leaves the columns out of a select list's stars.
    pub(super) fn hide(&self, items: &mut [SelectItem]) {
        self.file_name.hide(items);
        self.data.hide(items);
    }
}

impl Named {
    fn note(&mut self, expr: &Expr) {
        let column = self.column;
        let is_it = |ident: &Ident| ident.value.eq_ignore_ascii_case(column);
        match expr {
            Expr::Identifier(ident) if is_it(ident) => self.plain = true,
            Expr::CompoundIdentifier(path) => {
                if let [.., table, last] = path.as_slice()
                    && is_it(last)
                {
                    self.tables.push(table.value.to_lowercase());
                }
            }
            _ => {}
        }
    }

    /// Whether a table of this name is asked for it.
    fn include(&self, table: &str) -> bool {
        self.plain || self.tables.iter().any(|named| *named == table.to_lowercase())
    }

    fn hide(&self, items: &mut [SelectItem]) {
        if !self.plain && self.tables.is_empty() {
            return;
        }
        for item in items {
            match item {
                SelectItem::Wildcard(options) => except(options, self.column),
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options)
                    if idents(name).last().is_some_and(|table| self.include(&table.value)) =>
                {
                    except(options, self.column);
                }
                _ => {}
            }
        }
    }
}

fn except(options: &mut WildcardAdditionalOptions, column: &str) {
    let hidden = build::identifier(column);
    match &mut options.opt_except {
        Some(except) => except.additional_elements.push(hidden),
        None => {
            options.opt_except =
                Some(ExceptSelectItem { first_element: hidden, additional_elements: Vec::new() });
        }
    }
}
