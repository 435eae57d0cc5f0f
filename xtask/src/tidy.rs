//! `cargo xtask tidy`: what a program can check about the layout, the dependencies and the text.

mod licences;
mod lock;
mod pages;
mod sources;
mod tiers;
mod versions;

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::arguments::Arguments;
use crate::command::run_quietly;
use crate::error::{Context, Result};
use crate::workspace;

/// Runs the subcommand.
pub(crate) fn run(arguments: Arguments) -> Result<()> {
    arguments.finish()?;
    check()
}

/// Makes all checks, and prints each finding. An error says how many there are.
pub(crate) fn check() -> Result<()> {
    let root = workspace::root();
    let packages = packages()?;
    let mut findings = Vec::new();
    findings.extend(tiers::check(&packages));
    findings.extend(versions::check(&packages, &root));
    findings.extend(licences::check(&packages));
    findings.extend(licences::check_deny(&read(&root, "deny.toml")));
    let tracked = tracked_files(&root)?;
    for path in &tracked {
        // A tracked file may be deleted and not yet committed; one that is not text is not ours to read.
        if let Ok(text) = fs::read_to_string(root.join(path)) {
            findings.extend(sources::check(path, &text));
            if path.ends_with(".md") {
                findings.extend(pages::check_links(path, &text, |target| there(&root, target)));
            }
        }
    }
    findings.extend(pages::check_lists(&tracked, |list| there(&root, list)));
    let manifests = tracked.iter().filter(|path| path.ends_with("Cargo.toml"));
    let ours: Vec<String> = manifests.filter_map(|path| lock::package_name(&read(&root, path))).collect();
    findings.extend(lock::check(&committed(&root, "Cargo.lock")?, &ours));
    let architecture = root.join("ARCHITECTURE.md");
    if architecture.exists() {
        findings.extend(tiers::check_architecture(&packages, &read(&root, "ARCHITECTURE.md")));
    }
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() { Ok(()) } else { Err(format!("tidy has {} findings", findings.len())) }
}

/// Something that is not as it should be, and where.
#[derive(Debug, PartialEq)]
struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: impl Into<String>, line: usize, message: impl Into<String>) -> Self {
        Finding { path: path.into(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// A package of the dependency graph.
#[derive(Debug, Default)]
struct Package {
    name: String,
    version: String,
    licence: Option<String>,
    /// Whether it is one of ours.
    member: bool,
    dependencies: Vec<Dependency>,
}

#[derive(Debug)]
struct Dependency {
    name: String,
    /// Whether only tests use it.
    dev: bool,
}

fn packages() -> Result<Vec<Package>> {
    let mut cargo = workspace::cargo();
    let metadata = run_quietly(cargo.args(["metadata", "--format-version", "1"]))?;
    parse_packages(&metadata)
}

fn parse_packages(metadata: &str) -> Result<Vec<Package>> {
    let metadata: Value = serde_json::from_str(metadata).context("cargo metadata")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let members = list(&metadata["workspace_members"]);
    let packages = list(&metadata["packages"]).into_iter().map(|package| Package {
        name: text(&package["name"]),
        version: text(&package["version"]),
        licence: package["license"].as_str().map(str::to_string),
        member: members.contains(&package["id"]),
        dependencies: list(&package["dependencies"])
            .iter()
            .map(|dependency| Dependency {
                name: text(&dependency["name"]),
                dev: dependency["kind"] == "dev",
            })
            .collect(),
    });
    Ok(packages.collect())
}

/// The files that are or would be committed.
fn tracked_files(root: &Path) -> Result<Vec<String>> {
    let mut git = Command::new("git");
    git.current_dir(root).args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    Ok(run_quietly(&mut git)?.lines().map(str::to_string).collect())
}

/// The text of a file as it is committed. Cargo may have changed it since.
fn committed(root: &Path, path: &str) -> Result<String> {
    let mut git = Command::new("git");
    run_quietly(git.current_dir(root).arg("show").arg(format!("HEAD:{path}")))
}

/// The text of a file that is there; of a folder, or of what is not text, nothing.
fn there(root: &Path, path: &str) -> Option<String> {
    root.join(path).exists().then(|| read(root, path))
}

fn read(root: &Path, path: &str) -> String {
    fs::read_to_string(root.join(path)).unwrap_or_default()
}

#[cfg(test)]
fn lines(findings: impl IntoIterator<Item = Finding>) -> Vec<String> {
    findings.into_iter().map(|finding| finding.to_string()).collect()
}
