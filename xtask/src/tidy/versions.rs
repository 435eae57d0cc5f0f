//! One version of each engine crate: two would compile, and their types would not fit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Finding, Package};

/// Names, or beginnings of names followed by a hyphen.
const SINGLE: &[&str] = &["datafusion", "arrow", "parquet", "sqlparser", "object_store"];

/// A second version that has been agreed to, with the decision that says why.
struct Exception {
    name: &'static str,
    version: &'static str,
    adr: &'static str,
}

const EXCEPTIONS: &[Exception] = &[];

/// Refuses two versions of one package in the lock file, unless an ADR allows it.
pub(super) fn check(packages: &[Package], root: &Path) -> Vec<Finding> {
    let mut findings = check_with(packages, EXCEPTIONS);
    for exception in EXCEPTIONS.iter().filter(|exception| !root.join(exception.adr).exists()) {
        findings.push(Finding::new(
            "xtask/src/tidy/versions.rs",
            1,
            format!("the exception for {} names {}, which does not exist", exception.name, exception.adr),
        ));
    }
    findings
}

fn check_with(packages: &[Package], exceptions: &[Exception]) -> Vec<Finding> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages.iter().filter(|package| is_single(&package.name)) {
        let excepted =
            |exception: &&Exception| exception.name == package.name && exception.version == package.version;
        if exceptions.iter().find(excepted).is_none() {
            versions.entry(&package.name).or_default().insert(&package.version);
        }
    }
    let twice = versions.into_iter().filter(|(_, versions)| versions.len() > 1);
    let message = |(name, versions): (&str, BTreeSet<&str>)| {
        let versions: Vec<&str> = versions.into_iter().collect();
        let message =
            format!("{name} is there in versions {}: one must go, or an ADR say why", versions.join(" and "));
        Finding::new("Cargo.lock", 1, message)
    };
    twice.map(message).collect()
}

fn is_single(name: &str) -> bool {
    SINGLE
        .iter()
        .any(|single| name.strip_prefix(single).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
}

#[cfg(test)]
mod tests {
    use super::super::lines;
    use super::*;

    fn packages(text: &str) -> Vec<Package> {
        let package = |word: &str| {
            let (name, version) = word.split_once('@').unwrap();
            Package { name: name.to_string(), version: version.to_string(), ..Package::default() }
        };
        text.split_whitespace().map(package).collect()
    }

    #[test]
    fn two_versions_of_an_engine_crate_are_refused() {
        let packages = packages(
            "arrow-schema@58.0.0 arrow-schema@59.3.0 arrow@59.3.0 rand@0.8.0 rand@0.9.0 arrowhead@1.0.0 arrowhead@2.0.0",
        );
        let expected = "Cargo.lock:1: arrow-schema is there in versions 58.0.0 and 59.3.0: one must go, or an ADR say why";
        assert_eq!(lines(check_with(&packages, &[])), [expected]);
    }

    #[test]
    fn an_exception_is_for_one_version() {
        let exceptions = [Exception { name: "arrow", version: "58.0.0", adr: "docs/adr/0001.md" }];
        assert_eq!(lines(check_with(&packages("arrow@58.0.0 arrow@59.3.0"), &exceptions)), [""; 0]);
        assert_eq!(check_with(&packages("arrow@57.0.0 arrow@58.0.0 arrow@59.3.0"), &exceptions).len(), 1);
    }
}
