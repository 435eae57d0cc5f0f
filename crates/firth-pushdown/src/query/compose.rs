//! A logical plan as a query of one source, from the leaves up.

use std::{cell::Cell, sync::Arc};

use datafusion::{
    catalog::default_table_source::source_as_provider,
    common::{Column, DFSchema, tree_node::TreeNode},
    logical_expr::{
        Expr, FetchType, Filter, Limit, LogicalPlan, Projection, SkipType, Sort, SubqueryAlias, TableScan,
    },
};
use firth_connector::{QueryDialect, Reason, Relation, Written};

use super::{
    cost::{self, FILTERED},
    select::{Estimate, From, Select},
};
use crate::{
    RemoteTable,
    render::{Renderer, Scope, ScopeColumn},
    sql::relation,
    table::Pushdown,
};

/// How many rows a table is taken to have that says nothing.
const UNKNOWN_ROWS: f64 = 100_000.0;

/// Why a plan is not a query of one source.
#[derive(Debug)]
pub(super) enum Refusal {
    /// For its topmost operator's sake.
    Own(Reason),
    /// For the sake of something below.
    Below,
    /// It does not read a source that takes queries.
    Elsewhere,
}

pub(super) type Composed = Result<Select, Refusal>;

/// Composes. Gives out names, so that none is used twice in one query.
#[derive(Debug, Default)]
pub(super) struct Composer {
    aliases: Cell<usize>,
}

