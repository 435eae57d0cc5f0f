//! Reading uris of objects: scheme, bucket, key.
//!
//! Keys are raw: nothing in them is percent-decoded, so that a key with a `%` or a space is written as
//! it is. Repeated slashes count as one, because the stores' client has no empty path segments.

use firth_connector::ObjectLocation;
use firth_diagnostic::{Code, Diagnostic, Result, did_you_mean};
use object_store::path::Path;

/// A uri cut into scheme, authority and the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Uri<'a> {
    /// The whole text, for messages.
    pub(super) text: &'a str,
    /// In the spelling of the connector's list.
    pub(super) scheme: &'static str,
    /// What stands between `://` and the next slash.
    pub(super) authority: &'a str,
    /// What stands after that slash.
    pub(super) path: &'a str,
}

impl<'a> Uri<'a> {
    /// Cuts `text`, whose scheme must be one of `schemes`.
    pub(super) fn parse(text: &'a str, schemes: &[&'static str]) -> Result<Self> {
        let Some((scheme, rest)) = text.split_once("://") else {
            let example = format!("Write it as '{}://…'.", schemes[0]);
            return Err(invalid(text, "is not a uri").hint(example));
        };
        let Some(known) = schemes.iter().find(|known| known.eq_ignore_ascii_case(scheme)) else {
            let hint = match did_you_mean(scheme, schemes.iter().copied()) {
                Some(near) => format!("Did you mean '{near}://'?"),
                None => format!("This connection reads {}.", listed(schemes)),
            };
            return Err(invalid(text, "is of another kind than the connection").hint(hint));
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        Ok(Uri { text, scheme: known, authority, path })
    }

    /// The place in `bucket` that `key` names.
    pub(super) fn location(&self, bucket: &str, key: &str) -> Result<ObjectLocation> {
        if bucket.is_empty() {
            return Err(invalid(self.text, "names no bucket"));
        }
        if bucket.contains('*') {
            return Err(invalid(self.text, "has a * in its bucket").hint("A * may stand in the key only."));
        }
        // A bucket becomes a part of a host name and of a url.
        if !bucket.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'$'))
            || bucket.starts_with('.')
        {
            return Err(invalid(self.text, "names a bucket that cannot exist")
                .hint("Buckets are named with letters, digits, dashes, underscores and dots."));
        }
        Ok(ObjectLocation { bucket: bucket.to_owned(), key: key_of(self.text, key)? })
    }
}

/// The key as the store names it: without empty segments, except that a slash at the end stays.
pub(super) fn key_of(uri: &str, key: &str) -> Result<String> {
    if key.matches('*').count() > 1 {
        return Err(invalid(uri, "has more than one *").hint("One * matches any characters, slashes too."));
    }
    let mut collapsed = key.split('/').filter(|segment| !segment.is_empty()).collect::<Vec<_>>().join("/");
    if let Err(error) = Path::parse(&collapsed) {
        let why = match collapsed.split('/').find(|segment| matches!(*segment, "." | "..")) {
            Some(segment) => format!("has {segment:?} as a part of its key"),
            None => "has a control character in its key".to_owned(),
        };
        return Err(invalid(uri, &why).detail(error.to_string().replace(char::is_control, " ")));
    }
    if key.ends_with('/') && !collapsed.is_empty() {
        collapsed.push('/');
    }
    Ok(collapsed)
}

/// A uri that does not fit. `why` completes the sentence.
pub(super) fn invalid(uri: &str, why: &str) -> Diagnostic {
    Diagnostic::error(Code::Invalid, format!("uri {uri:?} {why}"))
}

fn listed(schemes: &[&str]) -> String {
    schemes.iter().map(|scheme| format!("'{scheme}://'")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> String {
        match key_of("s3://b/…", text) {
            Ok(key) => key,
            Err(error) => format!("error: {}", error.message()),
        }
    }

    #[test]
    fn keys_are_raw() {
        for raw in ["a b/c", "a%20b", "a%2Fb", "é/ü.csv", "a?b#c", "a=1/b=2/*.parquet", "a+b&c", "100%"] {
            assert_eq!(key(raw), raw);
            assert_eq!(Path::parse(key(raw)).expect("a path").as_ref(), raw);
        }
    }

    #[test]
    fn several_slashes_are_one() {
        assert_eq!(key("a//b///c.csv"), "a/b/c.csv");
        assert_eq!(key("/a"), "a");
        assert_eq!(key("a//"), "a/");
        assert_eq!(key("//"), "");
    }

    #[test]
    fn what_cannot_be_a_key_is_refused() {
        assert_eq!(key("a/../b"), "error: uri \"s3://b/…\" has \"..\" as a part of its key");
        assert_eq!(key("./b"), "error: uri \"s3://b/…\" has \".\" as a part of its key");
        assert_eq!(key("a\u{1}b"), "error: uri \"s3://b/…\" has a control character in its key");
        assert_eq!(key("*/*"), "error: uri \"s3://b/…\" has more than one *");
    }
}
