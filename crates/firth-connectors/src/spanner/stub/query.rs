//! What Spanner would accept of a text, and what it says to the rest.

use std::ops::ControlFlow;

use datafusion::{
    common::{SchemaError, tree_node::TreeNode},
    error::DataFusionError,
    execution::SessionState,
    logical_expr::LogicalPlan,
    sql::{
        parser::Statement as DataFusionStatement,
        sqlparser::{
            ast::{
                CastKind, DataType, ExactNumberInfo, Expr, Query, SelectItem, SetExpr, Statement,
                TimezoneInfo, Value, VisitMut, VisitorMut,
            },
            dialect::BigQueryDialect,
            parser::Parser,
        },
    },
};

use crate::spanner::{
    client::{SpannerCode, SpannerError},
    column::NUMERIC,
    error::NOT_PARTITIONABLE,
};

/// A query that was accepted.
pub(super) struct AcceptedQuery {
    /// What runs.
    pub(super) plan: LogicalPlan,
    /// The names its columns are delivered under; empty for an expression without one.
    pub(super) names: Vec<String>,
}

/// Reads and plans `sql` over the tables of `state`.
pub(super) async fn accept(state: &SessionState, sql: &str) -> Result<AcceptedQuery, SpannerError> {
    let mut query = parse(sql)?;
    let unnamed = unnamed_items(&query);
    if let ControlFlow::Break(type_name) = query.visit(&mut Rewrite) {
        return Err(SpannerError::new(SpannerCode::InvalidArgument, format!("Type not found: {type_name}")));
    }
    let statement = DataFusionStatement::Statement(Box::new(Statement::Query(query)));
    let plan = state.statement_to_plan(statement).await.map_err(|error| planning_error(&error))?;
    let names = plan
        .schema()
        .fields()
        .iter()
        .enumerate()
        .map(|(index, field)| match unnamed.contains(&index) {
            true => String::new(),
            false => field.name().clone(),
        })
        .collect();
    Ok(AcceptedQuery { plan, names })
}

/// Whether Spanner would cut a query into parts: one table, rows filtered and columns computed.
pub(super) fn require_partitionable(plan: &LogicalPlan) -> Result<(), SpannerError> {
    let mut tables = 0;
    let mut others = 0;
    let mut count = |node: &LogicalPlan| match node {
        LogicalPlan::TableScan(_) => tables += 1,
        LogicalPlan::Projection(_) | LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) => {}
        _ => others += 1,
    };
    let walked = plan.apply_with_subqueries(|node| {
        count(node);
        Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
    });
    let has_subquery = plan.exists(|node| Ok(node.expressions().iter().any(has_subquery))).unwrap_or(true);
    match walked.is_ok() && tables == 1 && others == 0 && !has_subquery {
        true => Ok(()),
        false => Err(SpannerError::new(SpannerCode::InvalidArgument, NOT_PARTITIONABLE)),
    }
}

fn has_subquery(expr: &datafusion::logical_expr::Expr) -> bool {
    use datafusion::logical_expr::Expr;
    expr.exists(|expr| Ok(matches!(expr, Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_))))
        .unwrap_or(true)
}

fn parse(sql: &str) -> Result<Box<Query>, SpannerError> {
    let invalid = |message: String| SpannerError::new(SpannerCode::InvalidArgument, message);
    let mut statements = Parser::parse_sql(&BigQueryDialect, sql).map_err(|error| {
        invalid(format!("Syntax error: {}", error.to_string().trim_start_matches("sql parser error: ")))
    })?;
    match (statements.pop(), statements.is_empty()) {
        (None, _) => Err(invalid("Syntax error: Unexpected end of script".to_owned())),
        (Some(_), false) => {
            Err(invalid("Syntax error: Expected end of input but got a second statement".to_owned()))
        }
        (Some(Statement::Query(query)), true)
            if !matches!(*query.body, SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_)) =>
        {
            Ok(query)
        }
        (
            Some(
                Statement::Query(_) | Statement::Insert(_) | Statement::Update { .. } | Statement::Delete(_),
            ),
            true,
        ) => Err(SpannerError::new(
            SpannerCode::FailedPrecondition,
            "DML statements can only be performed in a read-write or partitioned-dml transaction.",
        )),
        (Some(_), true) => Err(invalid("Syntax error: Expected a query".to_owned())),
    }
}

