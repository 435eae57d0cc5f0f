//! The front itself: which request becomes which.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, BodyStream, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::TcpListener;

use super::resource::{ObjectName, parameter, resource, text};
use super::uploads::Uploads;

type BoxError = Box<dyn Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, BoxError>;
type Result<T> = std::result::Result<T, BoxError>;

const IF_GENERATION_MATCH: &str = "x-goog-if-generation-match";
const BOUNDARY: &str = "firth-gcs-front-7d3f0c55b1";

/// Answers requests on `listener` until the returned future is dropped, with the help of the
/// fake-gcs-server at `upstream`, a `host:port`.
pub async fn serve(listener: TcpListener, upstream: String) -> std::io::Result<Infallible> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let front = Arc::new(Front { client, upstream, uploads: Uploads::default() });
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let front = Arc::clone(&front);
        let service = service_fn(move |request| {
            let front = Arc::clone(&front);
            async move { Ok::<_, Infallible>(front.answer(request).await) }
        });
        tokio::spawn(async move {
            // A client that hangs up is nobody's error.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(socket), service)
                .await;
        });
    }
}

struct Front {
    client: Client<HttpConnector, Body>,
    upstream: String,
    uploads: Uploads,
}

impl Front {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let answered = match ObjectName::from_path(request.uri().path()) {
            Some(name) => self.object(name, request).await,
            None => self.pass(request).await,
        };
        answered.unwrap_or_else(|error| failure(StatusCode::BAD_GATEWAY, "BadGateway", &error.to_string()))
    }

    /// A request to `/bucket/object`.
    async fn object(&self, name: ObjectName, request: Request<Incoming>) -> Result<Response<Body>> {
        let query = request.uri().query().unwrap_or("").to_string();
        let upload = parameter(&query, "uploadId");
        let copy_source = text(request.headers(), "x-goog-copy-source").map(str::to_string);
        match (request.method(), upload, copy_source) {
            (&Method::POST, None, _) if parameter(&query, "uploads").is_some() => {
                Ok(self.begin(&name, &request))
            }
            (&Method::PUT, Some(upload), _) => self.part(&upload, &query, request).await,
            (&Method::POST, Some(upload), _) => self.complete(&name, &upload, request).await,
            (&Method::DELETE, Some(upload), _) => Ok(self.abort(&upload)),
            (&Method::PUT, None, Some(source)) => self.copy(&source, &name, request.headers()).await,
            (&Method::PUT, None, None) => self.put(&name, request).await,
            _ => self.pass(request).await,
        }
    }

    async fn put(&self, name: &ObjectName, request: Request<Incoming>) -> Result<Response<Body>> {
        let (parts, body) = request.into_parts();
        let condition = text(&parts.headers, IF_GENERATION_MATCH).map(str::to_string);
        let content = body.map_err(BoxError::from).boxed_unsync();
        let written =
            self.insert(name, &resource(name, &parts.headers), condition.as_deref(), content).await?;
        Ok(written.unwrap_or_else(|object| written_headers(&object).body(empty()).unwrap_or_else(internal)))
    }

    fn begin(&self, name: &ObjectName, request: &Request<Incoming>) -> Response<Body> {
        let id = self.uploads.begin(resource(name, request.headers()));
        let ObjectName { bucket, object } = name;
        xml(
            Response::builder(),
            &format!(
                "<InitiateMultipartUploadResult><Bucket>{}</Bucket><Key>{}</Key><UploadId>{id}</UploadId></InitiateMultipartUploadResult>",
                escape(bucket),
                escape(object),
            ),
        )
    }

    async fn part(&self, upload: &str, query: &str, request: Request<Incoming>) -> Result<Response<Body>> {
        let number = parameter(query, "partNumber").and_then(|number| number.parse().ok());
        let Some(number) = number else {
            return Ok(failure(StatusCode::BAD_REQUEST, "InvalidArgument", "partNumber is not a number"));
        };
        let part = request.into_body().collect().await?.to_bytes();
        let etag = format!("\"{number}-{}\"", part.len());
        if !self.uploads.put(upload, number, part) {
            return Ok(no_such_upload(upload));
        }
        Ok(Response::builder().header("etag", etag).body(empty()).unwrap_or_else(internal))
    }

    async fn complete(
        &self,
        name: &ObjectName,
        id: &str,
        request: Request<Incoming>,
    ) -> Result<Response<Body>> {
        let condition = text(request.headers(), IF_GENERATION_MATCH).map(str::to_string);
        let body = request.into_body().collect().await?.to_bytes();
        let Some(upload) = self.uploads.get(id) else { return Ok(no_such_upload(id)) };
        let parts = match upload.parts(&String::from_utf8_lossy(&body)) {
            Ok(parts) => parts,
            Err(code) => return Ok(failure(StatusCode::BAD_REQUEST, code, "the parts do not fit")),
        };
        let frames = stream::iter(parts.into_iter().map(|part| Ok(Frame::data(part))));
        let content = StreamBody::new(frames).boxed_unsync();
        match self.insert(name, &upload.resource, condition.as_deref(), content).await? {
            // The upload stays: its client may complete it another time.
            Ok(refusal) => Ok(refusal),
            Err(object) => {
                self.uploads.remove(id);
                Ok(xml(
                    written_headers(&object),
                    &format!(
                        "<CompleteMultipartUploadResult><Bucket>{}</Bucket><Key>{}</Key><ETag>{}</ETag></CompleteMultipartUploadResult>",
                        escape(&name.bucket),
                        escape(&name.object),
                        escape(&etag(&object)),
                    ),
                ))
            }
        }
    }

    fn abort(&self, upload: &str) -> Response<Body> {
        if !self.uploads.remove(upload) {
            return no_such_upload(upload);
        }
        Response::builder().status(StatusCode::NO_CONTENT).body(empty()).unwrap_or_else(internal)
    }

    /// Copies by reading and inserting: the emulator's own copy ignores conditions, its insert does not.
    async fn copy(&self, source: &str, to: &ObjectName, headers: &HeaderMap) -> Result<Response<Body>> {
        let Some(from) = ObjectName::from_copy_source(source) else {
            return Ok(failure(
                StatusCode::BAD_REQUEST,
                "InvalidArgument",
                "the copy source is not an object",
            ));
        };
        let media = format!("/storage/v1/{}?alt=media", from.resource_path());
        let read = self.send(Request::get(self.uri(&media)?).body(empty())?).await?;
        if read.status() != StatusCode::OK {
            let code = if read.status() == StatusCode::NOT_FOUND { "NoSuchKey" } else { "BadRequest" };
            return Ok(failure(read.status(), code, "the copy source cannot be read"));
        }
        let copied = resource(to, read.headers());
        let content = read.into_body().map_err(BoxError::from).boxed_unsync();
        let written = self.insert(to, &copied, text(headers, IF_GENERATION_MATCH), content).await?;
        Ok(written.unwrap_or_else(|object| {
            let body =
                format!("<CopyObjectResult><ETag>{}</ETag></CopyObjectResult>", escape(&etag(&object)));
            xml(written_headers(&object), &body)
        }))
    }

    /// Writes an object through the JSON interface. `Err` is the object written, `Ok` the refusal.
    async fn insert(
        &self,
        name: &ObjectName,
        resource: &Value,
        condition: Option<&str>,
        content: Body,
    ) -> Result<std::result::Result<Response<Body>, Value>> {
        // The emulator heeds ifGenerationMatch for uploadType=multipart, and ignores it for media.
        let mut path =
            format!("/upload/storage/v1/b/{}/o?uploadType=multipart", super::resource::encode(&name.bucket));
        if let Some(generation) = condition {
            path.push_str(&format!("&ifGenerationMatch={generation}"));
        }
        let kind = resource["contentType"].as_str().unwrap_or("application/octet-stream");
        let head = format!(
            "--{BOUNDARY}\r\nContent-Type: application/json\r\n\r\n{resource}\r\n--{BOUNDARY}\r\nContent-Type: {kind}\r\n\r\n"
        );
        let tail = format!("\r\n--{BOUNDARY}--\r\n");
        let data =
            |text: String| stream::once(async move { Ok::<_, BoxError>(Frame::data(Bytes::from(text))) });
        let content = BodyStream::new(content).try_filter(|frame| std::future::ready(frame.is_data()));
        let body = StreamBody::new(data(head).chain(content).chain(data(tail))).boxed_unsync();
        let request = Request::post(self.uri(&path)?)
            .header(CONTENT_TYPE, format!("multipart/related; boundary={BOUNDARY}"))
            .body(body)?;
        let response = self.send(request).await?;
        let status = response.status();
        let answer = response.into_body().collect().await?.to_bytes();
        if status == StatusCode::OK {
            return Ok(Err(serde_json::from_slice(&answer)?));
        }
        let code = match status {
            StatusCode::PRECONDITION_FAILED => "PreconditionFailed",
            StatusCode::NOT_FOUND => "NoSuchBucket",
            _ => "InvalidRequest",
        };
        Ok(Ok(failure(status, code, &String::from_utf8_lossy(&answer))))
    }

    /// Sends a request on as it is.
    async fn pass(&self, request: Request<Incoming>) -> Result<Response<Body>> {
        let (mut parts, body) = request.into_parts();
        parts.uri = self.uri(parts.uri.path_and_query().map_or("/", |path| path.as_str()))?;
        // Host follows the URI: the emulator finds XML requests by it.
        for header in [HOST, CONNECTION, TRANSFER_ENCODING] {
            parts.headers.remove(header);
        }
        let response =
            self.send(Request::from_parts(parts, body.map_err(BoxError::from).boxed_unsync())).await?;
        let (mut parts, body) = response.into_parts();
        for header in [CONNECTION, TRANSFER_ENCODING] {
            parts.headers.remove(header);
        }
        Ok(Response::from_parts(parts, body.map_err(BoxError::from).boxed_unsync()))
    }

    async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>> {
        Ok(self.client.request(request).await?)
    }

    fn uri(&self, path: &str) -> Result<Uri> {
        Ok(format!("http://{}{path}", self.upstream).parse()?)
    }
}

