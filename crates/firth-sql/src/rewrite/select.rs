//! Queries and select lists: WITH, the names of result columns, and the clauses around them.

use firth_diagnostic::{Code, Diagnostic, Result, Span};
use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, GroupByWithModifier, Ident, LimitClause, NamedWindowExpr, ObjectName,
    OrderByExpr, OrderByKind, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr,
    SetQuantifier, Value, WildcardAdditionalOptions, With,
};

use super::file_name::Mentions;
use super::scope::lowered;
use super::tables::{alias_name, idents};
use super::{Rewriter, build};
use crate::Headers;

impl Rewriter<'_> {
    pub(super) fn query(&mut self, query: &mut Query) -> Result<()> {
        if !query.pipe_operators.is_empty() {
            return Err(self.unsupported("pipe syntax", query));
        }
        let mark = self.scope.enter();
        if let Some(with) = &mut query.with {
            self.with(with)?;
        }
        // The tables of a plain SELECT are visible in its ORDER BY.
        let select = matches!(query.body.as_ref(), SetExpr::Select(_));
        if select {
            self.scope.push_frame();
        }
        match query.body.as_mut() {
            SetExpr::Select(select) => self.select(select)?,
            body => self.set_expr(body)?,
        }
        if let Some(order_by) = &mut query.order_by
            && let OrderByKind::Expressions(items) = &mut order_by.kind
        {
            match query.body.as_ref() {
                SetExpr::Select(select) => {
                    self.order_result_by(select, items)?;
                    order_distinct_by_alias(select, items);
                }
                _ => self.order_by(items)?,
            }
        }
        if let Some(limit) = &mut query.limit_clause {
            self.limit(limit)?;
        }
        if select {
            self.scope.pop_frame();
        }
        self.scope.leave(mark);
        Ok(())
    }

    fn with(&mut self, with: &mut With) -> Result<()> {
        if with.recursive {
            // All are visible in all.
            for cte in &mut with.cte_tables {
                let written = cte.alias.name.value.clone();
                let planned_name = self.scope.name_cte(&written);
                self.scope.add_cte(&written, planned_name);
            }
        }
        for cte in &mut with.cte_tables {
            let written = cte.alias.name.value.clone();
            self.query(&mut cte.query)?;
            let planned_name = match self.scope.cte(&written) {
                Some(planned_name) if with.recursive => planned_name,
                _ => {
                    let planned_name = self.scope.name_cte(&written);
                    self.scope.add_cte(&written, planned_name.clone());
                    planned_name
                }
            };
            cte.alias.name = build::identifier(planned_name);
            for column in &mut cte.alias.columns {
                column.name = lowered(&column.name);
            }
        }
        Ok(())
    }

    fn set_expr(&mut self, body: &mut SetExpr) -> Result<()> {
        match body {
            SetExpr::Select(select) => {
                self.scope.push_frame();
                self.select(select)?;
                self.scope.pop_frame();
                Ok(())
            }
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, right, set_quantifier, .. } => {
                if matches!(
                    set_quantifier,
                    SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName
                ) {
                    return Err(self.unsupported("BY NAME", left.as_ref()));
                }
                self.set_expr(left)?;
                self.set_expr(right)
            }
            SetExpr::Values(values) => {
                for row in &mut values.rows {
                    self.expressions(&mut row.content)?;
                }
                Ok(())
            }
            other => Err(self.unsupported("this kind of query", other)),
        }
    }

    fn select(&mut self, select: &mut Select) -> Result<()> {
        if let Some(mode) = &select.value_table_mode {
            return Err(Diagnostic::error(
                Code::Unsupported,
                format!("SELECT {mode} is not in this version"),
            )
            .at(self.span_of(&select.select_token.0)));
        }
        // Subqueries in FROM have mentions of their own.
        let mentions = Mentions::of(select);
        let outer = std::mem::replace(&mut self.file_name, mentions);
        for table in &mut select.from {
            self.table_with_joins(table)?;
        }
        let mentions = std::mem::replace(&mut self.file_name, outer);
        if let Some(Distinct::On(expressions)) = &mut select.distinct {
            self.expressions(expressions)?;
        }
        self.projection(&mut select.projection)?;
        mentions.hide(&mut select.projection);
        self.write_stars_out(select)?;
        for clause in [&mut select.selection, &mut select.having, &mut select.qualify].into_iter().flatten() {
            self.expression(clause)?;
        }
        if let GroupByExpr::Expressions(expressions, modifiers) = &mut select.group_by {
            self.expressions(expressions)?;
            for modifier in modifiers {
                if let GroupByWithModifier::GroupingSets(sets) = modifier {
                    self.expression(sets)?;
                }
            }
        }
        for window in &mut select.named_window {
            window.0 = lowered(&window.0);
            match &mut window.1 {
                NamedWindowExpr::NamedWindow(name) => *name = lowered(name),
                NamedWindowExpr::WindowSpec(spec) => self.window(spec)?,
            }
        }
        Ok(())
    }

    fn projection(&mut self, items: &mut [SelectItem]) -> Result<()> {
        let mut anonymous = 0;
        for item in items {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let name = implied_name(expr);
                    let plain = self.is_plain_column(expr);
                    self.expression(expr)?;
                    let name =
                        name.map_or_else(|| next_anonymous(&mut anonymous), |name| name.to_lowercase());
                    if !plain || matches!(expr, Expr::Function(_)) {
                        let alias = build::identifier(name);
                        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
                    }
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let near = self.span_of(expr);
                    self.expression(expr)?;
                    *alias = alias_name(alias, near)?;
                }
                SelectItem::ExprWithAliases { expr, .. } => {
                    return Err(self.unsupported("a list of aliases", expr));
                }
                SelectItem::QualifiedWildcard(kind, options) => {
                    self.qualified_wildcard(kind)?;
                    self.wildcard_options(options)?;
                }
                SelectItem::Wildcard(options) => self.wildcard_options(options)?,
            }
        }
        Ok(())
    }

    /// Whether DataFusion names the column as GoogleSQL does.
    fn is_plain_column(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Identifier(_) => true,
            Expr::CompoundIdentifier(path) => {
                let (_, table) = self.scope.resolve(path);
                table > 0 && path.len() == table + 1
            }
            _ => false,
        }
    }

    fn qualified_wildcard(&mut self, kind: &mut SelectItemQualifiedWildcardKind) -> Result<()> {
        match kind {
            SelectItemQualifiedWildcardKind::ObjectName(name) => {
                // A star stands for one more part, so that the path may be a table's whole name.
                let mut path = idents(name);
                path.push(Ident::new("*"));
                let (mut resolved, _) = self.scope.resolve(&path);
                resolved.pop();
                *name = ObjectName::from(resolved);
                Ok(())
            }
            SelectItemQualifiedWildcardKind::Expr(expr) => self.expression(expr),
        }
    }

    fn wildcard_options(&mut self, options: &mut WildcardAdditionalOptions) -> Result<()> {
        if let Some(except) = &mut options.opt_except {
            except.first_element = lowered(&except.first_element);
            for element in &mut except.additional_elements {
                *element = lowered(element);
            }
        }
        if let Some(replace) = &mut options.opt_replace {
            for item in &mut replace.items {
                self.expression(&mut item.expr)?;
                item.column_name = lowered(&item.column_name);
            }
        }
        Ok(())
    }

    pub(super) fn order_by(&mut self, items: &mut [OrderByExpr]) -> Result<()> {
        for item in items {
            self.expression(&mut item.expr)?;
        }
        Ok(())
    }

    fn limit(&mut self, limit: &mut LimitClause) -> Result<()> {
        match limit {
            LimitClause::LimitOffset { limit, offset, limit_by } => {
                if let Some(limit) = limit {
                    self.count(limit, "LIMIT")?;
                }
                if let Some(offset) = offset {
                    self.count(&mut offset.value, "OFFSET")?;
                }
                self.expressions(limit_by)
            }
            LimitClause::OffsetCommaLimit { offset, limit } => {
                self.count(offset, "OFFSET")?;
                self.count(limit, "LIMIT")
            }
        }
    }

    /// A number of rows. DataFusion takes NULL for all.
    fn count(&mut self, count: &mut Expr, clause: &str) -> Result<()> {
        let span = self.span_of(count);
        self.expression(count)?;
        match count {
            Expr::Value(value) if value.value == Value::Null => {
                Err(Diagnostic::error(Code::Invalid, format!("{clause} is NULL"))
                    .at(span)
                    .hint("It is a number of rows: 0 or more."))
            }
            _ => Ok(()),
        }
    }
}

