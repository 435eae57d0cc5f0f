//! A web server in this process, over a folder: files as web servers give them, with what some of them lack.

use std::{
    convert::Infallible,
    io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderMap},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};

/// How a server answers.
#[derive(Clone, Debug)]
pub struct WebServerOptions {
    /// Whether parts of files are given. Without it the whole file comes, whatever was asked for.
    pub ranges: bool,
    /// Whether files have an `ETag`, and `If-Match` is looked at.
    pub e_tags: bool,
    /// Whether HEAD is answered.
    pub heads: bool,
    /// What `Authorization` has to be.
    pub authorization: Option<String>,
    /// A header that has to be there, by its name in small letters, and its value.
    pub header: Option<(&'static str, &'static str)>,
    /// Where all requests are sent on to.
    pub redirect: Option<String>,
}

impl Default for WebServerOptions {
    fn default() -> Self {
        WebServerOptions {
            ranges: true,
            e_tags: true,
            heads: true,
            authorization: None,
            header: None,
            redirect: None,
        }
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct WebRequest {
    /// Such as `GET /a/b.csv?x=1`.
    pub line: String,
    /// What stands in `Range`.
    pub range: Option<String>,
    /// Whether there was an `Authorization`.
    pub has_authorization: bool,
    /// The names of all headers, in small letters.
    pub headers: Vec<String>,
}

/// A running server. It ends when this is dropped.
#[derive(Debug)]
pub struct WebServer {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    requests: Arc<Mutex<Vec<WebRequest>>>,
    accepting: JoinHandle<()>,
}

/// What answers: over which folder, and how.
struct Site {
    root: PathBuf,
    options: WebServerOptions,
    requests: Arc<Mutex<Vec<WebRequest>>>,
}

impl WebServer {
    /// Serves `root` on a free port of 127.0.0.1.
    pub async fn start(root: &Path, options: WebServerOptions) -> io::Result<WebServer> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let requests = Arc::<Mutex<Vec<WebRequest>>>::default();
        let site = Arc::new(Site { root: root.to_owned(), options, requests: Arc::clone(&requests) });
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let site = Arc::clone(&site);
                connections.spawn(async move {
                    let answer = service_fn(move |request| {
                        let answer = site.answer(&request);
                        async move { Ok::<_, Infallible>(answer) }
                    });
                    // A client that hangs up is nobody's error.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(socket), answer)
                        .await;
                });
            }
        });
        Ok(WebServer { url, requests, accepting })
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<WebRequest> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Site {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let text = |name| text_of(request.headers(), name);
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(WebRequest {
            line: format!("{} {target}", request.method()),
            range: text(header::RANGE),
            has_authorization: text(header::AUTHORIZATION).is_some(),
            headers: request.headers().keys().map(|name| name.as_str().to_owned()).collect(),
        });
        let mut response = Response::new(Full::default());
        if let Some(place) = &self.options.redirect {
            *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
            let target = format!("{place}{target}").parse().expect("a header");
            response.headers_mut().insert(header::LOCATION, target);
            return response;
        }
        if self.options.authorization.is_some() && text(header::AUTHORIZATION) != self.options.authorization {
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            return response;
        }
        if let Some((name, value)) = self.options.header
            && request.headers().get(name).is_none_or(|given| given != value)
        {
            *response.status_mut() = StatusCode::FORBIDDEN;
            return response;
        }
        if request.method() == Method::HEAD && !self.options.heads {
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            return response;
        }
        let file = self.root.join(request.uri().path().trim_start_matches('/').replace("%20", " "));
        let Ok(bytes) = std::fs::read(file) else {
            *response.status_mut() = StatusCode::NOT_FOUND;
            return response;
        };
        let e_tag = format!("\"{:x}-{}\"", checksum(&bytes), bytes.len());
        if self.options.e_tags {
            if text(header::IF_MATCH).is_some_and(|wanted| wanted != e_tag) {
                *response.status_mut() = StatusCode::PRECONDITION_FAILED;
                return response;
            }
            if text(header::IF_NONE_MATCH).is_some_and(|known| known == e_tag) {
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                return response;
            }
            response.headers_mut().insert(header::ETAG, e_tag.parse().expect("a header"));
        }
        let mut part = Bytes::from(bytes);
        if let Some((first, last)) =
            text(header::RANGE).filter(|_| self.options.ranges).and_then(|range| bounds(&range, part.len()))
        {
            if first >= part.len() {
                *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
                return response;
            }
            let range = format!("bytes {first}-{last}/{}", part.len()).parse().expect("a header");
            response.headers_mut().insert(header::CONTENT_RANGE, range);
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            part = part.slice(first..=last);
        }
        response.headers_mut().insert(header::CONTENT_LENGTH, part.len().into());
        if request.method() != Method::HEAD {
            *response.body_mut() = Full::new(part);
        }
        response
    }
}

fn text_of(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// The first and the last byte that `bytes=1-2`, `bytes=1-` or `bytes=-2` asks for.
fn bounds(range: &str, size: usize) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let end = size.saturating_sub(1);
    if first.is_empty() {
        return Some((size.saturating_sub(last.parse().ok()?), end));
    }
    let last = if last.is_empty() { end } else { last.parse::<usize>().ok()?.min(end) };
    Some((first.parse().ok()?, last))
}

fn checksum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
