//! What must not stand in a file.

use super::Finding;

/// At this length a file is two things.
const MAX_LINES: usize = 700;

/// Text that is refused.
struct Rule {
    /// Beginnings of the paths that it is for.
    within: &'static [&'static str],
    /// Beginnings of the paths that it is not for; next to each in the list, why.
    except: &'static [&'static str],
    /// Whether it is for test code, too.
    tests: bool,
    words: &'static [&'static str],
    message: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        within: &["crates/", "benches/"],
        except: &[
            // Where it is defined.
            "crates/firth-diagnostic/src/secret.rs",
            // Turns given values into options, and checks numbers and choices.
            "crates/firth-connector/src/options.rs",
            // Encrypts and decrypts.
            "crates/firth-catalog/src/sealing/",
            // Hand secrets to client libraries.
            "crates/firth-connectors/src/object_store/",
            "crates/firth-connectors/src/opendal/services.rs",
            "crates/firth-connectors/src/postgres/",
            // The parser holds every literal as a secret: these read those that turn out to be none, such
            // as the value of `connection_type` or of a setting, or write a statement back as it was.
            "crates/firth-engine/src/statement/create_connection.rs",
            "crates/firth-engine/src/statement/settings.rs",
            "crates/firth-sql/src/display.rs",
        ],
        tests: false,
        words: &["expose_secret(", ".expose("],
        message: "a secret is opened in a new place: talk to someone, then add the file to tidy/sources.rs",
    },
    Rule {
        within: &["crates/firth-engine/src/", "crates/firth-connectors/src/", "crates/firth-pushdown/src/"],
        except: &[],
        tests: false,
        words: &["block_on("],
        message: "block_on: do I/O in resolve or in execution, where there is an await",
    },
    Rule {
        within: &["crates/firth-sql/src/"],
        except: &[],
        tests: false,
        words: &["std::net", "std::fs", "std::process", "std::env", "tokio", "async fn"],
        message: "firth-sql does no I/O",
    },
    Rule {
        within: &["crates/firth-engine/"],
        except: &[],
        tests: true,
        words: &["firth_connectors"],
        message: "the engine names no connector",
    },
    Rule {
        within: &["crates/", "benches/", "xtask/"],
        except: &[],
        tests: true,
        words: &["#[ignore"],
        message: "no ignored tests: assert today's answer with a FIXME",
    },
    Rule {
        within: &["crates/", "benches/", "xtask/"],
        except: &[],
        tests: true,
        words: &["todo!(", "unimplemented!("],
        message: "unfinished: refuse it with an `unsupported` error, or finish it",
    },
    Rule {
        within: &[""],
        // The second quotes a passwd file.
        except: &["Cargo.lock", "crates/firth-shell/src/home.rs"],
        tests: true,
        words: &["/home/", "/root/", concat!("/", "work/"), "/Users/"],
        message: "a path of somebody's machine",
    },
];

/// This file quotes what it refuses.
const OWN: &str = "xtask/src/tidy/sources.rs";

/// Applies all rules to one file.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if path == OWN || path.starts_with("crates/zz-unify/") {
        return findings;
    }
    let is_code = path.ends_with(".rs");
    let lines = text.lines().count();
    if is_code && path.contains("/src/") && lines > MAX_LINES {
        findings.push(Finding::new(path, MAX_LINES, format!("{lines} lines: this file is two things")));
    }
    // By convention the tests are the last thing in a file, or a file of their own.
    let mut in_tests = path.contains("/tests/") || path.ends_with("/tests.rs") || path.ends_with("_tests.rs");
    let mut previous = "";
    for (number, line) in text.lines().enumerate() {
        in_tests |= previous == "#[cfg(test)]" && line.starts_with("mod ") && line.ends_with('{');
        previous = line;
        let code = if is_code { without_comment(line) } else { line };
        for rule in RULES.iter().filter(|rule| rule.applies(path, in_tests)) {
            if rule.words.iter().any(|word| code.contains(word)) {
                findings.push(Finding::new(path, number + 1, rule.message));
            }
        }
        if let Some((own, other)) = sibling_connector(path, code) {
            findings.push(Finding::new(
                path,
                number + 1,
                format!("the connector {own} imports the connector {other}"),
            ));
        }
    }
    findings
}

