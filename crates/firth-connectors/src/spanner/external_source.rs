//! Paths of databases, and the `external_source` of CREATE EXTERNAL SCHEMA.

use std::fmt;

use firth_diagnostic::{Code, Diagnostic, Result};

const PREFIX: &str = "google-cloudspanner:";

/// `projects/P/instances/I/databases/D`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DatabasePath {
    project: String,
    instance: String,
    database: String,
}

impl DatabasePath {
    /// Reads a path, with or without a leading slash.
    pub(super) fn parse(text: &str) -> Result<Self> {
        Self::read(text).ok_or_else(|| {
            Diagnostic::error(Code::Invalid, format!("{text:?} is not the path of a Spanner database"))
                .hint("Write it as 'projects/PROJECT/instances/INSTANCE/databases/DATABASE'.")
        })
    }

    fn read(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.strip_prefix('/').unwrap_or(text).split('/').collect();
        let ["projects", project, "instances", instance, "databases", database] = parts[..] else {
            return None;
        };
        let named = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
        };
        [project, instance, database].into_iter().all(named).then(|| DatabasePath {
            project: project.to_owned(),
            instance: instance.to_owned(),
            database: database.to_owned(),
        })
    }
}

impl fmt::Display for DatabasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "projects/{}/instances/{}/databases/{}", self.project, self.instance, self.database)
    }
}

/// Reads `google-cloudspanner:/projects/…` or `google-cloudspanner://role@/projects/…`.
///
/// The role is read and forgotten: it matters to the service's sessions, which there are none of yet.
pub(super) fn parse(external_source: &str) -> Result<DatabasePath> {
    let malformed = || {
        Diagnostic::error(
            Code::Invalid,
            format!("external source {external_source:?} is not a Spanner database"),
        )
        .hint("Write it as 'google-cloudspanner:/projects/PROJECT/instances/INSTANCE/databases/DATABASE'.")
    };
    let rest = external_source.strip_prefix(PREFIX).ok_or_else(malformed)?;
    let path = match rest.strip_prefix("//") {
        Some(authority) => {
            let (role, path) = authority.split_once("@/").ok_or_else(malformed)?;
            let letter_first = role.starts_with(|c: char| c.is_ascii_alphabetic());
            if !letter_first || !role.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                return Err(malformed());
            }
            path
        }
        None => rest.strip_prefix('/').ok_or_else(malformed)?,
    };
    DatabasePath::read(path).ok_or_else(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_lead_to_the_database() {
        let read = |text: &str| match parse(text) {
            Ok(path) => path.to_string(),
            Err(error) => error.message().to_owned(),
        };
        let path = "projects/p-1/instances/i/databases/d_2";
        assert_eq!(read(&format!("google-cloudspanner:/{path}")), path);
        assert_eq!(read(&format!("google-cloudspanner://reader_1@/{path}")), path);
        for wrong in [
            "postgres://d/s",
            "google-cloudspanner:projects/p/instances/i/databases/d",
            "google-cloudspanner://@/projects/p/instances/i/databases/d",
            "google-cloudspanner:/projects/p/instances/i",
            "google-cloudspanner:/projects/p/instances/i/databases/d?x",
        ] {
            assert_eq!(read(wrong), format!("external source {wrong:?} is not a Spanner database"));
        }
    }
}
