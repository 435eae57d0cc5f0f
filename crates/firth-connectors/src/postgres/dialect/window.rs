//! Window functions: those whose values PostgreSQL computes as we do.
//!
//! Not on the list: floats' sums and means (rows that leave a frame are subtracted here, and what is left of a NaN is
//! NaN), NTILE, NTH_VALUE and what makes numbers from 0 to 1, which nobody has compared yet.

use arrow::datatypes::DataType;
use firth_connector::{Aggregate, Operand, QueryDialect, Reason, WindowFunction, Written};

use super::{Dialect, query::aggregated};

pub(super) fn function(
    function: WindowFunction,
    operand: Option<&Operand<'_>>,
    over: &str,
    result: &DataType,
) -> Result<Written, Reason> {
    let over = format!(" OVER ({over})");
    let numbered = |name: &str| Ok(Written::typed(format!("pg_catalog.{name}(){over}"), "bigint"));
    let of = || operand.ok_or_else(|| "a window function of nothing".to_owned());
    match function {
        WindowFunction::RowNumber => numbered("row_number"),
        WindowFunction::Rank => numbered("rank"),
        WindowFunction::DenseRank => numbered("dense_rank"),
        WindowFunction::Lag(rows) => value("lag", of()?, &format!(", {rows}"), &over, result),
        WindowFunction::Lead(rows) => value("lead", of()?, &format!(", {rows}"), &over, result),
        WindowFunction::FirstValue => value("first_value", of()?, "", &over, result),
        WindowFunction::LastValue => value("last_value", of()?, "", &over, result),
        WindowFunction::Aggregate(None) => {
            Ok(Written::typed(format!("{}{over}", Dialect.count_rows()), "bigint"))
        }
        WindowFunction::Aggregate(Some(aggregate)) => {
            let operand = of()?;
            match (aggregate, operand.data_type) {
                (Aggregate::CountDistinct, _) => {
                    Err("PostgreSQL has no window functions of DISTINCT values".to_owned())
                }
                (Aggregate::Sum | Aggregate::Average, DataType::Float64) => {
                    Err("sums of FLOAT64 over frames: the order of addition is another there".to_owned())
                }
                _ => aggregated(aggregate, operand, &over, result),
            }
        }
    }
}

/// The value that one of the rows has: of the type, and the collation, that it has by itself.
fn value(
    name: &str,
    operand: &Operand<'_>,
    rest: &str,
    over: &str,
    result: &DataType,
) -> Result<Written, Reason> {
    let item = Dialect.item(operand, result)?;
    Ok(Written { sql: format!("pg_catalog.{name}({}{rest}){over}", item.sql), ..item })
}
