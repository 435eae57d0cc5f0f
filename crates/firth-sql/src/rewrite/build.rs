//! Small trees, for the rewritings that need new ones.

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    self, AccessExpr, BinaryOperator, CaseWhen, CastKind, DataType, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName, Subscript, TableAlias,
    TableFactor, Value,
};

/// An identifier that is taken as it is spelled here.
pub(crate) fn identifier(name: impl Into<String>) -> Ident {
    Ident::with_quote('"', name)
}

pub(crate) fn object_name(name: impl Into<String>) -> ObjectName {
    ObjectName::from(vec![identifier(name)])
}

/// A table, and nothing said about it but its name.
pub(crate) fn table(name: &str, alias: Option<TableAlias>) -> TableFactor {
    TableFactor::Table {
        name: object_name(name),
        alias,
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    }
}

pub(crate) fn value(value: Value) -> Expr {
    Expr::Value(value.with_empty_span())
}

pub(crate) fn string(text: impl Into<String>) -> Expr {
    value(Value::SingleQuotedString(text.into()))
}

pub(crate) fn number(number: impl ToString) -> Expr {
    value(Value::Number(number.to_string(), false))
}

pub(crate) fn null() -> Expr {
    value(Value::Null)
}

pub(crate) fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr), data_type, array: false, format: None }
}

pub(crate) fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(nested(left)), op, right: Box::new(nested(right)) }
}

/// Keeps a tree readable when it is printed: planning does not need the parentheses.
fn nested(expr: Expr) -> Expr {
    match expr {
        Expr::BinaryOp { .. } | Expr::UnaryOp { .. } | Expr::Between { .. } => Expr::Nested(Box::new(expr)),
        expr => expr,
    }
}

/// The field of a STRUCT, in lower case: the planner finds it as it is spelled.
pub(crate) fn field(structure: Expr, name: &str) -> Expr {
    let index = string(name.to_lowercase());
    Expr::CompoundFieldAccess {
        root: Box::new(Expr::Nested(Box::new(structure))),
        access_chain: vec![AccessExpr::Subscript(Subscript::Index { index })],
    }
}

pub(crate) fn not(expr: Expr) -> Expr {
    Expr::UnaryOp { op: ast::UnaryOperator::Not, expr: Box::new(nested(expr)) }
}

/// `CASE WHEN condition THEN result ELSE otherwise END`.
pub(crate) fn case(condition: Expr, result: Expr, otherwise: Option<Expr>) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition, result }],
        else_result: otherwise.map(Box::new),
    }
}

/// A call of DataFusion's function `name`.
pub(crate) fn call(name: &str, arguments: impl IntoIterator<Item = Expr>) -> Expr {
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
pub(crate) fn interval(text: impl Into<String>) -> Expr {
    Expr::Interval(ast::Interval {
        value: Box::new(string(text)),
        leading_field: None,
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    })
}

/// The whole number that an expression is written as, with its sign.
pub(crate) fn literal_integer(expr: &Expr) -> Option<i64> {
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
pub(crate) fn literal_string(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        Expr::Nested(expr) => literal_string(expr),
        _ => None,
    }
}

/// `SELECT items FROM tables WHERE selection`.
pub(crate) fn select(
    projection: Vec<ast::SelectItem>,
    from: Vec<ast::TableWithJoins>,
    selection: Option<Expr>,
) -> Box<ast::Query> {
    let select = ast::Select {
        select_token: AttachedToken::empty(),
        optimizer_hints: Vec::new(),
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection,
        exclude: None,
        into: None,
        from,
        lateral_views: Vec::new(),
        prewhere: None,
        selection,
        connect_by: Vec::new(),
        group_by: ast::GroupByExpr::Expressions(Vec::new(), Vec::new()),
        cluster_by: Vec::new(),
        distribute_by: Vec::new(),
        sort_by: Vec::new(),
        having: None,
        named_window: Vec::new(),
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: ast::SelectFlavor::Standard,
    };
    Box::new(ast::Query {
        with: None,
        body: Box::new(ast::SetExpr::Select(Box::new(select))),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    })
}
