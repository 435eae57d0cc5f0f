//! What can go wrong with the store, in words for a person.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use firth_diagnostic::{Code, Diagnostic, did_you_mean};
use rusqlite::ErrorCode;

use crate::{DatasetName, TableKindName, TableName};

/// A failure inside a transaction, before it is known which database it was.
#[derive(Debug)]
pub(crate) enum StoreError {
    /// A message that is complete.
    Diagnostic(Diagnostic),
    /// SQLite's.
    Sqlite(rusqlite::Error),
    /// A stored value that cannot be read.
    Stored(String),
}

pub(crate) type StoreResult<T> = Result<T, StoreError>;

impl From<Diagnostic> for StoreError {
    fn from(diagnostic: Diagnostic) -> Self {
        StoreError::Diagnostic(diagnostic)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::Sqlite(error)
    }
}

impl StoreError {
    /// A stored value that cannot be read: `what` names it, without its value.
    pub(crate) fn stored(what: &str, why: impl fmt::Display) -> Self {
        StoreError::Stored(format!("{what}: {why}"))
    }

    /// The message, about the database at `path`.
    pub(crate) fn into_diagnostic(self, path: &Path) -> Diagnostic {
        match self {
            StoreError::Diagnostic(diagnostic) => diagnostic,
            StoreError::Sqlite(error) => sqlite(&error, path),
            StoreError::Stored(what) => {
                Diagnostic::error(Code::BadData, format!("a row of the catalog {path:?} cannot be read"))
                    .detail(what)
                    .hint("It was written by a newer Firth, or by another program. Nothing was changed.")
            }
        }
    }
}

fn sqlite(error: &rusqlite::Error, path: &Path) -> Diagnostic {
    let said = error.to_string();
    let message = |code, what: &str| Diagnostic::error(code, format!("the catalog {path:?} {what}"));
    // The index of the log cannot grow: SQLite has no other name for a full disk there.
    if error.sqlite_error().is_some_and(|error| error.extended_code == SHARED_MEMORY_SIZE) {
        return message(Code::Exhausted, "could not be opened: the disk is full").hint(FULL);
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            message(Code::Conflict, "is in use by another process").hint("Try again in a moment.")
        }
        Some(ErrorCode::DatabaseCorrupt) => message(Code::BadData, "is damaged").detail(said).hint(DAMAGED),
        Some(ErrorCode::NotADatabase) => {
            message(Code::BadData, "is not a Firth catalog").detail(said).hint(DAMAGED)
        }
        Some(ErrorCode::DiskFull) => {
            message(Code::Exhausted, "could not be written: the disk is full").hint(FULL)
        }
        Some(
            ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::SystemIoFailure,
        ) => message(Code::Io, "could not be read or written")
            .detail(said)
            .hint("Check that the disk has room, and that you may write in the folder. Nothing was changed."),
        _ => Diagnostic::internal(format!("the catalog {path:?} answered: {said}")),
    }
}

/// `SQLITE_IOERR_SHMSIZE`.
const SHARED_MEMORY_SIZE: i32 = 10 | (19 << 8);

const FULL: &str = "Free some space and run the statement again. Nothing was changed.";

const DAMAGED: &str =
    "Nothing was overwritten. Restore the file from a backup, or choose another folder with `--home`.";

pub(crate) fn not_a_catalog(path: &Path) -> Diagnostic {
    Diagnostic::error(Code::BadData, format!("{path:?} is a database, but not a Firth catalog"))
        .hint("Nothing was changed in it. Choose another folder with `--home`.")
}

pub(crate) fn newer_catalog(path: &Path, found: i64, known: i64) -> Diagnostic {
    Diagnostic::error(Code::Unsupported, format!("the catalog {path:?} was written by a newer Firth"))
        .detail(format!("it has layout {found}, and this Firth knows layouts up to {known}"))
        .hint("Use the newer Firth, or choose another folder with `--home`. Nothing was changed.")
}

pub(crate) fn io(what: &str, path: &Path, error: &std::io::Error) -> Diagnostic {
    let code = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Code::Exhausted,
        _ => Code::Io,
    };
    Diagnostic::error(code, format!("could not {what} {path:?}")).detail(error.to_string())
}

pub(crate) fn exists(object: &str, name: &dyn fmt::Display) -> Diagnostic {
    Diagnostic::error(Code::AlreadyExists, format!("{object} {name} already exists"))
        .hint(format!("Use `CREATE {} IF NOT EXISTS` to keep it.", object.to_uppercase()))
}

/// `known` are the names of the same kind, as they print.
pub(crate) fn not_found(object: &str, name: &dyn fmt::Display, known: &[String], list: &str) -> Diagnostic {
    let near = did_you_mean(&name.to_string(), known.iter().map(String::as_str));
    let hint = match near {
        Some(near) => format!("Did you mean {near}? `{list}` lists all."),
        None => format!("`{list}` lists those there are."),
    };
    Diagnostic::error(Code::NotFound, format!("{object} {name} does not exist")).hint(hint)
}

pub(crate) fn changed_meanwhile(name: &dyn fmt::Display) -> Diagnostic {
    Diagnostic::error(Code::Conflict, format!("connection {name} was changed by another session"))
        .hint("Nothing was altered. Look at the connection and run the statement again.")
}

pub(crate) fn has_dependents(name: &dyn fmt::Display, dependents: &[String]) -> Diagnostic {
    Diagnostic::error(Code::Invalid, format!("connection {name} is in use"))
        .detail(format!("used by {}", dependents.join(", ")))
        .hint("Drop those first, or use `DROP CONNECTION … CASCADE` to drop them too.")
}

