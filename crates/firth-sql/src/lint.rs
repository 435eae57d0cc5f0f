//! What is allowed in a statement and seldom meant, above all where its rows come from other systems.

use std::ops::ControlFlow;

use firth_diagnostic::{Code, Diagnostic, Span};
use sqlparser::ast::{
    self, BinaryOperator, Expr, JoinConstraint, JoinOperator, Query as Tree, Select, SelectItem, SetExpr,
    TableFactor, Visit, Visitor,
};

use crate::{Query, Statement, parse::place};

/// One thing to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LintRule {
    /// Its name, for `-- lint: allow NAME`.
    pub name: &'static str,
    /// One sentence.
    pub doc: &'static str,
}

/// `SELECT *` from tables.
const SELECT_STAR: LintRule = LintRule {
    name: "select_star",
    doc: "SELECT * reads every column at every source, and changes with them.",
};
/// LIMIT without ORDER BY.
const LIMIT_WITHOUT_ORDER: LintRule = LintRule {
    name: "limit_without_order",
    doc: "LIMIT without ORDER BY gives other rows from run to run: no order is taken from a source.",
};
/// ORDER BY in a subquery.
const ORDER_WITHOUT_LIMIT: LintRule =
    LintRule { name: "order_in_subquery", doc: "ORDER BY in a subquery without LIMIT orders nothing." };
/// Tables joined by nothing.
const CROSS_JOIN: LintRule = LintRule {
    name: "cross_join",
    doc: "Tables that are listed without a condition between them are joined row by row with each other, and read whole.",
};
/// A function around a column that is compared.
const WRAPPED_COLUMN: LintRule = LintRule {
    name: "wrapped_column",
    doc: "A comparison of a function of a column is seldom sent to a source, prunes no files and uses no index.",
};
/// NOT IN over a subquery.
const NOT_IN_SUBQUERY: LintRule = LintRule {
    name: "not_in_subquery",
    doc: "NOT IN (SELECT …) has no rows at all as soon as the subquery has one NULL.",
};

/// Every rule about queries.
pub const LINT_RULES: &[LintRule] =
    &[SELECT_STAR, LIMIT_WITHOUT_ORDER, ORDER_WITHOUT_LIMIT, CROSS_JOIN, WRAPPED_COLUMN, NOT_IN_SUBQUERY];

/// What a rule has found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: LintRule,
    /// A warning with its place in the statement's text.
    pub warning: Diagnostic,
}

/// Looks for what [`LINT_RULES`] name, in the order of the text.
pub fn lint(statement: &Statement) -> Vec<Finding> {
    let query = match statement {
        Statement::Query(query) => query,
        Statement::ExportData(export) => &export.query,
        Statement::CreateView(view) => &view.query,
        Statement::CreateMaterializedView(view) => &view.query,
        Statement::Insert(insert) => &insert.query,
        Statement::Assert(assert) => &assert.condition,
        Statement::Explain(explain) => return lint(&explain.statement),
        _ => return Vec::new(),
    };
    let mut linter = Linter { whole: query, depth: 0, findings: Vec::new() };
    let _ = Visit::visit(query.tree.as_ref(), &mut linter);
    linter.findings.sort_by_key(|finding| finding.warning.span().map(|span| span.start));
    linter.findings
}

struct Linter<'a> {
    whole: &'a Query,
    /// How many queries stand around.
    depth: usize,
    findings: Vec<Finding>,
}

impl Linter<'_> {
    fn find(&mut self, rule: LintRule, spanned: &impl ast::Spanned, hint: &str) {
        let span = place(spanned.span()).filter(|span| span.end > span.start);
        self.find_at(rule, span.map(|span| self.closed(span)), hint);
    }

    /// The place with the parentheses that sqlparser leaves off at the ends of calls.
    fn closed(&self, span: Span) -> Span {
        let start = self.whole.span.start;
        let mut depth = 0_usize;
        for token in crate::lex(&self.whole.text) {
            let place = token.span.shifted(start);
            if place.start < span.start {
                continue;
            }
            if place.start >= span.end && depth == 0 {
                break;
            }
            match token.text(&self.whole.text) {
                "(" => depth += 1,
                ")" if depth > 0 => depth -= 1,
                _ => {}
            }
            if place.start >= span.end && depth == 0 {
                return Span::new(span.start, place.end);
            }
        }
        span
    }

    fn find_at(&mut self, rule: LintRule, span: Option<Span>, hint: &str) {
        let first_word = Span::new(self.whole.span.start, self.whole.span.start + 1);
        let message = format!("{} ({})", rule.doc.trim_end_matches('.'), rule.name);
        let warning = Diagnostic::warning(Code::Invalid, message).at(span.unwrap_or(first_word)).hint(hint);
        self.findings.push(Finding { rule, warning });
    }

    fn select(&mut self, select: &Select) {
        let reads_tables = select.from.iter().any(|from| matches!(from.relation, TableFactor::Table { .. }));
        for item in &select.projection {
            if matches!(item, SelectItem::Wildcard(_)) && reads_tables {
                self.find(SELECT_STAR, item, "Name the columns that are wanted.");
            }
        }
        if select.from.len() > 1 && select.selection.is_none() {
            self.find(
                CROSS_JOIN,
                &select.from[1].relation,
                "Write JOIN … ON, or CROSS JOIN with `-- lint: allow cross_join`.",
            );
        }
        for join in select.from.iter().flat_map(|from| &from.joins) {
            let unbound = match &join.join_operator {
                JoinOperator::CrossJoin(_) => !matches!(join.relation, TableFactor::UNNEST { .. }),
                JoinOperator::Join(JoinConstraint::None) | JoinOperator::Inner(JoinConstraint::None) => true,
                _ => false,
            };
            if unbound && select.selection.is_none() {
                self.find(CROSS_JOIN, &join.relation, "Write JOIN … ON, or say `-- lint: allow cross_join`.");
            }
        }
        if let Some(condition) = &select.selection {
            self.condition(condition);
        }
    }

    /// The conjuncts and disjuncts of WHERE.
    fn condition(&mut self, condition: &Expr) {
        match condition {
            Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
                self.condition(left);
                self.condition(right);
            }
            Expr::Nested(inner) => self.condition(inner),
            Expr::BinaryOp {
                left,
                op:
                    BinaryOperator::Eq
                    | BinaryOperator::Lt
                    | BinaryOperator::LtEq
                    | BinaryOperator::Gt
                    | BinaryOperator::GtEq,
                right,
            } => {
                for (one, other) in [(left, right), (right, left)] {
                    if is_wrapped_column(one) && is_constant(other) {
                        self.find(
                            WRAPPED_COLUMN,
                            one.as_ref(),
                            "Compare the column itself, for example with a range of values.",
                        );
                    }
                }
            }
            _ => {}
        }
    }
}

