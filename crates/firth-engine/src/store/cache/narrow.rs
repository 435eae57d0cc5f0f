//! Integers in fewer bytes: how far each lies above the least one of its batch ("frame of reference").
//!
//! A decimal of TPC-H takes 16 bytes as rows are worked on, and one, two or four here. What is kept takes that much
//! less memory, and reading it again costs no more: the memory that is read is less, and the batch that is made of it
//! stays in the processor's cache.
//!
//! Every slot's number is kept, also those that NULL hides, so that an array comes back as it was.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, ArrowPrimitiveType, AsArray as _, PrimitiveArray},
    buffer::{NullBuffer, ScalarBuffer},
    datatypes::{
        DataType, Date32Type, Decimal128Type, Int32Type, Int64Type, Time64MicrosecondType, TimeUnit,
        TimestampMicrosecondType,
    },
};

/// An array of integers above a base.
#[derive(Debug)]
pub(super) struct NarrowArray {
    data_type: DataType,
    /// The least of all slots.
    base: i128,
    distances: Distances,
    nulls: Option<NullBuffer>,
}

#[derive(Debug)]
enum Distances {
    One(Box<[u8]>),
    Two(Box<[u16]>),
    Four(Box<[u32]>),
    Eight(Box<[u64]>),
}

/// A number that has a distance from a smaller one.
trait Number: Copy + Ord {
    /// How far this lies above `base`, which is not greater.
    fn above(self, base: Self) -> Option<u64>;

    /// What lies so far above this.
    fn plus(self, distance: u64) -> Self;

    fn widest(self) -> i128;

    /// The number that [`Number::widest`] was asked of.
    fn from_widest(number: i128) -> Self;
}

macro_rules! number {
    ($native:ty, $unsigned:ty) => {
        impl Number for $native {
            fn above(self, base: Self) -> Option<u64> {
                // The bits of the difference are right, also where it is none of this type.
                u64::try_from(self.wrapping_sub(base) as $unsigned).ok()
            }

            fn plus(self, distance: u64) -> Self {
                self.wrapping_add(distance as $native)
            }

            fn widest(self) -> i128 {
                self.into()
            }

            fn from_widest(number: i128) -> Self {
                number as $native
            }
        }
    };
}

number!(i32, u32);
number!(i64, u64);
number!(i128, u128);

fn narrowed<T: ArrowPrimitiveType<Native: Number>>(array: &ArrayRef) -> Option<NarrowArray> {
    let array = array.as_primitive::<T>();
    let values = array.values();
    let (least, greatest) = (*values.iter().min()?, *values.iter().max()?);
    let most = greatest.above(least)?;
    let distances = || values.iter().map(move |value| value.above(least).unwrap_or_default());
    let distances = match (most, size_of::<T::Native>()) {
        (0..=0xFF, _) => Distances::One(distances().map(|distance| distance as u8).collect()),
        (0..=0xFFFF, _) => Distances::Two(distances().map(|distance| distance as u16).collect()),
        (0..=0xFFFF_FFFF, 8..) => Distances::Four(distances().map(|distance| distance as u32).collect()),
        (_, 16) => Distances::Eight(distances().collect()),
        _ => return None,
    };
    Some(NarrowArray {
        data_type: array.data_type().clone(),
        base: least.widest(),
        distances,
        nulls: array.nulls().cloned(),
    })
}

impl NarrowArray {
    /// The array in fewer bytes, if it is one of integers that lie close enough to each other.
    pub(super) fn of(array: &ArrayRef) -> Option<Self> {
        match array.data_type() {
            DataType::Int32 => narrowed::<Int32Type>(array),
            DataType::Int64 => narrowed::<Int64Type>(array),
            DataType::Date32 => narrowed::<Date32Type>(array),
            DataType::Time64(TimeUnit::Microsecond) => narrowed::<Time64MicrosecondType>(array),
            DataType::Timestamp(TimeUnit::Microsecond, _) => narrowed::<TimestampMicrosecondType>(array),
            DataType::Decimal128(..) => narrowed::<Decimal128Type>(array),
            _ => None,
        }
    }

    /// The array as it was.
    pub(super) fn array(&self) -> ArrayRef {
        match self.data_type {
            DataType::Int32 => self.widened::<Int32Type>(),
            DataType::Int64 => self.widened::<Int64Type>(),
            DataType::Date32 => self.widened::<Date32Type>(),
            DataType::Time64(_) => self.widened::<Time64MicrosecondType>(),
            DataType::Timestamp(..) => self.widened::<TimestampMicrosecondType>(),
            _ => self.widened::<Decimal128Type>(),
        }
    }

