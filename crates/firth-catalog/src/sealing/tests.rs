//! The law of sealing: what is sealed opens with the same key in the same place, and nowhere else.

use firth_diagnostic::Secret;
use proptest::prelude::*;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Place, SealingKey};

/// A place that owns its parts.
#[derive(Clone, Debug, PartialEq)]
struct Somewhere {
    connection: u128,
    version: u64,
    connection_type: String,
    when: Option<(String, String)>,
    endpoint: Vec<(String, String)>,
    option: String,
}

impl Somewhere {
    fn with<T>(&self, work: impl FnOnce(&Place<'_>) -> T) -> T {
        let endpoint: Vec<(&str, String)> =
            self.endpoint.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
        work(&Place {
            connection: Uuid::from_u128(self.connection),
            version: self.version,
            connection_type: &self.connection_type,
            when: self.when.as_ref().map(|(option, value)| (option.as_str(), value.as_str())),
            endpoint: &endpoint,
            option: &self.option,
        })
    }
}

fn seal(key: &SealingKey, text: &str, place: &Somewhere) -> Vec<u8> {
    place.with(|place| key.seal(&Secret::new(text), place)).expect("sealed")
}

fn open(key: &SealingKey, sealed: &[u8], place: &Somewhere) -> Option<String> {
    place.with(|place| key.open(sealed, place)).map(|secret| secret.expose_secret().to_owned())
}

/// A key whose bytes are shown when a case fails.
fn key(bytes: [u8; 32]) -> SealingKey {
    SealingKey::new(Zeroizing::new(bytes))
}

// Few letters and short texts, so that two places often differ only in where one part ends.
fn somewhere() -> impl Strategy<Value = Somewhere> {
    let text = "[ab]{0,2}";
    let pairs = prop::collection::vec((text, text), 0..3);
    (0..2_u128, 1..3_u64, text, prop::option::of((text, text)), pairs, text).prop_map(
        |(connection, version, connection_type, when, endpoint, option)| Somewhere {
            connection,
            version,
            connection_type,
            when,
            endpoint,
            option,
        },
    )
}

proptest! {
    #[test]
    fn what_is_sealed_opens_to_itself(bytes in any::<[u8; 32]>(), text in any::<String>(), place in somewhere()) {
        let key = key(bytes);
        prop_assert_eq!(open(&key, &seal(&key, &text, &place), &place), Some(text));
    }

    #[test]
    fn it_opens_in_no_other_place(bytes in any::<[u8; 32]>(), here in somewhere(), there in somewhere()) {
        let key = key(bytes);
        let sealed = seal(&key, "secret", &here);
        prop_assert_eq!(open(&key, &sealed, &there).is_some(), here == there);
    }

    #[test]
    fn it_opens_with_no_other_key(bytes in any::<[u8; 32]>(), bit in 0..256_usize, place in somewhere()) {
        let key = key(bytes);
        let mut other = bytes;
        other[bit / 8] ^= 1_u8 << (bit % 8);
        let other = self::key(other);
        prop_assert_eq!(open(&other, &seal(&key, "secret", &place), &place), None);
        prop_assert!(!other.passes(&key.check_value().expect("made")));
        prop_assert!(key.passes(&key.check_value().expect("made")));
    }

    #[test]
    fn a_flipped_bit_or_a_lost_end_is_noticed(
        text in "[ -~]{0,40}", place in somewhere(), at in any::<prop::sample::Index>(), bit in 0..8_u8,
    ) {
        let key = SealingKey::random().expect("random");
        let sealed = seal(&key, &text, &place);
        let mut flipped = sealed.clone();
        flipped[at.index(sealed.len())] ^= 1_u8 << bit;
        prop_assert_eq!(open(&key, &flipped, &place), None);
        prop_assert_eq!(open(&key, &sealed[..at.index(sealed.len())], &place), None);
    }

    #[test]
    fn ciphertext_never_holds_the_plaintext(text in "[ -~]{8,64}", place in somewhere()) {
        let key = SealingKey::random().expect("random");
        let sealed = seal(&key, &text, &place);
        prop_assert!(!sealed.windows(8).any(|window| text.as_bytes().windows(8).any(|part| part == window)));
        prop_assert_ne!(seal(&key, &text, &place), sealed, "the nonce is new each time");
    }
}

#[test]
fn the_empty_text_is_a_secret_like_any_other() {
    let key = SealingKey::random().expect("random");
    let place = Somewhere {
        connection: 1,
        version: 1,
        connection_type: String::new(),
        when: None,
        endpoint: Vec::new(),
        option: String::new(),
    };
    let sealed = seal(&key, "", &place);
    assert_eq!(sealed.len(), 24 + 16);
    assert_eq!(open(&key, &sealed, &place).as_deref(), Some(""));
    assert!(!key.passes(&sealed), "a secret is not a check value");
    assert_eq!(open(&key, &key.check_value().expect("made"), &place), None, "nor the other way round");
}
