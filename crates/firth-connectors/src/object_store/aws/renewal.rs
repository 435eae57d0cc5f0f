//! A request that is refused is signed once more with a profile's new credential, if there is one.
//!
//! Keys are rotated, and temporary ones revoked, before they expire: a connection that lives as long as a session goes on then.

use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt as _;
use http::{HeaderValue, Method, StatusCode, header::AUTHORIZATION};
use object_store::{
    ClientOptions, Result,
    aws::AwsAuthorizer,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
        HttpService,
    },
};

use super::temporary::ProfileCredential;
use crate::http_client::client::PatientConnector;

/// Makes clients that renew.
#[derive(Debug)]
pub(super) struct RenewingConnector {
    pub(super) connector: PatientConnector,
    pub(super) credential: Arc<ProfileCredential>,
}

impl HttpConnector for RenewingConnector {
    fn connect(&self, options: &ClientOptions) -> Result<HttpClient> {
        let client = self.connector.connect(options)?;
        Ok(HttpClient::new(Renewing { client, credential: Arc::clone(&self.credential) }))
    }
}

#[derive(Debug)]
struct Renewing {
    client: HttpClient,
    credential: Arc<ProfileCredential>,
}

#[async_trait]
impl HttpService for Renewing {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let again = request.clone();
        let (answer, is_refused) = refusal(self.client.execute(request).await?, again.method()).await?;
        let Some(key_id) = is_refused.then(|| key_id(&again)).flatten() else { return Ok(answer) };
        let instead = self
            .credential
            .instead_of(&key_id)
            .await
            .map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        let Some(credential) = instead else { return Ok(answer) };
        let mut again = again;
        let digest = again
            .headers()
            .get("x-amz-content-sha256")
            .and_then(|digest| digest.to_str().ok())
            .map(str::to_owned);
        again.headers_mut().remove(AUTHORIZATION);
        again.headers_mut().remove("x-amz-security-token");
        AwsAuthorizer::new(&credential, "s3", self.credential.region())
            .with_sign_payload(digest.as_deref() != Some("UNSIGNED-PAYLOAD"))
            .authorize(&mut again, digest.as_deref().and_then(bytes_of_hex).as_deref());
        let method = again.method().clone();
        let (answer, is_refused) = refusal(self.client.execute(again).await?, &method).await?;
        if is_refused {
            self.credential.was_futile().await;
        }
        Ok(answer)
    }
}

/// Whether an answer may mean that the credential is good no more. S3 says that of a token with status 400.
async fn refusal(answer: HttpResponse, method: &Method) -> Result<(HttpResponse, bool), HttpError> {
    match answer.status() {
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Ok((answer, true)),
        StatusCode::BAD_REQUEST if method == Method::HEAD => Ok((answer, true)),
        StatusCode::BAD_REQUEST => {
            let (parts, body) = answer.into_parts();
            let body: Vec<bytes::Bytes> = body.bytes_stream().try_collect().await?;
            let body = body.concat();
            let text = String::from_utf8_lossy(&body);
            let is_refused = ["ExpiredToken", "InvalidToken", "TokenRefreshRequired"]
                .iter()
                .any(|code| text.contains(&format!("<Code>{code}</Code>")));
            let body = HttpResponseBody::from(bytes::Bytes::from(body));
            Ok((HttpResponse::from_parts(parts, body), is_refused))
        }
        _ => Ok((answer, false)),
    }
}

/// The key that a request is signed with.
fn key_id(request: &HttpRequest) -> Option<String> {
    let text = request.headers().get(AUTHORIZATION).map(HeaderValue::to_str)?.ok()?;
    let (_, rest) = text.split_once("Credential=")?;
    Some(rest.split_once('/')?.0.to_owned())
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let is_digest = text.len() == 64 && text.is_ascii();
    is_digest
        .then(|| (0..64).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect())
        .flatten()
}
