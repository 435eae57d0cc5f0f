//! Files of one web server as an object store: HEAD, GET by range, and nothing else.
//!
//! An answer is of the file that was asked for, or an error: `If-Match` goes with every read of a file whose ETag is known, and a body
//! that breaks off is continued where it ended only if the file is the same. A server that does not know ranges answers with
//! the whole file; a small one is kept, and asked for again only if it has changed.

use std::{
    fmt,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use firth_diagnostic::{Code, Diagnostic, Secret};
use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use http::{Method, StatusCode, header};
use object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    },
    path::Path,
};
use url::Url;

use super::{
    http_answer::{Answer, is_worth_another_try},
    http_headers::Headers,
};
use crate::http_client::{
    client::{Patience, client_options},
    limits::Limits,
};

/// A file that a server without ranges is read whole for, at most.
const MOST_WHOLE: u64 = 64 << 20;

/// How often a request is sent on, at most.
const MOST_REDIRECTS: usize = 10;

/// One server.
pub(super) struct HttpStore {
    asker: Arc<Asker>,
    /// The file that a server without ranges answered with last.
    kept: Mutex<Option<Kept>>,
}

/// Sends requests, and sends them again.
struct Asker {
    /// Scheme, host and port.
    origin: String,
    authorization: Option<Secret>,
    /// What else goes to this server only.
    headers: Headers,
    client: HttpClient,
    tries: usize,
    total: Duration,
}

/// A whole file.
#[derive(Clone)]
struct Kept {
    path: Path,
    answer: Answer,
    bytes: Bytes,
}

/// What CHECK CONNECTION learns.
pub(super) struct Asked {
    /// The status.
    pub(super) status: u16,
    /// What the server calls itself.
    pub(super) server: String,
}

/// What goes with a request.
#[derive(Clone, Default)]
struct Wanted {
    range: Option<String>,
    if_match: Option<String>,
    if_none_match: Option<String>,
    if_modified_since: Option<String>,
}

impl HttpStore {
    /// The server of an origin, such as `https://host:port`. Sends nothing.
    pub(super) fn try_new(
        origin: String,
        authorization: Option<Secret>,
        headers: Headers,
        patience: Patience,
        limits: Limits,
    ) -> Result<Self> {
        let plain = origin.starts_with("http://");
        // The client itself takes the credentials that it knows from a request that leaves the server, and no other header.
        let connector = match headers.is_empty() {
            true => patience.connector(),
            false => patience.connector().without_redirects(plain),
        };
        let client = connector.connect(&client_options(plain))?;
        let tries = match patience {
            Patience::OneTry(_) => 1,
            Patience::Persistent(_) => limits.tries,
        };
        let asker = Asker { origin, authorization, headers, client, tries, total: limits.total };
        Ok(HttpStore { asker: Arc::new(asker), kept: Mutex::default() })
    }

    /// Asks for a path, once.
    pub(super) async fn ask(&self, path: &str) -> Result<Asked> {
        let path = Path::parse(path.trim_matches('/')).map_err(Error::from)?;
        let response = self.asker.send(&Method::HEAD, &path, &Wanted::default()).await?;
        let server = response.headers().get(header::SERVER).and_then(|value| value.to_str().ok());
        Ok(Asked { status: response.status().as_u16(), server: server.unwrap_or_default().to_owned() })
    }

    async fn head(&self, location: &Path, wanted: Wanted) -> Result<GetResult> {
        let mut response = self.asker.send(&Method::HEAD, location, &wanted).await?;
        let refused = [
            StatusCode::METHOD_NOT_ALLOWED,
            StatusCode::NOT_IMPLEMENTED,
            // What is signed for GET is not for HEAD.
            StatusCode::FORBIDDEN,
            StatusCode::BAD_REQUEST,
        ];
        let is_sized = response.headers().contains_key(header::CONTENT_LENGTH);
        if refused.contains(&response.status()) || (response.status().is_success() && !is_sized) {
            let first = Wanted { range: Some("bytes=0-0".to_owned()), ..wanted };
            let asked = self.asker.send(&Method::GET, location, &first).await?;
            // A file without bytes has no first one.
            if asked.status() != StatusCode::RANGE_NOT_SATISFIABLE {
                response = asked;
            }
        }
        let answer = Answer::of(location, &response)?;
        Ok(result(answer.meta, answer.attributes, 0..0, stream::empty().boxed()))
    }

