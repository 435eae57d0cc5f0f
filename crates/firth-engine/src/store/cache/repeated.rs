//! Texts that repeat: each once, and for each row which one it is, in one byte.
//!
//! A reader gives all rows of one entry of a page's dictionary the same view (16 bytes: a short text, or where a longer one
//! lies), so views are compared, not texts. Texts that are equal and lie in two places count as two, which is right too.

use std::collections::HashMap;

use arrow::{
    array::{Array, ArrayRef, AsArray as _, UInt8Array, UInt32Array},
    buffer::{NullBuffer, ScalarBuffer},
    compute::take,
    datatypes::DataType,
    error::ArrowError,
};
use datafusion::common::hash_utils::RandomState;

/// An array of strings or bytes with at most 256 different views.
#[derive(Debug)]
pub(super) struct RepeatedArray {
    /// Each value once.
    values: ArrayRef,
    /// Which one a row has. NULL where it has none.
    codes: UInt8Array,
}

impl RepeatedArray {
    /// The array in fewer bytes, if its values repeat.
    pub(super) fn of(array: &ArrayRef) -> Option<Self> {
        let views: &ScalarBuffer<u128> = match array.data_type() {
            DataType::Utf8View => array.as_string_view().views(),
            DataType::BinaryView => array.as_binary_view().views(),
            _ => return None,
        };
        let nulls = array.nulls();
        let mut known: HashMap<u128, u8, RandomState> = HashMap::with_hasher(RandomState::with_seed(0));
        let mut first_rows: Vec<u32> = Vec::new();
        let mut codes = Vec::with_capacity(views.len());
        for (row, view) in views.iter().enumerate() {
            // What NULL hides is no value: nobody may find a row's value there.
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                codes.push(0);
                continue;
            }
            let code = match known.get(view) {
                Some(code) => *code,
                None => {
                    let code = u8::try_from(first_rows.len()).ok()?;
                    known.insert(*view, code);
                    first_rows.push(u32::try_from(row).ok()?);
                    code
                }
            };
            codes.push(code);
        }
        if first_rows.is_empty() {
            return None;
        }
        let values = take(array, &UInt32Array::from(first_rows), None).ok()?;
        Some(RepeatedArray { values, codes: UInt8Array::new(codes.into(), nulls.cloned()) })
    }

    /// The array as it was, but for what NULL hides.
    pub(super) fn array(&self) -> Result<ArrayRef, ArrowError> {
        take(&self.values, &self.codes, None)
    }

    /// Bytes of all rows.
    pub(super) fn code_bytes(&self) -> usize {
        self.codes.len()
    }

    pub(super) fn nulls(&self) -> Option<&NullBuffer> {
        self.codes.nulls()
    }

    pub(super) fn values(&self) -> &ArrayRef {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BinaryViewArray, StringArray, StringViewArray};

    use super::*;

    /// How many values are kept; 0 if the array is kept as it is. It comes back as it was.
    fn kept(array: impl Array + 'static) -> usize {
        let array: ArrayRef = Arc::new(array);
        let Some(repeated) = RepeatedArray::of(&array) else { return 0 };
        assert_eq!(&repeated.array().expect("an array"), &array);
        repeated.values().len()
    }

    #[test]
    fn values_are_kept_once() {
        let long = "a text that is too long to lie within its view";
        assert_eq!(kept(StringViewArray::from(vec!["a", "b", "a", "", "b", ""])), 3);
        assert_eq!(kept(StringViewArray::from(vec![long, "a", long])), 3, "it lies in two places");
        let taken = take(&StringViewArray::from(vec![long, "a"]), &UInt8Array::from(vec![0, 1, 0, 0]), None);
        assert_eq!(kept(taken.expect("taken").as_string_view().clone()), 2, "it lies in one");
        assert_eq!(kept(BinaryViewArray::from(vec![&b"\xFF"[..], b"", b"\xFF"])), 2);
        assert_eq!(kept(StringViewArray::from_iter_values(["c"; 3]).slice(1, 2)), 1);
        assert_eq!(kept(StringArray::from(vec!["a", "a"])), 0, "not as views");
    }

    #[test]
    fn what_null_hides_stands_for_nothing() {
        // Its view is that of the empty text.
        assert_eq!(kept(StringViewArray::from(vec![None, Some(""), None, Some("a"), Some("")])), 2);
        assert_eq!(kept(StringViewArray::from(vec![None::<&str>, None])), 0);
        assert_eq!(kept(StringViewArray::from(Vec::<&str>::new())), 0);
    }

    #[test]
    fn up_to_256_values_have_a_byte() {
        let texts = |different: usize| {
            StringViewArray::from_iter_values((0..1000).map(|row| (row % different).to_string()))
        };
        assert_eq!(kept(texts(256)), 256);
        assert_eq!(kept(texts(257)), 0);
    }
}
