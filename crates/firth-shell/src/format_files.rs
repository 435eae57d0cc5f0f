//! `firth fmt FILE…`: SQL files laid out anew, in place.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use firth_diagnostic::{Code, Diagnostic, Result};

use crate::{
    Exit,
    pending_file::PendingFile,
    reporter::Reporter,
    script::{Script, unreadable},
};

/// Formats files, and all `.sql` files of folders. With `check`, says what would change and changes nothing.
pub(crate) fn run(reporter: Reporter, paths: &[PathBuf], check: bool) -> Exit {
    let mut exit = Exit::Fine;
    for path in sql_files(paths) {
        let done = match path {
            Ok(path) if path == Path::new("-") => standard_input(reporter, check),
            Ok(path) => file(reporter, &path, check),
            Err(error) => {
                reporter.error(&error, None);
                Ok(false)
            }
        };
        if done != Ok(true) {
            exit = Exit::Failed;
        }
    }
    exit
}

/// Formats a file. Answers whether it is as it should be.
fn file(reporter: Reporter, path: &Path, check: bool) -> std::result::Result<bool, Reported> {
    let script = Script::read(path).map_err(|error| told(reporter, &error, None))?;
    let formatted = firth_sql::format(&script.text).map_err(|error| told(reporter, &error, Some(&script)))?;
    if formatted == script.text {
        return Ok(true);
    }
    if check {
        reporter.note(&format!("{} would change", script.name));
        return Ok(false);
    }
    let written = PendingFile::create(path).and_then(|mut file| {
        file.write_all(formatted.as_bytes())?;
        file.commit()
    });
    written.map_err(|error| {
        let error = Diagnostic::error(Code::Io, format!("could not write {:?}", script.name))
            .detail(error.to_string());
        told(reporter, &error, None)
    })?;
    reporter.note(&format!("{} changed", script.name));
    Ok(true)
}

/// Formats what comes in to standard output.
fn standard_input(reporter: Reporter, check: bool) -> std::result::Result<bool, Reported> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().read_to_end(&mut bytes).map_err(|error| unreadable("<stdin>", &error));
    let script = read
        .and_then(|_| crate::script::text("<stdin>", bytes, 0, 0))
        .map(|text| Script::new("<stdin>", text))
        .map_err(|error| told(reporter, &error, None))?;
    let formatted = firth_sql::format(&script.text).map_err(|error| told(reporter, &error, Some(&script)))?;
    if check {
        return Ok(formatted == script.text);
    }
    // Whoever closed the pipe has read enough.
    let _ = io::stdout().lock().write_all(formatted.as_bytes());
    Ok(true)
}

/// Failed, and the user knows why.
#[derive(Debug, PartialEq)]
struct Reported;

fn told(reporter: Reporter, error: &Diagnostic, script: Option<&Script>) -> Reported {
    reporter.error(error, script.map(Script::source));
    Reported
}

/// The files as named, and the `.sql` files of folders below them, in order of their names.
pub(crate) fn sql_files(paths: &[PathBuf]) -> Vec<Result<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            match in_folder(path) {
                Ok(files) => found.extend(files.into_iter().map(Ok)),
                Err(error) => found.push(Err(unreadable(&path.display().to_string(), &error))),
            }
        } else {
            found.push(Ok(path.clone()));
        }
    }
    found
}

fn in_folder(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        // A link to a folder above would never end.
        if entry.file_type()?.is_dir() {
            found.extend(in_folder(&path)?);
        } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql")) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
