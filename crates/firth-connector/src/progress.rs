//! How far a running plan has come, for whoever waits for it.

use uuid::Uuid;

/// One scan of a running plan. A guess in every number: sources know their sizes as they were at some other time.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanProgress {
    /// The id of the remote it reads.
    pub remote: Uuid,
    /// How many parts it is read in, so far as is known: splits of a table, parts of files.
    pub parts: u64,
    /// How many of them have been read.
    pub done: u64,
    /// Rows delivered.
    pub rows: u64,
    /// How many rows were expected; `None` if the source could not say.
    pub expected_rows: Option<u64>,
}

impl ScanProgress {
    /// Rows that are expected where a source says nothing: few, so that scans which do say decide.
    const UNKNOWN_ROWS: u64 = 1000;

    /// What has been read of this scan, from 0 to 1. Only a scan all of whose parts are read is at 1.
    pub fn share(&self) -> f64 {
        if self.parts > 0 && self.done >= self.parts {
            return 1.0;
        }
        let parts = if self.parts == 0 { 0.0 } else { self.done as f64 / self.parts as f64 };
        let rows = match self.expected_rows {
            Some(expected) if expected > 0 => (self.rows as f64 / expected as f64).min(0.99),
            _ => 0.0,
        };
        parts.max(rows)
    }

    /// What has been read of all of these, by the rows that each is expected to have; `None` of none.
    pub fn share_of_all(scans: &[ScanProgress]) -> Option<f64> {
        let weight = |scan: &ScanProgress| {
            scan.expected_rows.unwrap_or(Self::UNKNOWN_ROWS).max(scan.rows).max(1) as f64
        };
        let all: f64 = scans.iter().map(weight).sum();
        let read: f64 = scans.iter().map(|scan| weight(scan) * scan.share()).sum();
        (!scans.is_empty()).then(|| read / all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(parts: u64, done: u64, rows: u64, expected_rows: Option<u64>) -> ScanProgress {
        ScanProgress { remote: Uuid::nil(), parts, done, rows, expected_rows }
    }

    #[test]
    fn parts_and_rows_both_say_how_far_a_scan_is() {
        assert_eq!(scan(0, 0, 0, None).share(), 0.0, "its parts are not known yet");
        assert_eq!(scan(4, 1, 0, None).share(), 0.25);
        assert_eq!(scan(4, 1, 50, Some(100)).share(), 0.5, "rows of parts that are under way count");
        assert_eq!(scan(1, 0, 500, Some(100)).share(), 0.99, "more rows than were expected are not the end");
        assert_eq!(scan(4, 4, 5, Some(100)).share(), 1.0, "fewer rows than were expected are");
    }

    #[test]
    fn large_scans_weigh_more() {
        assert_eq!(ScanProgress::share_of_all(&[]), None);
        let (small, large) = (scan(1, 1, 10, Some(10)), scan(9, 0, 0, Some(90)));
        assert_eq!(ScanProgress::share_of_all(&[small, large]), Some(0.1));
        let unknown = [scan(2, 1, 0, None), scan(2, 1, 0, None)];
        assert_eq!(ScanProgress::share_of_all(&unknown), Some(0.5));
    }
}
