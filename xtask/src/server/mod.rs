//! The local servers that tests and the demo talk to: real ones and official emulators, all on 127.0.0.1.
//!
//! A server is a value in [`SERVERS`]: its name, and a function that starts it and says under which
//! variables its coordinates go to the tests. Data is thrown away with the state folder.

mod apache;
mod azurite;
mod demo_s3;
mod duckdb;
mod fake_gcs;
pub(crate) mod install;
mod keyring;
mod openssh;
mod pgbouncer;
mod ports;
mod postgres;
mod process;
mod seaweedfs;
mod server_user;

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

pub(crate) use process::{alive, stop_all};

use crate::error::{Context, Result};

/// A kind of server.
#[derive(Debug)]
pub(crate) struct ServerSpec {
    /// What `cargo xtask servers up NAME` and `FIRTH_TEST_NAME_…` call it.
    pub(crate) name: &'static str,
    /// What it is, for people.
    pub(crate) doc: &'static str,
    /// Starts it and waits until it answers.
    pub(crate) start: fn(&Place) -> std::result::Result<Variables, Unavailable>,
}

/// All servers.
pub(crate) const SERVERS: &[ServerSpec] = &[
    postgres::SERVER,
    seaweedfs::SERVER,
    azurite::SERVER,
    fake_gcs::SERVER,
    keyring::SERVER,
    duckdb::SERVER,
    openssh::SERVER,
    apache::SERVER,
];

/// The S3 server of the demo, which needs nothing but us. The tests' one is stricter.
pub(crate) const DEMO_S3: &ServerSpec = &demo_s3::SERVER;

/// Where servers are installed and keep their state.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Installed programs, shared by all runs.
    pub(crate) tools: PathBuf,
    /// Pids, logs and data of this run.
    pub(crate) state: PathBuf,
    /// The programs of `firth-testkit`.
    pub(crate) programs: PathBuf,
}

/// A server's coordinates: names without the `FIRTH_TEST_` in front, and values.
pub(crate) type Variables = Vec<(&'static str, String)>;

/// Why a server does not run.
#[derive(Debug)]
pub(crate) enum Unavailable {
    /// This machine lacks something; the text says what, and how to get it.
    Missing(String),
    /// It should have run.
    Failed(String),
}

impl Unavailable {
    fn missing(text: impl Into<String>) -> Self {
        Unavailable::Missing(text.into())
    }

    fn failed(text: impl Into<String>) -> Self {
        Unavailable::Failed(text.into())
    }
}

impl From<String> for Unavailable {
    fn from(text: String) -> Self {
        Unavailable::Failed(text)
    }
}

/// Notes a file or folder outside of the state folder, to be removed when the servers are stopped.
fn leave_outside(state: &Path, path: &Path) -> Result<()> {
    let list = state.join(OUTSIDE);
    let mut file = OpenOptions::new().create(true).append(true).open(&list).context(list.display())?;
    // One write, since servers are started side by side.
    file.write_all(format!("{}\n", path.display()).as_bytes()).context(list.display())
}

/// Removes what was noted, and the note.
pub(crate) fn remove_outside(state: &Path) {
    let list = state.join(OUTSIDE);
    for path in fs::read_to_string(&list).unwrap_or_default().lines() {
        // It may never have been made.
        let _ = fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
    }
    let _ = fs::remove_file(list);
}

const OUTSIDE: &str = "outside";

/// How often a server is started again: between finding free ports and listening on them somebody
/// else may take one.
const ATTEMPTS: usize = 3;

/// Calls `start` until it succeeds, at most [`ATTEMPTS`] times.
fn with_attempts<T>(name: &str, mut start: impl FnMut() -> Result<T>) -> Result<T> {
    let mut attempt = 1;
    loop {
        match start() {
            Err(cause) if attempt < ATTEMPTS && !crate::signal::interrupted() => {
                eprintln!("{name}: {cause}; trying again");
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

/// `bytes` random bytes in hexadecimal: a password, a key, and (its length being a multiple of four)
/// valid base64 too.
fn random_hex(bytes: usize) -> Result<String> {
    let mut random = vec![0; bytes];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut random)).context("/dev/urandom")?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}
