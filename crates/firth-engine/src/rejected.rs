//! The rows of CSV and JSON that `max_bad_records` lets a statement leave out: how many, which, and why.
//!
//! One collector for a statement. A file that is read in parts is counted in parts: a row's line in the file is known
//! once all parts before its own have been read to their ends.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// So many rows are told; the others are counted.
const TOLD: usize = 100;
/// So much of a row's text is told.
const SHOWN_CHARS: usize = 200;

/// The rows that a statement has left out so far. Read it when the statement's rows have been read.
#[derive(Debug, Default)]
pub struct RejectedRows(Mutex<Found>);

#[derive(Debug, Default)]
struct Found {
    /// Whether any file was read of which rows may be left out.
    is_possible: bool,
    count: u64,
    /// The first ones, by file and place, so that the same ones are told every time.
    first: BTreeMap<Place, Rejection>,
    /// Of files that are read in parts: where each part that was read ends, and its lines.
    parts: HashMap<String, BTreeMap<u64, (u64, u64)>>,
}

/// Where a row is: its file, where the part of the file begins that it was read with, and its line there, from zero.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) part: u64,
    pub(crate) line: u64,
}

/// Why a row cannot be read.
#[derive(Clone, Debug)]
pub(crate) struct Rejection {
    pub(crate) column: Option<String>,
    pub(crate) reason: String,
    pub(crate) text: String,
}

/// A row that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRow {
    /// The file's uri.
    pub file: String,
    /// The line at which it begins, from one; unknown if what is before it was not read to its end.
    pub line: Option<u64>,
    /// The column whose value cannot be read, if it is one value.
    pub column: Option<String>,
    /// Why it cannot be read.
    pub reason: String,
    /// Its text, or the beginning of it.
    pub text: String,
}

/// What there is to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedReport {
    /// How many rows were left out. One that a statement reads twice counts twice.
    pub count: u64,
    /// The first hundred, by file and line.
    pub first: Vec<RejectedRow>,
}

impl RejectedRows {
    /// What was left out. `None` if nothing was read of which anything may be.
    pub fn report(&self) -> Option<RejectedReport> {
        let found = self.found();
        let row = |(place, rejection): (&Place, &Rejection)| RejectedRow {
            file: place.file.clone(),
            line: found.lines_before(place).map(|before| before + place.line + 1),
            column: rejection.column.clone(),
            reason: rejection.reason.clone(),
            text: rejection.text.clone(),
        };
        found
            .is_possible
            .then(|| RejectedReport { count: found.count, first: found.first.iter().map(row).collect() })
    }

    /// Notes that rows may be left out.
    pub(crate) fn expect(&self) {
        self.found().is_possible = true;
    }

    /// Notes a row. What is told of it is asked for only if it is told.
    pub(crate) fn add(&self, place: Place, rejection: impl FnOnce() -> Rejection) {
        let mut found = self.found();
        found.count += 1;
        let is_told =
            found.first.len() < TOLD || found.first.last_key_value().is_some_and(|(last, _)| place < *last);
        if is_told {
            found.first.insert(place, rejection());
            if found.first.len() > TOLD {
                found.first.pop_last();
            }
        }
    }

    /// Notes how many lines begin in a part of a file, which was read to its end.
    pub(crate) fn part_read(&self, file: &str, part: Range<u64>, lines: u64) {
        let mut found = self.found();
        found.parts.entry(file.to_owned()).or_default().insert(part.start, (part.end, lines));
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Found {
    /// How many lines of its file are before the part that a row was read with.
    fn lines_before(&self, place: &Place) -> Option<u64> {
        let (mut at, mut before) = (0, 0);
        while at < place.part {
            let (end, lines) = self.parts.get(&place.file)?.get(&at)?;
            // A part that ends where it begins would lead nowhere.
            if *end <= at {
                return None;
            }
            (at, before) = (*end, before + lines);
        }
        (at == place.part).then_some(before)
    }
}

/// The beginning of a row's text.
pub(crate) fn shortened(text: &[u8]) -> String {
    // A character is four bytes at most.
    let beginning = &text[..text.len().min(4 * SHOWN_CHARS + 4)];
    let all = String::from_utf8_lossy(beginning);
    let shown: String = all.chars().take(SHOWN_CHARS).collect();
    if shown.len() < all.len() || beginning.len() < text.len() { format!("{shown}…") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(rows: &RejectedRows, part: u64, line: u64) {
        let place = Place { file: "f".to_owned(), part, line };
        rows.add(place, || Rejection { column: None, reason: "r".to_owned(), text: shortened(b"t") });
    }

    fn lines(rows: &RejectedRows) -> Vec<Option<u64>> {
        rows.report().expect("rows may be left out").first.iter().map(|row| row.line).collect()
    }

    #[test]
    fn a_line_is_known_once_the_parts_before_were_read() {
        let rows = RejectedRows::default();
        assert_eq!(rows.report(), None);
        rows.expect();
        add(&rows, 20, 0);
        add(&rows, 0, 4);
        rows.part_read("f", 10..20, 7);
        assert_eq!(lines(&rows), [Some(5), None]);
        rows.part_read("f", 0..10, 100);
        assert_eq!(lines(&rows), [Some(5), Some(108)]);
    }

    #[test]
    fn the_first_hundred_are_told_in_whatever_order_they_come() {
        let rows = RejectedRows::default();
        rows.expect();
        (0..250).rev().for_each(|line| add(&rows, 0, line));
        let report = rows.report().expect("rows may be left out");
        assert_eq!((report.count, report.first.len()), (250, 100));
        assert_eq!(report.first.last().and_then(|row| row.line), Some(100));
    }

    #[test]
    fn long_texts_are_shortened() {
        assert_eq!(shortened("ä".repeat(200).as_bytes()), "ä".repeat(200));
        assert_eq!(shortened("ä".repeat(2000).as_bytes()), format!("{}…", "ä".repeat(200)));
    }
}
