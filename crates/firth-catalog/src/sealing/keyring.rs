//! The key in the operating system's keyring: Keychain Services on macOS, the Credential Manager on
//! Windows, the Secret Service on the rest, over D-Bus.
//!
//! The entry's name is made of the catalog's check value, which is random and known to the catalog alone.
//! So a home may be moved, and two homes of one user never share an entry.

use std::{path::Path, thread};

use firth_diagnostic::{Diagnostic, Result};
use keyring::{Entry, Error};
use zeroize::Zeroizing;

use super::SealingKey;
use crate::error;

/// What the user sees in the keyring's own window.
const SERVICE: &str = "firth";

/// Puts a key into the keyring, before the catalog says that it is there.
///
/// If the catalog's transaction fails afterwards, an entry is left that nothing refers to: harmless,
/// since it opens no secret.
pub(super) fn store(check: &[u8], key: &SealingKey) -> Result<()> {
    let (name, key) = (name(check), key.clone());
    apart(move || entry(&name)?.set_secret(key.expose_bytes())).map_err(|failure| unreachable(&failure))
}

/// The key that was put there.
pub(super) fn read(check: &[u8], database: &Path) -> Result<SealingKey> {
    let name = name(check);
    let wanted = name.clone();
    let bytes = match apart(move || entry(&wanted)?.get_secret().map(Zeroizing::new)) {
        Ok(bytes) => bytes,
        Err(Error::NoEntry) => return Err(error::key_missing_in_keyring(&name, database)),
        Err(failure) => return Err(unreachable(&failure)),
    };
    match <[u8; SealingKey::LENGTH]>::try_from(bytes.as_slice()) {
        Ok(key) => Ok(SealingKey::new(Zeroizing::new(key))),
        Err(_) => Err(error::wrong_key_in_keyring(database)),
    }
}

/// The entry's user name: the first bytes of the check value, which are a random nonce.
fn name(check: &[u8]) -> String {
    let digits: String = check.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("catalog-{digits}")
}

fn entry(name: &str) -> keyring::Result<Entry> {
    // `Entry::new` only says that there is no store; this says why.
    if let Err(failure) = Entry::store_status() {
        return Err(Error::Invalid("keyring".to_owned(), failure.to_string()));
    }
    Entry::new(SERVICE, name)
}

/// Runs `work` on a thread of its own: the D-Bus client blocks, which a thread of an asynchronous
/// runtime must not.
fn apart<T: Send + 'static>(
    work: impl FnOnce() -> keyring::Result<T> + Send + 'static,
) -> keyring::Result<T> {
    let ended = thread::Builder::new().name("keyring".to_owned()).spawn(work);
    match ended.map(thread::JoinHandle::join) {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(Error::Invalid("keyring".to_owned(), "its client panicked".to_owned())),
        Err(failure) => Err(Error::PlatformFailure(Box::new(failure))),
    }
}

/// The client's texts name buses and errors, never what is kept; its variants that hold bytes are not
/// printed.
fn unreachable(failure: &Error) -> Diagnostic {
    let cause = match failure {
        Error::Invalid(_, why) => why.clone(),
        Error::PlatformFailure(cause) | Error::NoStorageAccess(cause) => cause.to_string(),
        Error::NoDefaultStore => "there is none".to_owned(),
        Error::NoEntry => "it has no such entry".to_owned(),
        _ => "it refused".to_owned(),
    };
    error::keyring_unreachable(&cause)
}
