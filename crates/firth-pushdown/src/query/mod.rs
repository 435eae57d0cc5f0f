//! Whole queries for one source: joins, groups and the first rows of an order, done where the rows lie.
//!
//! When a plan is optimized, the largest subtrees that read one connection and that its dialect can say
//! are each replaced by one scan of a query:
//!
//! ```text
//! Aggregate: sum(o.total) by c.name             Projection: c0 AS name, c1 AS sum(o.total)
//!   Join: o.customer = c.id                 ⇒     TableScan: SELECT c.name AS c0, sum(o.total) AS c1
//!     TableScan: orders  TableScan: customers                FROM orders o JOIN customers c ON … GROUP BY c.name
//! ```
//!
//! Inner joins are put in another order first, where that brings tables of one connection together
//! (`gather`). Each expression is asked for one by one; what the dialect does not list stays here, with a reason
//! that EXPLAIN shows, and so does what would make more travel. Sort and limit are sent and done again
//! here, on the few rows that come: no order is taken from the source.

mod aggregate;
mod compose;
mod cost;
mod gather;
mod join;
mod replace;
mod select;
mod union;
mod window;

use datafusion::{error::Result as DataFusionResult, logical_expr::LogicalPlan};

/// A plan whose largest sendable parts are scans of queries.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// The plan.
    pub plan: LogicalPlan,
    /// What above remote tables is done here, from the top.
    pub kept: Vec<Kept>,
}

/// An operator that is kept here, though it reads remote tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The operator, as EXPLAIN writes it.
    pub operator: String,
    /// Why, in words.
    pub reason: String,
}

/// Replaces what can be sent. `plan` is optimized.
///
/// For a query planner and not an optimizer rule: it sees a plan once, when no other rule will change it.
pub fn push_down(plan: LogicalPlan) -> DataFusionResult<Pushed> {
    replace::push_down(plan)
}
