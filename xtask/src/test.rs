//! `cargo xtask test`: everything that must hold before a change lands.
//!
//! The steps share one target folder, and those that fail for little come first. Each step runs
//! whatever the others say, so that one run tells all; only tests need their build.

use std::env;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::command::run as run_command;
use crate::error::Result;
use crate::servers::{ServerSet, fresh_state, wanted};
use crate::{bench, package, signal, tidy, workspace};

/// Runs the subcommand.
pub(crate) fn run(mut arguments: Arguments) -> Result<()> {
    let fast = arguments.take_flag("--fast");
    arguments.finish()?;
    let runner = Runner::find();
    let mut steps = Steps::default();
    steps.take("fmt", || run_command(workspace::cargo().args(["fmt", "--all", "--check"])));
    steps.take("tidy", tidy::check);
    steps.take("clippy", || {
        run_command(workspace::cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    });
    if steps.take("build", || run_command(&mut runner.build())) {
        let doc_tests = || run_command(workspace::cargo().args(["test", "--workspace", "--doc", "--quiet"]));
        steps.take("doc tests", doc_tests);
        // Last, so that the tests' own closing lines are the last ones above ours.
        test(&mut steps, &runner, fast);
    }
    steps.finish()
}

fn test(steps: &mut Steps, runner: &Runner, fast: bool) {
    let mut command = runner.run();
    // Servers of the caller's shell are not this run's.
    for (name, _) in env::vars().filter(|(name, _)| name.starts_with("FIRTH_TEST_")) {
        command.env_remove(name);
    }
    if fast {
        command.env("FIRTH_TEST_FAST", "1");
        steps.take("tests", || run_command(&mut command));
        steps.notes.push("tests that need a server were skipped (--fast)".to_string());
        return;
    }
    let mut servers = None;
    steps.take("servers", || {
        let programs = workspace::target().join("debug");
        servers = Some(ServerSet::start(fresh_state("test"), programs, &wanted(&[])?)?);
        Ok(())
    });
    let Some(servers) = servers else { return };
    for line in &servers.left_out {
        steps.notes.push(format!("tests were skipped: {line}"));
    }
    steps.take("packages", || package::check(&workspace::target().join("debug")));
    command.envs(servers.variables.iter().map(|(name, value)| (name, value)));
    steps.take("tests", || run_command(&mut command));
    steps.take("benchmark harness", || bench::smoke(workspace::target().join("debug"), &servers));
    steps.take("stop servers", || {
        drop(servers);
        Ok(())
    });
}

/// What runs the tests: nextest where it is installed, else cargo itself.
enum Runner {
    Nextest,
    Cargo,
}

impl Runner {
    fn find() -> Runner {
        let mut version = workspace::cargo();
        version
            .args(["nextest", "--version"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if version.status().is_ok_and(|status| status.success()) { Runner::Nextest } else { Runner::Cargo }
    }

    fn build(&self) -> Command {
        self.command("--no-run")
    }

    fn run(&self) -> Command {
        self.command("--no-fail-fast")
    }

    /// Both commands ask for the same packages and targets, so that the second builds nothing.
    fn command(&self, flag: &str) -> Command {
        let mut command = workspace::cargo();
        match self {
            Runner::Nextest => command.args(["nextest", "run", "--workspace", flag]),
            Runner::Cargo => command.args(["test", "--workspace", "--lib", "--bins", "--tests", flag]),
        };
        command
    }
}

/// The steps taken so far.
#[derive(Default)]
struct Steps {
    taken: Vec<(&'static str, Duration, Result<()>)>,
    notes: Vec<String>,
}

impl Steps {
    /// Takes a step, unless the user has interrupted. True if it went well.
    fn take(&mut self, name: &'static str, step: impl FnOnce() -> Result<()>) -> bool {
        if signal::interrupted() {
            return false;
        }
        eprintln!("\n== {name}");
        let begin = Instant::now();
        let outcome = step();
        if let Err(failure) = &outcome {
            eprintln!("{failure}");
        }
        self.taken.push((name, begin.elapsed(), outcome));
        matches!(self.taken.last(), Some((_, _, Ok(()))))
    }

    fn finish(self) -> Result<()> {
        eprintln!();
        for (name, time, outcome) in &self.taken {
            let word = if outcome.is_ok() { "ok    " } else { "FAILED" };
            eprintln!("{word} {:>7.1} s  {name}", time.as_secs_f32());
        }
        for note in &self.notes {
            eprintln!("note: {note}");
        }
        let failed: Vec<&str> = self.taken.iter().filter(|step| step.2.is_err()).map(|step| step.0).collect();
        if signal::interrupted() {
            return Err("interrupted".to_string());
        }
        if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
    }
}
