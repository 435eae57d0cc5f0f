//! The lock file as it is committed: of packages without a registry it has those whose manifests are committed too.
//!
//! Cargo writes a crate that was made for a faster edit loop into it, and takes it out again in the next clone
//! without a word.

use super::Finding;

/// Checks the committed lock file against the names in the committed manifests.
pub(super) fn check(lock: &str, ours: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (mut begins, mut name, mut has_source) = (0, "", true);
    let lines = lock.lines().chain(["[[package]]"]).enumerate();
    for (index, line) in lines {
        if line == "[[package]]" {
            if !has_source && !ours.iter().any(|known| known == name) {
                let message = format!("{name} is no package of this repository: commit the file without it");
                findings.push(Finding::new("Cargo.lock", begins, message));
            }
            (begins, has_source) = (index + 1, false);
        } else if let Some(value) = line.strip_prefix("name = ") {
            name = value.trim_matches('"');
        } else if line.starts_with("source = ") {
            has_source = true;
        }
    }
    findings
}

/// The package's name in a manifest; none in that of a workspace alone.
pub(super) fn package_name(manifest: &str) -> Option<String> {
    let package = manifest.split_once("[package]\n")?.1;
    let line = package.lines().find_map(|line| line.strip_prefix("name = "))?;
    Some(line.trim_matches('"').to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::lines;

    #[test]
    fn packages_of_nobody_are_found() {
        let lock = "version = 4\n\n[[package]]\nname = \"firth\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"serde\"\n\
                    version = \"1.0.0\"\nsource = \"registry\"\n\n[[package]]\nname = \"scratch\"\nversion = \"0.0.0\"\n";
        let ours = ["firth".to_string()];
        assert_eq!(
            lines(check(lock, &ours)),
            ["Cargo.lock:12: scratch is no package of this repository: commit the file without it"]
        );
        assert_eq!(package_name("[package]\nname = \"a\"\n\n[[bin]]\nname = \"b\"\n").as_deref(), Some("a"));
        assert_eq!(package_name("[workspace]\n"), None);
    }
}
