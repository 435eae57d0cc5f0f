//! What a changing filter says of the rows that are wanted, weakened to what can be said.

use std::{cmp::Ordering, collections::HashSet, sync::Arc};

use datafusion::{
    common::Column as NamedColumn,
    logical_expr::{Cast, Expr, Operator},
    physical_expr::{
        PhysicalExpr, ScalarFunctionExpr,
        expressions::{
            BinaryExpr, CaseExpr, CastExpr, Column, DynamicFilterPhysicalExpr, InListExpr, IsNotNullExpr,
            IsNullExpr, Literal, NotExpr,
        },
    },
    scalar::ScalarValue,
};

use super::Narrowed;
use crate::render::Renderer;

/// How many keys are sent at most. With more, only the smallest and the largest are.
const MOST_KEYS: usize = 100_000;

/// How deeply filters nest at most. Deeper ones say nothing.
const MAX_DEPTH: usize = 64;

/// A condition that holds at least wherever the filter does.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wanted {
    /// Every row.
    All,
    /// No row.
    Nothing,
    /// Rows that each of these wants.
    Every(Vec<Wanted>),
    /// Rows that one of these wants.
    Either(Vec<Wanted>),
    /// Rows whose key is known.
    Key(Key),
    /// Rows for which this holds.
    Condition(Expr),
}

/// What is known of a key: that it is not NULL, and more.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    key: Expr,
    /// One of these, none of which is NULL.
    values: Option<Vec<ScalarValue>>,
    /// At least this.
    low: Option<ScalarValue>,
    /// At most this.
    high: Option<ScalarValue>,
}

/// What `filter` says now.
pub(super) fn wanted(filter: &Arc<dyn PhysicalExpr>) -> Wanted {
    weakened(filter, 0)
}

fn weakened(filter: &Arc<dyn PhysicalExpr>, depth: usize) -> Wanted {
    if depth >= MAX_DEPTH {
        return Wanted::All;
    }
    let depth = depth + 1;
    if let Some(dynamic) = filter.downcast_ref::<DynamicFilterPhysicalExpr>() {
        return dynamic.current().map_or(Wanted::All, |current| weakened(&current, depth));
    }
    if let Some(literal) = filter.downcast_ref::<Literal>() {
        return match literal.value() {
            ScalarValue::Boolean(Some(true)) => Wanted::All,
            // A row is wanted where the filter is true; NULL is not.
            ScalarValue::Boolean(_) => Wanted::Nothing,
            _ => Wanted::All,
        };
    }
    if let Some(binary) = filter.downcast_ref::<BinaryExpr>() {
        let both = || [weakened(binary.left(), depth), weakened(binary.right(), depth)];
        match binary.op() {
            Operator::And => return every(both()),
            Operator::Or => return either(both()),
            Operator::GtEq => {
                if let Some((key, low)) = key_and_literal(binary) {
                    return Wanted::Key(Key { key, values: None, low: Some(low), high: None });
                }
            }
            Operator::LtEq => {
                if let Some((key, high)) = key_and_literal(binary) {
                    return Wanted::Key(Key { key, values: None, low: None, high: Some(high) });
                }
            }
            _ => {}
        }
    }
    if let Some(list) = filter.downcast_ref::<InListExpr>().filter(|list| !list.negated()) {
        return listed(list).unwrap_or(Wanted::All);
    }
    // Whatever decides between the branches, the value is that of one of them: a join over several
    // partitions sends each row to the branch of its partition.
    if let Some(case) = filter.downcast_ref::<CaseExpr>() {
        let branches = case.when_then_expr().iter().map(|(_, then)| then).chain(case.else_expr());
        return union(branches.map(|branch| weakened(branch, depth)).collect());
    }
    condition(filter, depth).map_or(Wanted::All, Wanted::Condition)
}

fn key_and_literal(binary: &BinaryExpr) -> Option<(Expr, ScalarValue)> {
    let literal = binary.right().downcast_ref::<Literal>()?.value();
    if literal.is_null() {
        return None;
    }
    Some((condition(binary.left(), 0)?, literal.clone()))
}

/// `k IN (…)`, or of several keys `struct(k, l) IN (…)`: then what each may be by itself.
fn listed(list: &InListExpr) -> Option<Wanted> {
    let values = list
        .list()
        .iter()
        .map(|value| Some(value.downcast_ref::<Literal>()?.value().clone()))
        .collect::<Option<Vec<_>>>()?;
    let Some(keys) = list.expr().downcast_ref::<ScalarFunctionExpr>() else {
        return Some(one_of(condition(list.expr(), 0)?, values));
    };
    if keys.name() != "struct" {
        return None;
    }
    let mut all = Vec::new();
    for (index, key) in keys.args().iter().enumerate() {
        let Some(key) = condition(key, 0) else { continue };
        let parts = values.iter().map(|value| match value {
            ScalarValue::Struct(value) => ScalarValue::try_from_array(value.columns().get(index)?, 0).ok(),
            _ => None,
        });
        let Some(parts) = parts.collect::<Option<Vec<_>>>() else { continue };
        all.push(one_of(key, parts));
    }
    Some(every(all))
}

