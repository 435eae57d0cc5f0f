//! Sealing: how secrets are stored.
//!
//! A secret is encrypted with XChaCha20-Poly1305 under one key per catalog and a random nonce. Its
//! associated data say where it belongs (see `Place`), so that a sealed secret copied to another
//! connection, option, version or endpoint does not open.
//!
//! Where the key comes from is chosen when the first secret is stored, and recorded beside a check
//! value that tells a wrong key before any secret is touched. A key is read or derived when a secret is
//! first sealed or opened, and never made anew for a catalog that has one.

mod cipher;
mod key_file;
mod keyring;
mod options;
mod passphrase;

#[cfg(test)]
mod tests;

use std::sync::{Mutex, PoisonError};

use firth_diagnostic::Result;
use rusqlite::Connection;

pub(crate) use cipher::{Place, SealingKey, endpoint};
pub use options::{CatalogOptions, KeySource};
pub(crate) use passphrase::Derivation;

use crate::{
    error::{self, StoreError, StoreResult},
    home::Home,
    store::sealing_key::{self, KeyRecord},
};

/// The key of one opened catalog, once it is needed.
pub(crate) struct Sealing {
    home: Home,
    options: CatalogOptions,
    /// Whether nothing may be left behind: the first key is then this process's alone.
    is_rehearsal: bool,
    /// The key and the check value it passed: of use as long as the recorded one is the same.
    known: Mutex<Option<(Vec<u8>, SealingKey)>>,
}

impl Sealing {
    pub(crate) fn new(home: Home, options: CatalogOptions) -> Self {
        Sealing { home, options, is_rehearsal: false, known: Mutex::new(None) }
    }

    /// Sealing that makes no key file, and tells no keyring.
    pub(crate) fn for_rehearsal(home: Home, options: CatalogOptions) -> Self {
        Sealing { is_rehearsal: true, ..Self::new(home, options) }
    }

    /// The key that this catalog's secrets are sealed with.
    pub(crate) fn key(&self, connection: &Connection) -> StoreResult<SealingKey> {
        match sealing_key::read(connection)? {
            Some(record) => Ok(self.recorded(&record)?),
            None => {
                Err(StoreError::stored("sealing_key", "there are sealed secrets, but no record of a key"))
            }
        }
    }

    /// The key, or the first one. The caller's transaction must be a writing one: it keeps other
    /// shells from choosing at the same time.
    pub(crate) fn key_or_first(&self, connection: &Connection) -> StoreResult<SealingKey> {
        if let Some(record) = sealing_key::read(connection)? {
            return Ok(self.recorded(&record)?);
        }
        let (record, key) = self.first()?;
        sealing_key::insert(connection, &record)?;
        self.remember(record.check, &key);
        Ok(key)
    }

    fn first(&self) -> Result<(KeyRecord, SealingKey)> {
        if self.is_rehearsal {
            let key = SealingKey::random()?;
            let check = key.check_value()?;
            return Ok((KeyRecord { source: KeySource::File, derivation: None, check }, key));
        }
        let source = self.options.chosen();
        let (derivation, key) = match source {
            KeySource::File => (None, key_file::read_or_create(&self.home)?),
            KeySource::Passphrase => {
                let derivation = Derivation::fresh()?;
                let key = derivation.derive(self.passphrase()?)?;
                (Some(derivation), key)
            }
            KeySource::Keyring => (None, SealingKey::random()?),
        };
        let check = key.check_value()?;
        if source == KeySource::Keyring {
            keyring::store(&check, &key)?;
        }
        Ok((KeyRecord { source, derivation, check }, key))
    }

    fn recorded(&self, record: &KeyRecord) -> Result<SealingKey> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((check, key)) = known
            && check == record.check
        {
            return Ok(key);
        }
        let database = self.home.database();
        let (key, wrong) = match (record.source, &record.derivation) {
            (KeySource::File, _) => {
                (key_file::read(&self.home)?, error::wrong_key(&self.home.key(), &database))
            }
            (KeySource::Passphrase, Some(derivation)) => {
                (derivation.derive(self.passphrase()?)?, error::wrong_passphrase(&database))
            }
            (KeySource::Passphrase, None) => {
                return Err(StoreError::stored("sealing_key", "no salt").into_diagnostic(&database));
            }
            (KeySource::Keyring, _) => {
                (keyring::read(&record.check, &database)?, error::wrong_key_in_keyring(&database))
            }
        };
        if !key.passes(&record.check) {
            return Err(wrong);
        }
        self.remember(record.check.clone(), &key);
        Ok(key)
    }

    fn passphrase(&self) -> Result<&firth_diagnostic::Secret> {
        let given = self.options.passphrase.as_ref().filter(|passphrase| !passphrase.is_empty());
        given.ok_or_else(|| error::passphrase_needed(&self.home.database()))
    }

    fn remember(&self, check: Vec<u8>, key: &SealingKey) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((check, key.clone()));
    }
}
