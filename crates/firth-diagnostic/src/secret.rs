//! Plaintext secrets, which show themselves to nobody by accident.

use std::fmt;

use zeroize::Zeroizing;

/// A plaintext secret: a password, a key, a token.
///
/// It has no `Display` and no serialisation, its `Debug` is a placeholder, and its memory is wiped
/// when dropped. The one way to the text is [`Secret::expose_secret`], a name that is easy to grep
/// for. Copies that a client library makes of the exposed text are that library's.
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// What is printed where a secret stands.
    pub const PLACEHOLDER: &'static str = "***";

    /// Wraps a plaintext.
    pub fn new(plaintext: impl Into<String>) -> Self {
        Secret(Zeroizing::new(plaintext.into()))
    }

    /// The plaintext. Only for handing it to sealing or to a source's client.
    pub fn expose_secret(&self) -> &str {
        &self.0
    }

    /// Whether the secret is the empty text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Two secrets are equal if their texts are. Takes the same time for every pair of one length.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (self.0.as_bytes(), other.0.as_bytes());
        a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
    }
}

impl Eq for Secret {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_a_placeholder() {
        let shown = format!("{:?} {:#?}", Secret::new("hunter2"), Some(Secret::new("hunter2")));
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("***"), "{shown}");
    }

    #[test]
    fn equality_is_by_text() {
        assert_eq!(Secret::new("a"), Secret::new("a"));
        assert_ne!(Secret::new("a"), Secret::new("b"));
        assert_ne!(Secret::new("a"), Secret::new("aa"));
    }
}