impl Visitor for Linter<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Tree) -> ControlFlow<()> {
        if let SetExpr::Select(select) = query.body.as_ref() {
            self.select(select);
        }
        let limit = query.limit_clause.as_ref();
        if let Some(limit) = limit.filter(|_| query.order_by.is_none()) {
            self.find(LIMIT_WITHOUT_ORDER, limit, "Add ORDER BY over columns that tell the rows apart.");
        }
        if let Some(order) = query.order_by.as_ref().filter(|_| self.depth > 0 && limit.is_none()) {
            self.find(ORDER_WITHOUT_LIMIT, order, "Order the outermost query.");
        }
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Tree) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        if let Expr::InSubquery { expr, negated: true, .. } = expression {
            self.find(NOT_IN_SUBQUERY, expr.as_ref(), "Write NOT EXISTS (SELECT … WHERE …).");
        }
        ControlFlow::Continue(())
    }
}

/// A function or a cast around a column.
fn is_wrapped_column(expression: &Expr) -> bool {
    match expression {
        Expr::Function(function) => match &function.args {
            ast::FunctionArguments::List(list) => list.args.iter().any(|argument| match argument {
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(inner)) => is_column(inner),
                _ => false,
            }),
            _ => false,
        },
        Expr::Cast { expr, .. }
        | Expr::Extract { expr, .. }
        | Expr::Substring { expr, .. }
        | Expr::Trim { expr, .. } => is_column(expr),
        _ => false,
    }
}

fn is_column(expression: &Expr) -> bool {
    match expression {
        Expr::Identifier(name) => !name.value.starts_with('@'),
        Expr::CompoundIdentifier(_) => true,
        Expr::Nested(inner) => is_column(inner),
        _ => is_wrapped_column(expression),
    }
}

fn is_constant(expression: &Expr) -> bool {
    match expression {
        Expr::Value(_) | Expr::TypedString(_) => true,
        Expr::UnaryOp { expr, .. } | Expr::Nested(expr) | Expr::Cast { expr, .. } => is_constant(expr),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    /// The rules that fire, each with the text it points at.
    fn found(text: &str) -> Vec<String> {
        let statement = parse(text).expect(text);
        let shown = |finding: Finding| {
            let span = finding.warning.span().expect("a place");
            format!("{}: {}", finding.rule.name, &text[span.start..span.end])
        };
        lint(&statement).into_iter().map(shown).collect()
    }

    #[test]
    fn what_is_seldom_meant_is_found_where_it_stands() {
        assert_eq!(found("SELECT * FROM t"), ["select_star: *"]);
        assert_eq!(found("EXPORT DATA OPTIONS (uri = 'x') AS SELECT * FROM t"), ["select_star: *"]);
        assert_eq!(found("SELECT a FROM t LIMIT 5"), ["limit_without_order: 5"]);
        assert_eq!(found("SELECT a FROM (SELECT a FROM t ORDER BY a)"), ["order_in_subquery: a"]);
        assert_eq!(found("SELECT a FROM t, u"), ["cross_join: u"]);
        assert_eq!(found("SELECT a FROM t CROSS JOIN u"), ["cross_join: u"]);
        assert_eq!(
            found("SELECT a FROM t WHERE b > 1 AND DATE(c) = '2026-01-01'"),
            ["wrapped_column: DATE(c)"]
        );
        assert_eq!(found("SELECT a FROM t WHERE '1' = CAST(t.c AS STRING)"), ["wrapped_column: t.c"]);
        assert_eq!(found("SELECT a FROM t WHERE a NOT IN (SELECT b FROM u)"), ["not_in_subquery: a"]);
    }

    #[test]
    fn what_is_fine_is_not() {
        for text in [
            "SELECT COUNT(*) FROM t",
            "SELECT * FROM (SELECT a FROM t)",
            "SELECT a FROM t ORDER BY a LIMIT 5",
            "SELECT a FROM (SELECT a FROM t ORDER BY a LIMIT 5) ORDER BY a",
            "SELECT a FROM t, u WHERE t.x = u.x",
            "SELECT a FROM t JOIN u USING (x)",
            "SELECT x FROM t CROSS JOIN UNNEST(t.items) AS x",
            "SELECT a FROM t WHERE c = DATE('2026-01-01') AND LOWER('A') = 'a'",
            "SELECT a FROM t WHERE a NOT IN (1, 2)",
            "ASSERT (SELECT COUNT(*) FROM t) > 5",
            "SHOW TABLES",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }
}