pub(crate) fn dataset_not_empty(name: &DatasetName, tables: &[String]) -> Diagnostic {
    Diagnostic::error(Code::Invalid, format!("schema {name} is not empty"))
        .detail(format!("it holds {}", tables.join(", ")))
        .hint("`DROP SCHEMA … CASCADE` drops its tables and views too.")
}

pub(crate) fn main_dataset(name: &DatasetName, verb: &str) -> Diagnostic {
    Diagnostic::error(Code::Invalid, format!("schema {name} cannot be {verb}"))
        .hint("It is where names without a schema are looked up.")
}

pub(crate) fn external_dataset(name: &DatasetName) -> Diagnostic {
    Diagnostic::error(Code::Invalid, format!("schema {name} is external: nothing can be created in it"))
        .hint("Its tables are those of its connection. Create the table in another schema.")
}

/// BigQuery's text in substance: `Cannot drop t which has type VIEW. An external table was expected.`
pub(crate) fn wrong_kind_to_drop(name: &TableName, is: TableKindName, expected: TableKindName) -> Diagnostic {
    let statement = match is {
        TableKindName::Native => "DROP TABLE",
        TableKindName::External => "DROP EXTERNAL TABLE",
        TableKindName::View => "DROP VIEW",
        TableKindName::Materialized => "DROP MATERIALIZED VIEW",
    };
    let message =
        format!("cannot drop {name}, which has type {is}: {} was expected", expected.with_article());
    Diagnostic::error(Code::Invalid, message).hint(format!("Use `{statement}`."))
}

pub(crate) fn wrong_kind_to_alter(
    name: &TableName,
    is: TableKindName,
    expected: TableKindName,
) -> Diagnostic {
    let message =
        format!("cannot alter {name}, which has type {is}: {} was expected", expected.with_article());
    Diagnostic::error(Code::Invalid, message).hint("CREATE OR REPLACE makes it anew.")
}

pub(crate) fn wrong_kind_to_replace(name: &TableName, is: TableKindName, new: TableKindName) -> Diagnostic {
    let message = format!("cannot replace {name}, which has type {is}, by {}", new.with_article());
    Diagnostic::error(Code::Invalid, message).hint("Drop it first, or choose another name.")
}

pub(crate) fn secret_does_not_open(connection: &dyn fmt::Display, option: &str) -> Diagnostic {
    Diagnostic::error(
        Code::BadData,
        format!("the stored secret {option:?} of connection {connection} does not belong to it"),
    )
    .detail("the connection's endpoint, or the secret, was changed by something other than Firth")
    .hint("Make the connection again with `CREATE OR REPLACE CONNECTION`, and give the secret.")
}

pub(crate) fn key_missing(key: &Path, database: &Path) -> Diagnostic {
    Diagnostic::error(Code::NotFound, format!("key file {key:?} is missing"))
        .detail(format!("the stored secrets in {database:?} open only with it; nothing in there was lost"))
        .hint(
            "Put the key file back where it was. If it is gone for good, choose another folder with \
             `--home` and make the connections again.",
        )
}

pub(crate) fn key_readable_by_others(key: &Path, mode: u32) -> Diagnostic {
    Diagnostic::error(Code::PermissionDenied, format!("key file {key:?} is open to other users"))
        .detail(format!("its mode is {mode:04o}, and must be 0600"))
        .hint(format!("Run `chmod 600 {}`.", PathBuf::from(key).display()))
}

pub(crate) fn key_damaged(key: &Path, length: usize) -> Diagnostic {
    Diagnostic::error(Code::BadData, format!("key file {key:?} is not a key"))
        .detail(format!("it holds {length} bytes instead of 32"))
        .hint("Put the key file back as it was. The stored secrets are unchanged.")
}

pub(crate) fn wrong_key(key: &Path, database: &Path) -> Diagnostic {
    Diagnostic::error(Code::Unauthenticated, format!("key file {key:?} does not open this catalog's secrets"))
        .detail(format!("it is not the key that {database:?} was sealed with; nothing was changed"))
        .hint("Put back the key file that belongs to this folder.")
}

pub(crate) fn wrong_passphrase(database: &Path) -> Diagnostic {
    Diagnostic::error(
        Code::Unauthenticated,
        format!("the passphrase does not open the secrets in {database:?}"),
    )
    .hint("Set FIRTH_PASSPHRASE to the passphrase that was set when the first secret was stored.")
}

pub(crate) fn passphrase_needed(database: &Path) -> Diagnostic {
    Diagnostic::error(Code::Unauthenticated, format!("the secrets in {database:?} need a passphrase"))
        .hint("Set FIRTH_PASSPHRASE to the passphrase that was set when the first secret was stored.")
}

pub(crate) fn keyring_unreachable(cause: &str) -> Diagnostic {
    Diagnostic::error(Code::Unreachable, "the operating system's keyring cannot be used").detail(cause).hint(
        "Unlock it, or start its service; nothing stored is lost. A new home can keep its key in a file: \
             unset FIRTH_KEY_SOURCE.",
    )
}

pub(crate) fn key_missing_in_keyring(name: &str, database: &Path) -> Diagnostic {
    Diagnostic::error(Code::NotFound, format!("the keyring has no entry {name:?} of the service \"firth\""))
        .detail(format!("the stored secrets in {database:?} open only with it; nothing in there was lost"))
        .hint(
            "Use the account whose keyring has it. If it is gone for good, choose another folder with \
             `--home` and make the connections again.",
        )
}

pub(crate) fn wrong_key_in_keyring(database: &Path) -> Diagnostic {
    Diagnostic::error(
        Code::Unauthenticated,
        format!("the key in the keyring does not open the secrets in {database:?}"),
    )
    .hint(
        "Somebody changed the entry of the service \"firth\". Put it back; the stored secrets are unchanged.",
    )
}
