//! Subtrees of a plan, replaced by scans of queries.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::{
    common::{
        Column,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    datasource::provider_as_source,
    error::Result as DataFusionResult,
    logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Projection, Sort, cast},
};
use firth_connector::{ColumnDescription, Relation, TableDescription, TableSpec};

use super::{
    Kept, Pushed,
    compose::{Composer, Refusal},
    cost::not_worth,
    gather::gathered,
    select::{Select, column_name},
};
use crate::{RemoteTable, external, render::ScopeColumn, table::Pushdown};

/// What the scan of a query is called in the plan, below a projection that hides it.
const SCAN: &str = "pushed";

pub(super) fn push_down(plan: LogicalPlan) -> DataFusionResult<Pushed> {
    let mut kept = Vec::new();
    let plan = replaced(plan, &mut kept)?;
    Ok(Pushed { plan, kept })
}

/// The plan with its largest sendable subtrees replaced.
fn replaced(plan: LogicalPlan, kept: &mut Vec<Kept>) -> DataFusionResult<LogicalPlan> {
    let composed = Composer::default().compose(&plan);
    let is_composed = composed.is_ok();
    let reason = match composed {
        // The order of its rows is lost on the way: only a sort, which is done again, may be sent so.
        Ok(select) if select.ordered && sort_of(&plan).is_none() => None,
        Ok(select) if select.estimate.composed => match not_worth(&select) {
            None => return sent(plan, select),
            Some(reason) => Some(reason),
        },
        Ok(_) if matches!(plan, LogicalPlan::Union(_)) => {
            Some("its inputs are read at once, by a backend each".to_owned())
        }
        Ok(_) => None,
        Err(Refusal::Own(reason)) if reads_remote(&plan)? => Some(reason),
        Err(Refusal::Below) if is_reduction(&plan) => Some("what it reads is put together here".to_owned()),
        Err(Refusal::Own(_) | Refusal::Below | Refusal::Elsewhere) => None,
    };
    if let Some(gathered) = gathered(&plan)? {
        return replaced(gathered, kept);
    }
    if let Some(reason) = reason
        && !(is_composed && is_renaming(&plan))
    {
        kept.push(Kept { operator: plan.display().to_string(), reason });
    }
    let plan = plan.map_children(|child| Ok(Transformed::yes(replaced(child, kept)?)))?.data;
    Ok(plan.map_subqueries(|query| Ok(Transformed::yes(replaced(query, kept)?)))?.data)
}

/// The sort that gives a plan's rows their order, itself or right below a limit.
fn sort_of(plan: &LogicalPlan) -> Option<&Sort> {
    match plan {
        LogicalPlan::Sort(sort) => Some(sort),
        LogicalPlan::Limit(limit) => match limit.input.as_ref() {
            LogicalPlan::Sort(sort) => Some(sort),
            _ => None,
        },
        _ => None,
    }
}

/// Operators that only name columns: what is below them has the reason.
fn is_renaming(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::SubqueryAlias(_) | LogicalPlan::Projection(_))
}

/// Operators that one would like to see sent.
fn is_reduction(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::Aggregate(_) | LogicalPlan::Join(_) | LogicalPlan::Sort(_))
}

fn reads_remote(plan: &LogicalPlan) -> DataFusionResult<bool> {
    let mut found = false;
    plan.apply(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let provider = datafusion::datasource::source_as_provider(&scan.source)?;
            let any: &dyn std::any::Any = provider.as_ref();
            found |= any.is::<RemoteTable>();
        }
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// The subtree as a scan. A sort and a limit stay above it: they find few rows to do.
fn sent(plan: LogicalPlan, select: Select) -> DataFusionResult<LogicalPlan> {
    match &plan {
        LogicalPlan::Limit(limit) if sort_of(&plan).is_none() => {
            let fetch = select.limit;
            let scan = scan(select, &limit.input)?;
            // What is skipped has been skipped there.
            match fetch {
                Some(_) => LogicalPlanBuilder::from(scan).limit(0, fetch)?.build(),
                None => Ok(scan),
            }
        }
        LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => match sort_of(&plan) {
            Some(sort) => {
                let fetch = select.limit;
                let input = Arc::new(scan(select, &sort.input)?);
                Ok(LogicalPlan::Sort(Sort { expr: sort.expr.clone(), input, fetch }))
            }
            None => scan(select, &plan),
        },
        _ => scan(select, &plan),
    }
}

/// A scan of the query, under the names that `plan`'s columns have.
fn scan(select: Select, plan: &LogicalPlan) -> DataFusionResult<LogicalPlan> {
    let columns = select.columns.columns();
    let fields: Vec<Field> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let field = &column.field;
            Field::new(column_name(index), arrives_as(field.data_type()), field.is_nullable())
                .with_metadata(field.metadata().clone())
        })
        .collect();
    let about = |(column, name): (&ScopeColumn, &String)| ColumnDescription {
        remote_type: column.remote_type.clone().unwrap_or_default(),
        // Its text in the query has been cast already.
        read_as: None,
        label: Some(name.clone()),
        null_count: None,
        distinct_count: column.distinct_count,
        average_bytes: column.average_bytes,
    };
    let description = TableDescription {
        table: TableSpec { schema: String::new(), name: String::new() },
        schema: Arc::new(Schema::new(fields)),
        columns: columns.iter().zip(&plan.schema().field_names()).map(about).collect(),
        primary_key: Vec::new(),
        row_count: select.estimate.rows.map(|rows| rows.ceil() as u64),
        total_bytes: select.bytes().map(|bytes| bytes.ceil() as u64),
        max_splits: 1,
    };
    let relation = Relation::Query(select.text());
    let table = RemoteTable::try_new(select.remote, select.sql, relation, description, Pushdown::On)
        .map_err(external)?;
    let scan = LogicalPlanBuilder::scan(SCAN, provider_as_source(Arc::new(table)), None)?.build()?;
    let schema = plan.schema();
    let columns = schema.iter().enumerate().map(|(index, (qualifier, field))| {
        let column = Expr::Column(Column::new(Some(SCAN), column_name(index)));
        let column = match arrives_as(field.data_type()) == *field.data_type() {
            true => column,
            false => cast(column, field.data_type().clone()),
        };
        column.alias_qualified(qualifier.cloned(), field.name())
    });
    let projection = Projection::try_new_with_schema(columns.collect(), Arc::new(scan), Arc::clone(schema))?;
    Ok(LogicalPlan::Projection(projection))
}

/// Numbers of rows are unsigned here. No source has such integers.
fn arrives_as(data_type: &DataType) -> DataType {
    match data_type {
        DataType::UInt64 => DataType::Int64,
        other => other.clone(),
    }
}
