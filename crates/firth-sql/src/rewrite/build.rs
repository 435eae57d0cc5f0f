//! Small trees, for the rewritings that need new ones.

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    self, BinaryOperator, CaseWhen, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, Ident, ObjectName, Value,
};

/// An identifier that is taken as it is spelled here.
pub(super) fn identifier(name: impl Into<String>) -> Ident {
    Ident::with_quote('"', name)
}

pub(super) fn object_name(name: impl Into<String>) -> ObjectName {
    ObjectName::from(vec![identifier(name)])
}

pub(super) fn value(value: Value) -> Expr {
    Expr::Value(value.with_empty_span())
}

pub(super) fn string(text: impl Into<String>) -> Expr {
    value(Value::SingleQuotedString(text.into()))
}

pub(super) fn number(number: impl ToString) -> Expr {
    value(Value::Number(number.to_string(), false))
}

pub(super) fn null() -> Expr {
    value(Value::Null)
}

pub(super) fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr), data_type, array: false, format: None }
}

pub(super) fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(nested(left)), op, right: Box::new(nested(right)) }
}

/// Keeps a tree readable when it is printed: planning does not need the parentheses.
fn nested(expr: Expr) -> Expr {
    match expr {
        Expr::BinaryOp { .. } | Expr::UnaryOp { .. } | Expr::Between { .. } => Expr::Nested(Box::new(expr)),
        expr => expr,
    }
}

pub(super) fn not(expr: Expr) -> Expr {
    Expr::UnaryOp { op: ast::UnaryOperator::Not, expr: Box::new(nested(expr)) }
}

/// `CASE WHEN condition THEN result ELSE otherwise END`.
pub(super) fn case(condition: Expr, result: Expr, otherwise: Option<Expr>) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition, result }],
        else_result: otherwise.map(Box::new),
    }
}

/// A call of DataFusion's function `name`.
pub(super) fn call(name: &str, arguments: impl IntoIterator<Item = Expr>) -> Expr {
    let args = arguments.into_iter().map(|expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args,
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// `INTERVAL 'text'`, with the unit inside the text.
pub(super) fn interval(text: impl Into<String>) -> Expr {
    Expr::Interval(ast::Interval {
        value: Box::new(string(text)),
        leading_field: None,
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    })
}

/// The whole number that an expression is written as, with its sign.
pub(super) fn literal_integer(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) => text.parse().ok(),
            _ => None,
        },
        Expr::UnaryOp { op: ast::UnaryOperator::Minus, expr } => literal_integer(expr)?.checked_neg(),
        Expr::UnaryOp { op: ast::UnaryOperator::Plus, expr } | Expr::Nested(expr) => literal_integer(expr),
        _ => None,
    }
}

/// The text of a string literal.
pub(super) fn literal_string(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        Expr::Nested(expr) => literal_string(expr),
        _ => None,
    }
}
