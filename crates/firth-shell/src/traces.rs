//! Traces for OpenTelemetry: a span for each statement, and below it one for each source that it asked.
//!
//! On if `--otlp-endpoint` or `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector, sent as OTLP over HTTP in JSON
//! (<https://opentelemetry.io/docs/specs/otlp/>, <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>). The statement's id is the
//! trace's, so that what a database says of `firth <id>` leads there; under a `TRACEPARENT` in the environment
//! (<https://www.w3.org/TR/trace-context/>) spans belong to the caller's trace instead.
//!
//! No span holds text of a statement, of SQL sent, of an error, or the name of a host: all may hold what is nobody's business.
//! Nothing waits for the collector while statements run. What it does not take is lost, with one warning for a run.

mod otlp;

use std::{
    env, fmt,
    time::{Duration, SystemTime},
};

use firth_connector::StatementId;
use firth_diagnostic::{Code, Diagnostic, Result};
use reqwest::{
    Client, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use tokio::task::JoinSet;

use crate::{reporter::Reporter, stats::StatementStats};

/// How long a collector may take for one statement's spans.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the end of a run waits for it, and how long one that the user has interrupted.
pub(crate) const LAST: Duration = Duration::from_secs(6);
pub(crate) const HURRIED: Duration = Duration::from_millis(500);

/// Where a process sends its spans, and those under way.
pub(crate) struct Traces {
    client: Client,
    url: Url,
    headers: HeaderMap,
    service: String,
    parent: Option<Parent>,
    sending: JoinSet<std::result::Result<(), String>>,
    warned: bool,
}

/// The caller's span.
#[derive(Clone, Debug, PartialEq)]
struct Parent {
    trace: String,
    span: String,
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the headers: they may hold a token.
        f.debug_struct("Traces").field("service", &self.service).finish_non_exhaustive()
    }
}

impl Traces {
    /// What the flag and the environment ask for; `None` if nothing.
    pub(crate) fn wanted(flag: Option<&str>) -> Result<Option<Traces>> {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        if set("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let base = flag.map(str::to_owned).or_else(|| set("OTEL_EXPORTER_OTLP_ENDPOINT"));
        let url = match (flag, set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), base) {
            // The one for traces is taken as it is, the one for all signals has the signal's path below it.
            (None, Some(exact), _) => exact,
            (_, _, Some(base)) => format!("{}/v1/traces", base.trim_end_matches('/')),
            (_, _, None) => return Ok(None),
        };
        let url = Url::parse(&url).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
        let url = url.ok_or_else(|| {
            Diagnostic::error(Code::Invalid, "the endpoint of the OpenTelemetry collector is no URL of HTTP")
                .hint(
                    "Name it as in http://localhost:4318, by --otlp-endpoint or OTEL_EXPORTER_OTLP_ENDPOINT.",
                )
        })?;
        let headers = set("OTEL_EXPORTER_OTLP_TRACES_HEADERS").or_else(|| set("OTEL_EXPORTER_OTLP_HEADERS"));
        let client = Client::builder().timeout(PATIENCE).build().map_err(|error| {
            Diagnostic::error(Code::Io, "could not prepare to send traces").detail(error.to_string())
        })?;
        Ok(Some(Traces {
            client,
            url,
            headers: headers.as_deref().map_or_else(|| Ok(HeaderMap::new()), parse_headers)?,
            service: set("OTEL_SERVICE_NAME").unwrap_or_else(|| "firth".to_owned()),
            parent: set("TRACEPARENT").as_deref().and_then(parse_parent),
            sending: JoinSet::new(),
            warned: false,
        }))
    }

