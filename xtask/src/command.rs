//! Running other programs.

use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use std::{env, thread};

use crate::error::{Context, Result};
use crate::signal;

/// Runs `command` to its end with our terminal. An interruption ends it too.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = display(command);
    let child = command.spawn().context(format!("could not start {name}"))?;
    let status = wait(child).context(&name)?;
    if status.success() { Ok(()) } else { Err(format!("{name} failed ({status})")) }
}

/// Runs `command` quietly; its output is shown only in the error.
pub(crate) fn run_quietly(command: &mut Command) -> Result<String> {
    let name = display(command);
    command.stdin(Stdio::null());
    let output = command.output().context(format!("could not start {name}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(8)..].join("\n  ");
    Err(format!("{name} failed ({})\n  {last}", output.status))
}

/// The first file of that name on PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Waits for `child`. SIGTERM reaches only us, so it is passed on; Ctrl-C reaches the child by itself.
fn wait(mut child: Child) -> Result<ExitStatus> {
    let mut told = false;
    loop {
        if let Some(status) = child.try_wait().context("could not wait")? {
            return Ok(status);
        }
        if signal::interrupted() && !told {
            told = true;
            signal::send(child.id() as i32, libc::SIGTERM);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Program and first words, as an error names them. Never the environment: it may hold passwords.
fn display(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let mut text = program.rsplit('/').next().unwrap_or(&program).to_string();
    for word in command.get_args().take(3) {
        text.push(' ');
        text.push_str(&word.to_string_lossy());
    }
    format!("`{text}`")
}
