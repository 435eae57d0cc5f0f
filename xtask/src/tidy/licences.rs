//! Licences of everything that is compiled in.

use super::{Finding, Package};

/// Licences that ask for no more than a notice. `deny.toml` has the same list, for cargo-deny.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "bzip2-1.0.6",
];

/// Refuses packages whose licence is not on the list.
pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages.iter().filter(|package| !package.member) {
        let problem = match &package.licence {
            None => "names no licence".to_string(),
            Some(licence) if is_allowed(licence) => continue,
            Some(licence) => {
                format!("has the licence {licence}, which is not on the list of tidy/licences.rs")
            }
        };
        findings.push(Finding::new(
            "Cargo.lock",
            1,
            format!("{} {} {problem}", package.name, package.version),
        ));
    }
    findings
}

/// Wants `deny.toml` to allow exactly the same licences.
pub(super) fn check_deny(text: &str) -> Vec<Finding> {
    let list = text.split_once("allow = [").and_then(|(_, rest)| rest.split_once(']'));
    let mut allowed: Vec<&str> = list.map_or("", |(list, _)| list).split('"').skip(1).step_by(2).collect();
    allowed.sort();
    if allowed == ALLOWED {
        return Vec::new();
    }
    let line = 1 + text.lines().position(|line| line.starts_with("allow = [")).unwrap_or(0);
    vec![Finding::new(
        "deny.toml",
        line,
        format!("`allow` must be the list of tidy/licences.rs: {ALLOWED:?}"),
    )]
}

/// Whether an SPDX expression can be satisfied from the list. A slash is the old way to write OR.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words };
    parser.any_of() == Some(true) && parser.words.is_empty()
}

/// Reads an expression from the front of the words. Each function says whether what it read is
/// allowed, or nothing if it is no expression.
struct Parser<'a> {
    words: &'a [&'a str],
}

impl<'a> Parser<'a> {
    // Both sides are always read, whatever the first says, so the operators here do not short-circuit.
    fn any_of(&mut self) -> Option<bool> {
        let mut allowed = self.all_of()?;
        while self.take("OR") {
            allowed |= self.all_of()?;
        }
        Some(allowed)
    }

    fn all_of(&mut self) -> Option<bool> {
        let mut allowed = self.one()?;
        while self.take("AND") {
            allowed &= self.one()?;
        }
        Some(allowed)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let allowed = self.any_of()?;
            return self.take(")").then_some(allowed);
        }
        let name = self.next()?;
        if !self.take("WITH") {
            return Some(ALLOWED.contains(&name));
        }
        // An exception permits more than the licence alone.
        let exception = format!("{name} WITH {}", self.next()?);
        Some(ALLOWED.contains(&name) || ALLOWED.contains(&exception.as_str()))
    }

    fn next(&mut self) -> Option<&'a str> {
        let (&first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    fn take(&mut self, word: &str) -> bool {
        let Some((&first, rest)) = self.words.split_first() else { return false };
        if first == word {
            self.words = rest;
        }
        first == word
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines;
    use super::*;

    #[test]
    fn one_allowed_alternative_is_enough() {
        for expression in [
            "MIT",
            "MIT OR Apache-2.0",
            "MIT/Apache-2.0",
            "MIT OR LGPL-2.1-or-later",
            "LGPL-2.1-or-later OR MIT",
            "(GPL-2.0 OR MIT) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(is_allowed(expression), "{expression}");
        }
    }

    #[test]
    fn what_is_not_on_the_list_is_refused() {
        for expression in
            ["GPL-3.0", "MIT AND GPL-3.0", "(MIT", "MIT OR", "", "GPL-2.0 WITH LLVM-exception", "MIT MIT"]
        {
            assert!(!is_allowed(expression), "{expression}");
        }
    }

    #[test]
    fn a_package_without_a_licence_is_named() {
        let package = Package { name: "x".to_string(), version: "1.0.0".to_string(), ..Package::default() };
        assert_eq!(lines(check(&[package])), ["Cargo.lock:1: x 1.0.0 names no licence"]);
    }

    #[test]
    fn the_list_of_deny_toml_is_the_same() {
        let list: Vec<String> = ALLOWED.iter().map(|name| format!("  {name:?},\n")).collect();
        assert_eq!(check_deny(&format!("[licenses]\nallow = [\n{}]\n", list.concat())), []);
        assert_eq!(check_deny("[licenses]\nallow = [\"MIT\"]\n")[0].line, 2);
    }
}
