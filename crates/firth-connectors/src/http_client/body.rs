//! The body of an answer, watched: it comes whole, and does not stand still for ever.
//!
//! HTTP ends some bodies by closing the connection, and a proxy on the way may shorten one. A reader
//! of rows would take what has come for the whole. What is found here is an error of the client's kind, so
//! that its retries ask again for what is missing.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use object_store::client::{HttpError, HttpErrorKind, HttpResponse, HttpResponseBody};
use tokio::time::Sleep;

/// `response`, whose body fails if it is shorter than its headers say, or if nothing comes for `still`.
pub(super) fn watched(response: HttpResponse, still: Duration) -> HttpResponse {
    let promised = promised(&response);
    let (parts, inner) = response.into_parts();
    let body = WatchedBody { inner, promised, read: 0, still, waiting: None, is_over: false };
    HttpResponse::from_parts(parts, HttpResponseBody::new(body))
}

/// How long a body is, by its headers. The range goes first: it is what the store meant.
fn promised(response: &HttpResponse) -> Option<u64> {
    let header = |name: &str| response.headers().get(name)?.to_str().ok();
    let range = || {
        let (first, last) =
            header("content-range")?.strip_prefix("bytes ")?.split_once('/')?.0.split_once('-')?;
        (last.trim().parse::<u64>().ok()? + 1).checked_sub(first.trim().parse().ok()?)
    };
    match response.status().as_u16() {
        206 => range(),
        _ => header("content-length")?.parse().ok(),
    }
}

struct WatchedBody {
    inner: HttpResponseBody,
    promised: Option<u64>,
    read: u64,
    still: Duration,
    /// Runs while the reader waits, and not while the reader is busy elsewhere.
    waiting: Option<Pin<Box<Sleep>>>,
    is_over: bool,
}

impl WatchedBody {
    fn fail(&mut self, error: HttpError) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        self.is_over = true;
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for WatchedBody {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        match Pin::new(&mut this.inner).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                this.waiting = None;
                this.read += frame.data_ref().map_or(0, |bytes| bytes.len() as u64);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) if error.kind() == HttpErrorKind::Timeout => this.fail(error),
            Poll::Ready(Some(Err(error))) => this.fail(HttpError::new(HttpErrorKind::Interrupted, error)),
            Poll::Ready(None) => match this.promised {
                Some(promised) if this.read < promised => {
                    let cut = CutShort { read: this.read, promised };
                    this.fail(HttpError::new(HttpErrorKind::Interrupted, cut))
                }
                Some(_) | None => Poll::Ready(None),
            },
            Poll::Pending => {
                let still = this.still;
                let waiting = this.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(still)));
                match waiting.as_mut().poll(context) {
                    Poll::Ready(()) => this.fail(HttpError::new(HttpErrorKind::Timeout, StoodStill)),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A body that ended before its time.
#[derive(Debug)]
struct CutShort {
    read: u64,
    promised: u64,
}

impl fmt::Display for CutShort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes came", self.read, self.promised)
    }
}

impl std::error::Error for CutShort {}

/// A body of which nothing more came.
#[derive(Debug)]
struct StoodStill;

impl fmt::Display for StoodStill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer stood still")
    }
}

impl std::error::Error for StoodStill {}

#[cfg(test)]
mod tests {
    use super::*;

    /// These bytes, and then the end or, if it stands still, nothing.
    struct Given {
        bytes: Option<&'static [u8]>,
        stands_still: bool,
    }

    impl Body for Given {
        type Data = Bytes;
        type Error = HttpError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
            match self.bytes.take() {
                Some(bytes) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(bytes))))),
                None if self.stands_still => Poll::Pending,
                None => Poll::Ready(None),
            }
        }
    }

    async fn read(status: u16, header: (&'static str, &str), given: Given) -> Result<Bytes, HttpErrorKind> {
        let mut response = HttpResponse::new(HttpResponseBody::new(given));
        *response.status_mut() = status.try_into().expect("a status");
        response.headers_mut().insert(header.0, header.1.parse().expect("a header"));
        let still = Duration::from_millis(10);
        watched(response, still).into_body().bytes().await.map_err(|error| error.kind())
    }

    fn ends(bytes: &'static [u8]) -> Given {
        Given { bytes: Some(bytes), stands_still: false }
    }

    #[tokio::test]
    async fn a_body_is_whole_or_an_error() {
        let whole = Ok(Bytes::from_static(b"12345"));
        assert_eq!(read(206, ("content-range", "bytes 10-14/99"), ends(b"12345")).await, whole);
        assert_eq!(read(200, ("content-length", "5"), ends(b"12345")).await, whole);
        assert_eq!(read(200, ("x-nothing", "5"), ends(b"12345")).await, whole);
        let cut = Err(HttpErrorKind::Interrupted);
        assert_eq!(read(206, ("content-range", "bytes 10-15/99"), ends(b"12345")).await, cut);
        assert_eq!(read(200, ("content-length", "6"), ends(b"12345")).await, cut);
    }

    #[tokio::test]
    async fn a_body_that_stands_still_is_given_up() {
        let given = Given { bytes: Some(b"123"), stands_still: true };
        assert_eq!(read(200, ("content-length", "5"), given).await, Err(HttpErrorKind::Timeout));
    }
}
