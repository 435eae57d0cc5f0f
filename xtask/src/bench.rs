//! `cargo xtask bench`: builds the harness of `benches/`, brings what it measures, and runs it.
//!
//! The harness knows the suites and the measuring; here are the programs, the servers and the Python
//! packages of the other engines. An engine `NAME` is `benches/engines/NAME_engine.py`, whose line
//! `# Requires:` names its packages; where it names none, Python alone does.

mod micro;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::arguments::Arguments;
use crate::command::{self, run_quietly};
use crate::error::{Context, Result};
use crate::server::{Unavailable, install};
use crate::servers::{ServerSet, fresh_state, home, wanted};
use crate::workspace;

/// Firth's name among the engines. Its program needs no Python.
const FIRTH: &str = "firth";

/// Options that the harness takes as they are, each with a value.
const PASSED_ON: &[&str] = &["--scale", "--repeats", "--cold-repeats", "--only", "--baseline", "--threshold"];

/// Runs the subcommand.
pub(crate) fn run(mut arguments: Arguments) -> Result<()> {
    if arguments.take_first(micro::NAME) {
        return micro::run(arguments);
    }
    let engines = arguments.take_value("--engines")?.unwrap_or_else(|| "firth,duckdb".to_string());
    let out = arguments.take_value("--out")?.map_or_else(|| folder().join("report"), PathBuf::from);
    let data = arguments.take_value("--data")?.map(PathBuf::from);
    let firth = arguments.take_value("--firth")?.map(PathBuf::from);
    let programs = arguments.take_value("--bins")?.map(PathBuf::from);
    let running = arguments.take_flag("--running-servers");
    let strict = arguments.take_flag("--strict");
    let profile = if arguments.take_flag("--quick") { "quick" } else { "release" };
    let mut options = Vec::new();
    for name in PASSED_ON {
        if let Some(value) = arguments.take_value(name)? {
            options.extend([name.to_string(), value]);
        }
    }
    let suites = arguments.take_names();
    arguments.finish()?;
    let suites = if suites.is_empty() { "all".to_string() } else { suites.join(",") };
    if strict {
        options.push("--strict".to_string());
    }
    let scale = options.iter().position(|word| word == "--scale").map_or("1", |at| &options[at + 1]);
    let data = data.unwrap_or_else(|| folder().join(format!("data-{scale}")));

    let programs = programs.map_or_else(|| build(profile), Ok)?;
    let firth = firth.unwrap_or_else(|| programs.join(FIRTH));
    let mut harness = Harness { programs: programs.clone(), engines: Vec::new(), suites };
    for name in engines.split(',') {
        harness.add(name, &firth)?;
    }
    let servers = if running { None } else { harness.start_servers(programs)? };
    let mut command = harness.command(&data, &out);
    command.args(&options);
    if let Some(servers) = &servers {
        command.envs(servers.variables.iter().map(|(name, value)| (name, value)));
    }
    command::run(&mut command)
}

/// A small run over running servers, which shows that the harness works: Firth against itself, and against
/// DuckDB where an earlier `cargo xtask bench` has installed it.
pub(crate) fn smoke(programs: PathBuf, servers: &ServerSet) -> Result<()> {
    let firth = programs.join(FIRTH);
    let suites = "tpch-local,postgres,start-up,concurrency".to_string();
    let mut harness = Harness { programs, engines: Vec::new(), suites };
    harness.add(FIRTH, &firth)?;
    harness.engines.push(format!("again={}", firth.display()));
    let script = script("duckdb");
    if install::installed(&home().join("tools"), &environment("duckdb", &requirements(&script)?)).is_some() {
        harness.add("duckdb", &firth)?;
    }
    let folder = fresh_state("bench-smoke");
    let mut command = harness.command(&folder.join("data"), &folder.join("report"));
    command.args([
        "--scale",
        "0.01",
        "--repeats",
        "1",
        "--only",
        "q06,q14,ten-keys,top-ten,select-1,look-up-2",
        "--strict",
    ]);
    command.envs(servers.variables.iter().map(|(name, value)| (name, value)));
    let outcome = run_quietly(&mut command);
    let _ = fs::remove_dir_all(&folder);
    outcome.map(drop)
}