/// A NULL among the values makes no row equal to it: where a join holds NULLs for equal, it says so beside.
fn one_of(key: Expr, values: Vec<ScalarValue>) -> Wanted {
    let mut seen = HashSet::with_capacity(values.len());
    let mut values: Vec<ScalarValue> =
        values.into_iter().filter(|value| !value.is_null() && seen.insert(value.clone())).collect();
    if values.is_empty() {
        return Wanted::Nothing;
    }
    // In order, so that the source reads its index from one end to the other.
    values.sort_by(|one, other| one.partial_cmp(other).unwrap_or(Ordering::Equal));
    Wanted::Key(Key { key, values: Some(values), low: None, high: None })
}

/// What all of them want. What is known of one key is put together.
fn every(parts: impl IntoIterator<Item = Wanted>) -> Wanted {
    let mut all: Vec<Wanted> = Vec::new();
    for part in parts {
        let part = match part {
            Wanted::All => continue,
            Wanted::Nothing => return Wanted::Nothing,
            Wanted::Every(parts) => parts,
            part => vec![part],
        };
        for part in part {
            let Wanted::Key(new) = &part else {
                all.push(part);
                continue;
            };
            let known = all.iter_mut().find_map(|known| match known {
                Wanted::Key(known) if known.key == new.key && known.complements(new) => Some(known),
                _ => None,
            });
            match known {
                Some(known) => known.complete(new),
                None => all.push(part),
            }
        }
    }
    match all.len() {
        0 => Wanted::All,
        1 => all.remove(0),
        _ => Wanted::Every(all),
    }
}

impl Key {
    /// Whether nothing is known twice.
    fn complements(&self, other: &Key) -> bool {
        !(self.values.is_some() && other.values.is_some()
            || self.low.is_some() && other.low.is_some()
            || self.high.is_some() && other.high.is_some())
    }

    fn complete(&mut self, other: &Key) {
        self.values = self.values.take().or_else(|| other.values.clone());
        self.low = self.low.take().or_else(|| other.low.clone());
        self.high = self.high.take().or_else(|| other.high.clone());
    }
}

fn either(parts: impl IntoIterator<Item = Wanted>) -> Wanted {
    let mut all = Vec::new();
    for part in parts {
        match part {
            Wanted::All => return Wanted::All,
            Wanted::Nothing => {}
            part => all.push(part),
        }
    }
    match all.len() {
        0 => Wanted::Nothing,
        1 => all.remove(0),
        _ => Wanted::Either(all),
    }
}

/// What one of the branches wants, key by key: the values of all, from the least to the greatest. That
/// is more than the branches want, and less to say.
fn union(branches: Vec<Wanted>) -> Wanted {
    let mut keys: Option<Vec<Key>> = None;
    for branch in branches {
        let branch: Vec<Key> = match branch {
            Wanted::Nothing => continue,
            Wanted::Key(key) => vec![key],
            Wanted::Every(parts) => {
                let key = |part| if let Wanted::Key(key) = part { Some(key) } else { None };
                parts.into_iter().filter_map(key).collect()
            }
            Wanted::All | Wanted::Either(_) | Wanted::Condition(_) => return Wanted::All,
        };
        let Some(known) = &mut keys else {
            keys = Some(branch);
            continue;
        };
        // Only what is known in every branch is known.
        known.retain_mut(|known| {
            branch.iter().find(|other| other.key == known.key).is_some_and(|other| known.widen(other))
        });
    }
    match keys {
        None => Wanted::Nothing,
        Some(keys) => every(keys.into_iter().map(|key| match key.values {
            Some(values) => match one_of(key.key, values) {
                Wanted::Key(one_of) => Wanted::Key(Key { low: key.low, high: key.high, ..one_of }),
                other => other,
            },
            None => Wanted::Key(key),
        })),
    }
}

impl Key {
    /// Takes in what another branch says. False if nothing is known then.
    fn widen(&mut self, other: &Key) -> bool {
        self.values = match (self.values.take(), &other.values) {
            (Some(mut values), Some(more)) => {
                values.extend_from_slice(more);
                Some(values)
            }
            _ => None,
        };
        self.low = extreme(self.low.take(), other.low.as_ref(), Ordering::Less);
        self.high = extreme(self.high.take(), other.high.as_ref(), Ordering::Greater);
        self.values.is_some() || self.low.is_some() || self.high.is_some()
    }
}

