//! Joins by equal keys, and semi and anti joins as EXISTS.

use datafusion::{
    common::{JoinType, NullEquality},
    logical_expr::{Expr, Join, LogicalPlan},
};

use super::{
    compose::{Composed, Composer, Refusal, column, exact, own},
    select::{Estimate, From, Select},
};
use crate::render::{Renderer, Scope, ScopeColumn};

/// How many rows of one side find one on the other.
const MATCHED: f64 = 0.5;

/// What of the sides comes out.
enum Kind {
    Inner,
    /// Every row of the first side.
    Outer,
    /// Rows of the first side, once, that have a match or, if negated, have none.
    Exists {
        negated: bool,
    },
}

impl Composer {
    pub(super) fn join(&self, join: &Join) -> Composed {
        // Both are asked, so that what stands below is heard of.
        let (left, right) = (self.below(&join.left), self.below(&join.right));
        let (left, right) = match (left, right) {
            (Ok(left), Ok(right)) => (left, right),
            (Err(Refusal::Elsewhere), Ok(_)) | (Ok(_), Err(Refusal::Elsewhere)) => {
                return Err(own("one of its sides does not lie at this source"));
            }
            (Err(refusal), _) | (_, Err(refusal)) => return Err(refusal),
        };
        if left.remote != right.remote {
            return Err(Refusal::Own(format!(
                "its sides lie on two connections, {} and {}",
                left.remote, right.remote
            )));
        }
        if join.null_aware {
            return Err(own("NOT IN with NULLs is done here"));
        }
        if join.null_equality == NullEquality::NullEqualsNull {
            return Err(own("a join that holds NULLs for equal is done here"));
        }
        if join.on.is_empty() {
            return Err(own("a join without equal keys is done here: it could make any number of rows"));
        }
        let (left, right) = (left.plain(|| self.alias()), right.plain(|| self.alias()));
        let (kind, swapped) = match join.join_type {
            JoinType::Inner => (Kind::Inner, false),
            JoinType::Left => (Kind::Outer, false),
            JoinType::Right => (Kind::Outer, true),
            JoinType::LeftSemi => (Kind::Exists { negated: false }, false),
            JoinType::LeftAnti => (Kind::Exists { negated: true }, false),
            JoinType::RightSemi => (Kind::Exists { negated: false }, true),
            JoinType::RightAnti => (Kind::Exists { negated: true }, true),
            JoinType::Full | JoinType::LeftMark | JoinType::RightMark => {
                return Err(Refusal::Own(format!("a {} join is done here", join.join_type)));
            }
        };
        let (mut first, mut second) = if swapped { (right, left) } else { (left, right) };
        // Where there is no match the columns of the second side are NULL, which a computed one would not be.
        if matches!(kind, Kind::Outer) && second.columns.columns().iter().any(|column| column.computed) {
            second = second.nested(&self.alias());
        }
        first.ordered = false;
        let on = self.conditions(join, &first, &second)?;
        let keys = |of_first: bool| -> Vec<&ScopeColumn> {
            let of = if of_first { &first } else { &second };
            let left = of_first != swapped;
            let sides = join.on.iter().map(|(one, other)| if left { one } else { other });
            sides.filter_map(|key| Some(of.columns.column(of.columns.index_of(column(key)?)?))).collect()
        };
        let estimate = estimate(&kind, (&first.estimate, &keys(true)), (&second.estimate, &keys(false)));
        let outputs = |one: &Select, other: &Select| -> Vec<ScopeColumn> {
            one.columns.columns().iter().chain(other.columns.columns()).cloned().collect()
        };
        Ok(match kind {
            Kind::Inner => {
                let columns = if swapped { outputs(&second, &first) } else { outputs(&first, &second) };
                let text =
                    format!("{} JOIN {} ON {}", first.from.side(), second.from.side(), on.join(" AND "));
                first.conditions.extend(second.conditions);
                Select { columns: Scope::new(columns), from: From::Joined(text), estimate, ..first }
            }
            Kind::Outer => {
                let columns = if swapped { outputs(&second, &first) } else { outputs(&first, &second) };
                // The second side's own conditions choose its rows before they are matched.
                let on: Vec<String> = on.into_iter().chain(second.conditions.iter().cloned()).collect();
                let (one, other) = (first.from.side(), second.from.side());
                let text = format!("{one} LEFT JOIN {other} ON {}", on.join(" AND "));
                Select { columns: Scope::new(columns), from: From::Joined(text), estimate, ..first }
            }
            Kind::Exists { negated } => {
                let on: Vec<String> = on.into_iter().chain(second.conditions.iter().cloned()).collect();
                let not = if negated { "NOT " } else { "" };
                let exists =
                    format!("{not}EXISTS (SELECT 1 FROM {} WHERE {})", second.from.side(), on.join(" AND "));
                first.conditions.push(exists);
                Select { estimate, ..first }
            }
        })
    }

    /// What makes two rows a match.
    fn conditions(&self, join: &Join, first: &Select, second: &Select) -> Result<Vec<String>, Refusal> {
        let columns = first.columns.columns().iter().chain(second.columns.columns()).cloned().collect();
        let both = Scope::new(columns);
        let write = |plan: &LogicalPlan| self.value(plan, first);
        let renderer = Renderer::new(first.dialect(), &both).with_subqueries(&write);
        let equal = join.on.iter().map(|(left, right)| Expr::eq(left.clone(), right.clone()));
        equal.chain(join.filter.clone()).map(|condition| exact(&renderer, &condition)).collect()
    }
}

type Side<'a> = (&'a Estimate, &'a [&'a ScopeColumn]);

fn estimate(kind: &Kind, (first, first_keys): Side<'_>, (second, second_keys): Side<'_>) -> Estimate {
    let covered = |side: &Estimate, keys: &[&ScopeColumn]| {
        !side.key.is_empty() && side.key.iter().all(|column| keys.iter().any(|key| key.sql == *column))
    };
    // Each value of one side finds those of the other that are equal.
    let distinct = first_keys.iter().chain(second_keys).filter_map(|key| key.distinct_count).max();
    let matches = || Some(first.rows? * second.rows? / distinct.filter(|distinct| *distinct > 0)? as f64);
    let (rows, key) = match kind {
        Kind::Exists { .. } => (first.rows.map(|rows| rows * MATCHED), first.key.clone()),
        // Each row of the first side finds one at most.
        Kind::Inner if covered(second, second_keys) => {
            (first.rows.map(|rows| rows * second.kept), first.key.clone())
        }
        Kind::Outer if covered(second, second_keys) => (first.rows, first.key.clone()),
        Kind::Inner if covered(first, first_keys) => {
            (second.rows.map(|rows| rows * first.kept), second.key.clone())
        }
        Kind::Inner => (matches(), Vec::new()),
        Kind::Outer => (matches().and_then(|rows| Some(rows.max(first.rows?))), Vec::new()),
    };
    Estimate {
        rows,
        kept: first.kept * second.kept,
        key,
        bytes_apart: first.bytes_apart + second.bytes_apart,
        composed: true,
    }
}
