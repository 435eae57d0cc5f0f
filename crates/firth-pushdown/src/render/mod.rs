//! Expressions to remote SQL, from the leaves up, by what the dialect lists.
//!
//! A rendered expression is *exact* (it has the same value there as here) or a *superset* (a condition
//! that is true there at least wherever it is true here). A superset keeps its meaning below AND and
//! OR on the way to the top of a filter, and nowhere else: `NOT superset` would lose rows.
//!
//! What cannot be rendered is `None`, never an error: it is evaluated here.

mod cast;
mod scope;

use std::{cell::RefCell, fmt};

use arrow::datatypes::{DataType, FieldRef};
use datafusion::{
    common::{Column, ExprSchema, error::Result as DataFusionResult, plan_datafusion_err},
    logical_expr::{
        Between, BinaryExpr, Case, Cast, Expr, ExprSchemable, Like, LogicalPlan, Operator, Subquery, TryCast,
        Volatility,
        expr::{InList, ScalarFunction},
    },
    scalar::ScalarValue,
};
use firth_connector::{Comparison, Operand, Operation, Reason, RemoteDialect, Rendered, Written};

pub(crate) use scope::{Scope, ScopeColumn};

use cast::{Keeps, folded_cast, keeps_comparisons, keeps_scale, keeps_value};

/// How deeply operations may nest; AND and OR of many terms are one. Bounds the stack.
const MAX_DEPTH: usize = 64;

/// How many terms an AND or an OR may have, and how many values may follow IN.
const MAX_TERMS: usize = 1000;

/// How long one filter's text may be. BETWEEN repeats an operand, so nesting could double it each time.
const MAX_TEXT: usize = 1 << 20;

/// Writes the query of a subquery that has one column, or says why it is not sent.
pub(crate) type WriteQuery<'a> = dyn Fn(&LogicalPlan) -> Result<Written, Reason> + 'a;

/// Renders expressions over the columns of a scope.
pub(crate) struct Renderer<'a> {
    dialect: &'a dyn RemoteDialect,
    scope: &'a Scope,
    /// For values of subqueries, where whole queries are sent.
    subqueries: Option<&'a WriteQuery<'a>>,
    /// What the dialect said of the last operation that it does not list.
    refusal: RefCell<Option<Reason>>,
}

/// A filter in the source's SQL.
pub(crate) struct Predicate {
    /// The text.
    pub(crate) sql: String,
    /// Whether it keeps the same rows there as here. If not, it keeps those and maybe more.
    pub(crate) exact: bool,
}

/// A rendered expression.
#[derive(Clone)]
struct Node {
    sql: String,
    data_type: DataType,
    /// The source's own type, where it is known.
    remote_type: Option<String>,
    literal: Option<ScalarValue>,
    exact: bool,
}

impl<'a> Renderer<'a> {
    /// A renderer of expressions that name the columns of `scope`.
    pub(crate) fn new(dialect: &'a dyn RemoteDialect, scope: &'a Scope) -> Self {
        Renderer { dialect, scope, subqueries: None, refusal: RefCell::default() }
    }

    /// The same, of expressions that may compare with the value of a subquery, which `write` writes.
    pub(crate) fn with_subqueries(self, write: &'a WriteQuery<'a>) -> Self {
        Renderer { subqueries: Some(write), ..self }
    }

    /// Why the expression that was asked about last could not be rendered, if the dialect says so.
    pub(crate) fn refusal(&self) -> Option<Reason> {
        self.refusal.borrow_mut().take()
    }

    /// The filter, or `None` if no part of it can be rendered.
    pub(crate) fn predicate(&self, filter: &Expr) -> Option<Predicate> {
        let Node { sql, exact, .. } = self.condition(filter, 0)?;
        Some(Predicate { sql, exact })
    }

