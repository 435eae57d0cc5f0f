//! `cargo xtask servers up / down / status`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Instant;

use crate::arguments::Arguments;
use crate::command::run_quietly;
use crate::error::{Context, Result};
use crate::server::{self, Place, SERVERS, ServerSpec, Unavailable, Variables};
use crate::{command, signal, workspace};

/// Runs the subcommand.
pub(crate) fn run(mut arguments: Arguments) -> Result<()> {
    let state = arguments.take_value("--state")?.map_or_else(default_state, PathBuf::from);
    let programs = arguments.take_value("--bins")?.map(PathBuf::from);
    let mut names = arguments.take_names();
    arguments.finish()?;
    let action = if names.is_empty() { String::new() } else { names.remove(0) };
    match action.as_str() {
        "up" => up(state, programs, &names),
        "down" => down(&state),
        "status" => status(&state),
        _ => Err("say `servers up`, `servers down` or `servers status`".to_string()),
    }
}

fn up(state: PathBuf, programs: Option<PathBuf>, names: &[String]) -> Result<()> {
    let specs = wanted(names)?;
    let programs = programs.map_or_else(build_programs, Ok)?;
    let set = ServerSet::start(state, programs, &specs)?;
    for (name, value) in &set.variables {
        println!("export {name}={}", quoted(value));
    }
    let state = set.state.display();
    eprintln!("# all of this is in {state}/env.sh; `cargo xtask servers down --state {state}` stops them");
    set.keep();
    Ok(())
}

fn down(state: &Path) -> Result<()> {
    let stopped = stop(state);
    match stopped.as_slice() {
        [] => eprintln!("no server of {} runs", state.display()),
        names => eprintln!("stopped {}", names.join(", ")),
    }
    Ok(())
}

fn status(state: &Path) -> Result<()> {
    for name in server::alive(state) {
        println!("{name}");
    }
    Ok(())
}

/// The servers of that name, or all.
pub(crate) fn wanted(names: &[String]) -> Result<Vec<&'static ServerSpec>> {
    for name in names {
        if !SERVERS.iter().any(|spec| spec.name == name) {
            let known: Vec<&str> = SERVERS.iter().map(|spec| spec.name).collect();
            return Err(format!("there is no server {name:?}; there are {}", known.join(", ")));
        }
    }
    Ok(SERVERS.iter().filter(|spec| names.is_empty() || names.iter().any(|name| name == spec.name)).collect())
}

/// Builds the programs of `firth-testkit` and says where they are.
pub(crate) fn build_programs() -> Result<PathBuf> {
    command::run(workspace::cargo().args(["build", "--package", "firth-testkit", "--bins"]))?;
    Ok(workspace::target().join("debug"))
}

/// Running servers. They are stopped when this is dropped, unless they are to be kept.
#[derive(Debug)]
pub(crate) struct ServerSet {
    /// The servers' coordinates, under their full names.
    pub(crate) variables: Vec<(String, String)>,
    /// Which servers do not run, each with the reason.
    pub(crate) left_out: Vec<String>,
    pub(crate) state: PathBuf,
    keep: bool,
}

