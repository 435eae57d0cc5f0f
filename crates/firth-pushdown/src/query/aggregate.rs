//! GROUP BY and aggregates.

use datafusion::{
    logical_expr::{Aggregate as AggregateNode, Expr, expr::AggregateFunction},
    scalar::ScalarValue,
};
use firth_connector::{Aggregate, Reason, Written};

use super::{
    compose::{Composed, Composer, Refusal, column, own, queries, unlisted},
    cost::GROUPED,
    select::{Estimate, Select},
};
use crate::render::{Renderer, Scope, ScopeColumn};

impl Composer {
    pub(super) fn aggregate(&self, aggregate: &AggregateNode) -> Composed {
        let input = self.below(&aggregate.input)?.plain(|| self.alias());
        let fields = aggregate.schema.fields();
        let (groups_fields, aggregates_fields) = fields
            .split_at_checked(aggregate.group_expr.len())
            .ok_or_else(|| own("grouping sets are done here"))?;
        let renderer = Renderer::new(input.dialect(), &input.columns);
        let queries = queries(&input);

        let mut columns = Vec::with_capacity(fields.len());
        for (expr, field) in aggregate.group_expr.iter().zip(groups_fields) {
            if matches!(expr, Expr::GroupingSet(_)) {
                return Err(own("grouping sets are done here"));
            }
            let group = renderer.with_operand(expr, |operand| match operand.literal {
                // A number there would be the place of a column.
                Some(_) => Err("GROUP BY a constant".to_owned()),
                None => queries.group(operand).map(|written| ScopeColumn::written(field, written)),
            });
            let group = group.ok_or_else(|| unlisted(expr, &renderer))?.map_err(Refusal::Own)?;
            // Still the column itself, if nothing was put around it.
            let known = column(expr).and_then(|column| input.columns.index_of(column));
            let known = known.map(|index| input.columns.column(index)).filter(|known| known.sql == group.sql);
            columns.push(known.cloned().unwrap_or(group));
        }
        let groups: Vec<String> = columns.iter().map(|column| column.sql.clone()).collect();

        for (expr, field) in aggregate.aggr_expr.iter().zip(aggregates_fields) {
            let function = function(expr).ok_or_else(|| unlisted(expr, &renderer))?;
            let written = match known(function).map_err(Refusal::Own)? {
                None => Written::new(queries.count_rows()),
                Some((aggregate, argument)) => renderer
                    .with_operand(argument, |operand| {
                        queries.aggregate(aggregate, operand, field.data_type())
                    })
                    .ok_or_else(|| unlisted(argument, &renderer))?
                    .map_err(Refusal::Own)?,
            };
            columns.push(ScopeColumn::written(field, written));
        }

        let rows = group_count(&columns[..groups.len()], input.estimate.rows);
        let estimate =
            Estimate { rows: Some(rows), key: groups.clone(), composed: true, ..input.estimate.clone() };
        Ok(Select { columns: Scope::new(columns), groups: Some(groups), ordered: false, estimate, ..input })
    }
}

/// About how many groups there are of so many rows.
fn group_count(keys: &[ScopeColumn], rows: Option<f64>) -> f64 {
    let distinct: Option<f64> = keys.iter().map(|key| Some(key.distinct_count? as f64 + 1.0)).product();
    match (distinct, rows) {
        _ if keys.is_empty() => 1.0,
        (Some(distinct), Some(rows)) => distinct.min(rows),
        (Some(distinct), None) => distinct,
        (None, Some(rows)) => rows * GROUPED,
        (None, None) => 1.0,
    }
}

fn function(expr: &Expr) -> Option<&AggregateFunction> {
    match expr {
        Expr::Alias(alias) => function(&alias.expr),
        Expr::AggregateFunction(function) => Some(function),
        _ => None,
    }
}

/// Which aggregate it is, and of what; `None` for the number of rows.
fn known(function: &AggregateFunction) -> Result<Option<(Aggregate, &Expr)>, Reason> {
    let params = &function.params;
    let name = function.func.name();
    if params.filter.is_some() || !params.order_by.is_empty() || params.null_treatment.is_some() {
        return Err(format!("{name} with FILTER, ORDER BY or IGNORE NULLS is done here"));
    }
    named(name, params.distinct, &params.args)
}

/// The aggregate of this name, and what it is of; `None` for the number of rows.
pub(super) fn named<'a>(
    name: &str,
    distinct: bool,
    args: &'a [Expr],
) -> Result<Option<(Aggregate, &'a Expr)>, Reason> {
    let [argument] = args else {
        return Err(format!("{name} of {} arguments is done here", args.len()));
    };
    let aggregate = match (name, distinct) {
        ("count", false) if is_value(argument) => return Ok(None),
        ("count", false) => Aggregate::Count,
        ("count", true) => Aggregate::CountDistinct,
        ("sum", false) => Aggregate::Sum,
        ("avg", false) => Aggregate::Average,
        // The smallest of the different values is the smallest of all.
        ("min", _) => Aggregate::Min,
        ("max", _) => Aggregate::Max,
        (name, false) => return Err(format!("{name} is not known to mean the same at the source")),
        (name, true) => return Err(format!("{name} of DISTINCT values is done here")),
    };
    Ok(Some((aggregate, argument)))
}

/// Whether a literal counts every row: `count(1)`, which is what `count(*)` is made of.
fn is_value(argument: &Expr) -> bool {
    matches!(argument, Expr::Literal(value, _) if !value.is_null() && !matches!(value, ScalarValue::Null))
}
