//! Assignment: the rows of a query in a table's types, by GoogleSQL's rules of coercion.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::{
    common::{Column, ScalarValue},
    logical_expr::{Cast, Expr, LogicalPlan, LogicalPlanBuilder},
};
use firth_diagnostic::{Code, Diagnostic, Result};

use crate::{
    error::from_datafusion,
    files::{TYPE_METADATA, normalized_field, sql_type},
    resolve::PlannedQuery,
};

/// The columns without numbers and other marks that only files need.
pub(crate) fn plain_columns(columns: &Schema) -> SchemaRef {
    Arc::new(Schema::new(columns.fields().iter().map(|field| plain(field)).collect::<Vec<FieldRef>>()))
}

fn plain(field: &Field) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::List(item) => DataType::List(Arc::new(plain(item).as_ref().clone().with_name("item"))),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|field| plain(field)).collect()),
        other => other.clone(),
    };
    let marks = field.metadata().iter().filter(|(key, _)| *key == TYPE_METADATA);
    let marks = marks.map(|(key, value)| (key.clone(), value.clone())).collect();
    Arc::new(Field::new(field.name(), data_type, field.is_nullable()).with_metadata(marks))
}

/// The query with the columns of a table, in the table's order and, but for nested ones, in its types. `places` says for each column of the query
/// which of the table's it is; the others are NULL. Names in messages are the table's.
pub(crate) fn assigned(query: PlannedQuery, columns: &Schema, places: &[usize]) -> Result<PlannedQuery> {
    let given = query.plan.schema().fields().len();
    if given != places.len() {
        return Err(Diagnostic::error(
            Code::Invalid,
            format!("the query has {given} columns, and {} are written", places.len()),
        )
        .hint("List the columns after the table's name, or select as many as there are."));
    }
    let mut expressions = Vec::with_capacity(columns.fields().len());
    for (index, field) in columns.fields().iter().enumerate() {
        let expression = match places.iter().position(|place| *place == index) {
            Some(from) => {
                let (qualifier, source) = query.plan.schema().qualified_field(from);
                let is_literal = literals(&query.plan, from);
                if !coerces(source.data_type(), field.data_type(), is_literal) {
                    return Err(Diagnostic::error(
                        Code::Invalid,
                        format!(
                            "column {:?} is {}, and what is written there is {}",
                            field.name(),
                            sql_type(field),
                            sql_type(source)
                        ),
                    )
                    .hint(format!("Write CAST(… AS {}).", sql_type(field))));
                }
                let column = Expr::Column(Column::from((qualifier, source)));
                cast(column, source.data_type(), field.data_type())
            }
            None => cast(Expr::Literal(ScalarValue::Null, None), &DataType::Null, field.data_type()),
        };
        expressions.push(expression.alias(field.name().to_lowercase()));
    }
    let plan = LogicalPlanBuilder::from(query.plan)
        .project(expressions)
        .and_then(LogicalPlanBuilder::build)
        .map_err(from_datafusion)?;
    Ok(PlannedQuery { plan, headers: columns.fields().iter().map(|field| field.name().clone()).collect() })
}

fn cast(expression: Expr, from: &DataType, to: &DataType) -> Expr {
    // Fields of a STRUCT are assigned by their place, which the planner's CAST does not do: see `conformed`.
    if from == to || (to.is_nested() && *from != DataType::Null) {
        return expression;
    }
    Expr::Cast(Cast::new(Box::new(expression), to.clone()))
}

/// Whether every value of a column of the plan stands in the text as a literal: those coerce to more types.
fn literals(plan: &LogicalPlan, column: usize) -> bool {
    match plan {
        LogicalPlan::Projection(projection) => match projection.expr.get(column).map(unaliased) {
            Some(Expr::Literal(..)) => true,
            Some(Expr::Column(name)) => projection
                .input
                .schema()
                .maybe_index_of_column(name)
                .is_some_and(|index| literals(&projection.input, index)),
            _ => false,
        },
        LogicalPlan::SubqueryAlias(alias) => literals(&alias.input, column),
        LogicalPlan::Values(values) => values
            .values
            .iter()
            .all(|row| row.get(column).is_some_and(|value| matches!(peeled(value), Expr::Literal(..)))),
        _ => false,
    }
}

fn unaliased(expression: &Expr) -> &Expr {
    match expression {
        Expr::Alias(alias) => unaliased(&alias.expr),
        other => other,
    }
}

/// A literal of VALUES, which the planner may have cast to the type of the other rows'.
fn peeled(expression: &Expr) -> &Expr {
    match expression {
        Expr::Alias(alias) => peeled(&alias.expr),
        Expr::Cast(cast) => peeled(&cast.expr),
        Expr::Negative(inner) => peeled(inner),
        other => other,
    }
}

/// Whether a value of one type is assigned to another without CAST.
fn coerces(from: &DataType, to: &DataType, is_literal: bool) -> bool {
    use DataType::{
        Binary, BinaryView, Date32, Decimal128, Decimal256, Float64, Int64, LargeBinary, LargeUtf8, List,
        Null, Struct, Time64, Timestamp, Utf8, Utf8View,
    };
    if from == to {
        return true;
    }
    match (from, to) {
        (Null, _) => true,
        (from, Int64) if from.is_integer() => true,
        (from, Float64) if from.is_numeric() => true,
        (from, Decimal128(..) | Decimal256(..)) if from.is_integer() || from.is_decimal() => true,
        (from, Decimal128(..) | Decimal256(..)) if from.is_floating() => is_literal,
        (Utf8 | LargeUtf8 | Utf8View, Utf8) | (Binary | LargeBinary | BinaryView, Binary) => true,
        (Utf8 | LargeUtf8 | Utf8View, Date32 | Time64(_) | Timestamp(..)) => is_literal,
        (Date32, Timestamp(_, None)) | (DataType::Date64, Date32) => true,
        (DataType::Time32(_) | Time64(_), Time64(_)) => true,
        (Timestamp(_, from), Timestamp(_, to)) => from.is_some() == to.is_some(),
        (List(from) | DataType::LargeList(from) | DataType::FixedSizeList(from, _), List(to)) => {
            coerces(from.data_type(), to.data_type(), is_literal)
        }
        (Struct(from), Struct(to)) => {
            from.len() == to.len()
                && from.iter().zip(to).all(|(from, to)| coerces(from.data_type(), to.data_type(), is_literal))
        }
        (DataType::Dictionary(_, value), to) => coerces(value, to, is_literal),
        _ => false,
    }
}

/// The columns of a query as a table's: in the types that tables hold, spelled as the query spells them.
pub(crate) fn columns_of(query: &PlannedQuery) -> Result<SchemaRef> {
    let fields = query.plan.schema().fields().iter().zip(&query.headers).map(|(field, name)| {
        let marks = field.metadata().iter().filter(|(key, _)| *key == TYPE_METADATA);
        let marks = marks.map(|(key, value)| (key.clone(), value.clone())).collect();
        Arc::new(normalized_field(field).as_ref().clone().with_name(name).with_metadata(marks))
    });
    let fields: Vec<FieldRef> = fields.collect();
    for (index, field) in fields.iter().enumerate() {
        if fields[..index].iter().any(|other| other.name().eq_ignore_ascii_case(field.name())) {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("the query has two columns named {:?}", field.name()),
            )
            .hint("Give one of them an alias: `… AS name`."));
        }
        if matches!(field.data_type(), DataType::Null) {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("column {:?} is NULL, which has no type", field.name()),
            )
            .hint("Write CAST(NULL AS a type)."));
        }
    }
    Ok(Arc::new(Schema::new(fields)))
}
