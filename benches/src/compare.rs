//! Whether two engines answered the same rows.

use std::{
    collections::hash_map::DefaultHasher,
    fs::File,
    hash::{Hash as _, Hasher as _},
    io::BufReader,
    path::Path,
};

use crate::{Result, csv::Rows};

/// Up to so many rows are kept and compared one by one; of more only a sum of hashes is.
const KEPT_ROWS: usize = 50_000;

/// How far two numbers may be apart, as a part of the larger: engines give averages of decimals as
/// decimals of six places or as binary floats.
const TOLERANCE: f64 = 1e-6;

/// An engine's rows.
pub(crate) struct Answered {
    pub(crate) count: u64,
    rows: Vec<Vec<String>>,
    /// Of all rows, whatever their order.
    hash: u64,
}

impl Answered {
    /// Reads a file that an engine wrote.
    pub(crate) fn read(path: &Path) -> Result<Answered> {
        let read = || -> std::io::Result<Answered> {
            let mut rows = Rows::open(BufReader::with_capacity(1 << 20, File::open(path)?))?;
            let mut answered = Answered { count: 0, rows: Vec::new(), hash: 0 };
            let mut fields = Vec::new();
            while rows.next_row(&mut fields)? {
                fields.iter_mut().for_each(normalize);
                let mut hasher = DefaultHasher::new();
                fields.hash(&mut hasher);
                answered.hash = answered.hash.wrapping_add(hasher.finish());
                answered.count += 1;
                if answered.rows.len() < KEPT_ROWS {
                    answered.rows.push(fields.clone());
                }
            }
            Ok(answered)
        };
        read().map_err(|error| format!("{}: {error}", path.display()))
    }

    /// What differs between the two, in words. Rows are compared in their order, and where that fails in
    /// the order of their texts: nothing says which of two equal keys comes first.
    pub(crate) fn difference(&self, other: &Answered) -> Option<String> {
        if self.count != other.count {
            return Some(format!("{} rows against {}", self.count, other.count));
        }
        if self.hash == other.hash {
            return None;
        }
        if self.count > KEPT_ROWS as u64 {
            return Some(format!("the {} rows have another sum", self.count));
        }
        let unlike = |left: &[Vec<String>], right: &[Vec<String>]| {
            left.iter().zip(right).position(|(left, right)| !alike(left, right))
        };
        unlike(&self.rows, &other.rows)?;
        let (mut left, mut right) = (self.rows.clone(), other.rows.clone());
        left.sort();
        right.sort();
        unlike(&left, &right).map(|row| format!("{:?} against {:?}", left[row], right[row]))
    }
}

/// Trailing zeros of a decimal are a matter of its type, not of its value.
fn normalize(field: &mut String) {
    let digits = field.strip_prefix('-').unwrap_or(field);
    let Some((whole, fraction)) = digits.split_once('.') else { return };
    if !(whole.bytes().all(|byte| byte.is_ascii_digit())
        && fraction.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return;
    }
    let length = field.trim_end_matches('0').trim_end_matches('.').len();
    field.truncate(length);
    if field.is_empty() || field == "-" || field == "-0" {
        *field = "0".to_string();
    }
}

fn alike(left: &[String], right: &[String]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).all(|(left, right)| {
            left == right
                || match (fraction(left), fraction(right)) {
                    (Some(left), Some(right)) => {
                        (left - right).abs() <= TOLERANCE * left.abs().max(right.abs()).max(1.0)
                    }
                    _ => false,
                }
        })
}

/// A number. Two integers are never alike unless equal: what has no point is exact to the last digit.
fn fraction(text: &str) -> Option<f64> {
    let exact = text.len() > 15 && !text.contains(['.', 'e', 'E']);
    if exact { None } else { text.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(text: &str) -> Answered {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Answered::read(file.path()).unwrap()
    }

    fn difference(left: &str, right: &str) -> Option<String> {
        answered(left).difference(&answered(right))
    }

    #[test]
    fn zeros_order_and_the_last_places_of_averages_do_not_matter() {
        assert_eq!(difference("a,b\n1.50,x\n2,y\n", "a,b\n2.0,y\n1.5,x\n"), None);
        assert_eq!(difference("a\n0.049985\n", "a\n0.04998529583846\n"), None);
        assert_eq!(difference("a\n-0.00\n", "a\n0.0\n"), None);
        assert_eq!(difference("a\n1.10.0\n", "a\n1.10.0\n"), None);
    }

    #[test]
    fn all_else_does() {
        assert_eq!(difference("a\n1\n", "a\n1\n1\n").as_deref(), Some("1 rows against 2"));
        assert_eq!(difference("a\n10\n", "a\n100\n").as_deref(), Some(r#"["10"] against ["100"]"#));
        assert_eq!(difference("a\n1.01\n", "a\n1.02\n").as_deref(), Some(r#"["1.01"] against ["1.02"]"#));
        assert_eq!(difference("a\nx\n", "a\ny\n").as_deref(), Some(r#"["x"] against ["y"]"#));
        let many = |last: &str| format!("a\n{}{last}\n", "1\n".repeat(KEPT_ROWS));
        assert_eq!(difference(&many("1"), &many("2")).as_deref(), Some("the 50001 rows have another sum"));
    }
}