/// A 200 with what the JSON interface says about the object it wrote.
fn written_headers(object: &Value) -> hyper::http::response::Builder {
    let mut builder = Response::builder().header("etag", etag(object));
    if let Some(generation) = object["generation"].as_str() {
        builder = builder.header("x-goog-generation", generation);
    }
    if let Some(checksum) = object["crc32c"].as_str() {
        builder = builder.header("x-goog-hash", format!("crc32c={checksum}"));
    }
    builder
}

fn etag(object: &Value) -> String {
    format!("\"{}\"", object["etag"].as_str().unwrap_or_default().trim_matches('"'))
}

fn xml(builder: hyper::http::response::Builder, document: &str) -> Response<Body> {
    let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{document}");
    builder.header(CONTENT_TYPE, "application/xml").body(full(text)).unwrap_or_else(internal)
}

fn failure(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let document = format!("<Error><Code>{code}</Code><Message>{}</Message></Error>", escape(message));
    xml(Response::builder().status(status), &document)
}

fn no_such_upload(id: &str) -> Response<Body> {
    failure(StatusCode::NOT_FOUND, "NoSuchUpload", &format!("there is no upload {id}"))
}

fn internal(error: hyper::http::Error) -> Response<Body> {
    let mut response = Response::new(full(error.to_string()));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

fn full(text: String) -> Body {
    Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync()
}

fn empty() -> Body {
    full(String::new())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
