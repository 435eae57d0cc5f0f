//! Answers to listings: read to their end before anybody sees them, so that one that broke off is asked for again.
//!
//! The stores' client asks again for what failed before an answer began, and for the rest of an object. A page of a
//! listing that breaks off within is neither.

use std::fmt;

use bytes::Bytes;
use object_store::client::{HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody};

/// Whether a request asks for a page of a listing.
pub(super) fn is_listing(request: &HttpRequest) -> bool {
    let query = request.uri().query().unwrap_or_default();
    // S3 and Cloud Storage say the one, Azure the other.
    request.method().as_str() == "GET"
        && query.split('&').any(|part| part == "list-type=2" || part == "comp=list")
}

/// `response` with its whole body, or why it is not whole.
pub(super) async fn whole(response: HttpResponse) -> Result<HttpResponse, HttpError> {
    if !response.status().is_success() {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = body.bytes().await?;
    if !ends_as_it_begins(&body) {
        return Err(HttpError::new(HttpErrorKind::Interrupted, BrokeOff));
    }
    Ok(HttpResponse::from_parts(parts, HttpResponseBody::from(body)))
}

/// Whether a document ends with the element that it begins with. What is no such document is not judged.
fn ends_as_it_begins(body: &Bytes) -> bool {
    let Ok(text) = std::str::from_utf8(body) else { return true };
    let mut rest = text;
    let name = loop {
        let Some((_, tag)) = rest.split_once('<') else { return true };
        if tag.starts_with(|first: char| first.is_ascii_alphabetic()) {
            let end = tag.find(|character: char| character.is_whitespace() || "/>".contains(character));
            break end.map_or(tag, |end| &tag[..end]);
        }
        rest = tag;
    };
    let text = text.trim_end();
    text.ends_with(&format!("</{name}>")) || text.ends_with("/>") && text.matches('<').count() <= 2
}

/// A listing that ends before its time.
#[derive(Debug)]
struct BrokeOff;

impl fmt::Display for BrokeOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the listing broke off")
    }
}

impl std::error::Error for BrokeOff {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_that_was_cut_is_seen() {
        let whole = |text: &'static str| ends_as_it_begins(&Bytes::from_static(text.as_bytes()));
        let listing =
            "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"x\"><Key>a</Key></ListBucketResult>\n";
        assert!(whole(listing));
        assert!(whole("<?xml version=\"1.0\"?><EnumerationResults/>"));
        assert!(whole("{}") && whole(""), "no such document");
        let content = "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"x\">".len();
        for end in content..listing.trim_end().len() {
            assert!(!whole(&listing[..end]), "{}", &listing[..end]);
        }
    }
}
