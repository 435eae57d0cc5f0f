//! Inner joins in another order, so that tables of one connection stand next to each other.
//!
//! A query names its tables in any order, and whole queries are sent of neighbours only:
//!
//! ```text
//! Join: c.nation = n.id                          Join: l.order = o.id
//!   Join: o.customer = c.id                        TableScan: lineitem       (a file)
//!     Join: l.order = o.id                    ⇒    Join: c.nation = n.id     (one query of the shop)
//!       TableScan: lineitem   (a file)               Join: o.customer = c.id
//!       TableScan: orders     (shop)                   TableScan: orders   TableScan: customers
//!     TableScan: customers    (shop)                 TableScan: nations
//!   TableScan: nations        (shop)
//! ```
//!
//! Inner joins may be done in any order, each condition where all its columns have come together. Two
//! relations of a connection are put together if they are joined by equal keys, if that is a query which
//! may be sent, and if less is estimated to travel of it than of the two apart; the pair that saves most
//! is first. What is left keeps its order. A plan of which no more is sent this way stays as it is.

use std::{collections::HashSet, sync::Arc};

use arrow::datatypes::DataType;
use datafusion::{
    common::{Column, ExprSchema, JoinConstraint, JoinType, NullEquality},
    error::Result as DataFusionResult,
    logical_expr::{
        Expr, Join, LogicalPlan, Projection,
        utils::{conjunction, split_conjunction_owned},
    },
};

use super::{
    compose::{Composer, column},
    cost::not_worth,
    select::Select,
};

/// With more relations a join is left as it is: how they go together is tried pair by pair.
const MOST_RELATIONS: usize = 24;

/// The same rows, by joins of which more can be sent, or `None`. Looks at a join that `plan` is, or that a choice
/// of columns or an aggregate reads.
pub(super) fn gathered(plan: &LogicalPlan) -> DataFusionResult<Option<LogicalPlan>> {
    match plan {
        LogicalPlan::Join(_) => joined(plan, plan.schema().columns()),
        LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) => {
            let [input] = plan.inputs()[..] else { return Ok(None) };
            let expressions = plan.expressions();
            let named: HashSet<&Column> = expressions.iter().flat_map(Expr::column_refs).collect();
            let wanted = input.schema().columns().into_iter().filter(|name| named.contains(name)).collect();
            let Some(input) = joined(input, wanted)? else { return Ok(None) };
            plan.with_new_exprs(expressions, vec![input]).map(Some)
        }
        _ => Ok(None),
    }
}

/// The columns `wanted` of `plan`, if more of it can be sent in another order of its joins.
fn joined(plan: &LogicalPlan, wanted: Vec<Column>) -> DataFusionResult<Option<LogicalPlan>> {
    let Some(tree) = Tree::of(plan, wanted) else { return Ok(None) };
    if tree.relations.iter().filter(|relation| composed(relation).is_some()).count() < 2 {
        return Ok(None);
    }
    let items = tree.together()?;
    if items.len() >= scans(plan) {
        return Ok(None);
    }
    tree.joined(items)
}

/// The query of a plan, if it may be one.
fn composed(plan: &LogicalPlan) -> Option<Select> {
    Composer::default().compose(plan).ok()
}

/// The same, if it is worth sending as a whole.
fn sendable(plan: &LogicalPlan) -> Option<Select> {
    composed(plan).filter(|select| not_worth(select).is_none())
}

/// How many relations are read apart when the joins are done in the order they have.
fn scans(plan: &LogicalPlan) -> usize {
    match plan {
        _ if !is_inner(plan) => 1,
        _ if sendable(plan).is_some() => 1,
        LogicalPlan::Join(join) => scans(&join.left) + scans(&join.right),
        LogicalPlan::Projection(projection) => scans(&projection.input),
        _ => 1,
    }
}

