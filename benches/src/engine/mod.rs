//! Engines: programs kept open at the other end of a pipe.
//!
//! Firth is the program `firth` as users run it. Every other engine is a Python file of
//! `benches/engines` that speaks the protocol of `driver`.

mod conversation;
mod driver;
mod firth;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{Result, case::Work, place::SetUp, process};

/// How long an engine may take for one piece of work before it is given up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// A program to measure.
#[derive(Clone, Debug)]
pub(crate) struct EngineSpec {
    /// As `--engines` takes it.
    pub(crate) name: String,
    /// As it says itself; empty before [`EngineSpec::open`].
    pub(crate) version: String,
    launch: Launch,
}

#[derive(Clone, Debug)]
enum Launch {
    Firth { program: PathBuf },
    Driver { python: PathBuf, script: PathBuf },
}

/// What an engine tells of a piece of work.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Answer {
    /// Rows made.
    pub(crate) rows: u64,
    /// Requests to all sources, where the engine counts them.
    pub(crate) requests: Option<u64>,
    /// Bytes from all sources, where the engine counts them.
    pub(crate) bytes: Option<u64>,
}

/// A process that does one piece of work after another. Dropping it ends the process.
pub(crate) trait Engine: Send {
    /// Its process.
    fn process(&self) -> u32;

    /// Does a piece of work. An error is the engine's own words; it may be asked again after one.
    fn run(&mut self, work: &Work) -> Result<Answer>;

    /// Writes a query's rows as CSV with a header line.
    fn write_rows(&mut self, sql: &str, path: &Path) -> Result<()>;
}

impl EngineSpec {
    /// Reads `firth=PROGRAM` or `NAME=PYTHON,SCRIPT`.
    pub(crate) fn parse(text: &str) -> Result<EngineSpec> {
        let (name, rest) = text.split_once('=').ok_or_else(|| format!("--engine: {text:?} is not NAME=…"))?;
        let launch = match rest.split_once(',') {
            None => Launch::Firth { program: rest.into() },
            Some((python, script)) => Launch::Driver { python: python.into(), script: script.into() },
        };
        Ok(EngineSpec { name: name.to_string(), version: String::new(), launch })
    }

    /// The same with its version, which shows that it can be started.
    pub(crate) fn open(&self) -> Result<EngineSpec> {
        let version = match &self.launch {
            Launch::Firth { program } => firth::version(program),
            Launch::Driver { python, script } => driver::version(python, script),
        };
        let version = version.map_err(|error| format!("the engine {}: {error}", self.name))?;
        Ok(EngineSpec { version, ..self.clone() })
    }

    /// Does what outlives a process, once for a suite, in a folder of the engine's own.
    pub(crate) fn prepare(&self, set_up: &SetUp, folder: &Path) -> Result<()> {
        match &self.launch {
            Launch::Firth { program } => firth::prepare(program, set_up, folder),
            // They keep nothing: every process is told anew.
            Launch::Driver { .. } => Ok(()),
        }
    }

    /// Starts a process that knows the suite's tables.
    pub(crate) fn start(&self, set_up: &SetUp, folder: &Path) -> Result<Box<dyn Engine>> {
        match &self.launch {
            Launch::Firth { program } => Ok(Box::new(firth::Firth::start(program, set_up, folder)?)),
            Launch::Driver { python, script } => {
                Ok(Box::new(driver::Driver::start(python, script, set_up, folder)?))
            }
        }
    }

    /// Starts a process, has it answer a query, waits for its end. Answers the wall and processor time.
    pub(crate) fn start_up(
        &self,
        sql: &str,
        set_up: &SetUp,
        folder: &Path,
    ) -> Result<(Duration, Option<Duration>)> {
        let begin = Instant::now();
        let Launch::Firth { program } = &self.launch else {
            let mut engine = self.start(set_up, folder)?;
            engine.run(&Work::Query(sql.to_string()))?;
            let processor = process::processor_time(engine.process());
            drop(engine);
            return Ok((begin.elapsed(), processor));
        };
        let mut command = Command::new(program);
        command.arg("--home").arg(firth::home(folder)).args(["--format", "csv", "-c", sql]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        if let Some(mut stdout) = child.stdout.take() {
            // Until it closes the pipe, which it does by ending.
            std::io::copy(&mut stdout, &mut std::io::sink()).map_err(|error| error.to_string())?;
        }
        let processor = process::processor_time(child.id());
        let status = child.wait().map_err(|error| error.to_string())?;
        if status.success() { Ok((begin.elapsed(), processor)) } else { Err(status.to_string()) }
    }
}
