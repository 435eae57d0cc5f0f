//! Sums of decimals that are exact: modulo the width of their numbers, and how often they have passed it.

use std::collections::HashMap;

use arrow::{
    array::ArrowNativeTypeOp,
    datatypes::{Decimal128Type, Decimal256Type, DecimalType, i256},
};
use datafusion::logical_expr::EmitTo;

/// A width of decimals.
pub(super) trait Width: DecimalType + std::fmt::Debug {
    /// The mean of a sum, with `more` decimals, rounded half away from zero; `None` if no number of this width is it.
    fn mean(low: Self::Native, carry: i32, count: u64, more: u32) -> Option<Self::Native>;
}

impl Width for Decimal128Type {
    fn mean(low: i128, carry: i32, count: u64, more: u32) -> Option<i128> {
        if carry != 0 {
            // `low` counts from −2^127.
            let high = i128::from(carry) - i128::from(low < 0);
            return wide_mean(i256::from_parts(low.cast_unsigned(), high), count, more)?.to_i128();
        }
        let (count, grown) = (i128::from(count), 10_i128.checked_pow(more)?);
        let (whole, rest) = (low / count, low % count);
        // Twice, so that a half is a number.
        let rest = rest.checked_mul(grown)?.checked_mul(2)?;
        let rounded = (rest + count * rest.signum()) / (2 * count);
        whole.checked_mul(grown)?.checked_add(rounded)
    }
}

impl Width for Decimal256Type {
    fn mean(low: i256, carry: i32, count: u64, more: u32) -> Option<i256> {
        if carry == 0 { wide_mean(low, count, more) } else { None }
    }
}

fn wide_mean(sum: i256, count: u64, more: u32) -> Option<i256> {
    let (count, grown) = (i256::from_i128(count.into()), i256::from_i128(10).checked_pow(more)?);
    let two = i256::from_i128(2);
    let (whole, rest) = (sum.checked_div(count)?, sum.checked_rem(count)?);
    let rest = rest.checked_mul(grown)?.checked_mul(two)?;
    let half = if rest.is_negative() { count.checked_neg()? } else { count };
    let rounded = rest.checked_add(half)?.checked_div(count.checked_mul(two)?)?;
    whole.checked_mul(grown)?.checked_add(rounded)
}

/// The sums of all groups, and how many values are in each.
#[derive(Debug)]
pub(super) struct Totals<T: Width> {
    pub(super) low: Vec<T::Native>,
    pub(super) counts: Vec<u64>,
    /// By group, where it is not zero: hardly ever.
    carries: HashMap<usize, i32>,
}

impl<T: Width> Default for Totals<T> {
    fn default() -> Self {
        Totals { low: Vec::new(), counts: Vec::new(), carries: HashMap::new() }
    }
}

impl<T: Width> Totals<T> {
    /// Makes room for so many groups.
    pub(super) fn resize(&mut self, groups: usize) {
        self.low.resize(groups, T::Native::default());
        self.counts.resize(groups, 0);
    }

    pub(super) fn add(&mut self, group: usize, value: T::Native, count: u64) {
        let low = &mut self.low[group];
        match low.add_checked(value) {
            Ok(sum) => *low = sum,
            Err(_) => {
                *low = low.add_wrapping(value);
                self.carry(group, if value.is_lt(T::Native::ZERO) { -1 } else { 1 });
            }
        }
        self.counts[group] += count;
    }

    pub(super) fn take_back(&mut self, group: usize, value: T::Native) {
        let low = &mut self.low[group];
        match low.sub_checked(value) {
            Ok(sum) => *low = sum,
            Err(_) => {
                *low = low.sub_wrapping(value);
                self.carry(group, if value.is_lt(T::Native::ZERO) { 1 } else { -1 });
            }
        }
        self.counts[group] -= 1;
    }

    #[cold]
    pub(super) fn carry(&mut self, group: usize, times: i32) {
        let carry = self.carries.entry(group).or_default();
        *carry += times;
        if *carry == 0 {
            self.carries.remove(&group);
        }
    }

    pub(super) fn carry_of(&self, group: usize) -> i32 {
        self.carries.get(&group).copied().unwrap_or(0)
    }

    pub(super) fn has_carries(&self) -> bool {
        !self.carries.is_empty()
    }

    /// Takes the first groups out; those that are left begin at zero.
    pub(super) fn take(&mut self, emit_to: EmitTo) -> Self {
        let low = emit_to.take_needed(&mut self.low);
        let counts = emit_to.take_needed(&mut self.counts);
        let taken = low.len();
        let (carries, left) =
            std::mem::take(&mut self.carries).into_iter().partition(|(group, _)| *group < taken);
        let left: HashMap<usize, i32> = left;
        self.carries = left.into_iter().map(|(group, carry)| (group - taken, carry)).collect();
        Totals { low, counts, carries }
    }

    pub(super) fn memory_size(&self) -> usize {
        self.low.capacity() * size_of::<T::Native>()
            + self.counts.capacity() * size_of::<u64>()
            + self.carries.capacity() * size_of::<(usize, i32)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_beyond_their_width() {
        let mut totals = Totals::<Decimal128Type>::default();
        totals.resize(2);
        for _ in 0..5 {
            totals.add(1, i128::MAX, 1);
        }
        assert_eq!(Decimal128Type::mean(totals.low[1], totals.carry_of(1), 5, 0), Some(i128::MAX));
        assert_eq!(Decimal128Type::mean(totals.low[1], totals.carry_of(1), 5, 1), None);
        let mut taken = totals.take(EmitTo::First(1));
        assert_eq!((taken.low.len(), taken.has_carries(), totals.carry_of(0)), (1, false, 2));
        taken = totals;
        for _ in 0..5 {
            taken.take_back(0, i128::MAX);
        }
        assert_eq!((taken.low[0], taken.carry_of(0), taken.counts[0]), (0, 0, 0));
        for _ in 0..3 {
            taken.add(0, i128::MIN, 1);
        }
        assert_eq!(Decimal128Type::mean(taken.low[0], taken.carry_of(0), 3, 0), Some(i128::MIN));
    }

    #[test]
    fn a_mean_is_rounded_half_away_from_zero_in_either_width() {
        // Sum, count, decimals more, mean.
        for (sum, count, more, mean) in [
            (5, 2, 0, 3),
            (-5, 2, 0, -3),
            (2, 3, 9, 666_666_667),
            (-2, 3, 9, -666_666_667),
            (1, 3, 2, 33),
            (7, 7, 1, 10),
        ] {
            assert_eq!(Decimal128Type::mean(sum, 0, count, more), Some(mean));
            let wide = Decimal256Type::mean(i256::from_i128(sum), 0, count, more);
            assert_eq!(wide, Some(i256::from_i128(mean)));
        }
    }
}
