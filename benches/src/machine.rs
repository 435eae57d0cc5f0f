//! The machine that figures are of.

use std::{fs, thread};

use serde::{Deserialize, Serialize};

/// What a reader must know of a machine to compare it with another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) threads: usize,
    pub(crate) memory_bytes: u64,
    pub(crate) system: String,
    /// Of the last minute, before anything was started here.
    pub(crate) load_before: f64,
}

impl Machine {
    /// This one.
    pub(crate) fn this() -> Machine {
        let processor = field("/proc/cpuinfo", "model name", ':');
        let memory = field("/proc/meminfo", "MemTotal", ':').unwrap_or_default();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let name =
            field("/etc/os-release", "PRETTY_NAME", '=').unwrap_or_else(|| std::env::consts::OS.into());
        let name = name.trim_matches('"').to_string();
        Machine {
            processor: processor.unwrap_or_else(|| std::env::consts::ARCH.to_string()),
            threads: threads(),
            memory_bytes: memory.trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024,
            system: format!("{name}, Linux {}", kernel.trim()),
            load_before: load(),
        }
    }
}

/// How many threads run at once here.
pub(crate) fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// How many processes wanted a processor, on average, in the last minute.
pub(crate) fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0.0)
}

fn field(path: &str, name: &str, separator: char) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let mut fields = text.lines().filter_map(|line| line.split_once(separator));
    fields.find(|(found, _)| found.trim() == name).map(|(_, value)| value.trim().to_string())
}
