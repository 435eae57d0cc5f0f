//! Where the key comes from, as asked for when a catalog is opened.

use std::env::{self, VarError};

use firth_diagnostic::{Code, Diagnostic, Result, Secret};

/// What opening a catalog may need besides its folder.
#[derive(Clone, Debug, Default)]
pub struct CatalogOptions {
    /// The passphrase, if the user has set one.
    pub passphrase: Option<Secret>,
    /// Where the first key comes from. None: from the passphrase if there is one, else a key file.
    ///
    /// Says nothing to a catalog that has sealed a secret: it keeps the source it began with.
    pub key_source: Option<KeySource>,
}

/// Where a catalog's sealing key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A file beside the database, which only its owner can read.
    File,
    /// A passphrase, by Argon2id.
    Passphrase,
    /// The operating system's keyring: Keychain Services, the Credential Manager or the Secret Service.
    Keyring,
}

impl CatalogOptions {
    /// The variable that holds the passphrase.
    pub const PASSPHRASE_VARIABLE: &'static str = "FIRTH_PASSPHRASE";
    /// The variable that asks for a source of the first key: `file`, `passphrase` or `keyring`.
    pub const KEY_SOURCE_VARIABLE: &'static str = "FIRTH_KEY_SOURCE";

    /// Reads the process's environment. Nothing else in this crate does.
    ///
    /// An empty passphrase is none. One that is not UTF-8 is an error: to ignore it would be to choose a
    /// key file behind the user's back. So is a key source that nobody knows.
    pub fn from_environment() -> Result<Self> {
        let passphrase = match env::var(Self::PASSPHRASE_VARIABLE) {
            Ok(text) if text.is_empty() => None,
            Ok(text) => Some(Secret::new(text)),
            Err(VarError::NotPresent) => None,
            Err(VarError::NotUnicode(_)) => {
                return Err(Diagnostic::error(
                    Code::Invalid,
                    format!("the passphrase in {} is not UTF-8 text", Self::PASSPHRASE_VARIABLE),
                )
                .hint("Set it again, or unset it."));
            }
        };
        let key_source = match env::var_os(Self::KEY_SOURCE_VARIABLE) {
            Some(text) if !text.is_empty() => Some(asked_for(&text.to_string_lossy())?),
            _ => None,
        };
        Ok(CatalogOptions { passphrase, key_source })
    }

    /// The source of a first key.
    pub(crate) fn chosen(&self) -> KeySource {
        match (self.key_source, &self.passphrase) {
            (Some(source), _) => source,
            (None, Some(passphrase)) if !passphrase.is_empty() => KeySource::Passphrase,
            (None, _) => KeySource::File,
        }
    }
}

/// The source that the user named.
fn asked_for(text: &str) -> Result<KeySource> {
    KeySource::from_word(&text.to_ascii_lowercase()).ok_or_else(|| {
        let message =
            format!("{} is {text:?}, which is no source of a key", CatalogOptions::KEY_SOURCE_VARIABLE);
        Diagnostic::error(Code::Invalid, message).hint("Set it to file, passphrase or keyring, or unset it.")
    })
}

impl KeySource {
    /// The word in the store.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            KeySource::File => "file",
            KeySource::Passphrase => "passphrase",
            KeySource::Keyring => "keyring",
        }
    }

    /// The source with this word.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [KeySource::File, KeySource::Passphrase, KeySource::Keyring]
            .into_iter()
            .find(|source| source.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_named_by_its_word() {
        for source in [KeySource::File, KeySource::Passphrase, KeySource::Keyring] {
            assert_eq!(asked_for(&source.word().to_uppercase()), Ok(source));
        }
        let error = asked_for("vault").expect_err("no such source");
        assert_eq!(error.message(), "FIRTH_KEY_SOURCE is \"vault\", which is no source of a key");
    }
}
