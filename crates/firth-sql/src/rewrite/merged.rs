//! Columns that `JOIN … USING` makes of two.
//!
//! In GoogleSQL `id` after `a FULL JOIN b USING (id)` is a's, or b's where a has no row; after a RIGHT JOIN it is b's. It comes first in `*`, once.
//! DataFusion (55.2) takes the first table's for `id`, and in `*` that of the table whose name sorts first, whatever kind of join it is. So
//! the name is replaced by what it stands for, `*` is written out table by table, and a join by more than a column becomes one by ON.
//!
//! Which table of several on one side has the column is not known here: then USING is left to DataFusion where it does no harm, and refused
//! where it would.

use firth_diagnostic::{Code, Diagnostic, Result, Span};
use sqlparser::ast::{
    BinaryOperator, ExceptSelectItem, Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName,
    OrderByExpr, Select, SelectItem, SelectItemQualifiedWildcardKind, WildcardAdditionalOptions,
};

use super::scope::lowered;
use super::tables::idents;
use super::{Rewriter, build};

/// What `*` is made of, in order: one list for each FROM.
#[derive(Clone)]
pub(super) enum Part {
    /// The columns of a table, by its alias, but those that are merged.
    Table(String),
    Merged(Box<Merged>),
}

/// A column of two tables or more.
#[derive(Clone)]
pub(super) struct Merged {
    /// In lower case.
    name: String,
    value: Expr,
    /// Whose columns of this name are in it.
    tables: Vec<String>,
}

/// The parts of one FROM.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) list: Vec<Part>,
    /// A join that keeps rows without a partner, of whose column the table is not known.
    unknown: bool,
    /// A join that keeps pairs only, of whose column the table is not known.
    unknown_pairs: bool,
    /// A join that keeps rows without a partner.
    outer: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Keeps {
    Pairs,
    Left,
    Right,
    Both,
}

impl Parts {
    /// What an unqualified name stands for, if USING has made it.
    pub(super) fn merged(&self, name: &str) -> Option<&Expr> {
        self.list.iter().find_map(|part| match part {
            Part::Merged(merged) if merged.name == name => Some(&merged.value),
            _ => None,
        })
    }

    fn merges(&self) -> impl Iterator<Item = &Merged> {
        self.list.iter().filter_map(|part| match part {
            Part::Merged(merged) => Some(merged.as_ref()),
            Part::Table(_) => None,
        })
    }
}

/// The column `name` of one side of a join, if it is clear whose it is.
fn owned(side: &[Part], name: &Ident) -> Option<(Expr, Vec<String>)> {
    let mut tables = Vec::new();
    for part in side {
        match part {
            Part::Merged(merged) if merged.name == name.value => {
                return Some((merged.value.clone(), merged.tables.clone()));
            }
            Part::Merged(_) => {}
            Part::Table(alias) => tables.push(alias),
        }
    }
    let [table] = tables[..] else { return None };
    let value = Expr::CompoundIdentifier(vec![build::identifier(table), name.clone()]);
    Some((value, vec![table.clone()]))
}

fn keeps(operator: &JoinOperator) -> Keeps {
    match operator {
        JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => Keeps::Left,
        JoinOperator::Right(_) | JoinOperator::RightOuter(_) => Keeps::Right,
        JoinOperator::FullOuter(_) => Keeps::Both,
        _ => Keeps::Pairs,
    }
}