/// Whether it is an inner join, perhaps below a choice of its columns.
fn is_inner(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Join(join) => {
            join.join_type == JoinType::Inner
                && join.null_equality == NullEquality::NullEqualsNothing
                && !join.null_aware
        }
        LogicalPlan::Projection(projection) => {
            let chosen = |expr: &Expr| matches!(expr, Expr::Column(_));
            projection.expr.iter().all(chosen) && is_inner(&projection.input)
        }
        _ => false,
    }
}

/// Which relations of a tree: a bit for each.
type Relations = u32;

/// Neighbouring inner joins, taken apart.
struct Tree {
    /// What comes out.
    wanted: Vec<Column>,
    relations: Vec<LogicalPlan>,
    conditions: Vec<Condition>,
    /// Columns that are equal in every row that comes out, and the relation of each.
    equal: Vec<Vec<(Relations, Column)>>,
}

/// A condition, of which relations it speaks, and, if it is an equality, of which its sides do.
struct Condition {
    expr: Expr,
    of: Relations,
    sides: Option<[(Relations, Expr); 2]>,
}

/// Relations that have been put together.
struct Item {
    of: Relations,
    plan: LogicalPlan,
    /// The query it is, if it may be one.
    select: Option<Select>,
}

impl Tree {
    /// `None` if the joins cannot be done in another order, or need not.
    fn of(plan: &LogicalPlan, wanted: Vec<Column>) -> Option<Self> {
        let mut tree = Tree { wanted, relations: Vec::new(), conditions: Vec::new(), equal: Vec::new() };
        let (mut on, mut filters) = (Vec::new(), Vec::new());
        take_apart(plan, &mut tree.relations, &mut on, &mut filters);
        if !(3..=MOST_RELATIONS).contains(&tree.relations.len()) || !tree.names_are_unique() {
            return None;
        }
        for (left, right) in on {
            let sides =
                [(tree.relations_of(&left)?, left.clone()), (tree.relations_of(&right)?, right.clone())];
            let of = sides[0].0 | sides[1].0;
            tree.conditions.push(Condition { expr: left.eq(right), of, sides: Some(sides) });
        }
        for expr in filters.into_iter().flat_map(split_conjunction_owned) {
            let of = tree.relations_of(&expr)?;
            tree.conditions.push(Condition { expr, of, sides: None });
        }
        // One of a single relation has its place there, and one that answers anew each time in its own.
        if tree.conditions.iter().any(|one| one.of.count_ones() < 2 || one.expr.is_volatile()) {
            return None;
        }
        tree.find_equal();
        Some(tree)
    }

    fn names_are_unique(&self) -> bool {
        let mut seen = HashSet::new();
        self.relations
            .iter()
            .all(|relation| relation.schema().columns().into_iter().all(|name| seen.insert(name)))
    }

    /// The relations whose columns it names; `None` if one is not found.
    fn relations_of(&self, expr: &Expr) -> Option<Relations> {
        let mut of = 0;
        for name in expr.column_refs() {
            let mut found =
                self.relations.iter().enumerate().filter(|(_, one)| one.schema().has_column(name));
            let (index, _) = found.next()?;
            if found.next().is_some() {
                return None;
            }
            of |= 1 << index;
        }
        Some(of)
    }

    /// Puts columns that equal keys make the same into classes. Not floats, of which −0 and 0 may be equal,
    /// and not columns of two types.
    fn find_equal(&mut self) {
        let mut classes: Vec<Vec<(Relations, Column)>> = Vec::new();
        for condition in &self.conditions {
            let Some([(left_of, left), (right_of, right)]) = &condition.sides else { continue };
            let (Some(left), Some(right)) = (column(left), column(right)) else { continue };
            let types = (self.type_of(left), self.type_of(right));
            let (Some(one), Some(other)) = types else { continue };
            if one != other || one.is_floating() {
                continue;
            }
            let mut class = vec![(*left_of, left.clone()), (*right_of, right.clone())];
            let (touched, apart): (Vec<_>, Vec<_>) =
                classes.into_iter().partition(|known| known.iter().any(|known| class.contains(known)));
            for known in touched.into_iter().flatten() {
                if !class.contains(&known) {
                    class.push(known);
                }
            }
            classes = apart;
            classes.push(class);
        }
        self.equal = classes;
    }

