//! Iceberg's hash of values: Murmur3 with 32 bits, by which tables are divided into buckets.

use datafusion::common::ScalarValue;

/// The bucket of a value, of `count`; `None` for NULL and for types that have no hash.
pub(super) fn number(value: &ScalarValue, count: u32) -> Option<i32> {
    let count = i32::try_from(count).ok().filter(|count| *count > 0)?;
    Some((hash(value)? & i32::MAX) % count)
}

fn hash(value: &ScalarValue) -> Option<i32> {
    let number = |value: i64| murmur3(&value.to_le_bytes());
    match value {
        ScalarValue::Int32(value) | ScalarValue::Date32(value) => value.map(|value| number(value.into())),
        ScalarValue::Int64(value)
        | ScalarValue::Time64Microsecond(value)
        | ScalarValue::TimestampMicrosecond(value, _) => value.map(number),
        ScalarValue::Decimal128(value, _, _) => value.map(|value| murmur3(shortest(&value.to_be_bytes()))),
        ScalarValue::Utf8(value) | ScalarValue::Utf8View(value) | ScalarValue::LargeUtf8(value) => {
            value.as_ref().map(|value| murmur3(value.as_bytes()))
        }
        ScalarValue::Binary(value) | ScalarValue::BinaryView(value) | ScalarValue::LargeBinary(value) => {
            value.as_ref().map(|value| murmur3(value))
        }
        _ => None,
    }
}

/// A number's big-endian bytes without those that only repeat its sign.
fn shortest(bytes: &[u8]) -> &[u8] {
    let repeats = |pair: &[u8]| match pair[0] {
        0 => pair[1] & 0x80 == 0,
        0xff => pair[1] & 0x80 != 0,
        _ => false,
    };
    let skipped = bytes.windows(2).take_while(|pair| repeats(pair)).count();
    &bytes[skipped..]
}

/// Austin Appleby's MurmurHash3_x86_32 with seed 0.
fn murmur3(bytes: &[u8]) -> i32 {
    const C1: u32 = 0xcc9e_2d51;
    const C2: u32 = 0x1b87_3593;
    let scrambled = |word: u32| word.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2);
    let mut hash = 0_u32;
    let mut words = bytes.chunks_exact(4);
    for word in &mut words {
        hash ^= scrambled(u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        let word = rest.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        hash ^= scrambled(word);
    }
    hash ^= u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    (hash ^ hash >> 16).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of the specification, appendix B.
    #[test]
    fn hashes_are_those_of_the_specification() {
        let of = |value: ScalarValue| hash(&value).expect("it has a hash");
        assert_eq!(of(ScalarValue::Int32(Some(34))), 2_017_239_379);
        assert_eq!(of(ScalarValue::Int64(Some(34))), 2_017_239_379);
        assert_eq!(of(ScalarValue::Decimal128(Some(1420), 9, 2)), -500_754_589);
        assert_eq!(of(ScalarValue::Date32(Some(17_486))), -653_330_422);
        assert_eq!(of(ScalarValue::Time64Microsecond(Some(81_068_000_000))), -662_762_989);
        let micros = 1_510_871_468_000_000;
        assert_eq!(of(ScalarValue::TimestampMicrosecond(Some(micros), None)), -2_047_944_441);
        assert_eq!(of(ScalarValue::from("iceberg")), 1_210_000_089);
        assert_eq!(of(ScalarValue::Binary(Some(vec![0, 1, 2, 3]))), -188_683_207);
        assert_eq!(hash(&ScalarValue::Float64(Some(1.0))), None);
    }

    #[test]
    fn a_bucket_is_never_negative() {
        assert_eq!(number(&ScalarValue::Date32(Some(17_486)), 16), Some((-653_330_422 & i32::MAX) % 16));
        assert_eq!(number(&ScalarValue::Int64(None), 16), None);
        assert_eq!(number(&ScalarValue::Int64(Some(1)), 0), None);
    }
}
