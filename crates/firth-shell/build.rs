//! What `firth --version` says of how the program was built.

use std::{env, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let of_cargo = |name: &str| env::var(name).unwrap_or_default();
    let release = of_cargo("PROFILE") == "release";
    // Only of what is given away: a commit while developing would compile the program anew.
    let commit = if release { commit() } else { None };
    println!("cargo::rustc-env=FIRTH_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
    println!("cargo::rustc-env=FIRTH_TARGET={}", of_cargo("TARGET"));
    let optimized = if of_cargo("OPT_LEVEL") == "0" { "without optimization" } else { "optimized" };
    println!("cargo::rustc-env=FIRTH_OPTIMIZED={optimized}");
}

/// The commit, with a `+` if files differ from it. `None` where there is no checkout or no git.
fn commit() -> Option<String> {
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    println!("cargo::rerun-if-changed={log}");
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changed.is_empty() { commit } else { format!("{commit}+") })
}

fn git(words: &[&str]) -> Option<String> {
    let said = Command::new("git").args(words).output().ok()?;
    said.status.success().then(|| String::from_utf8_lossy(&said.stdout).trim().to_owned())
}