    async fn get(&self, location: &Path, range: Option<GetRange>, mut wanted: Wanted) -> Result<GetResult> {
        wanted.range = range.as_ref().map(|range| match range {
            GetRange::Bounded(range) => format!("bytes={}-{}", range.start, range.end.saturating_sub(1)),
            GetRange::Offset(start) => format!("bytes={start}-"),
            GetRange::Suffix(length) => format!("bytes=-{length}"),
        });
        let kept = range.as_ref().and_then(|_| self.kept(location));
        let mut conditional = wanted.clone();
        if let Some(kept) = &kept {
            conditional.if_none_match = kept.answer.meta.e_tag.clone();
            conditional.if_modified_since = kept.answer.modified.clone();
        }
        let response = self.asker.send(&Method::GET, location, &conditional).await?;
        if let (Some(kept), StatusCode::NOT_MODIFIED) = (kept, response.status()) {
            return cut_out(kept, range.as_ref());
        }
        let answer = Answer::of(location, &response)?;
        // A part that is all of it may be answered as the whole.
        let is_part = |range: &&GetRange| {
            range.as_range(answer.meta.size).is_ok_and(|part| part != (0..answer.meta.size))
        };
        if answer.range.is_none()
            && let Some(range) = range.as_ref().filter(is_part)
        {
            let kept = self.whole(location, answer, response).await?;
            return cut_out(kept, Some(range));
        }
        let size = answer.meta.size;
        let sent = answer.range.clone().unwrap_or(0..size);
        if let Some(asked) = range.as_ref().map(|range| range.as_range(size)) {
            let asked = asked.map_err(|error| generic(error.to_string()))?;
            if asked != sent {
                return Err(generic(format!(
                    "the server answers bytes {} to {} where {} to {} were asked for",
                    sent.start, sent.end, asked.start, asked.end
                )));
            }
        }
        let meta = answer.meta.clone();
        let attributes = answer.attributes.clone();
        // The rest of a body that breaks off is asked for by the file's strong name.
        wanted.if_match = meta.e_tag.clone().filter(|tag| !tag.starts_with("W/")).or(wanted.if_match);
        let body = Body {
            asker: Arc::clone(&self.asker),
            location: location.clone(),
            wanted,
            answer,
            rest: sent.clone(),
            tries: 1,
            stream: Some(response.into_body().bytes_stream()),
        };
        Ok(result(meta, attributes, sent, body.into_stream()))
    }

    fn kept(&self, location: &Path) -> Option<Kept> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.as_ref().filter(|kept| kept.path == *location)?;
        (kept.answer.meta.e_tag.is_some() || kept.answer.modified.is_some()).then(|| kept.clone())
    }

    /// The whole file, of a server that was asked for a part.
    async fn whole(&self, location: &Path, answer: Answer, response: HttpResponse) -> Result<Kept> {
        if answer.meta.size > MOST_WHOLE {
            let diagnostic = Diagnostic::error(
                Code::Unsupported,
                format!("the server of {} does not answer with parts of files", self.asker.origin),
            )
            .detail(format!(
                "The file has {} bytes; up to {} MiB are read whole from such a server.",
                answer.meta.size,
                MOST_WHOLE >> 20
            ))
            .hint("Copy the file to this machine or to a store, and read it there.");
            return Err(Error::Generic { store: "HTTP", source: Box::new(diagnostic) });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(answer.meta.size).unwrap_or_default());
        let mut body = response.into_body().bytes_stream();
        while let Some(part) = body.try_next().await.map_err(transport)? {
            bytes.extend_from_slice(&part);
        }
        let kept = Kept { path: location.clone(), answer, bytes: bytes.into() };
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept.clone());
        Ok(kept)
    }
}