/// DataFusion wants `SELECT DISTINCT upper(a) AS f0_ … ORDER BY upper(a)` ordered by `f0_`.
fn order_distinct_by_alias(select: &Select, items: &mut [OrderByExpr]) {
    if select.distinct.is_none() {
        return;
    }
    for item in items {
        let same = select.projection.iter().find_map(|selected| match selected {
            SelectItem::ExprWithAlias { expr, alias } if *expr == item.expr => Some(alias.clone()),
            _ => None,
        });
        if let Some(alias) = same {
            item.expr = Expr::Identifier(alias);
        }
    }
}

/// The names of the result's columns as they are spelled: of the left-most SELECT.
pub(super) fn headers(query: &Query) -> Headers {
    let mut anonymous = 0;
    let name = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) => {
            Some(implied_name(expr).unwrap_or_else(|| next_anonymous(&mut anonymous)))
        }
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        SelectItem::ExprWithAliases { .. } | SelectItem::QualifiedWildcard(..) | SelectItem::Wildcard(_) => {
            None
        }
    };
    Headers {
        items: leftmost(query).map_or_else(Vec::new, |select| select.projection.iter().map(name).collect()),
    }
}

/// Fails if two columns of the result are given the same name: only names that are both written.
pub(super) fn refuse_duplicate_aliases(query: &Query, whole: Span) -> Result<()> {
    let Some(select) = leftmost(query) else { return Ok(()) };
    let mut seen: Vec<String> = Vec::new();
    for item in &select.projection {
        let SelectItem::ExprWithAlias { alias, .. } = item else { continue };
        let name = alias.value.to_lowercase();
        if seen.contains(&name) {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("two columns of the result are called {:?}", alias.value),
            )
            .at(crate::parse::place(alias.span).unwrap_or(whole))
            .hint("Column names do not differ by case. Give one of them another alias."));
        }
        seen.push(name);
    }
    Ok(())
}

fn leftmost(query: &Query) -> Option<&Select> {
    let mut body = query.body.as_ref();
    loop {
        body = match body {
            SetExpr::Select(select) => return Some(select),
            SetExpr::Query(query) => query.body.as_ref(),
            SetExpr::SetOperation { left, .. } => left,
            _ => return None,
        };
    }
}

/// The name that GoogleSQL gives a column without alias: the last step of a path.
fn implied_name(expr: &Expr) -> Option<String> {
    use sqlparser::ast::AccessExpr;
    match expr {
        Expr::Identifier(ident) => Some(ident.value.clone()),
        Expr::CompoundIdentifier(path) => path.last().map(|ident| ident.value.clone()),
        Expr::CompoundFieldAccess { access_chain, .. } => match access_chain.last() {
            Some(AccessExpr::Dot(Expr::Identifier(ident))) => Some(ident.value.clone()),
            _ => None,
        },
        Expr::Nested(expr) => implied_name(expr),
        _ => None,
    }
}

fn next_anonymous(count: &mut usize) -> String {
    *count += 1;
    format!("f{}_", *count - 1)
}
