//! The text of a run: what `-c` gave, or a file, and what it is called in messages.

use std::{cell::OnceCell, fs, io, path::Path};

use firth_diagnostic::{Code, Diagnostic, Result, Source, Span};
use firth_engine::{
    DATABASE_EXPORT_OPTIONS, EXPORT_OPTIONS, EXTERNAL_SCHEMA_OPTIONS, EXTERNAL_TABLE_OPTIONS,
    OBJECT_TABLE_OPTIONS, SCHEMA_OPTIONS, TABLE_OPTIONS,
};
use firth_sql::{OptionSecrecy, mask_secrets};

/// A script and its name.
pub(crate) struct Script {
    /// The file's path, `-c` or `<stdin>`.
    pub(crate) name: String,
    /// The whole text.
    pub(crate) text: String,
    /// The text as messages may show it; made when there is a message.
    shown: OnceCell<String>,
}

impl Script {
    /// What `-c` gave, or a line of the shell.
    pub(crate) fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Script { name: name.into(), text: text.into(), shown: OnceCell::new() }
    }

    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let bytes = fs::read(path).map_err(|error| unreadable(&name, &error))?;
        let text = text(&name, bytes, 0, 0)?;
        Ok(Script::new(name, text))
    }

    /// The places of its statements.
    pub(crate) fn statements(&self) -> Vec<Span> {
        firth_sql::split(&self.text)
    }

    /// For rendering messages: without the secrets that stand in the text.
    pub(crate) fn source(&self) -> Source<'_> {
        Source { name: &self.name, text: self.shown.get_or_init(|| mask_secrets(&self.text, secrecy)) }
    }
}

/// Whether an option of this name is a secret, with whatever connection type.
pub(crate) fn secrecy(name: &str) -> OptionSecrecy {
    let connectors = firth_connectors::all();
    let mut specs = connectors.types().flat_map(|(_, kind)| kind.options).filter(|spec| spec.is_named(name));
    let elsewhere = [
        DATABASE_EXPORT_OPTIONS,
        EXPORT_OPTIONS,
        EXTERNAL_SCHEMA_OPTIONS,
        EXTERNAL_TABLE_OPTIONS,
        OBJECT_TABLE_OPTIONS,
        SCHEMA_OPTIONS,
        TABLE_OPTIONS,
    ];
    match specs.next() {
        Some(spec) if spec.secret || specs.any(|other| other.secret) => OptionSecrecy::Secret,
        Some(_) => OptionSecrecy::Public,
        None if ["connection", "connection_type", "validate"]
            .iter()
            .any(|own| own.eq_ignore_ascii_case(name)) =>
        {
            OptionSecrecy::Public
        }
        None if elsewhere.into_iter().flatten().any(|spec| spec.is_named(name)) => OptionSecrecy::Public,
        None => OptionSecrecy::Unknown,
    }
}

/// The text of `bytes`, before which `lines_before` lines of `bytes_before` bytes stand in the same source.
pub(crate) fn text(name: &str, bytes: Vec<u8>, lines_before: usize, bytes_before: usize) -> Result<String> {
    match String::from_utf8(bytes) {
        // A byte order mark is not part of the first statement.
        Ok(text) if bytes_before == 0 => Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
        Ok(text) => Ok(text),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let bytes = error.into_bytes();
            let line = lines_before + bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
            let (byte, offset) = (bytes[at], bytes_before + at);
            Err(Diagnostic::error(Code::BadData, format!("{name:?} is not UTF-8 text"))
                .detail(format!("byte 0x{byte:02x} at offset {offset}, in line {line}"))
                .hint("Save the file as UTF-8."))
        }
    }
}

/// Why a source was not read.
pub(crate) fn unreadable(name: &str, error: &io::Error) -> Diagnostic {
    let diagnostic = match error.kind() {
        io::ErrorKind::NotFound => Diagnostic::error(Code::Io, format!("there is no file {name:?}")),
        _ => Diagnostic::error(Code::Io, format!("could not read {name:?}")).detail(error.to_string()),
    };
    match error.kind() {
        io::ErrorKind::NotFound => diagnostic.hint("Check the path; it is taken from the current folder."),
        io::ErrorKind::PermissionDenied => diagnostic.hint("Check who may read the file."),
        io::ErrorKind::IsADirectory => diagnostic.hint("Name the files in it."),
        _ => diagnostic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_not_utf8_is_refused_with_the_place() {
        let error = text("a.sql", b"SELECT 1;\nSELECT '\xff'".to_vec(), 0, 0).expect_err("not UTF-8");
        assert_eq!(error.to_string(), "\"a.sql\" is not UTF-8 text: byte 0xff at offset 18, in line 2");
        let error = text("a.sql", b"SELECT '\xff'".to_vec(), 1, 10).expect_err("not UTF-8");
        assert_eq!(error.to_string(), "\"a.sql\" is not UTF-8 text: byte 0xff at offset 18, in line 2");
    }

    #[test]
    fn a_byte_order_mark_is_left_out() {
        assert_eq!(text("a.sql", b"\xef\xbb\xbfSELECT 1".to_vec(), 0, 0).expect("UTF-8"), "SELECT 1");
    }
}
