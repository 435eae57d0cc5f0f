//! What each source has given so far, a line each, below what stands on the terminal.
//!
//! Drawn on standard error while a statement runs, if that is a terminal; taken away before anything else
//! is written. The figures are those that the sources count anyway.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use firth_connector::{Remotes, ScanProgress, SourceReport};

use crate::output::terminal_columns;

/// Statements that take no longer are not worth a line.
const PATIENCE: Duration = Duration::from_millis(500);
const EVERY: Duration = Duration::from_millis(200);

/// The least share and the least time from which the rest is told: earlier guesses are wild.
const FIRST_TOLD: f64 = 0.05;
const FIRST_TOLD_AFTER: Duration = Duration::from_secs(1);

/// The lines under way. Clones are the same lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// How many lines stand on the terminal; `None` if none are to be drawn.
    lines: Arc<Mutex<Option<usize>>>,
    wanted: bool,
}

impl Progress {
    /// Progress for a person at a terminal.
    pub(crate) fn new(quiet: bool) -> Self {
        let terminal =
            io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Progress { wanted: !quiet && terminal, ..Progress::default() }
    }

    /// Draws until it is dropped. Never ends.
    pub(crate) async fn show(&self, remotes: &Remotes) {
        if !self.wanted {
            return std::future::pending().await;
        }
        let begun = Instant::now();
        *self.lock() = Some(0);
        tokio::time::sleep(PATIENCE).await;
        loop {
            let share = ScanProgress::share_of_all(&remotes.progress());
            self.draw(&lines(&remotes.report(), share, begun.elapsed()));
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Takes the lines away; until the next [`Self::show`] none are drawn. For whoever writes something else.
    pub(crate) fn erase(&self) {
        let mut lines = self.lock();
        if let Some(count) = lines.take()
            && count > 0
        {
            let _ = io::stderr().lock().write_all(upwards(count).as_bytes());
        }
    }

    fn draw(&self, texts: &[String]) {
        let mut lines = self.lock();
        let Some(count) = *lines else { return };
        let width = terminal_columns(io::stderr()).unwrap_or(80);
        let mut out = if count > 0 { upwards(count) } else { String::new() };
        for text in texts {
            // A line that wraps would be two.
            out.extend(text.chars().take(width.saturating_sub(1)));
            out.push('\n');
        }
        *lines = Some(texts.len());
        let _ = io::stderr().lock().write_all(out.as_bytes());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<usize>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Up so many lines, and away with all below.
fn upwards(lines: usize) -> String {
    format!("\x1b[{lines}A\r\x1b[J")
}

fn lines(sources: &[SourceReport], share: Option<f64>, elapsed: Duration) -> Vec<String> {
    let mut lines: Vec<String> = sources.iter().map(line).collect();
    let rest = share.map_or_else(String::new, |share| rest(share, elapsed));
    lines.push(format!("  {:.1} s{rest}, Ctrl-C stops", elapsed.as_secs_f64()));
    lines
}

/// How far the sources have been read, and how long the rest takes if it goes on like that: nothing before that can be told, and
/// no time for what is done after everything has been read.
fn rest(share: f64, elapsed: Duration) -> String {
    let percent = format!(", {:.0}% read", (share * 100.0).floor());
    if !(FIRST_TOLD..1.0).contains(&share) || elapsed < FIRST_TOLD_AFTER {
        return if share > 0.0 { percent } else { String::new() };
    }
    let left = elapsed.as_secs_f64() * (1.0 - share) / share;
    format!("{percent}, about {} left", duration(left))
}

/// Seconds as a person says them of a guess.
fn duration(seconds: f64) -> String {
    match seconds.ceil() as u64 {
        seconds @ 0..100 => format!("{seconds} s"),
        seconds @ 100..6000 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h", seconds.div_ceil(3600)),
    }
}

fn line(source: &SourceReport) -> String {
    let name = source.connection.as_deref().unwrap_or("local files");
    let mut text = format!("  {name}: {}", bytes(source.bytes as f64));
    if source.rows > 0 {
        text.push_str(&format!(", {} rows", source.rows));
    }
    text.push_str(&format!(", {} requests", source.requests));
    if source.parts > 1 {
        text.push_str(&format!(", {} of {} parts", source.parts_read, source.parts));
    }
    if source.elapsed_ms > 0.0 {
        text.push_str(&format!(", {}/s", bytes(source.bytes as f64 / (source.elapsed_ms / 1e3))));
    }
    text
}

/// A size in the unit that leaves it short.
fn bytes(count: f64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut value = count;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{value:.0} B") } else { format!("{value:.1} {}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_a_source_gave() {
        let source = SourceReport {
            connection: Some("us.shop".into()),
            rows: 12,
            bytes: 3_400_000,
            requests: 2,
            elapsed_ms: 500.0,
            ..SourceReport::default()
        };
        assert_eq!(line(&source), "  us.shop: 3.4 MB, 12 rows, 2 requests, 6.8 MB/s");
        let local = SourceReport { bytes: 7, requests: 1, ..SourceReport::default() };
        assert_eq!(line(&local), "  local files: 7 B, 1 requests");
        assert_eq!(lines(&[], None, Duration::from_millis(1500)), ["  1.5 s, Ctrl-C stops"]);
        let parts = SourceReport { parts: 60, parts_read: 12, ..local };
        assert_eq!(line(&parts), "  local files: 7 B, 1 requests, 12 of 60 parts");
    }

    #[test]
    fn the_rest_is_told_once_it_can_be() {
        let told = |share: f64, seconds: u64| rest(share, Duration::from_secs(seconds));
        assert_eq!(told(0.0, 9), "");
        assert_eq!(told(0.04, 9), ", 4% read");
        assert_eq!(told(0.25, 6), ", 25% read, about 18 s left");
        assert_eq!(told(0.1, 60), ", 10% read, about 9 min left");
        assert_eq!(told(0.1, 3600), ", 10% read, about 9 h left");
        assert_eq!(told(0.996, 60), ", 99% read, about 1 s left");
        assert_eq!(told(1.0, 60), ", 100% read");
    }
}
