//! The HTTP of OpenDAL's services: the same client, with the same patience, as that of the other object stores.
//!
//! Redirects are followed, without credentials where they lead to another host.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use firth_diagnostic::{Code, Diagnostic};
use futures::Stream;
use http::{Request, Response};
use http_body::Body;
use object_store::client::{
    HttpClient, HttpConnector as _, HttpError, HttpErrorKind, HttpRequest, HttpResponseBody,
};
use opendal::{Buffer, Error, ErrorKind, HttpBody, HttpTransport};

use url::Url;

use crate::http_client::client::{Patience, client_options};

/// A client that is made once for each connection.
pub(super) struct Transport {
    client: HttpClient,
    /// What the connection leads to, for messages.
    place: String,
}

impl Transport {
    /// `plain_http` allows requests without TLS.
    pub(super) fn new(patience: Patience, plain_http: bool, place: String) -> object_store::Result<Self> {
        Ok(Transport { client: patience.connector().connect(&client_options(plain_http))?, place })
    }
}

impl HttpTransport for Transport {
    async fn fetch(&self, request: Request<Buffer>) -> opendal::Result<Response<HttpBody>> {
        // The client would panic: a bucket in front of an address makes no host.
        if Url::parse(&request.uri().to_string()).is_err() {
            let told = Diagnostic::error(
                Code::Invalid,
                format!("{:?} makes no url with the connection's bucket", self.place),
            )
            .hint("The bucket becomes a part of the host's name: give an endpoint that has one.");
            return Err(Error::new(ErrorKind::ConfigInvalid, "no url").set_source(told));
        }
        let (parts, body) = request.into_parts();
        // What answers HEAD has the length of a body and no body.
        let is_head = parts.method == http::Method::HEAD;
        let request = HttpRequest::from_parts(parts, body.to_bytes().into());
        let answer = self.client.execute(request).await.map_err(failed)?;
        let (parts, body) = answer.into_parts();
        if parts.status == http::StatusCode::UNAUTHORIZED {
            // The services have no kind of error for it.
            let place = &self.place;
            let told = Diagnostic::error(
                Code::Unauthenticated,
                format!("the server of {place:?} does not accept the connection's credential"),
            )
            .hint("Check it for typing errors; `ALTER CONNECTION … SET OPTIONS (…)` gives a stored connection another one.");
            return Err(Error::new(ErrorKind::PermissionDenied, "not authenticated").set_source(told));
        }
        let length = parts.headers.get(http::header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok()).filter(|_| !is_head);
        Ok(Response::from_parts(parts, HttpBody::new(Pieces(body), length)))
    }
}

/// A body as it comes.
struct Pieces(HttpResponseBody);

impl Stream for Pieces {
    type Item = opendal::Result<Buffer>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            return match Pin::new(&mut self.0).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(bytes) => Poll::Ready(Some(Ok(Buffer::from(bytes)))),
                    // Headers that come after the body say nothing here.
                    Err(_) => continue,
                },
                Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(failed(error)))),
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            };
        }
    }
}

/// The client's failure, kept as the source: [`firth_connector::object_error`] has words for it.
fn failed(error: HttpError) -> Error {
    let may_pass = matches!(
        error.kind(),
        HttpErrorKind::Connect | HttpErrorKind::Interrupted | HttpErrorKind::Timeout | HttpErrorKind::Request
    );
    let told = Error::new(ErrorKind::Unexpected, "the request failed").set_source(error);
    if may_pass { told.set_temporary() } else { told }
}
