//! Which files a filter leaves: those whose folders, and whose name, do not make it false.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions},
    datatypes::{FieldRef, Schema},
};
use datafusion::{
    catalog::Session,
    common::{DFSchema, ScalarValue, tree_node::TreeNode as _},
    error::Result,
    logical_expr::Expr,
};

/// For each file whether rows of it may pass. `keys` are the columns that are one value for each file, as plans
/// call them, and `values` what they are in each file.
pub(crate) fn kept(
    session: &dyn Session,
    filters: &[Expr],
    keys: &[FieldRef],
    values: &[Vec<ScalarValue>],
) -> Result<Vec<bool>> {
    let mut kept = vec![true; values.len()];
    let filters: Vec<&Expr> = filters.iter().filter(|filter| is_about(filter, keys)).collect();
    if filters.is_empty() || values.is_empty() {
        return Ok(kept);
    }
    let schema = Arc::new(Schema::new(keys.to_vec()));
    let columns = (0..keys.len())
        .map(|index| ScalarValue::iter_to_array(values.iter().map(|values| values[index].clone())))
        .collect::<Result<Vec<ArrayRef>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(values.len()));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)?;
    let named = DFSchema::try_from(schema)?;
    for filter in filters {
        let expression = session.create_physical_expr(filter.clone(), &named)?;
        // A filter that fails for a file that no row is read of is no error; where one is read it fails again.
        let Ok(answer) = expression.evaluate(&batch).and_then(|answer| answer.into_array(values.len()))
        else {
            continue;
        };
        for (kept, answer) in kept.iter_mut().zip(answer.as_boolean()) {
            *kept &= answer == Some(true);
        }
    }
    Ok(kept)
}

/// Whether a filter is about these columns and no others.
pub(super) fn is_about(filter: &Expr, keys: &[FieldRef]) -> bool {
    let columns = filter.column_refs();
    let is_key = |name: &str| keys.iter().any(|key| key.name() == name);
    let is_plain = || !filter.exists(|expr| Ok(is_changing(expr))).unwrap_or(true);
    !columns.is_empty() && columns.iter().all(|column| is_key(&column.name)) && is_plain()
}

/// Whether an expression may answer otherwise when it is asked again, or needs another query's answer.
fn is_changing(expr: &Expr) -> bool {
    match expr {
        Expr::ScalarFunction(function) => {
            function.func.signature().volatility == datafusion::logical_expr::Volatility::Volatile
        }
        Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::OuterReferenceColumn(..) => {
            true
        }
        _ => false,
    }
}
