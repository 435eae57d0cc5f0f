//! `IN (SELECT …)` with NULLs, where it is not a condition by itself.
//!
//! `x IN (S)` is NULL where no row of S is equal to x and one of them, or x, is NULL. DataFusion (55.2) makes a join of
//! it that answers TRUE or FALSE. That is the same where FALSE and NULL are: for `IN` below AND and OR. For `NOT IN` it
//! has a join that knows NULL, but only as a condition by itself and of an S that names no column of the outer query.
//! Elsewhere rows came that must not. So an analyzer rule asks there for what it means, by joins that are
//! right with NULLs:
//!
//! ```text
//! x NOT IN (S)   ⇒   NOT EXISTS (S WHERE s = x) AND NOT EXISTS (S WHERE s IS NULL)
//!                    AND (x IS NOT NULL OR NOT EXISTS (S))
//! ```
//!
//! A NOT before AND and OR goes to their parts. Where TRUE, FALSE and NULL are three things, as before `IS NULL`,
//! a CASE tells them apart.

use std::{cell::Cell, sync::Arc};

use datafusion::{
    common::{
        Column, DFSchema, ExprSchema, ScalarValue,
        config::ConfigOptions,
        tree_node::{Transformed, TreeNode},
    },
    error::Result,
    logical_expr::{
        BinaryExpr, Expr, ExprSchemable, Filter, LogicalPlan, LogicalPlanBuilder, Operator,
        expr::InSubquery,
        lit, not_exists,
        utils::{conjunction, split_conjunction},
        when,
    },
    optimizer::AnalyzerRule,
};

/// The rule.
#[derive(Debug)]
pub(crate) struct MembershipWithNulls;

impl AnalyzerRule for MembershipWithNulls {
    fn name(&self) -> &'static str {
        "membership_with_nulls"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let made = Cell::new(0);
        let rewritten = plan.transform_up_with_subqueries(|plan| {
            let LogicalPlan::Filter(Filter { predicate, input, .. }) = &plan else {
                return Ok(Transformed::no(plan));
            };
            if !has_membership(predicate)? {
                return Ok(Transformed::no(plan));
            }
            let rewriting = Rewriting { schema: input.schema(), made: &made };
            let parts: Vec<Expr> = split_conjunction(predicate)
                .into_iter()
                .map(|part| rewriting.part(part))
                .collect::<Result<_>>()?;
            match conjunction(parts) {
                Some(changed) if changed != *predicate => {
                    Ok(Transformed::yes(LogicalPlan::Filter(Filter::try_new(changed, Arc::clone(input))?)))
                }
                _ => Ok(Transformed::no(plan)),
            }
        })?;
        Ok(rewritten.data)
    }
}

/// Whether `IN (SELECT …)` is in it.
fn has_membership(expr: &Expr) -> Result<bool> {
    expr.exists(|part| Ok(matches!(part, Expr::InSubquery(_))))
}

/// Whether a subquery is in it.
fn has_subquery(expr: &Expr) -> Result<bool> {
    expr.exists(|part| Ok(matches!(part, Expr::InSubquery(_) | Expr::Exists(_) | Expr::ScalarSubquery(_))))
}

/// The same with the other answer.
fn inverted(membership: &InSubquery) -> InSubquery {
    InSubquery { negated: !membership.negated, ..membership.clone() }
}

/// Whether there is none of these rows of a subquery. Where they are the same for all rows of the outer query, one is enough.
fn no_row(membership: &InSubquery, rows: LogicalPlanBuilder) -> Result<Expr> {
    let is_correlated = !membership.subquery.outer_ref_columns.is_empty();
    let rows = if is_correlated { rows } else { rows.limit(0, Some(1))? };
    Ok(not_exists(Arc::new(rows.build()?)))
}

/// What is rewritten in one filter.
struct Rewriting<'a> {
    /// What the filter reads.
    schema: &'a DFSchema,
    /// How many subqueries have been given a name.
    made: &'a Cell<usize>,
}