    /// Asks about an expression whose value matters.
    pub(crate) fn with_operand<R>(&self, expr: &Expr, ask: impl FnOnce(&Operand<'_>) -> R) -> Option<R> {
        Some(ask(&self.operand(&self.exact(expr, 0)?)))
    }

    /// Asks about an expression of which only its place in the order matters.
    pub(crate) fn with_key<R>(&self, expr: &Expr, ask: impl FnOnce(&Operand<'_>) -> R) -> Option<R> {
        Some(ask(&self.operand(&self.compared(expr, 0)?)))
    }

    /// A condition that holds at least wherever `key` equals one of `values`.
    pub(crate) fn members(&self, key: &Expr, values: &[ScalarValue]) -> Option<String> {
        let key = self.compared(key, 0)?;
        let rendered = self.dialect.members(&self.operand(&key), values)?;
        (rendered.sql.len() <= MAX_TEXT).then_some(rendered.sql)
    }

    /// A condition in a place where a superset will do: the top, and below AND and OR from there.
    ///
    /// Under AND, a term that cannot be rendered is left out, which makes a superset. Under OR that
    /// would lose rows, so the whole cannot be rendered.
    fn condition(&self, expr: &Expr, depth: usize) -> Option<Node> {
        let expr = without_alias(expr);
        let (operation, operator) = match expr {
            Expr::BinaryExpr(BinaryExpr { op: Operator::And, .. }) => (Operation::And, Operator::And),
            Expr::BinaryExpr(BinaryExpr { op: Operator::Or, .. }) => (Operation::Or, Operator::Or),
            _ => return self.expression(expr, depth),
        };
        if depth >= MAX_DEPTH {
            return None;
        }
        let mut whole: Option<Node> = None;
        let mut complete = true;
        for term in terms(expr, operator)? {
            let Some(term) = self.condition(term, depth + 1) else {
                if operation == Operation::Or {
                    return None;
                }
                complete = false;
                continue;
            };
            whole = Some(match whole {
                None => term,
                Some(left) => self.joined(operation, left, term)?,
            });
        }
        whole.map(|node| Node { exact: node.exact && complete, ..node })
    }

    /// `left AND right` or `left OR right`: a superset if one of them is.
    fn joined(&self, operation: Operation<'_>, left: Node, right: Node) -> Option<Node> {
        let operands_exact = left.exact && right.exact;
        let node = self.operation(operation, &[left, right], DataType::Boolean)?;
        Some(Node { exact: node.exact && operands_exact, ..node })
    }

    /// An expression whose value matters, such as an operand.
    fn exact(&self, expr: &Expr, depth: usize) -> Option<Node> {
        self.condition(expr, depth).filter(|node| node.exact)
    }

    /// An operand of a comparison, of IN or of IS NULL, where only its place in the order matters: a
    /// cast that the planner put around a column to make types meet is left out.
    fn compared(&self, expr: &Expr, depth: usize) -> Option<Node> {
        let node = match without_alias(expr) {
            Expr::Cast(cast) => self.cast(cast, keeps_comparisons, depth),
            Expr::TryCast(cast) => self.try_cast(cast, keeps_comparisons, depth),
            _ => self.condition(expr, depth),
        };
        node.filter(|node| node.exact)
    }

    /// Anything but AND and OR. The result may be a superset, its operands are exact.
    fn expression(&self, expr: &Expr, depth: usize) -> Option<Node> {
        if depth >= MAX_DEPTH {
            return None;
        }
        let depth = depth + 1;
        match expr {
            Expr::Column(column) => self.column(column),
            Expr::Literal(value, _) => self.literal(value),
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                if let Some(comparison) = comparison(*op) {
                    let operands = [self.compared(left, depth)?, self.compared(right, depth)?];
                    return self.operation(Operation::Compare(comparison), &operands, DataType::Boolean);
                }
                let operation = arithmetic(*op)?;
                let operands = [self.exact(left, depth)?, self.exact(right, depth)?];
                let data_type = expr.get_type(self).ok()?;
                if !keeps_scale(operation, &operands[0].data_type, &operands[1].data_type, &data_type) {
                    return None;
                }
                self.operation(operation, &operands, data_type)
            }
            Expr::Case(case) => self.case(case, expr, depth),
            Expr::Not(inner) => self.not(self.exact(inner, depth)?),
            Expr::IsNull(inner) => {
                self.operation(Operation::IsNull, &[self.compared(inner, depth)?], DataType::Boolean)
            }
            Expr::IsNotNull(inner) => {
                self.operation(Operation::IsNotNull, &[self.compared(inner, depth)?], DataType::Boolean)
            }
            Expr::Between(between) => self.between(between, depth),
            Expr::InList(list) => self.in_list(list, depth),
            Expr::Like(like) => self.like(like, depth),
            Expr::Cast(cast) => self.cast(cast, keeps_value, depth),
            Expr::TryCast(cast) => self.try_cast(cast, keeps_value, depth),
            Expr::ScalarFunction(function) => self.function(function, expr, depth),
            Expr::ScalarSubquery(subquery) => self.subquery(subquery),
            _ => None,
        }
    }

    fn column(&self, column: &Column) -> Option<Node> {
        let index = self.scope.index_of(column)?;
        let ScopeColumn { sql, field, remote_type, .. } = self.scope.column(index);
        Some(Node {
            sql: sql.clone(),
            data_type: field.data_type().clone(),
            remote_type: remote_type.clone(),
            literal: None,
            exact: true,
        })
    }

    fn literal(&self, value: &ScalarValue) -> Option<Node> {
        Some(Node {
            sql: self.dialect.literal(value)?,
            data_type: value.data_type(),
            remote_type: None,
            literal: Some(value.clone()),
            exact: true,
        })
    }

    /// The value of a query that does not depend on the row: NULL if it has no row, an error on both sides if
    /// it has several. The source may not ask for it at all, if no row needs it; so it may fail here alone.
    fn subquery(&self, subquery: &Subquery) -> Option<Node> {
        let write = self.subqueries?;
        let plan = &subquery.subquery;
        let [field] = plan.schema().fields().as_ref() else { return None };
        if !subquery.outer_ref_columns.is_empty() {
            return None;
        }
        match write(plan) {
            Ok(Written { sql, remote_type }) => Some(Node {
                sql,
                data_type: field.data_type().clone(),
                remote_type,
                literal: None,
                exact: true,
            }),
            Err(reason) => {
                *self.refusal.borrow_mut() = Some(reason);
                None
            }
        }
    }

    fn not(&self, inner: Node) -> Option<Node> {
        self.operation(Operation::Not, &[inner], DataType::Boolean)
    }

    /// `a BETWEEN b AND c` as `a >= b AND a <= c`, and its opposite as `a < b OR a > c`: the same,
    /// NULLs included.
    fn between(&self, between: &Between, depth: usize) -> Option<Node> {
        let (low, high, both) = if between.negated {
            (Comparison::Lt, Comparison::Gt, Operation::Or)
        } else {
            (Comparison::GtEq, Comparison::LtEq, Operation::And)
        };
        let operand = self.compared(&between.expr, depth)?;
        let compare = |comparison, bound| {
            let operands = [operand.clone(), self.compared(bound, depth)?];
            self.operation(Operation::Compare(comparison), &operands, DataType::Boolean)
        };
        let (low, high) = (compare(low, &between.low)?, compare(high, &between.high)?);
        self.joined(both, low, high)
    }

    /// `a IN (…)` of literals. A NULL among them makes the answer NULL instead of false, which two
    /// systems need not treat alike, so such a list stays here.
    fn in_list(&self, list: &InList, depth: usize) -> Option<Node> {
        if list.list.is_empty() || list.list.len() > MAX_TERMS {
            return None;
        }
        let mut operands = vec![self.compared(&list.expr, depth)?];
        for value in &list.list {
            let value = self.exact(value, depth)?;
            if value.literal.as_ref().is_none_or(ScalarValue::is_null) {
                return None;
            }
            operands.push(value);
        }
        let operation = if list.negated { Operation::NotIn } else { Operation::In };
        self.operation(operation, &operands, DataType::Boolean)
    }

    fn like(&self, like: &Like, depth: usize) -> Option<Node> {
        if like.case_insensitive || like.escape_char.is_some_and(|escape| escape != '\\') {
            return None;
        }
        let pattern = self.exact(&like.pattern, depth)?;
        if pattern.literal.as_ref().is_none_or(ScalarValue::is_null) {
            return None;
        }
        let operands = [self.compared(&like.expr, depth)?, pattern];
        let matches = self.operation(Operation::Like, &operands, DataType::Boolean)?;
        if !like.negated {
            return Some(matches);
        }
        if matches.exact { self.not(matches) } else { None }
    }

    fn case(&self, case: &Case, expr: &Expr, depth: usize) -> Option<Node> {
        if case.when_then_expr.len() > MAX_TERMS {
            return None;
        }
        let data_type = expr.get_type(self).ok()?;
        let mut operands = Vec::new();
        for (when, then) in &case.when_then_expr {
            operands.push(match &case.expr {
                Some(base) => {
                    let sides = [self.compared(base, depth)?, self.compared(when, depth)?];
                    let equal = Operation::Compare(Comparison::Eq);
                    self.operation(equal, &sides, DataType::Boolean).filter(|node| node.exact)?
                }
                None => self.exact(when, depth)?,
            });
            operands.push(self.case_value(then, &data_type, depth)?);
        }
        // Without ELSE it is NULL, as with ELSE NULL, which has no type there.
        let otherwise = case.else_expr.as_deref().filter(|value| !is_null(value));
        if let Some(otherwise) = otherwise {
            operands.push(self.exact(otherwise, depth)?);
        }
        let mut values = operands.iter().skip(1).step_by(2).chain(otherwise.and(operands.last()));
        let is_null = |value: &Node| value.literal.as_ref().is_some_and(ScalarValue::is_null);
        if values.clone().all(is_null) || values.any(|value| value.data_type != data_type) {
            return None;
        }
        self.operation(Operation::Case, &operands, data_type)
    }

    /// A value of a CASE. NULL takes the type of the others there.
    fn case_value(&self, expr: &Expr, data_type: &DataType, depth: usize) -> Option<Node> {
        if !is_null(expr) {
            return self.exact(expr, depth);
        }
        Some(Node {
            sql: "NULL".to_owned(),
            data_type: data_type.clone(),
            remote_type: None,
            literal: Some(ScalarValue::Null),
            exact: true,
        })
    }

    /// A cast, left out if it `keeps` what matters here.
    fn cast(&self, cast: &Cast, keeps: Keeps, depth: usize) -> Option<Node> {
        let target = cast.field.data_type();
        if let Some(value) = folded_cast(&cast.expr, target) {
            return self.literal(&value);
        }
        let inner = self.exact(&cast.expr, depth + 1)?;
        if keeps(&inner.data_type, target) {
            return Some(Node { data_type: target.clone(), ..inner });
        }
        self.operation(Operation::Cast(target), &[inner], target.clone())
    }

    /// A cast that gives NULL where it fails. No dialect is asked: casts there fail the query instead.
    fn try_cast(&self, cast: &TryCast, keeps: Keeps, depth: usize) -> Option<Node> {
        let target = cast.field.data_type();
        if let Some(value) = folded_cast(&cast.expr, target) {
            return self.literal(&value);
        }
        let inner = self.exact(&cast.expr, depth + 1)?;
        keeps(&inner.data_type, target).then(|| Node { data_type: target.clone(), ..inner })
    }

    fn function(&self, function: &ScalarFunction, expr: &Expr, depth: usize) -> Option<Node> {
        if function.func.signature().volatility != Volatility::Immutable || function.args.len() > MAX_TERMS {
            return None;
        }
        let operands =
            function.args.iter().map(|arg| self.exact(arg, depth)).collect::<Option<Vec<Node>>>()?;
        self.operation(Operation::Function(function.name()), &operands, expr.get_type(self).ok()?)
    }

    /// Asks the dialect: everything that is pushed passes here.
    fn operation(&self, operation: Operation<'_>, operands: &[Node], data_type: DataType) -> Option<Node> {
        let asked: Vec<Operand<'_>> = operands.iter().map(|node| self.operand(node)).collect();
        let Some(rendered) = self.dialect.operation(operation, &asked) else {
            *self.refusal.borrow_mut() = self.dialect.reason(operation, &asked);
            return None;
        };
        let Rendered { sql, exact, remote_type } = rendered;
        (sql.len() <= MAX_TEXT).then_some(Node { sql, data_type, remote_type, literal: None, exact })
    }

    fn operand<'n>(&'n self, node: &'n Node) -> Operand<'n> {
        Operand {
            sql: &node.sql,
            data_type: &node.data_type,
            remote_type: node.remote_type.as_deref(),
            literal: node.literal.as_ref(),
        }
    }
}

/// The types of columns, for the types of what is made of them.
impl ExprSchema for Renderer<'_> {
    fn field_from_column(&self, column: &Column) -> DataFusionResult<&FieldRef> {
        let index = self.scope.index_of(column).ok_or_else(|| plan_datafusion_err!("no column {column}"))?;
        Ok(&self.scope.column(index).field)
    }
}