impl Composer {
    /// The query that delivers the plan's rows, or why there is none.
    pub(super) fn compose(&self, plan: &LogicalPlan) -> Composed {
        let select = match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan)?,
            LogicalPlan::SubqueryAlias(SubqueryAlias { input, .. }) => self.below(input)?,
            LogicalPlan::Projection(projection) => self.projection(projection)?,
            LogicalPlan::Filter(filter) => self.filter(filter)?,
            LogicalPlan::Join(join) => self.join(join)?,
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate)?,
            LogicalPlan::Sort(sort) => self.sort(sort)?,
            LogicalPlan::Limit(limit) => self.limit(limit)?,
            LogicalPlan::Window(window) => self.window(window)?,
            LogicalPlan::Union(union) => self.union(union)?,
            LogicalPlan::Distinct(_) => return Err(own("DISTINCT of this form is done here")),
            _ => return Err(Refusal::Elsewhere),
        };
        named(select, plan.schema())
    }

    /// What an operator reads.
    pub(super) fn below(&self, plan: &LogicalPlan) -> Composed {
        self.compose(plan).map_err(|refusal| match refusal {
            Refusal::Own(_) | Refusal::Below => Refusal::Below,
            Refusal::Elsewhere => Refusal::Elsewhere,
        })
    }

    /// A name that this query has not used.
    pub(super) fn alias(&self) -> String {
        let alias = self.aliases.get();
        self.aliases.set(alias + 1);
        format!("t{alias}")
    }

    fn scan(&self, scan: &TableScan) -> Composed {
        let provider = source_as_provider(&scan.source).map_err(|_| Refusal::Elsewhere)?;
        let any: &dyn std::any::Any = provider.as_ref();
        let Some(table) = any.downcast_ref::<RemoteTable>() else { return Err(Refusal::Elsewhere) };
        let dialect = table.sql().dialect();
        if table.pushdown() != Pushdown::On || dialect.queries().is_none() {
            return Err(Refusal::Elsewhere);
        }
        let description = table.description();
        let alias = self.alias();
        let from = match table.relation() {
            Relation::Table(_) => {
                format!("{} AS {}", relation(dialect, table.relation()), dialect.identifier(&alias))
            }
            Relation::Query(query) => format!("(\n{query}\n) AS {}", dialect.identifier(&alias)),
        };
        let all = Scope::of_table(dialect, description, table.shown(), Some(&alias));
        let renderer = Renderer::new(dialect, &all);
        let conditions =
            scan.filters.iter().map(|filter| exact(&renderer, filter)).collect::<Result<Vec<_>, _>>()?;
        let columns: Vec<ScopeColumn> = match &scan.projection {
            Some(projection) => projection.iter().map(|index| all.column(*index).clone()).collect(),
            None => all.columns().to_vec(),
        };
        let key = description.primary_key.iter();
        let key = key.map(|name| {
            let place = description.schema.index_of(name).ok()?;
            Some(all.column(place).sql.clone())
        });
        let kept = FILTERED.powi(i32::try_from(conditions.len()).unwrap_or(i32::MAX));
        let rows = description.row_count.map_or(UNKNOWN_ROWS, |rows| rows as f64) * kept;
        let estimate = Estimate {
            rows: Some(scan.fetch.map_or(rows, |fetch| rows.min(fetch as f64))),
            kept,
            key: key.collect::<Option<Vec<_>>>().unwrap_or_default(),
            bytes_apart: rows * cost::width(&columns),
            composed: false,
        };
        Ok(Select {
            remote: table.remote().clone(),
            sql: Arc::clone(table.sql()),
            columns: Scope::new(columns),
            from: From::One(from),
            conditions,
            groups: None,
            order: Vec::new(),
            limit: scan.fetch,
            offset: 0,
            ordered: false,
            estimate,
        })
    }

    fn projection(&self, projection: &Projection) -> Composed {
        let mut input = self.below(&projection.input)?;
        let plain_columns = projection.expr.iter().all(|expr| column(expr).is_some());
        // Groups by nothing are one row only as long as an aggregate is among the columns.
        let keeps_groups =
            input.groups.as_ref().is_none_or(|groups| !groups.is_empty()) || !projection.expr.is_empty();
        if !(input.is_plain() || plain_columns && keeps_groups) {
            input = input.nested(&self.alias());
        }
        let renderer = Renderer::new(input.dialect(), &input.columns);
        let queries = queries(&input);
        let columns = projection
            .expr
            .iter()
            .zip(projection.schema.fields())
            .map(|(expr, field)| {
                if let Some(index) = column(expr).and_then(|column| input.columns.index_of(column)) {
                    return Ok(input.columns.column(index).clone());
                }
                let item = renderer.with_operand(expr, |operand| queries.item(operand, field.data_type()));
                let written = item.ok_or_else(|| unlisted(expr, &renderer))?.map_err(Refusal::Own)?;
                Ok(ScopeColumn::written(field, written))
            })
            .collect::<Result<Vec<_>, Refusal>>()?;
        input.columns = Scope::new(columns);
        Ok(input)
    }

    fn filter(&self, filter: &Filter) -> Composed {
        let mut input = self.below(&filter.input)?.plain(|| self.alias());
        let write = |plan: &LogicalPlan| self.value(plan, &input);
        let renderer = Renderer::new(input.dialect(), &input.columns).with_subqueries(&write);
        let condition = exact(&renderer, &filter.predicate)?;
        input.conditions.push(condition);
        // A scan by itself takes no such condition.
        input.estimate.composed |= contains_subquery(&filter.predicate);
        input.estimate.kept *= FILTERED;
        input.estimate.rows = input.estimate.rows.map(|rows| rows * FILTERED);
        Ok(input)
    }

    /// The value of a query of the source that `beside` is a query of, as an operand.
    pub(super) fn value(&self, plan: &LogicalPlan, beside: &Select) -> Result<Written, Reason> {
        let reason = |why: &str| format!("its subquery is done here: {why}");
        let select = self.compose(plan).map_err(|refusal| match refusal {
            Refusal::Own(why) => reason(&why),
            Refusal::Below => reason("what it reads is put together here"),
            Refusal::Elsewhere => reason("it does not lie at this source"),
        })?;
        if select.remote != beside.remote {
            return Err(reason("it lies on another connection"));
        }
        let remote_type = select.columns.columns().first().and_then(|column| column.remote_type.clone());
        Ok(Written { sql: format!("({})", select.text()), remote_type })
    }

    /// Only with a limit: all rows in order are as many as without.
    fn sort(&self, sort: &Sort) -> Composed {
        let Some(fetch) = sort.fetch else {
            return Err(own("ORDER BY without LIMIT is done here: as many rows would travel"));
        };
        let mut input = self.sorted(sort)?;
        input.limit = Some(fetch);
        input.estimate.rows = Some(input.estimate.rows.map_or(fetch as f64, |rows| rows.min(fetch as f64)));
        Ok(input)
    }

    fn sorted(&self, sort: &Sort) -> Composed {
        let mut input = self.below(&sort.input)?.plain(|| self.alias());
        let renderer = Renderer::new(input.dialect(), &input.columns);
        let queries = queries(&input);
        let order = sort
            .expr
            .iter()
            .map(|key| {
                let item = renderer.with_key(&key.expr, |operand| match operand.literal {
                    // A number there would be the place of a column.
                    Some(_) => Err("ORDER BY a constant".to_owned()),
                    None => queries.order(operand, !key.asc, key.nulls_first),
                });
                item.ok_or_else(|| unlisted(&key.expr, &renderer))?.map_err(Refusal::Own)
            })
            .collect::<Result<Vec<_>, Refusal>>()?;
        input.order = order;
        input.ordered = true;
        input.estimate.composed = true;
        Ok(input)
    }

    /// Rows `skip` to `skip + fetch` of those that the input's own limit keeps.
    fn limit(&self, limit: &Limit) -> Composed {
        let (Ok(SkipType::Literal(skip)), Ok(FetchType::Literal(fetch))) =
            (limit.get_skip_type(), limit.get_fetch_type())
        else {
            return Err(own("limits that are not numbers are done here"));
        };
        let Some(fetch) = fetch else { return self.offset(limit, skip) };
        let mut input = self.below(&limit.input)?;
        input.limit = Some(input.limit.map_or(fetch, |known| known.saturating_sub(skip).min(fetch)));
        input.offset += skip;
        input.estimate.rows = Some(input.estimate.rows.map_or(fetch as f64, |rows| rows.min(fetch as f64)));
        // Fewer rows travel than a limit alone would let.
        input.estimate.composed |= skip > 0;
        Ok(input)
    }

    /// All rows but the first `skip`. A table by itself is read by several backends, its OFFSET by one, and an
    /// order would be made twice: sent if half of the rows need not travel, or if it is one query anyhow.
    fn offset(&self, limit: &Limit, skip: usize) -> Composed {
        let (mut input, was_composed) = match limit.input.as_ref() {
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => (self.sorted(sort)?, false),
            other => {
                let input = self.below(other)?;
                let was_composed = input.estimate.composed;
                (input, was_composed)
            }
        };
        let rows = input.estimate.rows;
        if !was_composed && rows.is_none_or(|rows| (skip as f64) < rows / 2.0) {
            return Err(own(
                "OFFSET without LIMIT is done here: most of the rows would travel, by one backend",
            ));
        }
        input.limit = input.limit.map(|known| known.saturating_sub(skip));
        input.offset += skip;
        input.estimate.rows = rows.map(|rows| (rows - skip as f64).max(1.0));
        input.estimate.composed = true;
        Ok(input)
    }
}

