//! The key from a passphrase, by Argon2id.

use argon2::{Algorithm, Argon2, Params, Version};
use firth_diagnostic::{Code, Diagnostic, Result, Secret};
use zeroize::Zeroizing;

use super::SealingKey;

/// How a key comes from a passphrase: recorded in the database, so that the cost can rise later
/// without locking anybody out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Derivation {
    pub(crate) salt: Vec<u8>,
    pub(crate) memory_kib: u32,
    pub(crate) passes: u32,
    pub(crate) lanes: u32,
}

impl Derivation {
    /// Today's cost, with a new salt.
    pub(crate) fn fresh() -> Result<Self> {
        let mut salt = vec![0; 16];
        getrandom::fill(&mut salt).map_err(|error| {
            Diagnostic::internal(format!("the operating system has no random numbers: {error}"))
        })?;
        Ok(Derivation { salt, memory_kib: 64 * 1024, passes: 3, lanes: 1 })
    }

    /// The key. Takes its time, and the memory it says.
    pub(crate) fn derive(&self, passphrase: &Secret) -> Result<SealingKey> {
        // What is recorded is not trusted with this machine's memory.
        if self.memory_kib > 1024 * 1024 || self.passes > 64 || self.lanes > 64 {
            return Err(unusable("its cost is beyond all reason"));
        }
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(SealingKey::LENGTH))
            .map_err(|error| unusable(&error.to_string()))?;
        let mut bytes = Zeroizing::new([0; SealingKey::LENGTH]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.expose_secret().as_bytes(), &self.salt, bytes.as_mut_slice())
            .map_err(|error| unusable(&error.to_string()))?;
        Ok(SealingKey::new(bytes))
    }
}

fn unusable(why: &str) -> Diagnostic {
    Diagnostic::error(Code::BadData, "the catalog's record of how its key is derived cannot be used")
        .detail(why.to_owned())
        .hint("It was changed by something other than Firth. Restore the catalog from a backup.")
}
