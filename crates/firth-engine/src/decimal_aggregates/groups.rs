//! The aggregates of all groups at once.

use std::{mem::size_of_val, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, PrimitiveArray, UInt64Array},
    buffer::NullBuffer,
    datatypes::{Int32Type, UInt64Type},
};
use datafusion::{
    error::Result,
    logical_expr::{EmitTo, GroupsAccumulator},
};

use super::{
    Aggregate,
    totals::{Totals, Width},
};

#[derive(Debug)]
pub(super) struct Groups<T: Width> {
    aggregate: Aggregate,
    totals: Totals<T>,
}

impl<T: Width> Groups<T> {
    pub(super) fn new(aggregate: Aggregate) -> Self {
        Groups { aggregate, totals: Totals::default() }
    }
}

impl<T: Width> GroupsAccumulator for Groups<T> {
    fn update_batch(
        &mut self,
        columns: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> Result<()> {
        self.totals.resize(total_groups);
        let values = columns[0].as_primitive::<T>();
        if values.null_count() == 0 && filter.is_none() {
            for (value, group) in values.values().iter().zip(groups) {
                self.totals.add(*group, *value, 1);
            }
            return Ok(());
        }
        let kept = kept(values.nulls(), filter);
        for (row, (value, group)) in values.values().iter().zip(groups).enumerate() {
            if kept.as_ref().is_none_or(|kept| kept.is_valid(row)) {
                self.totals.add(*group, *value, 1);
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total_groups: usize) -> Result<()> {
        self.totals.resize(total_groups);
        let low = states[0].as_primitive::<T>();
        let carries = states[1].as_primitive::<Int32Type>();
        let counts = states[2].as_primitive::<UInt64Type>();
        for (row, group) in groups.iter().enumerate() {
            if counts.value(row) > 0 {
                self.totals.add(*group, low.value(row), counts.value(row));
            }
            if carries.is_valid(row) {
                self.totals.carry(*group, carries.value(row));
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let taken = self.totals.take(emit_to);
        let sums = taken.low.iter().zip(&taken.counts).enumerate();
        let results = sums.map(|(group, (low, count))| {
            let carry = if taken.has_carries() { taken.carry_of(group) } else { 0 };
            self.aggregate.result::<T>(*low, carry, *count)
        });
        let results: PrimitiveArray<T> = results.collect::<Result<_>>()?;
        Ok(Arc::new(results.with_data_type(self.aggregate.result.clone())))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let taken = self.totals.take(emit_to);
        let carries = match taken.has_carries() {
            true => (0..taken.low.len())
                .map(|group| Some(taken.carry_of(group)).filter(|carry| *carry != 0))
                .collect(),
            false => Int32Array::new_null(taken.low.len()),
        };
        let low = PrimitiveArray::<T>::new(taken.low.into(), None).with_data_type(self.aggregate.low_type());
        Ok(vec![Arc::new(low), Arc::new(carries), Arc::new(UInt64Array::from(taken.counts))])
    }

    fn convert_to_state(&self, columns: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let values = columns[0].as_primitive::<T>();
        let kept = kept(values.nulls(), filter);
        let counts =
            (0..values.len()).map(|row| u64::from(kept.as_ref().is_none_or(|kept| kept.is_valid(row))));
        let counts = UInt64Array::from_iter_values(counts);
        let low =
            PrimitiveArray::<T>::new(values.values().clone(), None).with_data_type(self.aggregate.low_type());
        Ok(vec![Arc::new(low), Arc::new(Int32Array::new_null(values.len())), Arc::new(counts)])
    }

    fn size(&self) -> usize {
        self.totals.memory_size() + size_of_val(self)
    }
}

/// The rows that have a value and pass the filter; `None`: all.
fn kept(nulls: Option<&NullBuffer>, filter: Option<&BooleanArray>) -> Option<NullBuffer> {
    let passing = filter.map(|filter| match filter.nulls() {
        Some(known) => NullBuffer::new(filter.values() & known.inner()),
        None => NullBuffer::new(filter.values().clone()),
    });
    NullBuffer::union(nulls, passing.as_ref())
}
