//! How the stores' HTTP client behaves on a network: what it waits for, and what it tries again.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use object_store::{
    BackoffConfig, ClientOptions, Error, Result, RetryConfig,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
        ReqwestConnector,
    },
};

use tokio::sync::Semaphore;

use super::{body::watched, limits::Limits, list_answer};

/// How long the body of an answer may stand still while it is waited for.
const STILL_TIMEOUT: Duration = Duration::from_secs(30);

/// Until an answer has been read to its end. Long, because a file is read as slowly as its reader
/// works, and a reader may wait for another source.
const WHOLE_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// How much a client puts up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// CHECK CONNECTION: one try, and what happened is the answer.
    OneTry(Limits),
    /// Statements: an overloaded server is asked again, for minutes; one that cannot be reached is
    /// asked twice, so that a mistyped name is reported within ten seconds.
    Persistent(Limits),
}

impl Patience {
    /// What is tried again once a server has answered.
    pub(crate) fn retries(self) -> RetryConfig {
        let backoff = BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(10),
            base: 2.,
        };
        match self {
            Patience::OneTry(_) => RetryConfig { backoff, max_retries: 0, retry_timeout: Duration::ZERO },
            Patience::Persistent(limits) => {
                RetryConfig { backoff, max_retries: limits.tries - 1, retry_timeout: limits.total }
            }
        }
    }

    /// The connector that makes clients with this patience.
    pub(crate) fn connector(self) -> PatientConnector {
        PatientConnector { patience: self, plain_http_without_redirects: None }
    }

    fn connects(self) -> usize {
        match self {
            Patience::OneTry(_) => 1,
            Patience::Persistent(limits) => limits.tries.min(2),
        }
    }

    fn limits(self) -> Limits {
        match self {
            Patience::OneTry(limits) | Patience::Persistent(limits) => limits,
        }
    }

    fn answer_timeout(self) -> Duration {
        match self {
            Patience::OneTry(limits) => limits.answer.min(limits.connect * 2),
            Patience::Persistent(limits) => limits.answer,
        }
    }
}

/// How long a connection that nobody uses is kept.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// The options of a client. `plain_http` allows requests without TLS.
pub(crate) fn client_options(plain_http: bool) -> ClientOptions {
    ClientOptions::new()
        .with_timeout(WHOLE_TIMEOUT)
        .with_pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .with_allow_http(plain_http)
}

/// Makes HTTP clients that give up early on a host that cannot be reached.
///
/// The stores' own retries count every failure alike. With enough of them for an overloaded server,
/// a host name that does not exist would take minutes to be reported.
#[derive(Debug)]
pub(crate) struct PatientConnector {
    patience: Patience,
    /// Whether a client that is sent on by nobody may go without TLS.
    plain_http_without_redirects: Option<bool>,
}

impl PatientConnector {
    /// Clients that answer with redirects instead of going there. Of their options only these two times are kept.
    pub(crate) fn without_redirects(self, plain_http: bool) -> Self {
        PatientConnector { plain_http_without_redirects: Some(plain_http), ..self }
    }
}

impl HttpConnector for PatientConnector {
    fn connect(&self, options: &ClientOptions) -> Result<HttpClient> {
        let limits = self.patience.limits();
        let client = match self.plain_http_without_redirects {
            None => {
                let options = options.clone().with_connect_timeout(limits.connect);
                ReqwestConnector::default().connect(&options)?
            }
            Some(plain_http) => {
                let client = reqwest::Client::builder()
                    .redirect(reqwest::redirect::Policy::none())
                    .timeout(WHOLE_TIMEOUT)
                    .pool_idle_timeout(POOL_IDLE_TIMEOUT)
                    .connect_timeout(limits.connect)
                    .no_gzip()
                    .no_brotli()
                    .no_zstd()
                    .no_deflate()
                    .https_only(!plain_http)
                    .build()
                    .map_err(|error| Error::Generic { store: "HTTP", source: Box::new(error) })?;
                HttpClient::new(client)
            }
        };
        let at_once = limits.at_once.map(|at_once| Arc::new(Semaphore::new(at_once)));
        Ok(HttpClient::new(PatientService { client, patience: self.patience, at_once }))
    }
}

#[derive(Debug)]
struct PatientService {
    client: HttpClient,
    patience: Patience,
    /// What requests wait for before they are sent.
    at_once: Option<Arc<Semaphore>>,
}

#[async_trait]
impl HttpService for PatientService {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // Held until the answer begins, and no longer: who reads its body may wait for another request's answer.
        let _turn = match &self.at_once {
            Some(turns) => turns.acquire().await.ok(),
            None => None,
        };
        let mut connects = 1;
        loop {
            let answer =
                tokio::time::timeout(self.patience.answer_timeout(), self.client.execute(request.clone()));
            match answer.await {
                // What answers HEAD tells of a body that it does not have.
                Ok(Ok(response)) if request.method().as_str() == "HEAD" => return Ok(response),
                Ok(Ok(response)) => {
                    let response = watched(response, STILL_TIMEOUT);
                    return match list_answer::is_listing(&request) {
                        true => list_answer::whole(response).await,
                        false => Ok(response),
                    };
                }
                Ok(Err(error)) if error.kind() == HttpErrorKind::Connect => {
                    if connects >= self.patience.connects() {
                        // `Unknown` is what the stores' own retries do not try again.
                        return Err(HttpError::new(HttpErrorKind::Unknown, error));
                    }
                    connects += 1;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Ok(Err(error)) => return Err(error),
                Err(elapsed) => return Err(HttpError::new(HttpErrorKind::Timeout, elapsed)),
            }
        }
    }
}
