//! Programs that a machine may lack: installed once, under the target folder, by the ordinary clients.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Unavailable;
use crate::command::{find, run_quietly};
use crate::error::Context;
use crate::signal;

type Result<T> = std::result::Result<T, Unavailable>;

/// A folder that holds the Python package `requirement` (`name==version`) in an environment of its own.
pub(crate) fn python_package(tools: &Path, requirement: &str) -> Result<PathBuf> {
    python_packages(tools, requirement, &[requirement.to_string()])
}

/// A folder of that name that holds Python packages in an environment of its own.
pub(crate) fn python_packages(tools: &Path, name: &str, requirements: &[String]) -> Result<PathBuf> {
    let Some(python) = find("python3") else {
        return Err(Unavailable::missing(
            "there is no python3 on the PATH. Install Python 3 with its venv module.",
        ));
    };
    install(tools, name, |folder| {
        run_quietly(Command::new(&python).args(["-m", "venv"]).arg(folder))
            .context("Install Python's venv module (Debian: apt-get install python3-venv)")?;
        let mut pip = Command::new(folder.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
        run_quietly(pip.args(requirements)).map(drop)
    })
}

/// A folder whose `node_modules/.bin` has the programs of the npm package `requirement` (`name@version`).
pub(crate) fn npm_package(tools: &Path, requirement: &str) -> Result<PathBuf> {
    let Some(npm) = find("npm") else {
        return Err(Unavailable::missing(
            "there is no npm on the PATH. Install Node.js 20 or newer with npm.",
        ));
    };
    install(tools, requirement, |folder| {
        let mut install = Command::new(&npm);
        install.args(["install", "--no-audit", "--no-fund", "--no-save", "--loglevel=error", "--prefix"]);
        run_quietly(install.arg(folder).arg(requirement)).map(drop)
    })
}

/// The folder of that name, if an earlier run has finished it.
pub(crate) fn installed(tools: &Path, name: &str) -> Option<PathBuf> {
    let folder = tools.join(name);
    folder.join(FINISHED).exists().then_some(folder)
}

/// Stands in a folder whose installation came to its end.
const FINISHED: &str = ".finished";

/// Installs Debian packages, if this machine has apt-get and we may use it.
pub(crate) fn debian_packages(tools: &Path, packages: &[&str]) -> Result<()> {
    let wanted = packages.join(" ");
    let by_hand = format!("Install it yourself (Debian, Ubuntu: apt-get install {wanted}).");
    if find("apt-get").is_none() {
        return Err(Unavailable::missing(format!("this machine has no apt-get. {by_hand}")));
    }
    let mut prefix: Vec<&str> = Vec::new();
    if !signal::is_root() {
        prefix = vec!["sudo", "-n"];
        if run_quietly(Command::new("sudo").args(["-n", "true"])).is_err() {
            return Err(Unavailable::missing(format!("only root can install {wanted}. {by_hand}")));
        }
    }
    let _lock = lock(tools)?;
    eprintln!("installing {wanted} …");
    let script = format!(
        "export DEBIAN_FRONTEND=noninteractive; apt-get update -qq; apt-get install -y -qq --no-install-recommends {wanted}"
    );
    let mut words = prefix.into_iter().chain(["sh", "-c", script.as_str()]);
    let mut command = Command::new(words.next().unwrap_or("sh"));
    run_quietly(command.args(words)).map_err(Unavailable::failed)?;
    Ok(())
}

/// Runs `steps` on a fresh folder for `requirement`, unless an earlier run finished them.
fn install(
    tools: &Path,
    requirement: &str,
    steps: impl FnOnce(&Path) -> crate::error::Result<()>,
) -> Result<PathBuf> {
    let folder = tools.join(requirement);
    let finished = folder.join(FINISHED);
    if finished.exists() {
        return Ok(folder);
    }
    let _lock = lock(tools)?;
    if finished.exists() {
        return Ok(folder);
    }
    eprintln!("installing {requirement} …");
    // What an interrupted run left is of no use.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).context(folder.display()).map_err(Unavailable::failed)?;
    steps(&folder).map_err(Unavailable::failed)?;
    fs::write(&finished, "").context(finished.display()).map_err(Unavailable::failed)?;
    Ok(folder)
}

/// Held while something is installed: two runs at once must not install into one folder.
fn lock(tools: &Path) -> Result<File> {
    let path = tools.join("lock");
    let locked = fs::create_dir_all(tools).and_then(|()| File::create(&path)).and_then(|file| {
        file.lock()?;
        Ok(file)
    });
    locked.context(path.display()).map_err(Unavailable::failed)
}