impl Rewriting<'_> {
    /// A condition by itself.
    fn part(&self, expr: &Expr) -> Result<Expr> {
        let membership = match expr {
            Expr::InSubquery(membership) => Some(membership.clone()),
            Expr::Not(inner) => match inner.as_ref() {
                Expr::InSubquery(membership) => Some(inverted(membership)),
                _ => None,
            },
            _ => None,
        };
        match membership {
            // DataFusion's join knows NULL.
            Some(one) if one.negated && one.subquery.outer_ref_columns.is_empty() => Ok(expr.clone()),
            _ => self.when(true, expr),
        }
    }

    /// A condition that is TRUE where `expr` is `wanted`. FALSE and NULL are the same to whoever asks.
    fn when(&self, wanted: bool, expr: &Expr) -> Result<Expr> {
        match expr {
            Expr::Not(inner) => self.when(!wanted, inner),
            Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right })
                if has_membership(expr)? =>
            {
                let (left, right) = (self.when(wanted, left)?, self.when(wanted, right)?);
                Ok(if (*op == Operator::And) == wanted { left.and(right) } else { left.or(right) })
            }
            Expr::InSubquery(membership) if membership.negated != wanted => {
                Ok(Expr::InSubquery(InSubquery { negated: false, ..membership.clone() }))
            }
            Expr::InSubquery(membership) => self.is_none(membership),
            other => {
                let other = self.exact(other)?;
                Ok(if wanted { other } else { Expr::Not(Box::new(other)) })
            }
        }
    }

    /// The same with NULL where it is NULL.
    fn exact(&self, expr: &Expr) -> Result<Expr> {
        let rewritten = expr.clone().transform_up(|part| {
            let Expr::InSubquery(membership) = &part else { return Ok(Transformed::no(part)) };
            let is_one = Expr::InSubquery(InSubquery { negated: false, ..membership.clone() });
            let told = when(is_one, lit(!membership.negated))
                .when(self.is_none(membership)?, lit(membership.negated))
                .otherwise(lit(ScalarValue::Boolean(None)))?;
            Ok(Transformed::yes(told))
        })?;
        Ok(rewritten.data)
    }

    /// A condition that is TRUE where the value is certainly none of the subquery's, and FALSE elsewhere.
    fn is_none(&self, membership: &InSubquery) -> Result<Expr> {
        let InSubquery { expr, subquery, .. } = membership;
        if has_subquery(expr)? {
            return Ok(Expr::InSubquery(InSubquery { negated: true, ..membership.clone() }));
        }
        let field = subquery.subquery.schema().field(0);
        let value = self.within(expr)?;
        let (name, equal) = self.named(&subquery.subquery)?;
        let mut is_none = not_exists(Arc::new(equal.filter(name.eq(value))?.build()?));
        if field.is_nullable() {
            let (name, unknown) = self.named(&subquery.subquery)?;
            is_none = is_none.and(no_row(membership, unknown.filter(name.is_null())?)?);
        }
        if expr.nullable(self.schema)? {
            let (_, all) = self.named(&subquery.subquery)?;
            is_none = is_none.and(expr.as_ref().clone().is_not_null().or(no_row(membership, all)?));
        }
        Ok(is_none)
    }

    /// The subquery, and its column under a name that nothing else has: the outer query may read the same table.
    fn named(&self, subquery: &Arc<LogicalPlan>) -> Result<(Expr, LogicalPlanBuilder)> {
        let name = format!("__membership_{}", self.made.get());
        self.made.set(self.made.get() + 1);
        let column = Expr::Column(Column::from(subquery.schema().qualified_field(0)));
        let named = LogicalPlanBuilder::from(Arc::clone(subquery)).project([column.alias(name.as_str())])?;
        Ok((Expr::Column(Column::new_unqualified(name)), named))
    }

    /// An expression of the outer query as the subquery names it.
    fn within(&self, expr: &Expr) -> Result<Expr> {
        let named = expr.clone().transform_up(|part| match part {
            Expr::Column(column) => {
                let field = Arc::clone(self.schema.field_from_column(&column)?);
                Ok(Transformed::yes(Expr::OuterReferenceColumn(field, column)))
            }
            other => Ok(Transformed::no(other)),
        })?;
        Ok(named.data)
    }
}
