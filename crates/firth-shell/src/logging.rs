//! Log lines of Firth itself, for `-vv`. Off otherwise.

use std::io::{self, Write as _};

use log::{LevelFilter, Log, Metadata, Record};

use crate::reporter::without_leading_braces;

struct StandardError;

/// Writes log lines of this much detail to standard error.
pub(crate) fn start(verbose: u8) {
    let level = match verbose {
        0 | 1 => return,
        2 => LevelFilter::Info,
        3 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    if log::set_logger(&StandardError).is_ok() {
        log::set_max_level(level);
    }
}

impl Log for StandardError {
    /// Firth's own lines only: what client libraries log at will may hold credentials.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("firth")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = format!("{}: {}\n", record.level().as_str().to_lowercase(), record.args());
            let _ = io::stderr().lock().write_all(without_leading_braces(&line).as_bytes());
        }
    }

    fn flush(&self) {}
}