impl Asker {
    /// Sends a request until it is answered, or until that is given up. The answer may be a refusal.
    async fn send(&self, method: &Method, path: &Path, wanted: &Wanted) -> Result<HttpResponse> {
        let began = Instant::now();
        let mut tries = 1;
        loop {
            let answer = self.follow(method, path, wanted).await?;
            let is_last = tries >= self.tries || began.elapsed() >= self.total;
            match answer {
                Ok(response) if !is_worth_another_try(response.status()) || is_last => return Ok(response),
                Err(error)
                    if is_last
                        || !matches!(
                            error.kind(),
                            HttpErrorKind::Request | HttpErrorKind::Timeout | HttpErrorKind::Interrupted
                        ) =>
                {
                    return Err(transport(error));
                }
                Ok(_) | Err(_) => {}
            }
            tokio::time::sleep(pause(tries)).await;
            tries += 1;
        }
    }

    /// One request, sent on to where the server says that the file is. Once that is another server, nothing secret goes with it.
    async fn follow(
        &self,
        method: &Method,
        path: &Path,
        wanted: &Wanted,
    ) -> Result<std::result::Result<HttpResponse, HttpError>> {
        let mut url =
            Url::parse(&format!("{}/{path}", self.origin)).map_err(|error| generic(error.to_string()))?;
        let home = url.origin();
        let mut is_home = true;
        for _ in 0..=MOST_REDIRECTS {
            let answer = match self.client.execute(self.request(method, &url, is_home, wanted)?).await {
                Ok(answer) => answer,
                Err(error) => return Ok(Err(error)),
            };
            let to = answer.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
            let Some(to) = to.filter(|_| matches!(answer.status().as_u16(), 301..=303 | 307 | 308)) else {
                return Ok(Ok(answer));
            };
            url = url.join(to).map_err(|_| generic("the server sends on to what is no url".to_owned()))?;
            is_home &= url.origin() == home;
        }
        Err(generic("the server sends on and on".to_owned()))
    }

