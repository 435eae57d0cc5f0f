//! The aggregates of one group; rows may be taken back, for a window that slides.

use std::{
    collections::{HashMap, hash_map::Entry},
    mem::size_of_val,
    sync::Arc,
};

use arrow::{
    array::{Array, ArrayRef, AsArray, PrimitiveArray},
    datatypes::{Int32Type, UInt64Type},
};
use datafusion::{common::ScalarValue, error::Result, logical_expr::Accumulator};

use super::{
    Aggregate,
    totals::{Totals, Width},
};

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
        scalar::<T>(result, &self.aggregate)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.totals.memory_size()
    }
}

/// Of what is different: how often a value is there is counted.
#[derive(Debug)]
pub(super) struct Distinct<T: Width> {
    aggregate: Aggregate,
    values: HashMap<T::Native, u64>,
}

impl<T: Width> Distinct<T> {
    pub(super) fn new(aggregate: Aggregate) -> Self {
        Distinct { aggregate, values: HashMap::new() }
    }
}

impl<T: Width<Native: std::hash::Hash + Eq>> Accumulator for Distinct<T> {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        for value in columns[0].as_primitive::<T>().iter().flatten() {
            *self.values.entry(value).or_default() += 1;
        }
        Ok(())
    }

    fn retract_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        for value in columns[0].as_primitive::<T>().iter().flatten() {
            if let Entry::Occupied(mut times) = self.values.entry(value) {
                *times.get_mut() -= 1;
                if *times.get() == 0 {
                    times.remove();
                }
            }
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for values in states[0].as_list::<i32>().iter().flatten() {
            self.update_batch(&[values])?;
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = PrimitiveArray::<T>::from_iter_values(self.values.keys().copied())
            .with_data_type(self.aggregate.value.clone());
        let values = (0..values.len()).map(|row| ScalarValue::try_from_array(&values, row));
        let values: Vec<ScalarValue> = values.collect::<Result<_>>()?;
        Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&values, &self.aggregate.value))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut totals = Totals::<T>::default();
        totals.resize(1);
        self.values.keys().for_each(|value| totals.add(0, *value, 1));
        let result = self.aggregate.result::<T>(totals.low[0], totals.carry_of(0), totals.counts[0])?;
        scalar::<T>(result, &self.aggregate)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.capacity() * size_of::<(T::Native, u64)>()
    }
}

fn scalar<T: Width>(value: Option<T::Native>, aggregate: &Aggregate) -> Result<ScalarValue> {
    let array: PrimitiveArray<T> = std::iter::once(value).collect();
    let array: ArrayRef = Arc::new(array.with_data_type(aggregate.result.clone()));
    ScalarValue::try_from_array(&array, 0)
}
