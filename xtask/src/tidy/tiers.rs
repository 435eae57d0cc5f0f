//! Which crate may depend on which: only on lower tiers.

use super::{Finding, Package};

/// The tiers of ARCHITECTURE.md, from the bottom. Two crates of one tier never see each other.
const TIERS: &[&[&str]] = &[
    &["firth-diagnostic"],
    &["firth-sql", "firth-connector"],
    &["firth-catalog", "firth-pushdown"],
    &["firth-engine", "firth-connectors"],
    &["firth-shell", "firth-server", "firth-benches", "firth-micro"],
];

/// For tests only. It sees the SPI and no connector, so that every crate may use it.
const TESTKIT: &str = "firth-testkit";
const TESTKIT_SEES: &[&str] = &["firth-diagnostic", "firth-connector"];
/// Compiled before everything else, so it sees none of us.
const XTASK: &str = "xtask";
/// Made by hand for a faster edit loop, and never committed.
const SCRATCH: &str = "zz-unify";
/// The harness is a tool for developers, and brings the servers and data of the tests.
const BENCHES: &str = "firth-benches";
const MICRO: &str = "firth-micro";

/// Refuses edges up or sideways.
pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    let members: Vec<&Package> =
        packages.iter().filter(|package| package.member && package.name != SCRATCH).collect();
    let mut findings = Vec::new();
    for package in &members {
        let name = package.name.as_str();
        if tier(name).is_none() && ![TESTKIT, XTASK].contains(&name) {
            findings
                .push(finding(name, format!("{name} has no tier: give it one in xtask/src/tidy/tiers.rs")));
            continue;
        }
        for dependency in &package.dependencies {
            let is_member = members.iter().any(|member| member.name == dependency.name);
            if is_member && dependency.name != name && !may_use(name, &dependency.name, dependency.dev) {
                let how = if dependency.dev { "in tests " } else { "" };
                findings.push(finding(
                    name,
                    format!("{name} depends {how}on {}, which is not in a lower tier", dependency.name),
                ));
            }
        }
    }
    findings
}

/// Wants every crate's name in ARCHITECTURE.md.
pub(super) fn check_architecture(packages: &[Package], text: &str) -> Vec<Finding> {
    let members = packages.iter().filter(|package| package.member && package.name != SCRATCH);
    let unnamed = members.filter(|package| !text.contains(&format!("`{}`", package.name)));
    unnamed
        .map(|package| Finding::new("ARCHITECTURE.md", 1, format!("`{}` is not named", package.name)))
        .collect()
}

fn may_use(user: &str, used: &str, dev: bool) -> bool {
    match (user, used) {
        (XTASK, _) | (_, XTASK) => false,
        (TESTKIT, _) => TESTKIT_SEES.contains(&used),
        (_, TESTKIT) => dev || user == BENCHES,
        _ => tier(used) < tier(user),
    }
}

fn tier(name: &str) -> Option<usize> {
    TIERS.iter().position(|tier| tier.contains(&name))
}

fn finding(name: &str, message: String) -> Finding {
    let path = match name {
        XTASK => "xtask/Cargo.toml".to_string(),
        BENCHES => "benches/Cargo.toml".to_string(),
        MICRO => "benches/micro/Cargo.toml".to_string(),
        _ => format!("crates/{name}/Cargo.toml"),
    };
    Finding::new(path, 1, message)
}

#[cfg(test)]
mod tests {
    use super::super::{Dependency, lines};
    use super::*;

    /// Each line is `crate: dependency dev:dependency …`.
    fn workspace(text: &str) -> Vec<Package> {
        let package = |line: &str| {
            let (name, rest) = line.trim().split_once(':').unwrap();
            let dependencies = rest.split_whitespace().map(|word| {
                let dev = word.strip_prefix("dev:");
                Dependency { name: dev.unwrap_or(word).to_string(), dev: dev.is_some() }
            });
            Package {
                name: name.to_string(),
                member: true,
                dependencies: dependencies.collect(),
                ..Package::default()
            }
        };
        text.lines().map(package).collect()
    }

    #[test]
    fn dependencies_go_down() {
        let good = "firth-diagnostic: serde\nfirth-sql: firth-diagnostic dev:firth-testkit\nfirth-engine: firth-sql\n\
                    firth-connectors: firth-diagnostic\nfirth-shell: firth-engine firth-connectors\n\
                    firth-testkit: firth-diagnostic\nxtask: libc\nfirth-benches: firth-testkit";
        assert_eq!(lines(check(&workspace(good))), [""; 0]);
    }

    #[test]
    fn edges_up_or_sideways_are_refused() {
        let bad = "firth-diagnostic: firth-sql\nfirth-sql:\nfirth-engine: dev:firth-connectors firth-testkit\n\
                   firth-connectors:\nfirth-testkit: firth-sql\nxtask: firth-sql\nfirth-new:";
        assert_eq!(
            lines(check(&workspace(bad))),
            [
                "crates/firth-diagnostic/Cargo.toml:1: firth-diagnostic depends on firth-sql, which is not in a lower tier",
                "crates/firth-engine/Cargo.toml:1: firth-engine depends in tests on firth-connectors, which is not in a lower tier",
                "crates/firth-engine/Cargo.toml:1: firth-engine depends on firth-testkit, which is not in a lower tier",
                "crates/firth-testkit/Cargo.toml:1: firth-testkit depends on firth-sql, which is not in a lower tier",
                "xtask/Cargo.toml:1: xtask depends on firth-sql, which is not in a lower tier",
                "crates/firth-new/Cargo.toml:1: firth-new has no tier: give it one in xtask/src/tidy/tiers.rs",
            ]
        );
    }

    #[test]
    fn the_architecture_names_every_crate() {
        let packages = workspace("firth-sql:\nfirth-shell:");
        let findings = check_architecture(&packages, "| `firth-sql` | text |");
        assert_eq!(lines(findings), ["ARCHITECTURE.md:1: `firth-shell` is not named"]);
    }
}
