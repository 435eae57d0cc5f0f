//! Deletion vectors of Delta Lake: where they are written, and how.

use firth_diagnostic::{Code, Diagnostic, Result};
use uuid::Uuid;

use super::action::DeletionVector;
use crate::{
    native::Deletions,
    versioned::{bitmap, place::TablePlace},
};

/// The digits of Z85.
const DIGITS: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
/// A uuid has as many digits.
const UUID_DIGITS: usize = 20;

/// The rows of a file that are gone; the file has `rows`.
pub(super) async fn read(
    place: &TablePlace<'_>,
    folder: &str,
    vector: &DeletionVector,
    rows: u64,
) -> Result<Deletions> {
    let damaged = |why: String| {
        Diagnostic::error(Code::BadData, "a deletion vector of the Delta Lake table cannot be read")
            .detail(why)
    };
    let text = vector.path_or_inline_dv.as_str();
    let gone = match vector.storage_type.as_str() {
        "i" => {
            let mut bytes = decoded(text).ok_or_else(|| damaged("it is not in base 85".to_owned()))?;
            bytes.truncate(usize::try_from(vector.size_in_bytes).unwrap_or(usize::MAX));
            bitmap::from_vector(&bytes, rows).map_err(damaged)?
        }
        "u" | "p" => {
            let path = if vector.storage_type == "p" {
                text.to_owned()
            } else {
                let name = file_of(text).ok_or_else(|| damaged(format!("{text:?} names no file")))?;
                format!("{folder}/{name}")
            };
            // Its length stands before it and its checksum after it.
            let start = vector.offset.unwrap_or_default();
            let range = start..start.saturating_add(vector.size_in_bytes).saturating_add(8);
            let bytes = place.read_range(&path, range).await?;
            bitmap::from_sized(&bytes, rows).map_err(|why| damaged(format!("{path}: {why}")))?
        }
        other => {
            return Err(Diagnostic::error(
                Code::Unsupported,
                format!(
                    "the Delta Lake table has deletion vectors of kind {other:?}, which is not in this version"
                ),
            ));
        }
    };
    if gone.len() != vector.cardinality {
        return Err(damaged(format!("it has {} rows in place of {}", gone.len(), vector.cardinality)));
    }
    Ok(gone)
}

/// The file that a prefix and a uuid in base 85 name.
fn file_of(text: &str) -> Option<String> {
    let at = text.len().checked_sub(UUID_DIGITS)?;
    let (prefix, digits) = (text.get(..at)?, text.get(at..)?);
    let uuid = Uuid::from_slice(&decoded(digits)?).ok()?;
    let folder = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    Some(format!("{folder}deletion_vector_{uuid}.bin"))
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 5 * 4);
    for digits in text.as_bytes().chunks(5) {
        if digits.len() < 5 {
            return None;
        }
        let mut number = 0_u64;
        for digit in digits {
            let value = DIGITS.iter().position(|known| known == digit)?;
            number = number * 85 + u64::try_from(value).ok()?;
        }
        bytes.extend(u32::try_from(number).ok()?.to_be_bytes());
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of Delta Lake's protocol.
    #[test]
    fn names_are_those_of_the_protocol() {
        assert_eq!(
            file_of("ab^-aqEH.-t@S}K{vb[*k^").as_deref(),
            Some("ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin")
        );
        assert_eq!(file_of("short"), None);
        assert_eq!(file_of("ab~-aqEH.-t@S}K{vb[*k^"), None);
        assert_eq!(decoded("HelloWorld"), Some(vec![0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b]));
    }
}