impl ServerSet {
    /// Starts servers side by side, waits until each answers and has its bucket, and writes `env.sh`.
    ///
    /// In CI a server that cannot run is an error; elsewhere it is left out and named on standard error.
    pub(crate) fn start(
        state: PathBuf,
        programs: PathBuf,
        specs: &[&'static ServerSpec],
    ) -> Result<ServerSet> {
        fs::create_dir_all(&state).context(state.display())?;
        let state = fs::canonicalize(&state).context(state.display())?;
        let lock = File::create(state.join("lock")).context(state.display())?;
        lock.lock().context(state.display())?;
        let running = server::alive(&state);
        if !running.is_empty() {
            let names = running.join(", ");
            return Err(format!(
                "{names} of {} run already: `cargo xtask servers down` stops them",
                state.display()
            ));
        }
        let tools = home().join("tools");
        let place = Place { tools, state: state.clone(), programs };
        let mut set = ServerSet { variables: Vec::new(), left_out: Vec::new(), state, keep: false };
        for (spec, outcome) in start_all(&place, specs) {
            match outcome {
                Ok(variables) => {
                    set.variables.extend(
                        variables.into_iter().map(|(name, value)| (format!("FIRTH_TEST_{name}"), value)),
                    );
                }
                Err(Unavailable::Missing(reason)) => {
                    set.left_out.push(format!("{} ({}): {reason}", spec.name, spec.doc))
                }
                Err(Unavailable::Failed(reason)) => {
                    set.left_out.push(format!("{} ({}) could not be started: {reason}", spec.name, spec.doc));
                }
            }
        }
        if signal::interrupted() {
            return Err("interrupted".to_string());
        }
        for line in &set.left_out {
            eprintln!("left out: {line}");
        }
        if workspace::is_ci() && !set.left_out.is_empty() {
            return Err("in CI every server must run".to_string());
        }
        set.prepare(&place)?;
        set.write_environment()?;
        Ok(set)
    }

    /// Whether the server of that name runs.
    pub(crate) fn runs(&self, name: &str) -> bool {
        let prefix = match name {
            "postgres" => "PG",
            _ => name,
        };
        let endpoint = format!("FIRTH_TEST_{}_", prefix.to_uppercase());
        self.variables.iter().any(|(name, _)| name.starts_with(&endpoint))
    }

    /// The value of a variable, named without the `FIRTH_TEST_`; empty if its server does not run.
    pub(crate) fn variable(&self, name: &str) -> &str {
        let name = format!("FIRTH_TEST_{name}");
        self.variables.iter().find(|(given, _)| *given == name).map_or("", |(_, value)| value)
    }

    /// Leaves the servers running when this is dropped.
    pub(crate) fn keep(mut self) {
        self.keep = true;
    }

    /// Makes the buckets, and waits until each takes a write.
    fn prepare(&self, place: &Place) -> Result<()> {
        let mut wait = Command::new(place.programs.join("wait-ready"));
        wait.envs(self.variables.iter().map(|(name, value)| (name, value)));
        run_quietly(&mut wait).map(drop)
    }

    fn write_environment(&self) -> Result<()> {
        let lines: String =
            self.variables.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value))).collect();
        let path = self.state.join("env.sh");
        fs::write(&path, lines).context(path.display())
    }
}

impl Drop for ServerSet {
    fn drop(&mut self) {
        if !self.keep {
            stop(&self.state);
        }
    }
}

type Outcome = std::result::Result<Variables, Unavailable>;

fn start_all(place: &Place, specs: &[&'static ServerSpec]) -> Vec<(&'static ServerSpec, Outcome)> {
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for &spec in specs {
            threads.push((spec, scope.spawn(move || start_one(place, spec))));
        }
        let joined = threads.into_iter().map(|(spec, thread)| {
            let outcome =
                thread.join().unwrap_or_else(|_| Err(Unavailable::Failed("it panicked".to_string())));
            (spec, outcome)
        });
        joined.collect()
    })
}

fn start_one(place: &Place, spec: &ServerSpec) -> Outcome {
    let begin = Instant::now();
    let variables = (spec.start)(place)?;
    eprintln!("{} ({}) is ready after {:.1} s", spec.name, spec.doc, begin.elapsed().as_secs_f32());
    Ok(variables)
}

/// Stops the servers of a state folder and removes it. Returns the names of those that ran.
fn stop(state: &Path) -> Vec<String> {
    let stopped = server::stop_all(state);
    server::remove_outside(state);
    // Only what we made: the folder may be one of the user's.
    for name in ["pids", "postgres", "s3", "azure", "gcs", "gcs-front", "keyring", "keyring-bus"] {
        let _ = fs::remove_dir_all(state.join(name));
    }
    for name in ["env.sh", "lock"] {
        let _ = fs::remove_file(state.join(name));
    }
    let _ = fs::remove_dir(state);
    stopped
}

/// The folder of all runs.
pub(crate) fn home() -> PathBuf {
    workspace::target().join("firth-servers")
}

/// The state folder of `servers up` without `--state`.
fn default_state() -> PathBuf {
    home().join("up")
}

/// A state folder for one run of a command, different from those of runs at the same time.
pub(crate) fn fresh_state(purpose: &str) -> PathBuf {
    home().join(format!("{purpose}-{}", std::process::id()))
}

/// A value as the shell reads it back.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_quoted_for_the_shell() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }

    #[test]
    fn an_unknown_server_is_refused() {
        let error = wanted(&["oracle".to_string()]).unwrap_err();
        assert_eq!(
            error,
            "there is no server \"oracle\"; there are postgres, s3, azure, gcs, keyring, duckdb, sftp, webdav"
        );
    }
}