/// Which columns of the outermost SELECT are expressions without a name.
fn unnamed_items(query: &Query) -> Vec<usize> {
    let SetExpr::Select(select) = &*query.body else { return Vec::new() };
    // Behind a `*` positions are not known, and names come from the table.
    if select
        .projection
        .iter()
        .any(|item| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)))
    {
        return Vec::new();
    }
    let is_unnamed = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) => !matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)),
        _ => false,
    };
    select
        .projection
        .iter()
        .enumerate()
        .filter(|(_, item)| is_unnamed(item))
        .map(|(index, _)| index)
        .collect()
}

/// GoogleSQL's types and literals as the engine below plans them.
struct Rewrite;

impl VisitorMut for Rewrite {
    type Break = String;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<String> {
        match expr {
            Expr::Cast { data_type, .. } => *data_type = engine_type(data_type)?,
            Expr::TypedString(typed) => {
                let data_type = engine_type(&typed.data_type)?;
                let value = Expr::Value(typed.value.clone());
                *expr = Expr::Cast {
                    kind: CastKind::Cast,
                    expr: Box::new(value),
                    data_type,
                    array: false,
                    format: None,
                };
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_value(
        &mut self,
        value: &mut datafusion::sql::sqlparser::ast::ValueWithSpan,
    ) -> ControlFlow<String> {
        match &value.value {
            Value::DoubleQuotedString(text)
            | Value::TripleSingleQuotedString(text)
            | Value::TripleDoubleQuotedString(text)
            | Value::SingleQuotedRawStringLiteral(text)
            | Value::DoubleQuotedRawStringLiteral(text) => {
                value.value = Value::SingleQuotedString(text.clone())
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn engine_type(data_type: &DataType) -> ControlFlow<String, DataType> {
    let (precision, scale) = NUMERIC;
    ControlFlow::Continue(match data_type {
        DataType::Bool => DataType::Boolean,
        DataType::Int64 => DataType::BigInt(None),
        DataType::Float64 => DataType::Double(ExactNumberInfo::None),
        DataType::Numeric(ExactNumberInfo::None) => {
            DataType::Decimal(ExactNumberInfo::PrecisionAndScale(precision.into(), scale.into()))
        }
        DataType::String(_) => DataType::Varchar(None),
        DataType::Bytes(_) => DataType::Bytea,
        DataType::Date => DataType::Date,
        DataType::Timestamp(None, TimezoneInfo::None) => {
            DataType::Timestamp(Some(6), TimezoneInfo::WithTimeZone)
        }
        other => return ControlFlow::Break(other.to_string()),
    })
}

/// Spanner's words for what the engine below could not plan.
fn planning_error(error: &DataFusionError) -> SpannerError {
    let root = error.find_root();
    let text = root.strip_backtrace();
    let missing_table = text.split_once("table '").and_then(|(_, rest)| rest.split_once("' not found"));
    let message = match root {
        DataFusionError::SchemaError(schema_error, _) => match schema_error.as_ref() {
            SchemaError::FieldNotFound { field, .. } => format!("Unrecognized name: {}", field.name()),
            SchemaError::AmbiguousReference { field } => format!("Column name {} is ambiguous", field.name()),
            _ => text,
        },
        _ => match missing_table {
            Some((table, _)) => format!("Table not found: {}", table.rsplit('.').next().unwrap_or(table)),
            None => text.lines().next().unwrap_or_default().to_owned(),
        },
    };
    SpannerError::new(SpannerCode::InvalidArgument, message)
}
