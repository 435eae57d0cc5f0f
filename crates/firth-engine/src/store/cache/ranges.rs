//! Ranges of objects, as they were fetched.

use std::ops::Range;

use bytes::Bytes;

use super::{Aged, ObjectKey};

/// How many ranges that begin before the one asked for are looked at: ranges of one object may overlap.
const LOOK_BACK: usize = 4;

/// Ranges of bytes by object and first byte.
pub(super) type ByteRanges = Aged<(ObjectKey, u64), Bytes>;

/// The bytes of `range`, if one kept range holds them all.
pub(super) fn find(ranges: &mut ByteRanges, object: &ObjectKey, range: &Range<u64>) -> Option<Bytes> {
    let from = (object.clone(), range.start);
    let (key, bytes) = ranges
        .back_from(&from)
        .take(LOOK_BACK)
        .take_while(|((kept, _), _)| kept == object)
        .find(|((_, start), bytes)| start + bytes.len() as u64 >= range.end)
        .map(|(key, bytes)| (key.clone(), bytes.clone()))?;
    ranges.touch(&key);
    let at = usize::try_from(range.start - key.1).ok()?;
    let length = usize::try_from(range.end - range.start).ok()?;
    Some(bytes.slice(at..at + length))
}
