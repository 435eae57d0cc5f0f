//! A remote's table or query, as DataFusion sees it.

use std::{fmt, sync::Arc};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{DFSchema, Statistics},
    datasource::TableType,
    error::Result as DataFusionResult,
    logical_expr::{Expr, TableProviderFilterPushDown, utils::conjunction},
    physical_plan::{ExecutionPlan, filter::FilterExecBuilder},
};
use firth_connector::{Relation, RemoteId, RemoteScan, RemoteSql, TableDescription};
use firth_diagnostic::Result;

use crate::{
    RemoteScanExec, external,
    names::shown_schema,
    render::{Predicate, Renderer, Scope},
    scan::estimate,
    scan_sql,
};

/// What is sent to sources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pushdown {
    /// Columns only.
    Off,
    /// Columns, filters, limits, and the keys of joins.
    Safe,
    /// Whole queries too: joins, groups, and the first rows of an order.
    #[default]
    On,
}

/// A remote's table or query.
///
/// Planning asks the remote's dialect and nothing else of it: no I/O. Plans made from this table hold
/// the id, not the remote.
pub struct RemoteTable {
    remote: RemoteId,
    sql: Arc<dyn RemoteSql>,
    relation: Relation,
    description: TableDescription,
    schema: SchemaRef,
    scope: Scope,
    pushdown: Pushdown,
}

impl RemoteTable {
    /// A table of `remote`, of which as much is done at the source as `pushdown` says.
    ///
    /// Fails if two columns differ only by case.
    pub fn try_new(
        remote: RemoteId,
        sql: Arc<dyn RemoteSql>,
        relation: Relation,
        description: TableDescription,
        pushdown: Pushdown,
    ) -> Result<Self> {
        let schema = shown_schema(&description.schema)?;
        let scope = Scope::of_table(sql.dialect(), &description, &schema, None);
        Ok(RemoteTable { remote, sql, relation, description, schema, scope, pushdown })
    }

    pub(crate) fn remote(&self) -> &RemoteId {
        &self.remote
    }

    pub(crate) fn sql(&self) -> &Arc<dyn RemoteSql> {
        &self.sql
    }

    pub(crate) fn relation(&self) -> &Relation {
        &self.relation
    }

    pub(crate) fn description(&self) -> &TableDescription {
        &self.description
    }

    /// The schema that DataFusion is shown.
    pub(crate) fn shown(&self) -> &SchemaRef {
        &self.schema
    }

    pub(crate) fn pushdown(&self) -> Pushdown {
        self.pushdown
    }

    /// The predicate for a filter, or `None` if it is to be evaluated here alone.
    fn render(&self, filter: &Expr) -> Option<Predicate> {
        if self.pushdown == Pushdown::Off {
            return None;
        }
        Renderer::new(self.sql.dialect(), &self.scope).predicate(filter)
    }
}

impl fmt::Debug for RemoteTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteTable").field("remote", &self.remote).field("relation", &self.relation).finish()
    }
}

#[async_trait]
impl TableProvider for RemoteTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Estimates, for those who order joins before there are scans.
    fn statistics(&self) -> Option<Statistics> {
        let columns: Vec<usize> = (0..self.schema.fields().len()).collect();
        Some(estimate(&self.description, &columns, self.description.row_count))
    }

    /// `Exact` for every filter that the dialect renders, even if only as a superset: [`Self::scan`]
    /// itself then evaluates the filter again above the scan.
    ///
    /// With `Inexact` DataFusion would do that, but on the filter as it is *now*. Later rules rewrite
    /// the scan's filters, and what the dialect renders exactly may come back as something it renders
    /// as a superset, or not at all. Only `scan` sees the final form, so only `scan` can be right.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        let supported = |filter: &&Expr| match self.render(filter) {
            Some(_) => TableProviderFilterPushDown::Exact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(supported).collect())
    }

    /// The scan, and above it what is left of the filters:
    ///
    /// ```text
    /// FilterExec: the filters that are not rendered exactly; projects their columns away
    ///   RemoteScanExec: WHERE all that is rendered, LIMIT only if nothing is left above
    /// ```
    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let mut predicates = Vec::new();
        let mut residual = Vec::new();
        for filter in filters {
            let rendered = self.render(filter);
            if !rendered.as_ref().is_some_and(|predicate| predicate.exact) {
                residual.push(filter.clone());
            }
            predicates.extend(rendered.map(|predicate| predicate.sql));
        }

        let wanted = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let mut columns = wanted.clone();
        for column in residual.iter().flat_map(Expr::column_refs) {
            let index = self.schema.index_of(column.name())?;
            if !columns.contains(&index) {
                columns.push(index);
            }
        }

        let read = columns.len();
        let scan = RemoteScan {
            relation: self.relation.clone(),
            description: self.description.clone(),
            columns,
            predicate: (!predicates.is_empty()).then(|| predicates.join(" AND ")),
            limit: limit.filter(|_| self.pushdown != Pushdown::Off && residual.is_empty()),
        };
        let sql = scan_sql(self.sql.dialect(), &scan, None);
        let target_partitions = state.config().target_partitions();
        let mut exec =
            RemoteScanExec::try_new(self.remote.clone(), scan, sql, target_partitions).map_err(external)?;
        if self.pushdown == Pushdown::Off {
            exec = exec.without_dynamic_filters();
        }
        let exec: Arc<dyn ExecutionPlan> = Arc::new(exec);

        let Some(residual) = conjunction(residual) else { return Ok(exec) };
        let schema = DFSchema::try_from(exec.schema())?;
        let residual = state.create_physical_expr(residual, &schema)?;
        let back = (read > wanted.len()).then(|| (0..wanted.len()).collect());
        let filter = FilterExecBuilder::new(residual, exec).apply_projection(back)?.build()?;
        Ok(Arc::new(filter))
    }
}
