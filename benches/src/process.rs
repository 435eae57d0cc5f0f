//! What Linux says of a process: processor time and memory. Elsewhere nothing is known.

use std::{fs, time::Duration};

/// Processor time, of all threads, since the process began. Counted in hundredths of a second.
pub(crate) fn processor_time(process: u32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    processor_ticks(&text).map(|ticks| Duration::from_millis(ticks * 10))
}

/// Ticks in user and system mode. The program's name, in parentheses, may hold anything.
fn processor_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    // The first of these is the third of the manual page: state.
    let mut fields = fields.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Forgets the largest memory so far, so that [`peak_bytes`] is that of what comes.
pub(crate) fn forget_peak(process: u32) {
    // Without the right to do so the peak is that of the whole process, which is no less true.
    let _ = fs::write(format!("/proc/{process}/clear_refs"), "5");
}

/// The largest resident memory since the process began or [`forget_peak`].
pub(crate) fn peak_bytes(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_read_past_a_strange_name() {
        let stat = "42 (a) b) R 1 42 42 0 -1 4194304 100 0 0 0 17 5 0 0 20 0 9 0 100 1 2";
        assert_eq!(processor_ticks(stat), Some(22));
        assert_eq!(processor_ticks("42 (a"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_figures() {
        let own = std::process::id();
        forget_peak(own);
        assert!(processor_time(own).is_some());
        assert!(peak_bytes(own) > Some(100_000));
    }
}
