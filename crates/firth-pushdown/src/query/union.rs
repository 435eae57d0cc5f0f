//! UNION ALL of queries of one source.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::logical_expr::Union;

use super::{
    compose::{Composed, Composer, own},
    select::{Estimate, From, Select, column_name},
};
use crate::render::{Scope, ScopeColumn};

/// What one backend reads in about the time of a round trip.
const LITTLE: f64 = 1024.0 * 1024.0;

impl Composer {
    /// The inputs' texts as one relation. By itself that saves round trips, for as many rows travel, and by one
    /// backend: so it is worth a query of its own only if little is read.
    pub(super) fn union(&self, union: &Union) -> Composed {
        let inputs =
            union.inputs.iter().map(|input| self.below(input)).collect::<Result<Vec<Select>, _>>()?;
        let Some(first) = inputs.first() else { return Err(own("a UNION of nothing is done here")) };
        if inputs.iter().any(|input| input.remote != first.remote) {
            return Err(own("its inputs lie on several connections"));
        }
        let fields = union.schema.fields();
        if fields.is_empty() {
            return Err(own("a UNION without columns is done here"));
        }
        let alias = self.alias();
        let dialect = first.dialect();
        let mut columns = Vec::with_capacity(fields.len());
        for (index, field) in fields.iter().enumerate() {
            let all: Vec<&ScopeColumn> =
                inputs.iter().filter_map(|input| input.columns.columns().get(index)).collect();
            let known = &all[0].remote_type;
            let alike = all.iter().all(|column| column.remote_type == *known);
            let typed = all.iter().all(|column| column.field.data_type() == field.data_type());
            // The source finds one type for them all: of numbers and times the one we read, else it must be told.
            if all.len() < inputs.len()
                || !typed
                || !(is_plain(field.data_type()) || alike && known.is_some())
            {
                return Err(own(&format!("{} is of several types there", field.name())));
            }
            columns.push(ScopeColumn {
                qualifier: None,
                field: Arc::clone(field),
                sql: format!("{}.{}", dialect.identifier(&alias), dialect.identifier(&column_name(index))),
                remote_type: if alike { known.clone() } else { None },
                computed: false,
                distinct_count: all.iter().map(|column| column.distinct_count).sum(),
                average_bytes: all.iter().filter_map(|column| column.average_bytes).max(),
            });
        }
        let texts: Vec<String> = inputs.iter().map(|input| format!("({})", input.text())).collect();
        let from = From::One(format!("({}) AS {}", texts.join(" UNION ALL "), dialect.identifier(&alias)));
        let bytes_apart = inputs.iter().map(|input| input.estimate.bytes_apart).sum();
        let estimate = Estimate {
            rows: inputs.iter().map(|input| input.estimate.rows).sum(),
            kept: inputs.iter().map(|input| input.estimate.kept).fold(0.0, f64::max),
            key: Vec::new(),
            bytes_apart,
            composed: bytes_apart <= LITTLE,
        };
        let (remote, sql) = (first.remote.clone(), Arc::clone(&first.sql));
        Ok(Select {
            remote,
            sql,
            columns: Scope::new(columns),
            from,
            conditions: Vec::new(),
            groups: None,
            order: Vec::new(),
            limit: None,
            offset: 0,
            ordered: false,
            estimate,
        })
    }
}

/// Types of which a source that holds values of one of them in several of its own compares and sends all alike.
fn is_plain(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Boolean
            | DataType::Int64
            | DataType::Decimal128(..)
            | DataType::Decimal256(..)
            | DataType::Date32
            | DataType::Time64(_)
            | DataType::Timestamp(..)
    )
}