/// How its queries are written. Every source that a [`Select`] is of takes them.
pub(super) fn queries(select: &Select) -> &dyn QueryDialect {
    select.sql.dialect().queries().expect("a scan is composed only of a source that takes queries")
}

/// The columns under the names and types that they have here.
fn named(mut select: Select, schema: &DFSchema) -> Composed {
    if schema.fields().len() != select.columns.columns().len() {
        return Err(own("its columns are not those of its query"));
    }
    let mut columns = Vec::with_capacity(schema.fields().len());
    for ((qualifier, field), column) in schema.iter().zip(select.columns.columns()) {
        if column.field.data_type() != field.data_type() {
            return Err(Refusal::Own(format!("{} would arrive as another type", field.name())));
        }
        columns.push(ScopeColumn {
            qualifier: qualifier.cloned(),
            field: Arc::clone(field),
            ..column.clone()
        });
    }
    select.columns = Scope::new(columns);
    Ok(select)
}

/// Whether it compares with the value of a subquery.
pub(super) fn contains_subquery(expr: &Expr) -> bool {
    expr.exists(|expr| Ok(matches!(expr, Expr::ScalarSubquery(_)))).unwrap_or(false)
}

/// A condition that keeps the same rows there as here.
pub(super) fn exact(renderer: &Renderer<'_>, condition: &Expr) -> Result<String, Refusal> {
    match renderer.predicate(condition) {
        Some(predicate) if predicate.exact => Ok(predicate.sql),
        Some(_) => Err(Refusal::Own(format!(
            "{condition} is sent, but keeps other rows there too, and is evaluated again here"
        ))),
        None => Err(unlisted(condition, renderer)),
    }
}

/// The column that an expression is, if it is one.
pub(super) fn column(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Alias(alias) => column(&alias.expr),
        Expr::Column(column) => Some(column),
        _ => None,
    }
}

/// For an expression that `renderer` has just been asked about, in vain.
pub(super) fn unlisted(expr: &Expr, renderer: &Renderer<'_>) -> Refusal {
    let reason = format!("{expr} is not known to mean the same at the source");
    Refusal::Own(match renderer.refusal() {
        Some(why) => format!("{reason}: {why}"),
        None => reason,
    })
}

pub(super) fn own(reason: &str) -> Refusal {
    Refusal::Own(reason.to_owned())
}