    /// Sends what became of a statement that has just ended. Must be called within a runtime.
    pub(crate) fn send(&mut self, stats: &StatementStats, reporter: Reporter) {
        let body = otlp::request(stats, SystemTime::now(), &self.service, self.parent.as_ref());
        let request = self.client.post(self.url.clone()).headers(self.headers.clone());
        let request = request.header("content-type", "application/json").body(body);
        self.sending.spawn(async move {
            match request.send().await {
                Ok(answer) if answer.status().is_success() => Ok(()),
                Ok(answer) => Err(format!("it answered {}", answer.status())),
                // An error of the client names the URL, which may hold a password.
                Err(error) => Err(error.without_url().to_string()),
            }
        });
        while let Some(ended) = self.sending.try_join_next() {
            self.warn(ended.unwrap_or_else(|error| Err(error.to_string())), reporter);
        }
    }

    /// Waits for what is under way, for so long at most.
    pub(crate) async fn flush(mut self, reporter: Reporter, patience: Duration) {
        let all = async {
            while let Some(ended) = self.sending.join_next().await {
                self.warn(ended.unwrap_or_else(|error| Err(error.to_string())), reporter);
            }
        };
        let _ = tokio::time::timeout(patience, all).await;
    }

    fn warn(&mut self, ended: std::result::Result<(), String>, reporter: Reporter) {
        if let Err(cause) = ended
            && !std::mem::replace(&mut self.warned, true)
        {
            let warning =
                Diagnostic::warning(Code::Remote, "the OpenTelemetry collector did not take traces");
            reporter.warning(&warning.detail(cause).hint("Statements are not affected."), None);
        }
    }
}

/// `name=value,name=value`, values percent-encoded, as the environment variable has them.
fn parse_headers(text: &str) -> Result<HeaderMap> {
    let refused = || {
        // Without its text: it may hold a token.
        Diagnostic::error(Code::Invalid, "OTEL_EXPORTER_OTLP_HEADERS is no list of headers")
            .hint("Write name=value, with commas between several; percent-encode what is special.")
    };
    let mut headers = HeaderMap::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or_else(refused)?;
        let value = percent_decoded(value.trim()).ok_or_else(refused)?;
        let name = HeaderName::try_from(name.trim()).map_err(|_| refused())?;
        let mut value = HeaderValue::from_bytes(&value).map_err(|_| refused())?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    Some(decoded)
}

/// A `traceparent`; `None` if it is none, as the specification asks.
fn parse_parent(text: &str) -> Option<Parent> {
    let parts: Vec<&str> = text.trim().split('-').collect();
    let [version, trace, span, flags, ..] = parts.as_slice() else { return None };
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let fits = hex(version, 2) && *version != "ff" && hex(trace, 32) && hex(span, 16) && hex(flags, 2);
    let some = |part: &str| part.bytes().any(|byte| byte != b'0');
    let whole = *version != "00" || parts.len() == 4;
    (fits && whole && some(trace) && some(span))
        .then(|| Parent { trace: (*trace).to_owned(), span: (*span).to_owned() })
}

/// The id of the trace of a statement.
fn trace_of(id: StatementId) -> String {
    id.0.simple().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_and_never_shown() {
        let headers = parse_headers("authorization=Bearer%20abc, x-team = blue").unwrap();
        assert_eq!(headers["authorization"], "Bearer abc");
        assert_eq!(headers["x-team"], "blue");
        assert!(!format!("{headers:?}").contains("abc"));
        for wrong in ["novalue", "a=%zz", "a=%2", "b d=1"] {
            let error = parse_headers(wrong).unwrap_err();
            assert!(!error.to_string().contains(wrong), "{error}");
        }
    }

    #[test]
    fn a_parent_is_taken_or_is_none() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let parent = parse_parent(&format!("00-{trace}-b7ad6b7169203331-01")).unwrap();
        assert_eq!((parent.trace.as_str(), parent.span.as_str()), (trace, "b7ad6b7169203331"));
        let later = format!("cc-{trace}-b7ad6b7169203331-01-what-comes-later");
        assert_eq!(parse_parent(&later), Some(parent), "a later version may say more");
        for wrong in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(parse_parent(wrong), None, "{wrong}");
        }
    }
}
