//! Names and metadata of objects, between the XML interface and the JSON one.

use hyper::HeaderMap;
use serde_json::{Map, Value};

/// An object as the XML interface addresses it: `/bucket/a/b.csv`, percent-encoded.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ObjectName {
    pub(super) bucket: String,
    pub(super) object: String,
}

/// First segments of paths that belong to the JSON interface and to the emulator itself.
const RESERVED: [&str; 7] = ["storage", "upload", "download", "b", "_internal", "batch", "resumable"];

impl ObjectName {
    /// The object that `path` addresses in the XML interface, if it does.
    pub(super) fn from_path(path: &str) -> Option<ObjectName> {
        let (bucket, object) = path.strip_prefix('/')?.split_once('/')?;
        if bucket.is_empty() || object.is_empty() || RESERVED.contains(&bucket) {
            return None;
        }
        Some(ObjectName { bucket: decode(bucket), object: decode(object) })
    }

    /// The object that an `x-goog-copy-source` header names: as a path, with or without the first slash.
    pub(super) fn from_copy_source(source: &str) -> Option<ObjectName> {
        Self::from_path(&format!("/{}", source.trim_start_matches('/')))
    }

    /// `b/BUCKET/o/OBJECT`, as the JSON interface addresses it.
    pub(super) fn resource_path(&self) -> String {
        format!("b/{}/o/{}", encode(&self.bucket), encode(&self.object))
    }
}

/// The JSON resource of an object to be written, with what `headers` say about it.
pub(super) fn resource(name: &ObjectName, headers: &HeaderMap) -> Value {
    let mut resource = Map::new();
    resource.insert("name".to_string(), name.object.as_str().into());
    resource.insert("contentType".to_string(), content_type(headers).into());
    for (header, field) in [
        ("cache-control", "cacheControl"),
        ("content-disposition", "contentDisposition"),
        ("content-encoding", "contentEncoding"),
        ("content-language", "contentLanguage"),
        ("x-goog-storage-class", "storageClass"),
    ] {
        if let Some(value) = text(headers, header) {
            resource.insert(field.to_string(), value.into());
        }
    }
    let mut metadata = Map::new();
    for (header, value) in headers {
        if let (Some(key), Ok(value)) = (header.as_str().strip_prefix("x-goog-meta-"), value.to_str()) {
            metadata.insert(key.to_string(), value.into());
        }
    }
    if !metadata.is_empty() {
        resource.insert("metadata".to_string(), metadata.into());
    }
    Value::Object(resource)
}

fn content_type(headers: &HeaderMap) -> &str {
    text(headers, "content-type").unwrap_or("application/octet-stream")
}

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The value of `name` in a query string; empty if it stands there without one.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then(|| decode(value))
    })
}

/// Percent-encodes all but unreserved characters, slashes too.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_bucket_and_an_object() {
        let name = ObjectName::from_path("/lake/a%20b/c%2Fd%25.csv").unwrap();
        assert_eq!(name, ObjectName { bucket: "lake".to_string(), object: "a b/c/d%.csv".to_string() });
        assert_eq!(name.resource_path(), "b/lake/o/a%20b%2Fc%2Fd%25.csv");
        assert_eq!(ObjectName::from_copy_source("lake/a%20b%2Fc%2Fd%25%2Ecsv"), Some(name));
    }

    #[test]
    fn paths_of_the_json_interface_are_not_objects() {
        for path in ["/storage/v1/b", "/upload/storage/v1/b/lake/o", "/lake", "/lake/", "/"] {
            assert_eq!(ObjectName::from_path(path), None, "{path}");
        }
    }

    #[test]
    fn a_parameter_may_have_no_value() {
        assert_eq!(parameter("uploads", "uploads").as_deref(), Some(""));
        assert_eq!(parameter("partNumber=2&uploadId=x%2Fy", "uploadId").as_deref(), Some("x/y"));
        assert_eq!(parameter("", "uploads"), None);
    }
}