impl Rule {
    fn applies(&self, path: &str, in_tests: bool) -> bool {
        let is_within = |prefixes: &[&str]| prefixes.iter().any(|prefix| path.starts_with(prefix));
        (self.tests || !in_tests) && is_within(self.within) && !is_within(self.except)
    }
}

const CONNECTORS: [&str; 5] = ["object_store", "opendal", "postgres", "mysql", "spanner"];

/// The two connectors, if code of one names another.
fn sibling_connector<'a>(path: &'a str, code: &str) -> Option<(&'a str, &'static str)> {
    let inside = path.strip_prefix("crates/firth-connectors/src/")?;
    let own = inside.split(['/', '.']).next().filter(|own| CONNECTORS.contains(own))?;
    let others = CONNECTORS.into_iter().filter(|other| *other != own);
    others.into_iter().find(|other| code.contains(&format!("crate::{other}::"))).map(|other| (own, other))
}

/// The line up to a comment. A `//` after a colon is an address.
fn without_comment(line: &str) -> &str {
    let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
    comment.map_or(line, |(at, _)| &line[..at])
}

#[cfg(test)]
mod tests {
    use super::super::lines;
    use super::*;

    #[test]
    fn words_are_refused_in_code_and_not_in_comments() {
        let text = "// block_on(x)\nlet a = block_on(x); // why\nlet b = \"http://x\"; block_on(y);\n";
        assert_eq!(
            lines(check("crates/firth-engine/src/plan.rs", text)),
            [
                "crates/firth-engine/src/plan.rs:2: block_on: do I/O in resolve or in execution, where there is an await",
                "crates/firth-engine/src/plan.rs:3: block_on: do I/O in resolve or in execution, where there is an await",
            ]
        );
        assert_eq!(lines(check("crates/firth-shell/src/main.rs", text)), [""; 0]);
    }

    #[test]
    fn tests_may_do_what_code_may_not() {
        let text = "#[cfg(test)]\nmod tests {\n    fn f() { block_on(x); }\n    #[ignore]\n}\n";
        let findings = lines(check("crates/firth-engine/src/plan.rs", text));
        assert_eq!(
            findings,
            ["crates/firth-engine/src/plan.rs:4: no ignored tests: assert today's answer with a FIXME"]
        );
    }

    #[test]
    fn a_secret_is_opened_only_where_it_is_agreed() {
        let text = "secret.expose_secret()\n";
        assert_eq!(check("crates/firth-connectors/src/postgres/client.rs", text), []);
        assert_eq!(check("crates/firth-engine/src/session.rs", text).len(), 1);
    }

    #[test]
    fn connectors_do_not_import_each_other() {
        let findings =
            check("crates/firth-connectors/src/postgres/mod.rs", "use crate::object_store::Tls;\n");
        assert_eq!(
            lines(findings),
            [
                "crates/firth-connectors/src/postgres/mod.rs:1: the connector postgres imports the connector object_store"
            ]
        );
        assert_eq!(check("crates/firth-connectors/src/lib.rs", "use crate::object_store::Tls;\n"), []);
    }

    #[test]
    fn paths_of_a_machine_are_refused_everywhere() {
        let text = concat!("see /ho", "me/me/firth\n");
        assert_eq!(lines(check("README.md", text)), ["README.md:1: a path of somebody's machine"]);
    }

    #[test]
    fn long_files_are_two_things() {
        let text = "x\n".repeat(MAX_LINES + 1);
        assert_eq!(
            lines(check("crates/firth-sql/src/lib.rs", &text)),
            ["crates/firth-sql/src/lib.rs:700: 701 lines: this file is two things"]
        );
    }
}
