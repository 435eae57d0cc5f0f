//! An array as it is kept: in fewer bytes, where it comes back as it was.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef},
    buffer::{Buffer, NullBuffer},
    error::ArrowError,
};

use super::{narrow::NarrowArray, repeated::RepeatedArray};

#[derive(Debug)]
pub(super) enum KeptArray {
    Whole(ArrayRef),
    Narrow(NarrowArray),
    Repeated(RepeatedArray),
}

impl KeptArray {
    /// The array in the fewest bytes.
    pub(super) fn packed(array: &ArrayRef) -> Self {
        if let Some(narrow) = NarrowArray::of(array) {
            return KeptArray::Narrow(narrow);
        }
        RepeatedArray::of(array).map_or_else(|| KeptArray::Whole(Arc::clone(array)), KeptArray::Repeated)
    }

    /// The array as it was.
    pub(super) fn array(&self) -> Result<ArrayRef, ArrowError> {
        match self {
            KeptArray::Whole(array) => Ok(Arc::clone(array)),
            KeptArray::Narrow(narrow) => Ok(narrow.array()),
            KeptArray::Repeated(repeated) => repeated.array(),
        }
    }

    /// Bytes in memory. `shared` says how many a buffer has that others may hold too.
    pub(super) fn memory_size(&self, mut shared: impl FnMut(&Buffer) -> usize) -> usize {
        let mut of_array = |array: &ArrayRef| {
            let data = array.to_data();
            let nulls = data.nulls().map(|nulls| nulls.inner().inner());
            let buffers = data.buffers().iter().chain(nulls).map(&mut shared);
            buffers.sum::<usize>() + size_of_val(array.as_ref())
        };
        let of_nulls = |nulls: Option<&NullBuffer>| nulls.map_or(0, |nulls| nulls.inner().inner().len());
        size_of::<Self>()
            + match self {
                KeptArray::Whole(array) => of_array(array),
                KeptArray::Narrow(narrow) => narrow.distance_bytes() + of_nulls(narrow.nulls()),
                KeptArray::Repeated(repeated) => {
                    repeated.code_bytes() + of_nulls(repeated.nulls()) + of_array(repeated.values())
                }
            }
    }
}