/// The folder of data and reports.
fn folder() -> PathBuf {
    workspace::target().join("firth-bench")
}

fn build(profile: &str) -> Result<PathBuf> {
    eprintln!("== building with optimisation, which takes minutes");
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--profile", profile, "--bins"]);
    cargo.args(["--package", "firth-shell", "--package", "firth-benches", "--package", "firth-testkit"]);
    command::run(&mut cargo)?;
    Ok(workspace::target().join(profile))
}

/// The harness's command line in the making.
struct Harness {
    programs: PathBuf,
    engines: Vec<String>,
    suites: String,
}

impl Harness {
    /// Adds an engine, and installs what it needs.
    fn add(&mut self, name: &str, firth: &Path) -> Result<()> {
        if name == FIRTH {
            self.engines.push(format!("{FIRTH}={}", firth.display()));
            return Ok(());
        }
        let script = script(name);
        let requirements = requirements(&script)?;
        if requirements.is_empty() {
            self.engines.push(format!("{name}=python3,{}", script.display()));
            return Ok(());
        }
        let environment = environment(name, &requirements);
        let folder = install::python_packages(&home().join("tools"), &environment, &requirements);
        let folder = folder.map_err(|why| match why {
            Unavailable::Missing(reason) | Unavailable::Failed(reason) => {
                format!("the engine {name}: {reason}")
            }
        })?;
        self.engines.push(format!("{name}={},{}", folder.join("bin/python").display(), script.display()));
        Ok(())
    }

    /// Starts the servers that the suites need.
    fn start_servers(&self, programs: PathBuf) -> Result<Option<ServerSet>> {
        let mut needs = Command::new(self.programs.join("firth-benches"));
        let names = run_quietly(needs.args(["needs", &self.suites]))?;
        let names: Vec<String> = names.split_whitespace().map(str::to_string).collect();
        if names.is_empty() {
            return Ok(None);
        }
        ServerSet::start(fresh_state("bench"), programs, &wanted(&names)?).map(Some)
    }

    fn command(&self, data: &Path, out: &Path) -> Command {
        let mut command = Command::new(self.programs.join("firth-benches"));
        for engine in &self.engines {
            command.args(["--engine", engine]);
        }
        command.args(["--suites", &self.suites]).arg("--data").arg(data).arg("--out").arg(out);
        command.arg("--work").arg(fresh_state("bench-work"));
        command
    }
}

fn script(engine: &str) -> PathBuf {
    workspace::root().join(format!("benches/engines/{engine}_engine.py"))
}

/// The packages of the line `# Requires:`.
fn requirements(script: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(script).context(script.display())?;
    let line = text.lines().find_map(|line| line.strip_prefix("# Requires:"));
    let line = line.ok_or_else(|| format!("{} has no line `# Requires:`", script.display()))?;
    Ok(line.split_whitespace().map(str::to_string).collect())
}

/// The folder of an engine's packages: another one when a version changes.
fn environment(engine: &str, requirements: &[String]) -> String {
    let versions: Vec<&str> = requirements
        .iter()
        .filter_map(|requirement| requirement.split_once("=="))
        .map(|pair| pair.1)
        .collect();
    format!("engine-{engine}-{}", versions.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_engine_pins_its_packages() {
        for entry in fs::read_dir(workspace::root().join("benches/engines")).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(engine) = name.strip_suffix("_engine.py") {
                let requirements = requirements(&script(engine)).unwrap();
                assert!(requirements.iter().all(|requirement| requirement.contains("==")), "{name}");
            }
        }
        let requirements = ["a==1".to_string(), "b==2".to_string()];
        assert_eq!(environment("x", &requirements), "engine-x-1-2");
    }
}
