//! The keys of a join as a condition.
//!
//! They stand in the text as one array: a `COPY` takes no parameters, and a transaction that only reads,
//! as on a standby, makes no temporary table.

use arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use firth_connector::{Comparison, Operand, Rendered};

use super::{compare, literal::array, text};

/// Up to here the server looks each key up in an index, or builds a hash table of them. From here on it
/// gets a relation, of which it estimates the size and chooses how to join it.
const RELATION: usize = 1000;

/// `operand` equals one of `values`, where `=` with each of them is allowed.
pub(super) fn members(operand: &Operand<'_>, values: &[ScalarValue]) -> Option<Rendered> {
    let mut exact = true;
    let first = values.first()?.data_type();
    for (index, value) in values.iter().enumerate() {
        let data_type = value.data_type();
        if data_type != first {
            return None;
        }
        // What is allowed depends on the type, and for FLOAT64 on the value.
        if index == 0 || data_type == DataType::Float64 {
            let value = Operand { sql: "", data_type: &data_type, remote_type: None, literal: Some(value) };
            exact &= compare(Comparison::Eq, operand, &value)?.exact;
        }
    }
    let array = array(values)?;
    let column = match operand.data_type {
        DataType::Utf8 => text::comparand(operand)?,
        _ => operand.sql.to_owned(),
    };
    let sql = if values.len() <= RELATION {
        format!("({column} = ANY ({array}))")
    } else {
        format!("({column} IN (SELECT pg_catalog.unnest({array})))")
    };
    Some(Rendered { sql, exact, remote_type: None })
}
