//! Rows that are gone because their values are in a list: an anti join above the scan.
//!
//! ```text
//! before   files
//! after    UnionAll
//!            files that came after every list, or have none for their partition
//!            Project table's columns
//!              LeftAnti  values equal (NULL too), same partition, list.sequence > file.sequence
//!                other files, with sequence, partition and hidden columns
//!                lists
//! ```

use std::sync::Arc;

use datafusion::{
    catalog::TableProvider,
    common::{Column, JoinType, NullEquality},
    datasource::{ViewTable, provider_as_source},
    error::Result as DataFusionResult,
    logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Operator, binary_expr},
};
use firth_diagnostic::Result;

use super::{
    filter_rule::FilterRule,
    provider::{Extras, PARTITION, SEQUENCE, VersionedFiles},
    table::{DataFile, DeletedValues, TableColumn, TableVersion},
};
use crate::error::from_datafusion;

/// What the sides of the joins are called.
const ROWS: &str = "_firth_rows";
const LIST: &str = "_firth_list";

/// The table of a version, without the rows that are gone.
pub(super) async fn provider(
    version: TableVersion,
    file_name: bool,
    rule: Option<FilterRule>,
) -> Result<Arc<dyn TableProvider>> {
    let all: Arc<[TableColumn]> = version.all_columns();
    let own: Arc<[TableColumn]> = version.columns.into();
    let (touched, plain): (Vec<DataFile>, Vec<DataFile>) = version
        .files
        .into_iter()
        .partition(|file| version.deleted_values.iter().any(|list| list.touches(file)));
    let extras = Extras { file_name, place: false };
    let plain_table = VersionedFiles::try_new(Arc::clone(&own), plain, extras).await?.ruled_by(rule.clone());
    if touched.is_empty() {
        return Ok(Arc::new(plain_table));
    }
    let shown = plain_table.schema();
    let extras = Extras { place: true, file_name };
    let rows = VersionedFiles::try_new(Arc::clone(&all), touched, extras).await?.ruled_by(rule);
    // The hidden columns of these come after the table's own.
    let names: Vec<String> = rows.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut plan = scan(ROWS, rows).map_err(from_datafusion)?;
    for list in version.deleted_values {
        let columns: Arc<[TableColumn]> = list.columns.iter().map(|at| all[*at].clone()).collect();
        let compared: Vec<&str> = list.columns.iter().map(|at| names[*at].as_str()).collect();
        let extras = Extras { place: true, file_name: false };
        let values = VersionedFiles::try_new(columns, list.files, extras).await?;
        let values = scan(LIST, values).map_err(from_datafusion)?;
        plan = without(plan, values, compared, list.everywhere).map_err(from_datafusion)?;
    }
    let columns: Vec<Expr> =
        shown.fields().iter().map(|field| Expr::Column(Column::new(Some(ROWS), field.name()))).collect();
    let plan = LogicalPlanBuilder::from(plan)
        .project(columns)
        .and_then(|rows| rows.union(scan(ROWS, plain_table)?))
        .and_then(LogicalPlanBuilder::build)
        .map_err(from_datafusion)?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

fn scan(name: &str, table: VersionedFiles) -> DataFusionResult<LogicalPlan> {
    LogicalPlanBuilder::scan(name, provider_as_source(Arc::new(table)), None)?.build()
}

/// The rows that are not in the list, or came later than it.
fn without(
    rows: LogicalPlan,
    list: LogicalPlan,
    mut compared: Vec<&str>,
    everywhere: bool,
) -> DataFusionResult<LogicalPlan> {
    if !everywhere {
        compared.push(PARTITION);
    }
    let side = |name: &str| -> Vec<Column> {
        compared.iter().map(|column| Column::new(Some(name), *column)).collect()
    };
    let sequence = |name: &str| Expr::Column(Column::new(Some(name), SEQUENCE));
    let is_later = binary_expr(sequence(LIST), Operator::Gt, sequence(ROWS));
    LogicalPlanBuilder::from(rows)
        .join_detailed(
            list,
            JoinType::LeftAnti,
            (side(ROWS), side(LIST)),
            Some(is_later),
            NullEquality::NullEqualsNull,
        )?
        .build()
}

impl DeletedValues {
    /// Whether rows of the file may be gone by these lists.
    fn touches(&self, file: &DataFile) -> bool {
        self.files.iter().any(|list| {
            list.sequence > file.sequence && (self.everywhere || list.partition == file.partition)
        })
    }
}