    fn type_of(&self, name: &Column) -> Option<DataType> {
        let field = |one: &LogicalPlan| Some(one.schema().field_from_column(name).ok()?.data_type().clone());
        self.relations.iter().find_map(field)
    }

    /// The relations, those of one connection put together as far as that saves something.
    fn together(&self) -> DataFusionResult<Vec<Item>> {
        let item = |(index, plan): (usize, &LogicalPlan)| Item {
            of: 1 << index,
            plan: plan.clone(),
            select: composed(plan),
        };
        let mut items: Vec<Item> = self.relations.iter().enumerate().map(item).collect();
        loop {
            let mut best: Option<(f64, usize, usize, Item)> = None;
            for first in 0..items.len() {
                for second in first + 1..items.len() {
                    let Some((saved, item)) = self.pair(&items[first], &items[second])? else { continue };
                    if best.as_ref().is_none_or(|(most, ..)| saved > *most) {
                        best = Some((saved, first, second, item));
                    }
                }
            }
            let Some((_, first, second, item)) = best else { return Ok(items) };
            items.remove(second);
            items[first] = item;
        }
    }

    /// The two as one query, and how many bytes fewer that are.
    fn pair(&self, one: &Item, other: &Item) -> DataFusionResult<Option<(f64, Item)>> {
        let (Some(first), Some(second)) = (&one.select, &other.select) else { return Ok(None) };
        if first.remote != second.remote || !self.is_connected(one, other, true) {
            return Ok(None);
        }
        let plan = self.join(one, other)?;
        let Some(select) = sendable(&plan) else { return Ok(None) };
        let (Some(apart), Some(together)) = (first.bytes().zip(second.bytes()), select.bytes()) else {
            return Ok(None);
        };
        let saved = apart.0 + apart.1 - together;
        let item = Item { of: one.of | other.of, plan, select: Some(select) };
        Ok((saved > 0.0).then_some((saved, item)))
    }

    /// Whether equal keys hold the two together: those of the query or, if `implied`, also such as follow.
    fn is_connected(&self, one: &Item, other: &Item, implied: bool) -> bool {
        self.conditions.iter().any(|condition| on(condition, one.of, other.of).is_some())
            || implied && !self.implied(one, other).is_empty()
    }

    /// Equal keys that follow from others, where no condition of that class holds the two together.
    fn implied(&self, one: &Item, other: &Item) -> Vec<(Expr, Expr)> {
        let mut keys = Vec::new();
        for class in &self.equal {
            let stated = self.conditions.iter().filter_map(|condition| on(condition, one.of, other.of));
            let mut stated = stated.filter_map(|(left, _)| column(&left).cloned());
            if stated.any(|name| class.iter().any(|(_, member)| *member == name)) {
                continue;
            }
            let member = |item: &Item| {
                class.iter().find(|(of, name)| of & item.of != 0 && item.plan.schema().has_column(name))
            };
            if let (Some((_, left)), Some((_, right))) = (member(one), member(other)) {
                keys.push((Expr::Column(left.clone()), Expr::Column(right.clone())));
            }
        }
        keys
    }

