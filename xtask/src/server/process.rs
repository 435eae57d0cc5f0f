//! Server processes: started in their own process group, recorded, and stopped by that record alone.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Context, Result};
use crate::signal;

/// How a server is asked to end, and how long it has before it is killed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stop {
    pub(crate) signal: i32,
    pub(crate) patience: Duration,
}

impl Stop {
    /// SIGTERM, then five seconds.
    pub(crate) const TERM: Stop = Stop { signal: libc::SIGTERM, patience: Duration::from_secs(5) };
}

/// A started server.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` in its own process group, so that Ctrl-C in the terminal does not reach it,
    /// with its output in `state/NAME/out.log`, and records it in `state/pids`.
    pub(crate) fn start(name: &str, state: &Path, stop: Stop, command: &mut Command) -> Result<Process> {
        let log = state.join(name).join("out.log");
        fs::create_dir_all(state.join(name)).context(state.display())?;
        let output = File::create(&log).context(log.display())?;
        let errors = output.try_clone().context(log.display())?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors).process_group(0);
        let child = command.spawn().context(format!("could not start {name}"))?;
        let record = Record {
            name: name.to_string(),
            pid: child.id() as i32,
            started: started(child.id() as i32),
            stop,
        };
        record.write(state)?;
        Ok(Process { child, log })
    }

    /// Polls `ready` until it says yes, the process ends, or `limit` is over. A process that did not
    /// become ready is ended, since another attempt would take the place of its record.
    pub(crate) fn wait_until(&mut self, limit: Duration, ready: impl FnMut() -> bool) -> Result<()> {
        let waited = self.poll(limit, ready);
        if waited.is_err() {
            signal::send(-(self.child.id() as i32), libc::SIGKILL);
            // Reaped, so that its pid is nobody's while we look.
            let _ = self.child.wait();
        }
        waited
    }

    fn poll(&mut self, limit: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
        let end = Instant::now() + limit;
        while !ready() {
            if signal::interrupted() {
                return Err("interrupted".to_string());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("ended early ({status}): {}", self.last_words()));
            }
            if Instant::now() >= end {
                return Err(format!("not ready after {} s: {}", limit.as_secs(), self.last_words()));
            }
            thread::sleep(Duration::from_millis(30));
        }
        Ok(())
    }

    fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        format!("{} says\n  {}", self.log.display(), lines[lines.len().saturating_sub(5)..].join("\n  "))
    }
}

/// One line in `state/pids/NAME`: enough to stop exactly that process and no other.
///
/// A pid alone may belong to somebody else by now; with the time it started it cannot.
#[derive(Debug, PartialEq)]
struct Record {
    name: String,
    pid: i32,
    started: String,
    stop: Stop,
}

impl Record {
    fn write(&self, state: &Path) -> Result<()> {
        let folder = state.join("pids");
        fs::create_dir_all(&folder).context(folder.display())?;
        fs::write(folder.join(&self.name), self.to_line()).context(folder.display())
    }

    fn to_line(&self) -> String {
        format!("{} {} {} {}\n", self.pid, self.stop.signal, self.stop.patience.as_millis(), self.started)
    }

    fn from_line(name: &str, line: &str) -> Option<Record> {
        let mut words = line.trim_end().splitn(4, ' ');
        let pid = words.next()?.parse().ok()?;
        let signal = words.next()?.parse().ok()?;
        let patience = Duration::from_millis(words.next()?.parse().ok()?);
        Some(Record {
            name: name.to_string(),
            pid,
            started: words.next()?.to_string(),
            stop: Stop { signal, patience },
        })
    }

    fn is_alive(&self) -> bool {
        !self.started.is_empty() && started(self.pid) == self.started
    }
}

/// The names of the recorded servers that still run.
pub(crate) fn alive(state: &Path) -> Vec<String> {
    records(state).into_iter().filter(Record::is_alive).map(|record| record.name).collect()
}

/// Stops all recorded servers that still run, and forgets them. Returns their names.
pub(crate) fn stop_all(state: &Path) -> Vec<String> {
    let records = records(state);
    let running: Vec<&Record> = records.iter().filter(|record| record.is_alive()).collect();
    for record in &running {
        signal::send(-record.pid, record.stop.signal);
    }
    let asked = Instant::now();
    for record in &running {
        while record.is_alive() && asked.elapsed() < record.stop.patience {
            thread::sleep(Duration::from_millis(10));
        }
        if record.is_alive() {
            signal::send(-record.pid, libc::SIGKILL);
        }
    }
    for record in &records {
        // A record that cannot be removed is harmless: its process is gone.
        let _ = fs::remove_file(state.join("pids").join(&record.name));
    }
    running.into_iter().map(|record| record.name.clone()).collect()
}

fn records(state: &Path) -> Vec<Record> {
    let Ok(entries) = fs::read_dir(state.join("pids")) else { return Vec::new() };
    let mut records = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let line = fs::read_to_string(entry.path()).unwrap_or_default();
        records.extend(Record::from_line(&name, &line));
    }
    records.sort_by(|a, b| a.name.cmp(&b.name));
    records
}

/// When a process started, in the system's own words; empty if there is none (a zombie is none).
fn started(pid: i32) -> String {
    if Path::new("/proc/self/stat").exists() {
        // The second field is the program's name in parentheses, which may hold spaces.
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        return match fields.first() {
            Some(&"Z" | &"X") | None => String::new(),
            // Field 22 of the whole line: the start in clock ticks since boot.
            Some(_) => fields.get(19).unwrap_or(&"").to_string(),
        };
    }
    let output = Command::new("ps").args(["-o", "lstart=", "-p", &pid.to_string()]).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_string()).unwrap_or_default()
}

/// Whether something listens on a port of 127.0.0.1.
pub(crate) fn accepts(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Whether `GET path` on a port of 127.0.0.1 answers 200.
pub(crate) fn answers(port: u16, path: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
    let request = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n");
    let mut status = [0; 12];
    stream.set_read_timeout(Some(Duration::from_secs(5))).is_ok()
        && stream.write_all(request.as_bytes()).is_ok()
        && stream.read_exact(&mut status).is_ok()
        && status.ends_with(b" 200")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_its_file() {
        let record = Record {
            name: "s3".to_string(),
            pid: 42,
            started: "Mon Jan  5 10:00:00 2026".to_string(),
            stop: Stop::TERM,
        };
        assert_eq!(Record::from_line("s3", &record.to_line()), Some(record));
    }

    #[test]
    fn a_process_with_another_start_time_is_not_ours() {
        let own = std::process::id() as i32;
        let record = |started| Record { name: String::new(), pid: own, started, stop: Stop::TERM };
        assert!(record(started(own)).is_alive());
        assert!(!record("1".to_string()).is_alive());
        assert!(!record(String::new()).is_alive());
    }
}