    fn widened<T: ArrowPrimitiveType<Native: Number>>(&self) -> ArrayRef {
        let base = T::Native::from_widest(self.base);
        let values: Vec<T::Native> = match &self.distances {
            Distances::One(all) => all.iter().map(|distance| base.plus((*distance).into())).collect(),
            Distances::Two(all) => all.iter().map(|distance| base.plus((*distance).into())).collect(),
            Distances::Four(all) => all.iter().map(|distance| base.plus((*distance).into())).collect(),
            Distances::Eight(all) => all.iter().map(|distance| base.plus(*distance)).collect(),
        };
        let array = PrimitiveArray::<T>::new(ScalarBuffer::from(values), self.nulls.clone());
        Arc::new(array.with_data_type(self.data_type.clone()))
    }

    /// Bytes of the distances.
    pub(super) fn distance_bytes(&self) -> usize {
        match &self.distances {
            Distances::One(all) => size_of_val(all.as_ref()),
            Distances::Two(all) => size_of_val(all.as_ref()),
            Distances::Four(all) => size_of_val(all.as_ref()),
            Distances::Eight(all) => size_of_val(all.as_ref()),
        }
    }

    pub(super) fn nulls(&self) -> Option<&NullBuffer> {
        self.nulls.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, TimestampMicrosecondArray,
    };

    use super::*;

    /// Bytes for each slot, or 0 where the array is kept as it is. It comes back as it was.
    fn width(array: impl Array + 'static) -> usize {
        let array: ArrayRef = Arc::new(array);
        let Some(narrow) = NarrowArray::of(&array) else { return 0 };
        assert_eq!(narrow.array().to_data(), array.to_data());
        narrow.distance_bytes() / array.len()
    }

    fn decimals(values: Vec<Option<i128>>) -> Decimal128Array {
        Decimal128Array::from(values).with_precision_and_scale(38, 4).expect("a decimal type")
    }

    #[test]
    fn integers_take_as_many_bytes_as_they_lie_apart() {
        assert_eq!(width(Int64Array::from(vec![7; 3])), 1);
        assert_eq!(width(Int64Array::from(vec![-128, 127])), 1);
        assert_eq!(width(Int64Array::from(vec![-128, 128])), 2);
        assert_eq!(width(Int64Array::from(vec![i64::MIN, i64::MIN + 0xFFFF])), 2);
        assert_eq!(width(Int64Array::from(vec![i64::MAX, i64::MAX - 0x1_0000])), 4);
        assert_eq!(width(Int64Array::from(vec![0, 0xFFFF_FFFF])), 4);
        assert_eq!(width(Int64Array::from(vec![0, 0x1_0000_0000])), 0);
        assert_eq!(width(Int64Array::from(vec![i64::MIN, i64::MAX])), 0);
        assert_eq!(width(Int32Array::from(vec![i32::MIN, i32::MIN + 1])), 1);
        assert_eq!(width(Int32Array::from(vec![0, 0x1_0000])), 0);
        assert_eq!(width(Int32Array::from(vec![i32::MIN, i32::MAX])), 0);
    }

    #[test]
    fn decimals_of_any_size_come_back() {
        assert_eq!(width(decimals(vec![Some(1), None, Some(-3)])), 1);
        assert_eq!(width(decimals(vec![Some(0), Some(1 << 40)])), 8);
        assert_eq!(width(decimals(vec![Some(10_i128.pow(37)), Some(10_i128.pow(37) + 300)])), 2);
        assert_eq!(width(decimals(vec![Some(0), Some(1 << 64)])), 0);
        assert_eq!(width(decimals(vec![Some(i128::MIN), Some(i128::MAX)])), 0);
    }

    #[test]
    fn types_and_nulls_come_back() {
        assert_eq!(width(Date32Array::from(vec![Some(9_000), None])), 2);
        let times = TimestampMicrosecondArray::from(vec![None, Some(1_700_000_000_000_000)]);
        assert_eq!(width(times.with_timezone("UTC")), 0, "the slot that NULL hides is 0");
        assert_eq!(width(Int64Array::from(vec![None::<i64>, None])), 1);
        assert_eq!(width(Int64Array::from(Vec::<i64>::new())), 0);
        assert_eq!(width(Float64Array::from(vec![0.0, f64::NAN])), 0);
        let slice = Int64Array::from(vec![Some(1 << 40), Some(5), None, Some(6)]).slice(1, 3);
        assert_eq!(width(slice), 1);
    }
}
