//! Log lines of Firth itself: `-vv`, `--log FILTER`, `--log-file FILE`. Off otherwise.
//!
//! A filter is a list of `level` and `module=level`, such as `info,firth_connectors::postgres=debug`. Only Firth's
//! own lines are ever written: what client libraries log at will may hold credentials.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::{Mutex, OnceLock, PoisonError},
    time::SystemTime,
};

use log::{LevelFilter, Log, Metadata, Record};

use crate::reporter::without_leading_braces;

/// Which lines are wanted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Filter {
    /// Of all modules that are not named.
    level: LevelFilter,
    /// Of modules and what is below them; the longest name decides.
    modules: Vec<(String, LevelFilter)>,
}

impl Filter {
    /// Reads a filter. The error says what does not fit.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut filter = Filter { level: LevelFilter::Off, modules: Vec::new() };
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                None => filter.level = level(part)?,
                Some((module, word)) => filter.modules.push((module.trim().to_owned(), level(word.trim())?)),
            }
        }
        filter.modules.sort_by_key(|(module, _)| std::cmp::Reverse(module.len()));
        Ok(filter)
    }

    /// What `-v` asks for. `None`: no lines.
    fn of_verbosity(verbose: u8) -> Option<Self> {
        let level = match verbose {
            0 | 1 => return None,
            2 => LevelFilter::Info,
            3 => LevelFilter::Debug,
            _ => LevelFilter::Trace,
        };
        Some(Filter { level, modules: Vec::new() })
    }

    fn most(&self) -> LevelFilter {
        self.modules.iter().map(|(_, level)| *level).chain([self.level]).max().unwrap_or(LevelFilter::Off)
    }

    fn takes(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        let within = |module: &str| {
            target.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        let level =
            self.modules.iter().find(|(module, _)| within(module)).map_or(self.level, |(_, level)| *level);
        target.starts_with("firth") && metadata.level() <= level
    }
}

fn level(word: &str) -> Result<LevelFilter, String> {
    word.parse().map_err(|_| {
        format!("{word:?} is no level of log lines: choose off, error, warn, info, debug or trace")
    })
}

/// Where lines go.
struct Lines {
    filter: Filter,
    /// Standard error, if there is no file.
    file: Option<Mutex<File>>,
}

/// The one logger of the process.
static LINES: OnceLock<Lines> = OnceLock::new();

/// Begins to write log lines, if any are wanted. A file is added to, and is for this user alone.
pub(crate) fn start(verbose: u8, filter: Option<&Filter>, file: Option<&Path>) -> io::Result<()> {
    let asked = filter.cloned().or_else(|| Filter::of_verbosity(verbose));
    // Whoever names a file wants lines in it.
    let asked = asked.or_else(|| file.and_then(|_| Filter::of_verbosity(2)));
    let Some(filter) = asked else { return Ok(()) };
    let file = match file {
        Some(path) => Some(Mutex::new(OpenOptions::new().create(true).append(true).mode(0o600).open(path)?)),
        None => None,
    };
    let most = filter.most();
    if log::set_logger(LINES.get_or_init(|| Lines { filter, file })).is_ok() {
        log::set_max_level(most);
    }
    Ok(())
}

impl Log for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.filter.takes(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let level = record.level().as_str().to_lowercase();
        match &self.file {
            Some(file) => {
                let seconds = SystemTime::now()
                    .duration_since(SystemTime::UNIX_EPOCH)
                    .map_or(0.0, |since| since.as_secs_f64());
                let line = format!("{seconds:.6} {level} {}: {}\n", record.target(), record.args());
                let _ = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
            }
            None => {
                let line = format!("{level}: {}\n", record.args());
                let _ = io::stderr().lock().write_all(without_leading_braces(&line).as_bytes());
            }
        }
    }

    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    use log::Level;

    use super::*;

    #[test]
    fn the_longest_module_decides_and_other_crates_are_never_heard() {
        let filter =
            Filter::parse("warn, firth_connectors=info,firth_connectors::postgres=trace").expect("fine");
        let takes = |target: &str, level: Level| {
            filter.takes(&Metadata::builder().target(target).level(level).build())
        };
        assert!(takes("firth_engine", Level::Warn) && !takes("firth_engine", Level::Info));
        assert!(takes("firth_connectors::spanner", Level::Info) && !takes("firth_connectors", Level::Debug));
        assert!(takes("firth_connectors::postgres::pool", Level::Trace));
        assert!(!takes("firth_connectors::postgresque", Level::Trace));
        assert!(
            !Filter::parse("trace")
                .expect("fine")
                .takes(&Metadata::builder().target("tokio_postgres").level(Level::Error).build())
        );
        assert!(Filter::parse("loud").is_err() && Filter::parse("firth=loud").is_err());
    }
}
