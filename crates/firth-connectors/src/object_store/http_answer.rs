//! What a web server's answer says of a file, or why there is none.

use std::ops::Range;

use chrono::{DateTime, Utc};
use firth_diagnostic::{Code, Diagnostic};
use http::{HeaderName, StatusCode, header};
use object_store::{Attribute, Attributes, Error, ObjectMeta, Result, client::HttpResponse, path::Path};

/// An answer with a file, or a part of one.
#[derive(Clone)]
pub(super) struct Answer {
    /// The whole file.
    pub(super) meta: ObjectMeta,
    /// What else is known of it.
    pub(super) attributes: Attributes,
    /// `Last-Modified`, as the server writes it.
    pub(super) modified: Option<String>,
    /// The part that is sent; `None` is all of it.
    pub(super) range: Option<Range<u64>>,
}

impl Answer {
    /// Reads an answer's status and headers.
    pub(super) fn of(location: &Path, response: &HttpResponse) -> Result<Answer> {
        let status = response.status();
        if !matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
            return Err(failure(location, status));
        }
        let header = |name: HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok());
        if let Some(encoding) = header(header::CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
            return Err(said(
                Code::Unsupported,
                format!("the server sends the file in the encoding {encoding:?}, which was not asked for"),
                "Copy the file to this machine or to a store, and read it there.",
            ));
        }
        let (range, size) = match (status, header(header::CONTENT_RANGE)) {
            (StatusCode::PARTIAL_CONTENT, range) => {
                let Some((range, size)) = range.and_then(content_range) else {
                    return Err(said(
                        Code::Remote,
                        "the server answers with a part of the file and does not say with which".to_owned(),
                        "Copy the file to this machine or to a store, and read it there.",
                    ));
                };
                (Some(range), size)
            }
            _ => {
                let Some(size) = header(header::CONTENT_LENGTH).and_then(|size| size.parse().ok()) else {
                    return Err(said(
                        Code::Unsupported,
                        "the server does not say how large the file is".to_owned(),
                        "Copy the file to this machine or to a store, and read it there.",
                    ));
                };
                (None, size)
            }
        };
        let modified = header(header::LAST_MODIFIED).map(str::to_owned);
        let moment = modified.as_deref().and_then(|text| DateTime::parse_from_rfc2822(text).ok());
        let mut attributes = Attributes::new();
        if let Some(content_type) = header(header::CONTENT_TYPE) {
            attributes.insert(Attribute::ContentType, content_type.to_owned().into());
        }
        let meta = ObjectMeta {
            location: location.clone(),
            last_modified: moment.map_or(DateTime::UNIX_EPOCH, |moment| moment.with_timezone(&Utc)),
            size,
            e_tag: header(header::ETAG).map(str::to_owned),
            version: None,
        };
        Ok(Answer { meta, attributes, modified, range })
    }
}

/// `bytes 0-9/100`.
fn content_range(text: &str) -> Option<(Range<u64>, u64)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let size = size.trim().parse().ok()?;
    (first <= last && last < size).then(|| (first..last + 1, size))
}

/// Whether a server that answers so may answer otherwise a little later.
pub(super) fn is_worth_another_try(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502..=504)
}

/// The error in an answer without a file.
fn failure(location: &Path, status: StatusCode) -> Error {
    let (path, source) = (location.to_string(), format!("the server answers with status {status}"));
    let path = path.split('?').next().unwrap_or_default().to_owned();
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => Error::NotFound { path, source: source.into() },
        StatusCode::UNAUTHORIZED => Error::Unauthenticated { path, source: source.into() },
        StatusCode::FORBIDDEN => Error::PermissionDenied { path, source: source.into() },
        StatusCode::PRECONDITION_FAILED => Error::Precondition { path, source: source.into() },
        _ if status.is_redirection() => said(
            Code::Remote,
            format!("the server answers with status {status}, and does not say where the file is"),
            "Check the uri.",
        ),
        _ if is_worth_another_try(status) => said(
            Code::Unreachable,
            format!("the server answers with status {status}"),
            "Run the statement again later.",
        ),
        _ => said(Code::Remote, format!("the server answers with status {status}"), "Check the uri."),
    }
}

fn said(code: Code, message: String, hint: &str) -> Error {
    Error::Generic { store: "HTTP", source: Box::new(Diagnostic::error(code, message).hint(hint)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_files_are_told_by_their_first_and_last_byte() {
        assert_eq!(content_range("bytes 0-9/100"), Some((0..10, 100)));
        for wrong in ["bytes 0-9/*", "bytes 9-0/100", "bytes 0-100/100", "0-9/100", "bytes */100", ""] {
            assert_eq!(content_range(wrong), None, "{wrong}");
        }
    }
}
