//! What a statement may read of a connection: rows and bytes, counted while they stream.

use std::sync::atomic::{AtomicU64, Ordering};

use firth_diagnostic::{Code, Diagnostic, Result};

use super::options::Settings;

/// What is left to one statement. Its reads share it.
pub(super) struct Budget {
    rows: Account,
    bytes: Account,
    server: String,
}

/// So much of something.
struct Account {
    spent: AtomicU64,
    most: Option<u64>,
}

impl Budget {
    /// A whole one.
    pub(super) fn new(settings: &Settings) -> Self {
        let account = |most| Account { spent: AtomicU64::new(0), most };
        Budget {
            rows: account(settings.max_rows),
            bytes: account(settings.max_bytes),
            server: settings.server(),
        }
    }

    /// Counts rows that came. An error if the statement has read too many.
    pub(super) fn spend_rows(&self, rows: usize) -> Result<()> {
        self.rows.spend(rows).map_err(|most| self.spent(most, "rows", "max_rows"))
    }

    /// Counts bytes that came. An error if the statement has read too many.
    pub(super) fn spend_bytes(&self, bytes: usize) -> Result<()> {
        self.bytes.spend(bytes).map_err(|most| self.spent(most, "bytes", "max_bytes"))
    }

    fn spent(&self, most: u64, what: &str, option: &str) -> Diagnostic {
        let message = format!("the statement reads more than {most} {what} from {}", self.server);
        Diagnostic::error(Code::Exhausted, message)
            .detail(format!("option {option} of the connection is {most}"))
            .hint(format!(
                "Read less: fewer columns, WHERE, or an aggregate that the server can do (EXPLAIN (PUSHDOWN) \
                 tells). Or raise {option} with ALTER CONNECTION."
            ))
    }
}

impl Account {
    /// The most there is, if that is passed.
    fn spend(&self, count: usize) -> Result<(), u64> {
        let Some(most) = self.most else { return Ok(()) };
        let before = self.spent.fetch_add(count as u64, Ordering::Relaxed);
        if before + count as u64 > most { Err(most) } else { Ok(()) }
    }
}
