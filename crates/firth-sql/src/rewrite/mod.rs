//! Queries for DataFusion.
use crate::{Headers, Parameters, Query, Rewritten};
use firth_diagnostic::Result;

/// Rewrites a query for DataFusion.
pub fn rewrite(query: &Query, parameters: &Parameters) -> Result<Rewritten> {
    let _ = parameters;
    Ok(Rewritten {
        query: query.tree.clone(),
        tables: Vec::new(),
        external_queries: Vec::new(),
        headers: Headers::default(),
    })
}