    /// The two joined by all conditions that hold both together, without columns that nobody needs above.
    fn join(&self, one: &Item, other: &Item) -> DataFusionResult<LogicalPlan> {
        let (mut keys, mut filters) = (Vec::new(), Vec::new());
        let both = one.of | other.of;
        for condition in &self.conditions {
            // Others have been applied within one of the two, or come later.
            if condition.of & !both != 0 || condition.of & !one.of == 0 || condition.of & !other.of == 0 {
                continue;
            }
            match on(condition, one.of, other.of) {
                Some(key) => keys.push(key),
                None => filters.push(condition.expr.clone()),
            }
        }
        if keys.is_empty() {
            keys = self.implied(one, other);
        }
        let plan = LogicalPlan::Join(Join::try_new(
            Arc::new(one.plan.clone()),
            Arc::new(other.plan.clone()),
            keys,
            conjunction(filters),
            JoinType::Inner,
            JoinConstraint::On,
            NullEquality::NullEqualsNothing,
            false,
        )?);
        let later = self.conditions.iter().filter(|condition| condition.of & !both != 0);
        let needed: HashSet<&Column> = later.flat_map(|condition| condition.expr.column_refs()).collect();
        let comes_out = |name: &Column| needed.contains(name) || self.wanted.contains(name);
        let (kept, dropped): (Vec<Column>, Vec<Column>) =
            plan.schema().columns().into_iter().partition(comes_out);
        if dropped.is_empty() {
            return Ok(plan);
        }
        let kept = kept.into_iter().map(Expr::Column).collect();
        Ok(LogicalPlan::Projection(Projection::try_new(kept, Arc::new(plan))?))
    }

    /// All of it, joined from the first on; `None` if equal keys do not hold it together.
    fn joined(&self, mut items: Vec<Item>) -> DataFusionResult<Option<LogicalPlan>> {
        items.sort_by_key(|item| item.of.trailing_zeros());
        let mut whole = items.remove(0);
        while !items.is_empty() {
            // First one that nothing else holds on to: the more conditions meet, the fewer rows there are.
            let connected = |item: &&Item| self.is_connected(&whole, item, false);
            let complete = |item: &Item| {
                let mut rest = items.iter().filter(|other| other.of != item.of);
                rest.all(|other| !self.is_connected(other, item, false))
            };
            let next = items.iter().filter(connected).find(|item| complete(item));
            let Some(next) = next.or_else(|| items.iter().find(connected)).map(|next| next.of) else {
                return Ok(None);
            };
            let Some(index) = items.iter().position(|item| item.of == next) else { return Ok(None) };
            let item = items.remove(index);
            let plan = self.join(&whole, &item)?;
            whole = Item { of: whole.of | item.of, plan, select: None };
        }
        let columns = self.wanted.iter().cloned().map(Expr::Column).collect();
        Ok(Some(LogicalPlan::Projection(Projection::try_new(columns, Arc::new(whole.plan))?)))
    }
}

/// A condition as an equality of something of the one and something of the other.
fn on(condition: &Condition, one: Relations, other: Relations) -> Option<(Expr, Expr)> {
    let [(left_of, left), (right_of, right)] = condition.sides.as_ref()?;
    let within = |inner: Relations, outer: Relations| inner != 0 && inner & !outer == 0;
    if within(*left_of, one) && within(*right_of, other) {
        Some((left.clone(), right.clone()))
    } else if within(*left_of, other) && within(*right_of, one) {
        Some((right.clone(), left.clone()))
    } else {
        None
    }
}

/// What the joins read, and by which equal keys and other conditions they join it.
fn take_apart(
    plan: &LogicalPlan,
    relations: &mut Vec<LogicalPlan>,
    on: &mut Vec<(Expr, Expr)>,
    filters: &mut Vec<Expr>,
) {
    match plan {
        _ if !is_inner(plan) => relations.push(plan.clone()),
        LogicalPlan::Join(join) => {
            take_apart(&join.left, relations, on, filters);
            take_apart(&join.right, relations, on, filters);
            on.extend(join.on.iter().cloned());
            filters.extend(join.filter.iter().cloned());
        }
        LogicalPlan::Projection(projection) => take_apart(&projection.input, relations, on, filters),
        _ => relations.push(plan.clone()),
    }
}
