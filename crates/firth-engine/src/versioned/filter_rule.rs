//! The rule that a query must filter by a column that the table is partitioned by.

use datafusion::logical_expr::Expr;
use firth_diagnostic::{Code, Diagnostic, Result};

/// What the option `require_partition_filter` asks of a query.
#[derive(Clone, Debug)]
pub(super) struct FilterRule {
    pub(super) table: String,
    /// The columns by which it is partitioned, as plans call them.
    pub(super) columns: Vec<String>,
}

impl FilterRule {
    /// Fails if no filter names one of the columns (BigQuery's rule and words).
    pub(super) fn check(&self, filters: &[Expr]) -> Result<()> {
        let names_one =
            |filter: &Expr| filter.column_refs().iter().any(|column| self.columns.contains(&column.name));
        if filters.iter().any(names_one) {
            return Ok(());
        }
        let names: Vec<String> = self.columns.iter().map(|name| format!("'{name}'")).collect();
        Err(Diagnostic::error(
            Code::Invalid,
            format!(
                "cannot query over table {:?} without a filter over column(s) {} that can be used for partition elimination",
                self.table,
                names.join(", ")
            ),
        )
        .hint("The table was made with require_partition_filter = TRUE. Compare one of these columns in WHERE."))
    }
}
