//! Long chains of AND, OR and UNION as trees of little depth.
//!
//! sqlparser makes `a OR b OR c OR …` a tree as deep as the chain is long, and whoever clones, walks or
//! drops it needs as much stack. They are associative, so the same operands in the same order
//! may hang from a balanced tree:
//!
//! ```text
//!       OR                  OR
//!      /  \               /    \
//!     OR   d      →     OR      OR
//!    /  \              /  \    /  \
//!   OR   c            a    b  c    d
//!  /  \
//! a    b
//! ```

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, Query, SetExpr, SetOperator, SetQuantifier, Value, Values, VisitMut, VisitorMut,
};

/// Shorter chains stay as they are.
const LONG: usize = 32;

/// Balances every long chain in a query or a statement.
pub(super) fn balance(tree: &mut impl VisitMut) {
    let _ = VisitMut::visit(tree, &mut Balancer);
}

struct Balancer;

impl VisitorMut for Balancer {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let SetExpr::SetOperation { op: SetOperator::Union, set_quantifier, .. } = query.body.as_ref() {
            let quantifier = *set_quantifier;
            let mut queries = unions(&mut query.body, quantifier);
            if let Some(tree) = union_tree(&mut queries, quantifier) {
                *query.body = tree;
            }
        }
        ControlFlow::Continue(())
    }

    // Before the walk goes down the chain.
    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::BinaryOp { op, .. } = expr
            && matches!(op, BinaryOperator::And | BinaryOperator::Or)
        {
            let op = op.clone();
            if length(expr, &op) >= LONG {
                let mut operands = operands(expr, &op);
                if let Some(tree) = tree(&mut operands, &op) {
                    *expr = tree;
                }
            }
        }
        ControlFlow::Continue(())
    }
}

fn length(mut expr: &Expr, chained: &BinaryOperator) -> usize {
    let mut length = 1;
    while let Expr::BinaryOp { left, op, .. } = expr
        && op == chained
    {
        length += 1;
        expr = left;
    }
    length
}

/// The queries of a chain of one kind of UNION, from the last to the first. UNION is as associative as OR.
fn unions(body: &mut SetExpr, quantifier: SetQuantifier) -> Vec<SetExpr> {
    let nothing = Values { explicit_row: false, value_keyword: false, rows: Vec::new() };
    let mut queries = Vec::new();
    let mut rest = std::mem::replace(body, SetExpr::Values(nothing));
    loop {
        match rest {
            SetExpr::SetOperation { left, op: SetOperator::Union, set_quantifier, right }
                if set_quantifier == quantifier =>
            {
                queries.push(*right);
                rest = *left;
            }
            first => {
                queries.push(first);
                return queries;
            }
        }
    }
}

/// Takes the queries from the end of the list. A short chain keeps its shape.
fn union_tree(queries: &mut Vec<SetExpr>, quantifier: SetQuantifier) -> Option<SetExpr> {
    if queries.len() < 2 {
        return queries.pop();
    }
    let last = if queries.len() < LONG { 1 } else { queries.len() / 2 };
    let mut first = queries.split_off(last);
    let left = Box::new(union_tree(&mut first, quantifier)?);
    let right = Box::new(union_tree(queries, quantifier)?);
    Some(SetExpr::SetOperation { left, op: SetOperator::Union, set_quantifier: quantifier, right })
}

/// The operands from the last to the first. Leaves a NULL in place of the chain.
fn operands(expr: &mut Expr, chained: &BinaryOperator) -> Vec<Expr> {
    let mut operands = Vec::new();
    let mut rest = std::mem::replace(expr, Expr::Value(Value::Null.with_empty_span()));
    loop {
        match rest {
            Expr::BinaryOp { left, op, right } if op == *chained => {
                operands.push(*right);
                rest = *left;
            }
            first => {
                operands.push(first);
                return operands;
            }
        }
    }
}

/// Takes the operands from the end of the list, which is the beginning of the chain.
fn tree(operands: &mut Vec<Expr>, op: &BinaryOperator) -> Option<Expr> {
    if operands.len() < 2 {
        return operands.pop();
    }
    let mut first = operands.split_off(operands.len() / 2);
    let left = Box::new(tree(&mut first, op)?);
    let right = Box::new(tree(operands, op)?);
    Some(Expr::BinaryOp { left, op: op.clone(), right })
}
