//! AWS's Security Token Service: a role's temporary credential.

use std::time::{Duration, SystemTime};

use chrono::DateTime;
use firth_diagnostic::{Code, Diagnostic, Result, Secret};
use futures::TryStreamExt as _;
use object_store::{
    aws::{AwsAuthorizer, AwsCredential},
    client::{HttpClient, HttpRequest, HttpRequestBody},
};
use url::form_urlencoded;

use super::{profile::Role, temporary::Temporary};
use crate::http_client::endpoint::Endpoint;

/// How often the service is asked before it counts as out of order.
const TRIES: u32 = 3;

/// How much of an answer is read. It has less than 4 KiB.
const LONGEST_ANSWER: usize = 256 << 10;

/// Where it is, and by whom it is asked.
#[derive(Debug)]
pub(super) struct TokenService {
    pub(super) client: HttpClient,
    /// `https://sts.eu-central-1.amazonaws.com`.
    pub(super) url: String,
    pub(super) region: String,
}

/// The service's address in a region, unless the environment gives another one.
pub(super) fn address(region: &str, given: Option<String>) -> Result<String> {
    match given {
        Some(text) => Ok(Endpoint::parse(&text)
            .map_err(|error| error.reworded("AWS_ENDPOINT_URL_STS is not the url of a server"))?
            .as_str()
            .to_owned()),
        None if region.starts_with("cn-") => Ok(format!("https://sts.{region}.amazonaws.com.cn")),
        None => Ok(format!("https://sts.{region}.amazonaws.com")),
    }
}

impl TokenService {
    /// The credential of `role`, which `by` may take.
    pub(super) async fn assume_role(&self, role: &Role, by: &AwsCredential) -> Result<Temporary> {
        let more = role.external_id.as_ref().map(|id| ("ExternalId", id.expose_secret()));
        self.ask(role, form("AssumeRole", role, more), Some(by)).await
    }

    /// The credential of `role`, which whoever has `token` may take.
    pub(super) async fn assume_role_with_web_identity(
        &self,
        role: &Role,
        token: &Secret,
    ) -> Result<Temporary> {
        let more = Some(("WebIdentityToken", token.expose_secret().trim()));
        self.ask(role, form("AssumeRoleWithWebIdentity", role, more), None).await
    }

    async fn ask(&self, role: &Role, form: String, by: Option<&AwsCredential>) -> Result<Temporary> {
        for again in 1.. {
            let mut request = HttpRequest::new(HttpRequestBody::from(form.clone()));
            *request.method_mut() = http::Method::POST;
            *request.uri_mut() = format!("{}/", self.url).parse().map_err(Diagnostic::internal)?;
            request.headers_mut().insert(
                http::header::CONTENT_TYPE,
                http::HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8"),
            );
            if let Some(by) = by {
                AwsAuthorizer::new(by, "sts", &self.region).authorize(&mut request, None);
            }
            let failure = match self.client.execute(request).await {
                Ok(answer) => {
                    let status = answer.status();
                    let body = answer.into_body().bytes_stream().try_fold(
                        Vec::new(),
                        |mut body, bytes| async move {
                            let room = LONGEST_ANSWER.saturating_sub(body.len()).min(bytes.len());
                            body.extend_from_slice(&bytes[..room]);
                            Ok(body)
                        },
                    );
                    match body.await {
                        Ok(body) if status.is_success() => {
                            return read_answer(&String::from_utf8_lossy(&body))
                                .ok_or_else(|| self.strange());
                        }
                        Ok(body) if !status.is_server_error() => {
                            return Err(self.refusal(role, status, &String::from_utf8_lossy(&body)));
                        }
                        Ok(_) => format!("it answers with status {}", status.as_u16()),
                        Err(error) => error.to_string(),
                    }
                }
                Err(error) => error.to_string(),
            };
            if again == TRIES {
                return Err(Diagnostic::error(
                    Code::Unreachable,
                    format!("could not reach the token service of AWS at {}", self.url),
                )
                .detail(failure)
                .hint("Check the region, and the network between here and there."));
            }
            tokio::time::sleep(Duration::from_millis(200) * again).await;
        }
        Err(self.strange())
    }

    /// Why the role is not given. Of the service's words the code only: its sentence may quote the token.
    fn refusal(&self, role: &Role, status: http::StatusCode, body: &str) -> Diagnostic {
        let code = element(body, "Code").filter(|code| code.chars().all(|c| c.is_ascii_alphanumeric()));
        let words = match code {
            Some(code) => format!("{} answers {code} (status {})", self.url, status.as_u16()),
            None => format!("{} answers with status {}", self.url, status.as_u16()),
        };
        Diagnostic::error(Code::Unauthenticated, format!("the role {:?} is not given to the AWS profile", role.arn))
            .detail(words)
            .hint("Check that the role trusts whoever takes it, and that the credential it is taken by is still good.")
    }

    fn strange(&self) -> Diagnostic {
        Diagnostic::error(
            Code::Remote,
            format!("the token service of AWS at {} answers without a credential", self.url),
        )
    }
}

fn form(action: &str, role: &Role, more: Option<(&str, &str)>) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action)
        .append_pair("Version", "2011-06-15")
        .append_pair("RoleArn", &role.arn)
        .append_pair("RoleSessionName", &role.session_name);
    if let Some(duration) = &role.duration_seconds {
        form.append_pair("DurationSeconds", duration);
    }
    form.extend_pairs(more);
    form.finish()
}

fn read_answer(xml: &str) -> Option<Temporary> {
    let credential = AwsCredential {
        key_id: element(xml, "AccessKeyId")?.to_owned(),
        secret_key: element(xml, "SecretAccessKey")?.to_owned(),
        token: Some(element(xml, "SessionToken")?.to_owned()),
    };
    let expires = DateTime::parse_from_rfc3339(element(xml, "Expiration")?).ok()?;
    Some(Temporary { credential, expires: Some(SystemTime::from(expires)) })
}

/// The text of an element. Those that are asked for hold no characters that XML writes otherwise.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text.trim())
}