impl Rewriter<'_> {
    /// `USING (…)` of the join whose left side is the parts from `start`, and its right side those from `middle`.
    pub(super) fn using(&mut self, join: &mut Join, start: usize, middle: usize) -> Result<()> {
        let span = self.span_of(&join.relation);
        let keeps = keeps(&join.join_operator);
        let constraint = match &mut join.join_operator {
            JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::Left(constraint)
            | JoinOperator::LeftOuter(constraint)
            | JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint)
            | JoinOperator::FullOuter(constraint) => constraint,
            _ => return Ok(()),
        };
        let JoinConstraint::Using(columns) = constraint else { return Ok(()) };
        let names: Vec<Ident> = columns.iter().flat_map(idents).map(|ident| lowered(&ident)).collect();
        *columns = names.iter().map(|name| ObjectName::from(vec![name.clone()])).collect();
        let parts = self.scope.parts();
        parts.outer |= keeps != Keeps::Pairs;
        let (left, right) = parts.list[start..].split_at(middle - start);
        let mut made = Vec::new();
        let mut condition: Option<Expr> = None;
        let mut by_on = matches!(keeps, Keeps::Right | Keeps::Both);
        for name in &names {
            let (Some((ours, tables)), Some((theirs, others))) = (owned(left, name), owned(right, name))
            else {
                if matches!(keeps, Keeps::Right | Keeps::Both) {
                    return Err(unclear(name, span));
                }
                parts.unknown |= keeps == Keeps::Left;
                parts.unknown_pairs |= keeps == Keeps::Pairs;
                return Ok(());
            };
            by_on |= ![&ours, &theirs].iter().all(|value| matches!(value, Expr::CompoundIdentifier(_)));
            let equal = build::binary(ours.clone(), BinaryOperator::Eq, theirs.clone());
            condition = Some(match condition {
                Some(condition) => build::binary(condition, BinaryOperator::And, equal),
                None => equal,
            });
            let value = match keeps {
                Keeps::Pairs | Keeps::Left => ours,
                Keeps::Right => theirs,
                Keeps::Both => build::call("coalesce", [ours, theirs]),
            };
            let tables = tables.into_iter().chain(others).collect();
            made.push(Part::Merged(Box::new(Merged { name: name.value.clone(), value, tables })));
        }
        if let (true, Some(condition)) = (by_on, condition) {
            *constraint = JoinConstraint::On(condition);
        }
        let again = |part: &Part| matches!(part, Part::Merged(merged) if names.iter().any(|name| name.value == merged.name));
        let rest: Vec<Part> = parts.list.drain(start..).filter(|part| !again(part)).collect();
        parts.list.extend(made);
        parts.list.extend(rest);
        Ok(())
    }

    /// Writes `*` out, if there is a USING behind it.
    pub(super) fn write_stars_out(&mut self, select: &mut Select) -> Result<()> {
        let parts = self.scope.parts();
        let unknown = parts.unknown || parts.unknown_pairs && parts.outer;
        // Of pairs both columns are equal: which one DataFusion shows is the same.
        if !unknown && (parts.unknown_pairs || parts.merges().next().is_none()) {
            return Ok(());
        }
        let mut items = Vec::with_capacity(select.projection.len());
        for item in std::mem::take(&mut select.projection) {
            let SelectItem::Wildcard(options) = &item else {
                items.push(item);
                continue;
            };
            let plain = options.opt_except.is_none() && options.opt_replace.is_none();
            let parts = self.scope.parts();
            if unknown || (!plain && parts.outer) {
                let message = if plain {
                    "* over this USING"
                } else {
                    "* EXCEPT and * REPLACE over an outer join USING"
                };
                return Err(Diagnostic::error(
                    Code::Unsupported,
                    format!("{message} is not in this version"),
                )
                .at(self.span_of(&options.wildcard_token.0))
                .hint("Write a star for each table, t.*, or name the columns."));
            }
            if plain {
                items.extend(parts.written_out());
            } else {
                items.push(item);
            }
        }
        select.projection = items;
        Ok(())
    }

    /// ORDER BY takes a name for the result's column before it takes it for a table's.
    pub(super) fn order_result_by(&mut self, select: &Select, items: &mut [OrderByExpr]) -> Result<()> {
        let named = |ident: &Ident| {
            select.projection.iter().any(|item| match item {
                SelectItem::ExprWithAlias { alias, .. } => alias.value == ident.value.to_lowercase(),
                _ => false,
            })
        };
        for item in items {
            match &mut item.expr {
                Expr::Identifier(ident) if named(ident) => *ident = lowered(ident),
                expr => self.expression(expr)?,
            }
        }
        Ok(())
    }
}

impl Parts {
    fn written_out(&self) -> Vec<SelectItem> {
        let item = |part: &Part| match part {
            Part::Merged(merged) => match &merged.value {
                value @ Expr::CompoundIdentifier(_) => SelectItem::UnnamedExpr(value.clone()),
                value => {
                    SelectItem::ExprWithAlias { expr: value.clone(), alias: build::identifier(&merged.name) }
                }
            },
            Part::Table(alias) => {
                let mut merged = self
                    .merges()
                    .filter(|merged| merged.tables.contains(alias))
                    .map(|merged| build::identifier(&merged.name));
                let opt_except = merged.next().map(|first_element| ExceptSelectItem {
                    first_element,
                    additional_elements: merged.collect(),
                });
                let options =
                    WildcardAdditionalOptions { opt_except, ..WildcardAdditionalOptions::default() };
                let table = SelectItemQualifiedWildcardKind::ObjectName(build::object_name(alias));
                SelectItem::QualifiedWildcard(table, options)
            }
        };
        self.list.iter().map(item).collect()
    }
}

fn unclear(name: &Ident, span: Span) -> Diagnostic {
    let message =
        format!("which of the tables before this RIGHT or FULL JOIN has {:?} is not known", name.value);
    Diagnostic::error(Code::Unsupported, message)
        .at(crate::parse::place(name.span).unwrap_or(span))
        .hint("Write ON a.x = b.x, or put the tables before the join into a subquery.")
}