    fn request(&self, method: &Method, url: &Url, is_home: bool, wanted: &Wanted) -> Result<HttpRequest> {
        let mut request = http::Request::builder()
            .method(method)
            .uri(url.as_str())
            // Bytes are counted as they are stored.
            .header(header::ACCEPT_ENCODING, "identity");
        if let (Some(authorization), true) = (&self.authorization, is_home) {
            let mut value = http::HeaderValue::from_str(authorization.expose_secret())
                .map_err(|_| generic("the credential is no value of a header".to_owned()))?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        let conditions = [
            (header::RANGE, &wanted.range),
            (header::IF_MATCH, &wanted.if_match),
            (header::IF_NONE_MATCH, &wanted.if_none_match),
            (header::IF_MODIFIED_SINCE, &wanted.if_modified_since),
        ];
        for (name, value) in conditions {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let mut request =
            request.body(HttpRequestBody::empty()).map_err(|error| generic(error.to_string()))?;
        if is_home {
            self.headers.add_to(request.headers_mut());
        }
        Ok(request)
    }
}

/// How long to wait after so many tries: from a tenth of a second to ten.
fn pause(tries: usize) -> Duration {
    let doubled = Duration::from_millis(100).saturating_mul(1 << tries.saturating_sub(1).min(7));
    doubled.min(Duration::from_secs(10))
}

/// The body of an answer, continued where it breaks off.
struct Body {
    asker: Arc<Asker>,
    location: Path,
    wanted: Wanted,
    answer: Answer,
    /// What has not come yet.
    rest: Range<u64>,
    tries: usize,
    stream: Option<BoxStream<'static, std::result::Result<Bytes, object_store::client::HttpError>>>,
}

impl Body {
    fn into_stream(self) -> BoxStream<'static, Result<Bytes>> {
        stream::try_unfold(self, |mut body| async move {
            loop {
                let Some(stream) = &mut body.stream else { return Ok(None) };
                match stream.next().await {
                    None => return Ok(None),
                    Some(Ok(bytes)) => {
                        body.rest.start += bytes.len() as u64;
                        return Ok(Some((bytes, body)));
                    }
                    Some(Err(error)) => {
                        let is_last = body.tries >= body.asker.tries;
                        if is_last || body.wanted.if_match.is_none() || body.rest.is_empty() {
                            return Err(transport(error));
                        }
                        tokio::time::sleep(pause(body.tries)).await;
                        body.tries += 1;
                        body.continue_from_here().await?;
                    }
                }
            }
        })
        .boxed()
    }

    async fn continue_from_here(&mut self) -> Result<()> {
        let range = format!("bytes={}-{}", self.rest.start, self.rest.end - 1);
        let wanted = Wanted { range: Some(range), ..self.wanted.clone() };
        let response = self.asker.send(&Method::GET, &self.location, &wanted).await?;
        let answer = Answer::of(&self.location, &response)?;
        if answer.range.as_ref() != Some(&self.rest) || answer.meta.e_tag != self.answer.meta.e_tag {
            return Err(generic("the answer broke off, and the rest of it is not to be had".to_owned()));
        }
        self.stream = Some(response.into_body().bytes_stream());
        Ok(())
    }
}

/// A part of a file that is here as a whole.
fn cut_out(kept: Kept, range: Option<&GetRange>) -> Result<GetResult> {
    let size = kept.bytes.len() as u64;
    let range = match range {
        None => 0..size,
        Some(range) => range.as_range(size).map_err(|error| generic(error.to_string()))?,
    };
    let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(kept.bytes.len());
    let part = kept.bytes.slice(index(range.start)..index(range.end));
    let body = stream::once(async move { Ok(part) }).boxed();
    Ok(result(kept.answer.meta, kept.answer.attributes, range, body))
}

fn result(
    meta: ObjectMeta,
    attributes: Attributes,
    range: Range<u64>,
    body: BoxStream<'static, Result<Bytes>>,
) -> GetResult {
    GetResult { payload: GetResultPayload::Stream(body), meta, range, attributes }
}

fn generic(text: String) -> Error {
    Error::Generic { store: "HTTP", source: text.into() }
}

fn transport(error: object_store::client::HttpError) -> Error {
    Error::Generic { store: "HTTP", source: Box::new(error) }
}

fn read_only() -> Error {
    let diagnostic = Diagnostic::error(Code::Unsupported, "files of a web server are read, not written")
        .hint("Export to a file, to S3, Azure or Cloud Storage.");
    Error::Generic { store: "HTTP", source: Box::new(diagnostic) }
}

fn no_listing() -> Error {
    let diagnostic =
        Diagnostic::error(Code::Unsupported, "a web server lists no files").hint("Name each file.");
    Error::Generic { store: "HTTP", source: Box::new(diagnostic) }
}

#[async_trait]
impl ObjectStore for HttpStore {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let wanted = Wanted { if_match: options.if_match, ..Wanted::default() };
        if options.head {
            return self.head(location, wanted).await;
        }
        self.get(location, options.range, wanted).await
    }

    fn list(&self, _prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        stream::once(async { Err(no_listing()) }).boxed()
    }

    async fn list_with_delimiter(&self, _prefix: Option<&Path>) -> Result<ListResult> {
        Err(no_listing())
    }

    async fn put_opts(
        &self,
        _location: &Path,
        _payload: PutPayload,
        _options: PutOptions,
    ) -> Result<PutResult> {
        Err(read_only())
    }

    async fn put_multipart_opts(
        &self,
        _location: &Path,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(read_only())
    }

    fn delete_stream(
        &self,
        _locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        stream::once(async { Err(read_only()) }).boxed()
    }

    async fn copy_opts(&self, _from: &Path, _to: &Path, _options: CopyOptions) -> Result<()> {
        Err(read_only())
    }
}

impl fmt::Debug for HttpStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpStore").field("origin", &self.asker.origin).finish_non_exhaustive()
    }
}

impl fmt::Display for HttpStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.asker.origin)
    }
}