/// The one of two that is farther out; `None` if one is not known or they do not compare.
fn extreme(one: Option<ScalarValue>, other: Option<&ScalarValue>, wanted: Ordering) -> Option<ScalarValue> {
    let (one, other) = (one?, other?);
    match one.partial_cmp(other)? {
        ordering if ordering == wanted || ordering == Ordering::Equal => Some(one),
        _ => Some(other.clone()),
    }
}

/// The same expression over the columns' names, or `None`: exact, never weakened.
fn condition(expr: &Arc<dyn PhysicalExpr>, depth: usize) -> Option<Expr> {
    if depth >= MAX_DEPTH {
        return None;
    }
    let depth = depth + 1;
    if let Some(column) = expr.downcast_ref::<Column>() {
        return Some(Expr::Column(NamedColumn::new_unqualified(column.name())));
    }
    if let Some(literal) = expr.downcast_ref::<Literal>() {
        return Some(Expr::Literal(literal.value().clone(), None));
    }
    if let Some(cast) = expr.downcast_ref::<CastExpr>() {
        let inner = condition(cast.expr(), depth)?;
        return Some(Expr::Cast(Cast::new(Box::new(inner), cast.cast_type().clone())));
    }
    if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
        let (left, right) = (condition(binary.left(), depth)?, condition(binary.right(), depth)?);
        return Some(datafusion::logical_expr::binary_expr(left, *binary.op(), right));
    }
    if let Some(is_null) = expr.downcast_ref::<IsNullExpr>() {
        return Some(condition(is_null.arg(), depth)?.is_null());
    }
    if let Some(is_not_null) = expr.downcast_ref::<IsNotNullExpr>() {
        return Some(condition(is_not_null.arg(), depth)?.is_not_null());
    }
    if let Some(not) = expr.downcast_ref::<NotExpr>() {
        return Some(Expr::Not(Box::new(condition(not.arg(), depth)?)));
    }
    None
}

impl Wanted {
    /// In the source's SQL, as far as it can be said there.
    pub(super) fn rendered(&self, renderer: &Renderer<'_>) -> Narrowed {
        match self {
            Wanted::All => Narrowed::All,
            Wanted::Nothing => Narrowed::Nothing,
            Wanted::Condition(condition) => where_(renderer, condition),
            Wanted::Key(key) => key.rendered(renderer),
            Wanted::Every(parts) => {
                let mut conditions = Vec::new();
                for part in parts {
                    match part.rendered(renderer) {
                        Narrowed::All => {}
                        Narrowed::Nothing => return Narrowed::Nothing,
                        Narrowed::Where(condition) => conditions.push(condition),
                    }
                }
                joined(conditions, " AND ").map_or(Narrowed::All, Narrowed::Where)
            }
            Wanted::Either(parts) => {
                let mut conditions = Vec::new();
                for part in parts {
                    match part.rendered(renderer) {
                        Narrowed::All => return Narrowed::All,
                        Narrowed::Nothing => {}
                        Narrowed::Where(condition) => conditions.push(condition),
                    }
                }
                joined(conditions, " OR ").map_or(Narrowed::Nothing, Narrowed::Where)
            }
        }
    }
}

impl Key {
    /// The values if they can be sent, else the bounds.
    fn rendered(&self, renderer: &Renderer<'_>) -> Narrowed {
        let values = self.values.as_ref().filter(|values| values.len() <= MOST_KEYS);
        if let Some(members) = values.and_then(|values| renderer.members(&self.key, values)) {
            return Narrowed::Where(members.into());
        }
        // The values are in order.
        let (least, greatest) = self.values.as_ref().map_or((None, None), |all| (all.first(), all.last()));
        let (low, high) = (self.low.as_ref().or(least), self.high.as_ref().or(greatest));
        let bound = |operator, bound: Option<&ScalarValue>| {
            let literal = Expr::Literal(bound?.clone(), None);
            let condition = datafusion::logical_expr::binary_expr(self.key.clone(), operator, literal);
            renderer.predicate(&condition).map(|predicate| Arc::from(predicate.sql))
        };
        let bounds: Vec<Arc<str>> =
            [bound(Operator::GtEq, low), bound(Operator::LtEq, high)].into_iter().flatten().collect();
        joined(bounds, " AND ").map_or(Narrowed::All, Narrowed::Where)
    }
}

fn where_(renderer: &Renderer<'_>, condition: &Expr) -> Narrowed {
    renderer.predicate(condition).map_or(Narrowed::All, |predicate| Narrowed::Where(predicate.sql.into()))
}

fn joined(conditions: Vec<Arc<str>>, word: &str) -> Option<Arc<str>> {
    match conditions.as_slice() {
        [] => None,
        [one] => Some(Arc::clone(one)),
        _ => Some(format!("({})", conditions.join(word)).into()),
    }
}
