//! The text of an `.slt` file with its variables replaced.

use std::collections::BTreeMap;
use std::env;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// A file's text, ready to be read.
#[derive(Debug, PartialEq)]
pub(super) struct Script {
    pub(super) text: String,
}

/// Why a file cannot be run.
#[derive(Debug, PartialEq)]
pub(super) enum Unprepared {
    /// It needs this server, which does not run.
    Server(&'static str),
    /// It names a variable that nobody gave, on this line.
    Variable { line: usize, name: String },
}

/// Which server a variable belongs to, by how its name begins.
const SERVERS: [(&str, &str); 4] = [("PG_", "postgres"), ("S3_", "s3"), ("AZURE_", "azure"), ("GCS_", "gcs")];

impl Script {
    /// Replaces every `${NAME}` in `text`: line by line, so that places in messages are the file's.
    pub(super) fn prepare(text: &str, variables: &BTreeMap<String, String>) -> Result<Script, Unprepared> {
        let unique = unique();
        let value = |name: &str| {
            let given = variables.get(name).cloned();
            given.or_else(|| (name == "UNIQUE").then(|| unique.clone())).or_else(|| server_variable(name))
        };
        let mut replaced = String::with_capacity(text.len());
        for (number, line) in text.lines().enumerate() {
            let mut rest = line;
            while let Some((before, name, after)) = split_variable(rest) {
                let Some(value) = value(name) else { return Err(unprepared(number + 1, name)) };
                replaced.push_str(before);
                replaced.push_str(&value);
                rest = after;
            }
            replaced.push_str(rest);
            replaced.push('\n');
        }
        Ok(Script { text: replaced })
    }
}

/// The text before the first `${NAME}`, the name, and the text after it. `${` before anything else than
/// an upper-case name is SQL.
fn split_variable(line: &str) -> Option<(&str, &str, &str)> {
    for (start, _) in line.match_indices("${") {
        let inner = &line[start + 2..];
        let end = inner.find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
        if let Some(end) = end.filter(|&end| end > 0 && inner[end..].starts_with('}')) {
            return Some((&line[..start], &inner[..end], &inner[end + 1..]));
        }
    }
    None
}

fn server_variable(name: &str) -> Option<String> {
    let known = SERVERS.iter().any(|(prefix, _)| name.starts_with(prefix));
    if known { env::var(format!("FIRTH_TEST_{name}")).ok() } else { None }
}

fn unprepared(line: usize, name: &str) -> Unprepared {
    match SERVERS.iter().find(|(prefix, _)| name.starts_with(prefix)) {
        // A server that runs has all its variables: this one is misspelt.
        Some((prefix, server))
            if !env::vars().any(|(given, _)| given.starts_with(&format!("FIRTH_TEST_{prefix}"))) =>
        {
            Unprepared::Server(server)
        }
        _ => Unprepared::Variable { line, name: name.to_string() },
    }
}

/// A word of lower-case letters and digits that no other file of this or another run has.
fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("u{:x}x{time:x}x{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(text: &str) -> Result<String, Unprepared> {
        let variables = BTreeMap::from([("HOME".to_string(), "/h".to_string())]);
        Script::prepare(text, &variables).map(|script| script.text)
    }

    #[test]
    fn variables_are_replaced_wherever_they_stand() {
        assert_eq!(prepared("a ${HOME}/x ${HOME}\n----\n${HOME}").unwrap(), "a /h/x /h\n----\n/h\n");
    }

    #[test]
    fn what_only_looks_like_a_variable_is_left_alone() {
        assert_eq!(
            prepared("SELECT '${x}', '$HOME', '${}', '${HOME'").unwrap(),
            "SELECT '${x}', '$HOME', '${}', '${HOME'\n"
        );
    }

    #[test]
    fn a_misspelt_variable_is_an_error_with_its_line() {
        let expected = Unprepared::Variable { line: 2, name: "HOMER".to_string() };
        assert_eq!(prepared("a\n${HOMER}"), Err(expected));
    }

    #[test]
    fn each_file_has_its_own_unique_word() {
        assert_ne!(prepared("${UNIQUE}"), prepared("${UNIQUE}"));
        let twice = prepared("${UNIQUE} ${UNIQUE}").unwrap();
        let words: Vec<&str> = twice.split_whitespace().collect();
        assert_eq!(words[0], words[1]);
    }
}
