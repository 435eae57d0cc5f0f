//! The names of an export's files.

use firth_connector::ObjectLocation;
use firth_diagnostic::{Code, Diagnostic, Result};
use object_store::path::Path;
use uuid::Uuid;

/// What Firth's own note beside the files is called.
const MANIFEST: &str = "_firth_manifest.json";
/// The digits of a file's number.
const DIGITS: usize = 12;
/// The letters of a run's name in a file's name.
const RUN_LETTERS: usize = 12;

/// The pattern of an export: `x-*.csv` gives `x-000000000000.csv`, `x-000000000001.csv` … (BigQuery's
/// naming: a counter from zero in twelve digits).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileNames {
    /// The folder, without a slash at its end; empty for the bucket itself.
    folder: String,
    before: String,
    after: String,
    /// Stands before the counter, with a dash, in names that no other run has.
    run: Option<String>,
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
        let names = FileNames::of(before, after);
        names.path("", 0).map_err(|error| wrong(&format!("is not a path: {error}")))?;
        Ok(names)
    }

    /// The names of a manifest's entry: `folder` and the pattern of its last part.
    pub(crate) fn of_entry(folder: &str, pattern: &str) -> Option<Self> {
        let (before, after) = pattern.split_once('*')?;
        let slash = if folder.is_empty() { "" } else { "/" };
        Some(FileNames::of(&format!("{folder}{slash}{before}"), after))
    }

    fn of(before: &str, after: &str) -> Self {
        let (folder, before) = before.rsplit_once('/').unwrap_or(("", before));
        FileNames { folder: folder.to_owned(), before: before.to_owned(), after: after.to_owned(), run: None }
    }

    /// The same pattern with names that no other run uses: `x-<run>-000000000000.csv`.
    pub(crate) fn of_run(mut self, run: Uuid) -> Self {
        let mut name = run.simple().to_string();
        name.truncate(RUN_LETTERS);
        self.run = Some(name);
        self
    }

    /// The pattern without its folder.
    pub(crate) fn pattern(&self) -> String {
        format!("{}*{}", self.before, self.after)
    }

    /// The name of a file below the folder, in the folders of its partition (`day=1/`, or nothing).
    pub(crate) fn name(&self, partition: &str, number: u64) -> String {
        let run = self.run.as_ref().map(|run| format!("{run}-")).unwrap_or_default();
        format!("{partition}{}{run}{number:0width$}{}", self.before, self.after, width = DIGITS)
    }

    /// The key of the file of this number.
    pub(crate) fn path(&self, partition: &str, number: u64) -> Result<Path, object_store::path::Error> {
        self.key(&self.name(partition, number))
    }

    /// The key of a name below the folder.
    pub(crate) fn key(&self, name: &str) -> Result<Path, object_store::path::Error> {
        match self.folder.as_str() {
            "" => Path::parse(name),
            folder => Path::parse(format!("{folder}/{name}")),
        }
    }

    /// The folder that holds every file of the pattern.
    pub(crate) fn folder(&self) -> Path {
        Path::parse(&self.folder).unwrap_or_default()
    }

    /// The key of the manifest of a folder.
    pub(crate) fn manifest_in(folder: &Path) -> Path {
        folder.clone().join(MANIFEST)
    }

    /// The key of the folder's manifest.
    pub(crate) fn manifest(&self) -> Path {
        Self::manifest_in(&self.folder())
    }

    /// The folder of a key that is a manifest.
    pub(crate) fn folder_of_manifest(key: &Path) -> Option<Path> {
        let folder = key.as_ref().strip_suffix(MANIFEST)?;
        match folder.strip_suffix('/') {
            Some(folder) => Path::parse(folder).ok(),
            None => folder.is_empty().then(Path::default),
        }
    }

    /// A key's name below the folder, if it is there and a name of this pattern, whatever its partition.
    pub(crate) fn name_of<'a>(&self, key: &'a Path) -> Option<&'a str> {
        let below = match self.folder.as_str() {
            "" => key.as_ref(),
            folder => key.as_ref().strip_prefix(folder)?.strip_prefix('/')?,
        };
        let (partition, file) = below.rsplit_once('/').unwrap_or(("", below));
        let in_partition = partition.is_empty() || partition.split('/').all(|part| part.contains('='));
        let number = file.strip_prefix(self.before.as_str())?.strip_suffix(self.after.as_str())?;
        let number = match number.split_once('-') {
            Some((run, number)) if is_run(run) => number,
            Some(_) | None => number,
        };
        let is_number = number.len() == DIGITS && number.bytes().all(|byte| byte.is_ascii_digit());
        (in_partition && is_number).then_some(below)
    }
}

fn is_run(text: &str) -> bool {
    text.len() == RUN_LETTERS
        && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Whether a file's name may be one that an export gave it.
pub(crate) fn may_be_exported(key: &Path) -> bool {
    let Some(name) = key.filename() else { return false };
    let mut digits = 0;
    name.bytes().any(|byte| {
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        digits == DIGITS
    })
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
        assert_eq!(files.path("", 1).expect("a path").as_ref(), "out/x-000000000001.csv");
        assert_eq!(files.path("day=1/", 1).expect("a path").as_ref(), "out/day=1/x-000000000001.csv");
        assert_eq!(files.folder().as_ref(), "out");
        assert_eq!(files.manifest().as_ref(), "out/_firth_manifest.json");
        let name_of = |key: &str| files.name_of(&Path::from(key)).map(str::to_owned);
        assert_eq!(name_of("out/x-000000000007.csv").as_deref(), Some("x-000000000007.csv"));
        assert_eq!(name_of("out/d=1/x-000000000007.csv").as_deref(), Some("d=1/x-000000000007.csv"));
        for other in
            ["out/x-7.csv", "out/x-000000000007.csv.gz", "out/d/x-000000000007.csv", "x-000000000007.csv"]
        {
            assert_eq!(name_of(other), None, "{other}");
        }
        assert_eq!(names("*").expect("a pattern").path("", 0).expect("a path").as_ref(), "000000000000");
    }

    #[test]
    fn a_run_names_its_files() {
        let run = Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        let files = names("out/x-*.csv").expect("a pattern").of_run(run);
        let path = files.path("", 0).expect("a path");
        assert_eq!(path.as_ref(), "out/x-0123456789ab-000000000000.csv");
        assert!(names("out/x-*.csv").expect("a pattern").name_of(&path).is_some());
        assert!(may_be_exported(&path) && !may_be_exported(&Path::from("x-123.csv")));
    }

    #[test]
    fn a_manifest_knows_its_folder() {
        let folder = |key: &str| FileNames::folder_of_manifest(&Path::from(key)).map(|path| path.to_string());
        assert_eq!(folder("a/b/_firth_manifest.json").as_deref(), Some("a/b"));
        assert_eq!(folder("_firth_manifest.json").as_deref(), Some(""));
        assert_eq!(folder("a/b.json"), None);
    }

    #[test]
    fn one_star_in_the_last_part_is_required() {
        let message = |key: &str| names(key).expect_err("no pattern").message().to_owned();
        assert_eq!(message("one.csv"), "uri \"s3://b/one.csv\" has no *");
        assert_eq!(message("a-*-*.csv"), "uri \"s3://b/a-*-*.csv\" has more than one *");
        assert_eq!(
            message("d-*/x.csv"),
            "uri \"s3://b/d-*/x.csv\" has its * outside the last part of the path"
        );
    }
}
