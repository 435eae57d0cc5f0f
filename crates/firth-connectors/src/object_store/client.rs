//! How the stores' HTTP client behaves on a network: what it waits for, and what it tries again.

use std::time::Duration;

use async_trait::async_trait;
use object_store::{
    BackoffConfig, ClientOptions, Result, RetryConfig,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
        ReqwestConnector,
    },
};

use super::body::watched;

/// Until a connection stands, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Until the answer to a request begins.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the body of an answer may stand still while it is waited for.
const STILL_TIMEOUT: Duration = Duration::from_secs(30);

/// Until an answer has been read to its end. Long, because a file is read as slowly as its reader
/// works, and a reader may wait for another source.
const WHOLE_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// How much a client puts up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// CHECK CONNECTION: one try, and what happened is the answer.
    OneTry,
    /// Statements: an overloaded server is asked again, for minutes; one that cannot be reached is
    /// asked twice, so that a mistyped name is reported within ten seconds.
    Persistent,
}

impl Patience {
    /// What is tried again once a server has answered.
    pub(super) fn retries(self) -> RetryConfig {
        let backoff = BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(10),
            base: 2.,
        };
        match self {
            Patience::OneTry => RetryConfig { backoff, max_retries: 0, retry_timeout: Duration::ZERO },
            Patience::Persistent => {
                RetryConfig { backoff, max_retries: 8, retry_timeout: Duration::from_secs(180) }
            }
        }
    }

    /// The connector that makes clients with this patience.
    pub(super) fn connector(self) -> PatientConnector {
        PatientConnector { patience: self }
    }

    fn connects(self) -> usize {
        match self {
            Patience::OneTry => 1,
            Patience::Persistent => 2,
        }
    }

    fn answer_timeout(self) -> Duration {
        match self {
            Patience::OneTry => CONNECT_TIMEOUT * 2,
            Patience::Persistent => ANSWER_TIMEOUT,
        }
    }
}

/// The options of a client. `plain_http` allows requests without TLS.
pub(super) fn client_options(plain_http: bool) -> ClientOptions {
    ClientOptions::new()
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_timeout(WHOLE_TIMEOUT)
        .with_pool_idle_timeout(Duration::from_secs(60))
        .with_allow_http(plain_http)
}

/// Makes HTTP clients that give up early on a host that cannot be reached.
///
/// The stores' own retries count every failure alike. With enough of them for an overloaded server,
/// a host name that does not exist would take minutes to be reported.
#[derive(Debug)]
pub(super) struct PatientConnector {
    patience: Patience,
}

impl HttpConnector for PatientConnector {
    fn connect(&self, options: &ClientOptions) -> Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(PatientService { client, patience: self.patience }))
    }
}

#[derive(Debug)]
struct PatientService {
    client: HttpClient,
    patience: Patience,
}

#[async_trait]
impl HttpService for PatientService {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut connects = 1;
        loop {
            let answer =
                tokio::time::timeout(self.patience.answer_timeout(), self.client.execute(request.clone()));
            match answer.await {
                // What answers HEAD tells of a body that it does not have.
                Ok(Ok(response)) if request.method().as_str() == "HEAD" => return Ok(response),
                Ok(Ok(response)) => return Ok(watched(response, STILL_TIMEOUT)),
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
