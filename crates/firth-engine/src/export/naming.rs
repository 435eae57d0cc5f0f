//! The names of an export's files.

use firth_connector::ObjectLocation;
use firth_diagnostic::{Code, Diagnostic, Result};
use object_store::path::Path;

/// The pattern of an export: `x-*.csv` gives `x-000000000000.csv`, `x-000000000001.csv` … (BigQuery's
/// naming: a counter from zero in twelve digits).
#[derive(Clone, Debug)]
pub(crate) struct FileNames {
    before: String,
    after: String,
}

impl FileNames {
    /// Reads the pattern: exactly one `*`, in the last part of the path.
    pub(crate) fn try_new(location: &ObjectLocation, uri: &str) -> Result<Self> {
        let wrong = |what: &str| {
            Diagnostic::error(Code::Invalid, format!("uri {uri:?} {what}")).hint(
                "Write one * in the file's name, such as \"…/rows-*.parquet\": it becomes the file's number.",
            )
        };
        let Some((before, after)) = location.key.split_once('*') else { return Err(wrong("has no *")) };
        if after.contains('*') {
            return Err(wrong("has more than one *"));
        }
        if after.contains('/') {
            return Err(wrong("has its * outside the last part of the path"));
        }
        let names = FileNames { before: before.to_owned(), after: after.to_owned() };
        names.path(0).map_err(|error| wrong(&format!("is not a path: {error}")))?;
        Ok(names)
    }

    /// The key of the file of this number.
    pub(crate) fn path(&self, number: u64) -> Result<Path, object_store::path::Error> {
        Path::parse(format!("{}{number:012}{}", self.before, self.after))
    }

    /// The folder that holds every file of the pattern.
    pub(crate) fn folder(&self) -> Path {
        let folder = self.before.rfind('/').map_or("", |slash| &self.before[..slash]);
        Path::parse(folder).unwrap_or_default()
    }

    /// Whether a key is a file of this pattern: twelve digits, or any counter an earlier export wrote.
    pub(crate) fn matches(&self, key: &Path) -> bool {
        key.as_ref()
            .strip_prefix(self.before.as_str())
            .and_then(|rest| rest.strip_suffix(self.after.as_str()))
            .is_some_and(|number| number.len() == 12 && number.bytes().all(|byte| byte.is_ascii_digit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(key: &str) -> Result<FileNames> {
        FileNames::try_new(
            &ObjectLocation { bucket: "b".to_owned(), key: key.to_owned() },
            &format!("s3://b/{key}"),
        )
    }

    #[test]
    fn the_star_becomes_twelve_digits() {
        let files = names("out/x-*.csv").expect("a pattern");
        assert_eq!(files.path(1).expect("a path").as_ref(), "out/x-000000000001.csv");
        assert_eq!(files.folder().as_ref(), "out");
        assert!(files.matches(&Path::from("out/x-000000000007.csv")));
        assert!(!files.matches(&Path::from("out/x-7.csv")));
        assert!(!files.matches(&Path::from("out/x-000000000007.csv.gz")));
        assert_eq!(names("*").expect("a pattern").path(0).expect("a path").as_ref(), "000000000000");
    }

    #[test]
    fn one_star_in_the_last_part_is_required() {
        let message = |key: &str| names(key).expect_err("no pattern").message().to_owned();
        assert_eq!(message("one.csv"), "uri \"s3://b/one.csv\" has no *");
        assert_eq!(message("a-*-*.csv"), "uri \"s3://b/a-*-*.csv\" has more than one *");
        assert_eq!(message("*/a.csv"), "uri \"s3://b/*/a.csv\" has its * outside the last part of the path");
    }
}
