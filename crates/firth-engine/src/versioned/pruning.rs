//! Which files a filter leaves, by what the metadata know of their columns.

use std::{collections::HashSet, sync::Arc};

use arrow::{
    array::{ArrayRef, BooleanArray, UInt64Array},
    datatypes::{FieldRef, SchemaRef},
};
use datafusion::{
    catalog::Session,
    common::{Column, DFSchema, ScalarValue, pruning::PruningStatistics},
    error::Result,
    logical_expr::{Expr, utils::conjunction},
    physical_optimizer::pruning::PruningPredicateBuilder,
};

use super::{
    bucket,
    table::{ColumnBounds, DataFile},
};
use crate::files::kept_by_constants;

/// For each file whether rows of it may pass. `shown` has the table's columns first.
pub(super) fn kept(
    session: &dyn Session,
    filters: &[Expr],
    shown: &SchemaRef,
    files: &[&DataFile],
) -> Result<Vec<bool>> {
    let mut kept = vec![true; files.len()];
    let (Some(filter), Some(first)) = (conjunction(filters.to_vec()), files.first()) else {
        return Ok(kept);
    };
    // Any expression over what is one value in a file has one answer there.
    let keys: Vec<FieldRef> =
        first.constants.iter().map(|(column, _)| Arc::clone(&shown.fields()[*column])).collect();
    let values: Vec<Vec<ScalarValue>> =
        files.iter().map(|file| file.constants.iter().map(|(_, value)| value.clone()).collect()).collect();
    for (kept, passes) in kept.iter_mut().zip(kept_by_constants(session, filters, &keys, &values)?) {
        *kept &= passes;
    }
    let named = DFSchema::try_from(Arc::clone(shown))?;
    // A filter that cannot be judged leaves all files.
    let Ok(filter) = session.create_physical_expr(filter, &named) else { return Ok(kept) };
    let predicate = PruningPredicateBuilder::new().with_file_schema(Arc::clone(shown)).build(filter);
    if let Some(predicate) = predicate
        && let Ok(passes) = predicate.prune(&Known { shown, files })
    {
        for (kept, passes) in kept.iter_mut().zip(passes) {
            *kept &= passes;
        }
    }
    Ok(kept)
}

struct Known<'a> {
    shown: &'a SchemaRef,
    files: &'a [&'a DataFile],
}

impl Known<'_> {
    fn bounds<'a>(&'a self, column: &Column) -> Option<impl Iterator<Item = &'a ColumnBounds> + use<'a>> {
        let at = self.shown.index_of(&column.name).ok()?;
        self.files.iter().map(move |file| file.bounds.get(at)).collect::<Option<Vec<_>>>().map(Vec::into_iter)
    }

    fn values(
        &self,
        column: &Column,
        value: impl Fn(&ColumnBounds) -> &Option<ScalarValue>,
    ) -> Option<ArrayRef> {
        let field = self.shown.field_with_name(&column.name).ok()?;
        let null = ScalarValue::try_from(field.data_type()).ok()?;
        let values = self.bounds(column)?.map(|bounds| value(bounds).clone().unwrap_or_else(|| null.clone()));
        ScalarValue::iter_to_array(values).ok()
    }
}

impl PruningStatistics for Known<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, |bounds| &bounds.least)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, |bounds| &bounds.greatest)
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        Some(Arc::new(self.bounds(column)?.map(|bounds| bounds.nulls).collect::<UInt64Array>()))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(self.files.iter().map(|file| file.rows).collect::<UInt64Array>()))
    }

    fn contained(&self, column: &Column, values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        let is_elsewhere = |bounds: &ColumnBounds| {
            let bucket = bounds.bucket?;
            let is_here = |value| bucket::number(value, bucket.count).is_none_or(|at| at == bucket.number);
            (!values.iter().any(is_here)).then_some(false)
        };
        Some(self.bounds(column)?.map(is_elsewhere).collect())
    }
}
