//! The step between optimizing and planning: partitioned tables are listed, now that their filters are known.

use std::sync::Arc;

use datafusion::{
    catalog::{Session, TableProvider},
    common::tree_node::TreeNodeRecursion,
    datasource::source_as_provider,
    error::{DataFusionError, Result},
    logical_expr::{Expr, LogicalPlan, expr_rewriter::unnormalize_cols},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::ExternalFiles;

/// Tables listed at once.
const AT_ONCE: usize = 16;

/// The filters of each scan of a table.
type Scans = Vec<Vec<Expr>>;

/// Lists the files that the plan's scans may need, of tables that have waited for that.
pub(crate) async fn list_partitioned(plan: &LogicalPlan, session: &dyn Session) -> Result<()> {
    let mut tables: Vec<(Arc<dyn TableProvider>, Scans)> = Vec::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Ok(provider) = source_as_provider(&scan.source)
            && provider.downcast_ref::<ExternalFiles>().is_some()
        {
            // As the scan will be given them.
            let filters = unnormalize_cols(scan.filters.iter().cloned());
            match tables.iter_mut().find(|(known, _)| Arc::ptr_eq(known, &provider)) {
                Some((_, scans)) => scans.push(filters),
                None => tables.push((provider, vec![filters])),
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    let listings = tables.iter().filter_map(|(provider, scans)| {
        let files = provider.downcast_ref::<ExternalFiles>()?;
        Some(async move {
            files.list_for(session, scans).await.map_err(|error| DataFusionError::External(Box::new(error)))
        })
    });
    stream::iter(listings.collect::<Vec<_>>()).buffered(AT_ONCE).try_collect().await
}
