//! Filters that joins find while they run, applied to rows as they are read.
//!
//! A join that knows its smaller side tells the scan of the other side which keys it has. DataFusion prunes row groups by that, or, by one
//! switch for all scans, filters every row while it decodes, which costs more than it saves where many rows are left (ADR 18). Here
//! a scan tries its filters on its first rows, and goes on with them only if few are left. Dropping rows is never needed, for whoever sent
//! such a filter still looks at each row.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow::{
    array::{Array as _, AsArray, BooleanArray, RecordBatch},
    compute::prep_null_mask_filter,
    datatypes::{DataType, Schema},
};
use datafusion::{
    error::{DataFusionError, Result},
    physical_expr::{
        expressions::DynamicFilterTracking,
        split_conjunction,
        utils::{collect_columns, conjunction_opt, reassign_expr_columns},
    },
    physical_expr_common::physical_expr::snapshot_physical_expr,
    physical_plan::PhysicalExpr,
};

/// Rows by which a scan judges its filters.
const TRIAL: u64 = 50_000;
/// Filters are applied if they leave at most one row in so many: looking a key up costs about as much as the join does with a row.
const ONE_IN: u64 = 4;

/// How many rows the filters of a scan left so far, in all its partitions.
#[derive(Debug, Default)]
pub(super) struct Survivors {
    read: AtomicU64,
    left: AtomicU64,
}

impl Survivors {
    /// Whether filters are to be applied to the next rows.
    pub(super) fn are_few(&self) -> bool {
        let read = self.read.load(Ordering::Relaxed);
        read < TRIAL || self.left.load(Ordering::Relaxed).saturating_mul(ONE_IN) <= read
    }

    /// Notes how many of these rows are left.
    pub(super) fn add(&self, read: usize, left: usize) {
        let count = |rows: usize| u64::try_from(rows).unwrap_or(u64::MAX);
        self.left.fetch_add(count(left), Ordering::Relaxed);
        self.read.fetch_add(count(read), Ordering::Relaxed);
    }
}

/// The parts of a scan's predicate that joins and their kin fill in, over the columns of the file that are read.
#[derive(Clone, Debug, Default)]
pub(super) struct LateFilters(Vec<Arc<dyn PhysicalExpr>>);

impl LateFilters {
    /// Those parts that need no other columns than `read`, by their numbers in the file's schema.
    pub(super) fn new(predicate: Option<&Arc<dyn PhysicalExpr>>, read: &[usize]) -> Self {
        let parts = predicate.into_iter().flat_map(|predicate| split_conjunction(predicate));
        let late = parts.filter(|part| {
            DynamicFilterTracking::classify(part).contains_dynamic_filter()
                && collect_columns(part).iter().all(|column| read.contains(&column.index()))
        });
        LateFilters(late.map(Arc::clone).collect())
    }

    /// What they say now. `None` if that is nothing yet.
    pub(super) fn now(&self) -> Result<Option<LateFilter>> {
        let mut parts = Vec::new();
        for part in &self.0 {
            let part = snapshot_physical_expr(Arc::clone(part))?;
            // A filter that nobody has filled in is a literal TRUE.
            if !collect_columns(&part).is_empty() {
                parts.push(part);
            }
        }
        Ok(conjunction_opt(parts).map(LateFilter))
    }
}

/// Filters as they stand while a row group is read.
#[derive(Debug)]
pub(super) struct LateFilter(Arc<dyn PhysicalExpr>);

impl LateFilter {
    /// The columns it needs, by their numbers in the file's schema.
    pub(super) fn columns(&self) -> HashSet<usize> {
        collect_columns(&self.0).iter().map(|column| column.index()).collect()
    }

    /// The same over batches of the columns of `schema`.
    pub(super) fn over(self, schema: &Schema) -> Result<Self> {
        Ok(LateFilter(reassign_expr_columns(self.0, schema)?))
    }

    /// Which rows are left.
    pub(super) fn mask(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        let mask = self.0.evaluate(batch)?.into_array(batch.num_rows())?;
        if mask.data_type() != &DataType::Boolean {
            return Err(DataFusionError::Internal(format!("the filter {} is no condition", self.0)));
        }
        let mask = mask.as_boolean();
        Ok(if mask.null_count() > 0 { prep_null_mask_filter(mask) } else { mask.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_go_on_only_if_they_leave_few_rows() {
        let survivors = Survivors::default();
        survivors.add(1000, 1000);
        assert!(survivors.are_few(), "too few rows to judge by");
        survivors.add(99_000, 10_000);
        assert!(survivors.are_few());
        survivors.add(100_000, 60_000);
        assert!(!survivors.are_few());
    }
}
