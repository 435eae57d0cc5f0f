//! Which columns of a row group get a dictionary.
//!
//! Building one hashes every value. For a column of mostly different values that is half of the time of an
//! export, and the dictionary is as large as the values, so the repetition of each column is estimated first:
//! from its first rows and, if those do not repeat enough, from all.

use arrow::{
    array::{Array, ArrayRef, AsArray as _},
    datatypes::DataType,
};
use datafusion::common::hash_utils::{RandomState, create_hashes};

/// Rows that are looked at first.
const SAMPLE_ROWS: usize = 16_384;
/// What the writer gives up a dictionary at.
const DICTIONARY_BYTES: usize = 1 << 20;

/// Whether the column of these arrays is worth a dictionary.
pub(super) fn is_repetitive(arrays: &[&ArrayRef]) -> bool {
    let Some(first) = arrays.iter().find(|array| !array.is_empty()) else { return true };
    if !is_counted(first.data_type()) {
        return true;
    }
    let mut sample = Vec::new();
    let mut left = SAMPLE_ROWS;
    for array in arrays {
        let rows = left.min(array.len());
        sample.push(array.slice(0, rows));
        left -= rows;
    }
    Estimate::of(sample.iter()).pays() || Estimate::of(arrays.iter().copied()).pays()
}

/// Types whose values are hashed one by one. Others keep the writer's default.
fn is_counted(data_type: &DataType) -> bool {
    use DataType::{Binary, BinaryView, LargeBinary, LargeUtf8, Utf8, Utf8View};
    match data_type {
        Utf8 | Utf8View | LargeUtf8 | Binary | BinaryView | LargeBinary => true,
        // With fewer bits a dictionary is small whatever the values are.
        other => other.primitive_width().is_some_and(|width| width >= 4),
    }
}

/// What is known of a column's values.
struct Estimate {
    values: usize,
    distinct: usize,
    bytes: usize,
}

impl Estimate {
    /// Counts the slots of a table of bits that no value's hash falls into: the more there are left, the fewer
    /// values are different.
    fn of<'a>(arrays: impl Iterator<Item = &'a ArrayRef> + Clone) -> Self {
        let values: usize = arrays.clone().map(Array::len).sum();
        let slots = (values * 2).next_power_of_two().max(1 << 12);
        let shift = 64 - slots.trailing_zeros();
        let mut taken = vec![0_u64; slots / 64];
        let mut hashes = Vec::new();
        let mut bytes = 0;
        for array in arrays {
            bytes += value_bytes(array);
            hashes.clear();
            hashes.resize(array.len(), 0);
            let state = RandomState::with_seed(0);
            if create_hashes([array], &state, &mut hashes).is_err() {
                continue;
            }
            for hash in &hashes {
                // Its upper bits, mixed once more: those alone are not spread for every type.
                let slot = (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> shift) as usize;
                taken[slot / 64] |= 1 << (slot % 64);
            }
        }
        let free = slots - taken.iter().map(|word| word.count_ones() as usize).sum::<usize>();
        let free_share = free.max(1) as f64 / slots as f64;
        let distinct = (-free_share.ln() * slots as f64) as usize;
        Estimate { values, distinct: distinct.clamp(1, values.max(1)), bytes }
    }

    /// Whether the dictionary and what refers to it are clearly smaller than the values.
    fn pays(&self) -> bool {
        let dictionary = self.bytes / self.values.max(1) * self.distinct;
        let bits = usize::BITS - self.distinct.leading_zeros();
        let references = self.values * bits as usize / 8;
        dictionary <= DICTIONARY_BYTES && (dictionary + references) * 10 <= self.bytes * 7
    }
}

/// Bytes of the values as Parquet writes them plainly.
fn value_bytes(array: &ArrayRef) -> usize {
    let rows = array.len();
    match array.data_type() {
        DataType::Utf8View => {
            rows * 4 + array.as_string_view().lengths().map(|length| length as usize).sum::<usize>()
        }
        DataType::BinaryView => {
            rows * 4 + array.as_binary_view().lengths().map(|length| length as usize).sum::<usize>()
        }
        other => match other.primitive_width() {
            // Decimals of few digits are written as integers.
            Some(16) => match other {
                DataType::Decimal128(precision, _) if *precision <= 18 => rows * 8,
                _ => rows * 16,
            },
            Some(width) => rows * width,
            None => array.to_data().get_slice_memory_size().unwrap_or(rows * 8),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray, StringViewArray};

    use super::*;

    const ROWS: i64 = 122_880;

    fn numbers(number: impl Fn(i64) -> i64) -> ArrayRef {
        Arc::new(Int64Array::from_iter_values((0..ROWS).map(number)))
    }

    fn texts(text: impl Fn(i64) -> String) -> [ArrayRef; 2] {
        let texts: Vec<String> = (0..ROWS).map(text).collect();
        [Arc::new(StringArray::from(texts.clone())), Arc::new(StringViewArray::from(texts))]
    }

    #[test]
    fn distinct_values_are_counted_well_enough() {
        for distinct in [1, 100, 10_000, 60_000, ROWS] {
            let array = numbers(|row| (row * 7919) % distinct);
            let estimate = Estimate::of([&array].into_iter());
            let (least, most) = (distinct as usize * 8 / 10, distinct as usize * 12 / 10 + 1);
            assert!((least..=most).contains(&estimate.distinct), "{} of {distinct}", estimate.distinct);
        }
    }

    #[test]
    fn few_values_get_a_dictionary_and_many_do_not() {
        assert!(is_repetitive(&[&numbers(|row| row % 50)]));
        assert!(is_repetitive(&[&numbers(|row| row / 4)]), "each four times");
        assert!(!is_repetitive(&[&numbers(|row| row)]));
        assert!(!is_repetitive(&[&numbers(|row| (row * 7919) % 100_003)]));
        // The first rows are all different, and come again.
        assert!(is_repetitive(&[&numbers(|row| row % 16_384)]));
        for array in texts(|row| format!("a text of some length {}", row % 16_384)) {
            assert!(is_repetitive(&[&array]));
        }
        for array in texts(|row| format!("a text of some length {row}")) {
            assert!(!is_repetitive(&[&array]));
        }
        assert!(is_repetitive(&[]));
    }
}
