//! The different values that an aggregate has seen. How often each is there is counted, since a window that slides takes rows back.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
};

use arrow::{
    array::{ArrayRef, AsArray as _, PrimitiveArray},
    datatypes::{ArrowPrimitiveType, DataType},
};
use datafusion::{common::ScalarValue, error::Result};

/// Values of one type.
#[derive(Debug)]
pub(crate) struct DistinctValues<T: ArrowPrimitiveType> {
    data_type: DataType,
    times: HashMap<T::Native, u64>,
}

impl<T: ArrowPrimitiveType<Native: Hash + Eq>> DistinctValues<T> {
    /// Of arrays of this type, none yet.
    pub(crate) fn new(data_type: DataType) -> Self {
        DistinctValues { data_type, times: HashMap::new() }
    }

    /// Takes in the values that are not NULL.
    pub(crate) fn add(&mut self, column: &ArrayRef) {
        for value in column.as_primitive::<T>().iter().flatten() {
            *self.times.entry(value).or_default() += 1;
        }
    }

    /// Takes them out again, as often as they are in the column.
    pub(crate) fn take_back(&mut self, column: &ArrayRef) {
        for value in column.as_primitive::<T>().iter().flatten() {
            if let Entry::Occupied(mut times) = self.times.entry(value) {
                *times.get_mut() -= 1;
                if *times.get() == 0 {
                    times.remove();
                }
            }
        }
    }

    /// Takes in what [`Self::state`] of others was.
    pub(crate) fn merge(&mut self, states: &ArrayRef) {
        states.as_list::<i32>().iter().flatten().for_each(|values| self.add(&values));
    }

    /// The values as one list.
    pub(crate) fn state(&self) -> Result<ScalarValue> {
        let values =
            PrimitiveArray::<T>::from_iter_values(self.iter()).with_data_type(self.data_type.clone());
        let values = (0..values.len()).map(|row| ScalarValue::try_from_array(&values, row));
        let values: Vec<ScalarValue> = values.collect::<Result<_>>()?;
        Ok(ScalarValue::List(ScalarValue::new_list_nullable(&values, &self.data_type)))
    }

    /// Each value once.
    pub(crate) fn iter(&self) -> impl Iterator<Item = T::Native> {
        self.times.keys().copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Bytes besides the value itself.
    pub(crate) fn memory_size(&self) -> usize {
        self.times.capacity() * size_of::<(T::Native, u64)>()
    }
}