impl fmt::Debug for Renderer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renderer").field("scope", self.scope).finish_non_exhaustive()
    }
}

fn is_null(expr: &Expr) -> bool {
    matches!(without_alias(expr), Expr::Literal(value, _) if value.is_null())
}

fn without_alias(mut expr: &Expr) -> &Expr {
    while let Expr::Alias(alias) = expr {
        expr = &alias.expr;
    }
    expr
}

/// The terms that `operator` joins, in order, or `None` if there are too many. Does not recurse:
/// a long chain is a deep tree.
fn terms(expr: &Expr, operator: Operator) -> Option<Vec<&Expr>> {
    let mut terms = Vec::new();
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        match without_alias(expr) {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if *op == operator => {
                open.push(right);
                open.push(left);
            }
            term => terms.push(term),
        }
        if terms.len() + open.len() > MAX_TERMS {
            return None;
        }
    }
    Some(terms)
}

fn comparison(operator: Operator) -> Option<Comparison> {
    Some(match operator {
        Operator::Eq => Comparison::Eq,
        Operator::NotEq => Comparison::NotEq,
        Operator::Lt => Comparison::Lt,
        Operator::LtEq => Comparison::LtEq,
        Operator::Gt => Comparison::Gt,
        Operator::GtEq => Comparison::GtEq,
        _ => return None,
    })
}

/// Operators whose operands' values matter.
fn arithmetic(operator: Operator) -> Option<Operation<'static>> {
    Some(match operator {
        Operator::Plus => Operation::Add,
        Operator::Minus => Operation::Subtract,
        Operator::Multiply => Operation::Multiply,
        Operator::Modulo => Operation::Remainder,
        Operator::StringConcat => Operation::Concat,
        _ => return None,
    })
}
