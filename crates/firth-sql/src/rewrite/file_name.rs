//! `_FILE_NAME`: the column that tables over files have besides those that `*` shows.
//!
//! A SELECT that names it reads its tables under another key, by which they have the column, and leaves it out
//! of its `*`.

use std::ops::ControlFlow;

use sqlparser::ast::{
    self, ExceptSelectItem, Expr, Ident, Select, SelectItem, SelectItemQualifiedWildcardKind,
    WildcardAdditionalOptions,
};

use super::{build, tables::idents};

/// The column, as it is planned.
pub(super) const FILE_NAME: &str = "_file_name";

/// Where a SELECT names the column.
#[derive(Clone, Debug, Default)]
pub(super) struct Mentions {
    /// Without a table before it.
    plain: bool,
    /// The tables before it, in lower case.
    tables: Vec<String>,
}

impl Mentions {
    /// Looks through a SELECT's own clauses, and not into the subqueries of its FROM.
    pub(super) fn of(select: &Select) -> Self {
        let mut mentions = Mentions::default();
        let mut look = |expr: &Expr| {
            mentions.note(expr);
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

    fn note(&mut self, expr: &Expr) {
        let is_it = |ident: &Ident| ident.value.eq_ignore_ascii_case(FILE_NAME);
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
    pub(super) fn include(&self, table: &str) -> bool {
        self.plain || self.tables.iter().any(|named| *named == table.to_lowercase())
    }

    /// Leaves the column out of a select list's stars.
    pub(super) fn hide(&self, items: &mut [SelectItem]) {
        if !self.plain && self.tables.is_empty() {
            return;
        }
        for item in items {
            match item {
                SelectItem::Wildcard(options) => except(options),
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options)
                    if idents(name).last().is_some_and(|table| self.include(&table.value)) =>
                {
                    except(options);
                }
                _ => {}
            }
        }
    }
}

fn except(options: &mut WildcardAdditionalOptions) {
    let hidden = build::identifier(FILE_NAME.to_owned());
    match &mut options.opt_except {
        Some(except) => except.additional_elements.push(hidden),
        None => {
            options.opt_except =
                Some(ExceptSelectItem { first_element: hidden, additional_elements: Vec::new() });
        }
    }
}
