//! The aggregates of one group; rows may be taken back, for a window that slides.

use std::{hash::Hash, mem::size_of_val};

use arrow::{
    array::{Array, ArrayRef, AsArray, PrimitiveArray},
    datatypes::{Int32Type, UInt64Type},
};
use datafusion::{common::ScalarValue, error::Result, logical_expr::Accumulator};

use super::{
    Aggregate,
    totals::{Totals, Width},
};
use crate::distinct_values::DistinctValues;

/// Of all values.
#[derive(Debug)]
pub(super) struct Single<T: Width> {
    aggregate: Aggregate,
    /// One group.
    totals: Totals<T>,
}

impl<T: Width> Single<T> {
    pub(super) fn new(aggregate: Aggregate) -> Self {
        let mut totals = Totals::default();
        totals.resize(1);
        Single { aggregate, totals }
    }
}

impl<T: Width> Accumulator for Single<T> {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let values = columns[0].as_primitive::<T>();
        match values.null_count() {
            0 => values.values().iter().for_each(|value| self.totals.add(0, *value, 1)),
            _ => values.iter().flatten().for_each(|value| self.totals.add(0, value, 1)),
        }
        Ok(())
    }

    fn retract_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let values = columns[0].as_primitive::<T>();
        values.iter().flatten().for_each(|value| self.totals.take_back(0, value));
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let low = states[0].as_primitive::<T>();
        let carries = states[1].as_primitive::<Int32Type>();
        let counts = states[2].as_primitive::<UInt64Type>();
        for row in 0..low.len() {
            self.totals.add(0, low.value(row), counts.value(row));
            if carries.is_valid(row) && carries.value(row) != 0 {
                self.totals.carry(0, carries.value(row));
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let low =
            PrimitiveArray::<T>::from_value(self.totals.low[0], 1).with_data_type(self.aggregate.low_type());
        Ok(vec![
            ScalarValue::try_from_array(&low, 0)?,
            ScalarValue::Int32(Some(self.totals.carry_of(0))),
            ScalarValue::UInt64(Some(self.totals.counts[0])),
        ])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let totals = &self.totals;
        let result = self.aggregate.result::<T>(totals.low[0], totals.carry_of(0), totals.counts[0])?;
        let result: PrimitiveArray<T> = std::iter::once(result).collect();
        ScalarValue::try_from_array(&result.with_data_type(self.aggregate.result.clone()), 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.totals.memory_size()
    }
}

/// Of what is different.
#[derive(Debug)]
pub(super) struct Distinct<T: Width> {
    aggregate: Aggregate,
    values: DistinctValues<T>,
}

impl<T: Width<Native: Hash + Eq>> Distinct<T> {
    pub(super) fn new(aggregate: Aggregate) -> Self {
        let values = DistinctValues::new(aggregate.value.clone());
        Distinct { aggregate, values }
    }
}

impl<T: Width<Native: Hash + Eq>> Accumulator for Distinct<T> {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.values.add(&columns[0]);
        Ok(())
    }

    fn retract_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.values.take_back(&columns[0]);
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.values.merge(&states[0]);
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.values.state()?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut all = Single::<T>::new(self.aggregate.clone());
        self.values.iter().for_each(|value| all.totals.add(0, value, 1));
        all.evaluate()
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.memory_size()
    }
}
