//! Bitmaps of deleted rows, in the portable form of Roaring bitmaps with 64 bits, as Iceberg and Delta Lake have them.

use roaring::RoaringTreemap;

use crate::native::Deletions;

/// What stands before the bitmap in both formats.
const MAGIC: [u8; 4] = [0xd1, 0xd3, 0x39, 0x64];

/// A deletion vector in a file: its length before it and its checksum after it, both big-endian. `rows` is how many
/// the data file has.
pub(super) fn from_sized(bytes: &[u8], rows: u64) -> Result<Deletions, String> {
    let short = || "it is cut short".to_owned();
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| short())?;
    let (vector, rest) = rest.split_at_checked(length).ok_or_else(short)?;
    let (expected, _) = rest.split_first_chunk::<4>().ok_or_else(short)?;
    let mut checksum = flate2::Crc::new();
    checksum.update(vector);
    if checksum.sum() != u32::from_be_bytes(*expected) {
        return Err("its checksum is another".to_owned());
    }
    from_vector(vector, rows)
}

/// The magic number and the bitmap.
pub(super) fn from_vector(bytes: &[u8], rows: u64) -> Result<Deletions, String> {
    let bitmap = bytes.strip_prefix(&MAGIC).ok_or("it is of another kind")?;
    let bitmap = RoaringTreemap::deserialize_from(bitmap).map_err(|error| error.to_string())?;
    let mut gone = Deletions::default();
    for row in bitmap {
        if row >= rows {
            return Err(format!("it has row {row} of a file of {rows} rows"));
        }
        gone.insert(row);
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(rows: &[u64]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        rows.iter().copied().collect::<RoaringTreemap>().serialize_into(&mut bytes).expect("into memory");
        bytes
    }

    fn sized(vector: &[u8]) -> Vec<u8> {
        let mut checksum = flate2::Crc::new();
        checksum.update(vector);
        let length = u32::try_from(vector.len()).expect("short");
        [&length.to_be_bytes()[..], vector, &checksum.sum().to_be_bytes()].concat()
    }

    #[test]
    fn a_bitmap_is_read_and_checked() {
        let whole = sized(&vector(&[0, 3, 70_000]));
        assert_eq!(from_sized(&whole, 70_001).map(|gone| gone.len()), Ok(3));
        let mut other = whole.clone();
        other[9] ^= 1;
        assert_eq!(from_sized(&other, 70_001).err().as_deref(), Some("its checksum is another"));
        assert_eq!(from_sized(&whole[..whole.len() - 1], 70_001).err().as_deref(), Some("it is cut short"));
        assert_eq!(from_sized(&sized(b"else"), 1).err().as_deref(), Some("it is of another kind"));
        let far = from_sized(&whole, 70_000).err();
        assert_eq!(far.as_deref(), Some("it has row 70000 of a file of 70000 rows"));
    }
}
