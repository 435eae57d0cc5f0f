//! The key, the cipher, and the associated data that bind a sealed secret to its place.

use std::sync::Arc;

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use firth_connector::{OptionValue, Options};
use firth_diagnostic::{Diagnostic, Result, Secret};
use uuid::Uuid;
use zeroize::{Zeroize, Zeroizing};

/// Changes if what is bound or how it is written down changes.
const DOMAIN: &[u8] = b"firth sealed secret 1";
const CHECK: &[u8] = b"firth key check 1";

const NONCE: usize = 24;

/// A sealing key. Copies share one memory, which is wiped with the last of them.
#[derive(Clone)]
pub(crate) struct SealingKey(Arc<Zeroizing<[u8; SealingKey::LENGTH]>>);

impl SealingKey {
    pub(crate) const LENGTH: usize = 32;

    pub(crate) fn new(bytes: Zeroizing<[u8; Self::LENGTH]>) -> Self {
        SealingKey(Arc::new(bytes))
    }

    /// A key that nobody can guess.
    pub(crate) fn random() -> Result<Self> {
        let mut bytes = Zeroizing::new([0; Self::LENGTH]);
        fill_random(bytes.as_mut_slice())?;
        Ok(Self::new(bytes))
    }

    /// The key itself: for writing it to the key file.
    pub(crate) fn expose_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// Seals a secret for one place. Never gives the same bytes twice.
    pub(crate) fn seal(&self, secret: &Secret, place: &Place<'_>) -> Result<Vec<u8>> {
        self.encrypt(secret.expose_secret().as_bytes(), &place.associated_data())
    }

    /// Opens what was sealed for this place under this key; anything else is `None`.
    pub(crate) fn open(&self, sealed: &[u8], place: &Place<'_>) -> Option<Secret> {
        let plaintext = self.decrypt(sealed, &place.associated_data())?;
        match String::from_utf8(plaintext) {
            // The text keeps its memory, which the secret wipes in the end.
            Ok(text) => Some(Secret::new(text)),
            Err(error) => {
                error.into_bytes().zeroize();
                None
            }
        }
    }

    /// A value that only this key passes. Says nothing about the key.
    pub(crate) fn check_value(&self) -> Result<Vec<u8>> {
        self.encrypt(b"", CHECK)
    }

    /// Whether `check` came from this key.
    pub(crate) fn passes(&self, check: &[u8]) -> bool {
        self.decrypt(check, CHECK).is_some()
    }

    fn encrypt(&self, plaintext: &[u8], associated: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE];
        fill_random(&mut nonce)?;
        let payload = Payload { msg: plaintext, aad: associated };
        let ciphertext = self
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| Diagnostic::internal("a secret is too long to seal"))?;
        Ok([&nonce, ciphertext.as_slice()].concat())
    }

    fn decrypt(&self, sealed: &[u8], associated: &[u8]) -> Option<Vec<u8>> {
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE>()?;
        let payload = Payload { msg: ciphertext, aad: associated };
        self.cipher().decrypt(&XNonce::from(*nonce), payload).ok()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.expose_bytes().into())
    }
}

fn fill_random(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes)
        .map_err(|error| Diagnostic::internal(format!("the operating system has no random numbers: {error}")))
}

/// Where a sealed secret belongs: its associated data.
///
/// It opens only in the same connection, for the same option, at the same version of the record, and
/// while the record leads to the same endpoint over the same kind of connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// The connection's identity.
    pub(crate) connection: Uuid,
    /// The connection's version.
    pub(crate) version: u64,
    /// The connection type …
    pub(crate) connection_type: &'a str,
    /// … and what chose it among its namesakes.
    pub(crate) when: Option<(&'a str, &'a str)>,
    /// The options that say where the connection leads, in canonical text.
    pub(crate) endpoint: &'a [(&'a str, String)],
    /// The option whose value is sealed.
    pub(crate) option: &'a str,
}

impl Place<'_> {
    /// Every part with its length before it, so that no two places give the same bytes.
    fn associated_data(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut part = |part: &[u8]| {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part);
        };
        part(DOMAIN);
        part(self.connection.as_bytes());
        part(&self.version.to_le_bytes());
        part(self.option.as_bytes());
        part(self.connection_type.as_bytes());
        part(&[u8::from(self.when.is_some())]);
        let (key, value) = self.when.unwrap_or_default();
        part(key.as_bytes());
        part(value.as_bytes());
        part(&(self.endpoint.len() as u64).to_le_bytes());
        for (name, text) in self.endpoint {
            part(name.as_bytes());
            part(text.as_bytes());
        }
        bytes
    }
}

/// The canonical text of every endpoint option that was given, by name.
///
/// Defaults are left out: a later Firth may have others, and they are not in the store to be changed.
pub(crate) fn endpoint(options: &Options) -> Vec<(&'static str, String)> {
    let is_endpoint = |name: &str| options.specs().iter().any(|spec| spec.endpoint && spec.name == name);
    options
        .given()
        .filter(|(name, _)| is_endpoint(name))
        .map(|(name, value)| (name, canonical_text(value)))
        .collect()
}

fn canonical_text(value: &OptionValue) -> String {
    match value {
        OptionValue::String(text) => format!("STRING {text}"),
        OptionValue::Int64(number) => format!("INT64 {number}"),
        OptionValue::Bool(value) => format!("BOOL {value}"),
        OptionValue::Strings(texts) => {
            let lengths: Vec<String> = texts.iter().map(|text| format!("{}:{text}", text.len())).collect();
            format!("STRINGS {}", lengths.concat())
        }
        // A secret that is an endpoint too, such as a connection string, is sealed under its own place.
        OptionValue::Secret(_) => "SECRET".to_owned(),
    }
}
