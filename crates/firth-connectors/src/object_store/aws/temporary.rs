//! A profile's credential: got when it is first needed, and again before it expires or when it is refused.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use async_trait::async_trait;
use firth_diagnostic::{Code, Diagnostic, Result, Secret};
use futures::{FutureExt as _, future::BoxFuture};
use object_store::{
    CredentialProvider,
    aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential},
    client::HttpConnector as _,
};
use tokio::sync::Mutex;

use super::{
    ENVIRONMENT, credential_process, environment,
    profile::{Source, source_of},
    profile_files::ProfileFiles,
    token_service::{TokenService, address},
};
use crate::http_client::client::{Patience, client_options};

/// How long before it expires a credential is replaced.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// How long the machine's credential is used until it is asked for again; its end is not told.
const MACHINE_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// How long a refusal that a new credential did not help against is taken for one of rights.
const FUTILE: Duration = Duration::from_secs(60);

/// A credential and when it ends.
pub(super) struct Temporary {
    pub(super) credential: AwsCredential,
    pub(super) expires: Option<SystemTime>,
}

/// The credential of one profile.
pub(super) struct ProfileCredential {
    profile: String,
    region: String,
    patience: Patience,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<Current>,
    /// Until then a refused request is not sent again.
    futile_until: Option<Instant>,
}

struct Current {
    credential: Arc<AwsCredential>,
    expires: Option<SystemTime>,
}

impl fmt::Debug for ProfileCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProfileCredential").field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl ProfileCredential {
    /// Nothing is read yet.
    pub(super) fn new(profile: String, region: String, patience: Patience) -> Self {
        ProfileCredential { profile, region, patience, state: Mutex::default() }
    }

    /// Where requests to the store go.
    pub(super) fn region(&self) -> &str {
        &self.region
    }

    /// The credential, which is good for some minutes at least if its source is.
    async fn current(&self) -> Result<Arc<AwsCredential>> {
        let mut state = self.state.lock().await;
        if let Some(current) = &state.current
            && !ends_within(current.expires, MARGIN)
        {
            return Ok(Arc::clone(&current.credential));
        }
        match self.fetch().await {
            Ok(fresh) => Ok(Arc::clone(&state.current.insert(fresh).credential)),
            // One that ends soon is better than none.
            Err(error) => match &state.current {
                Some(current) if !ends_within(current.expires, Duration::ZERO) => {
                    log::warn!("the credential of an AWS profile could not be renewed: {error}");
                    Ok(Arc::clone(&current.credential))
                }
                _ => Err(error),
            },
        }
    }

    /// Another credential than the one with the key `refused`, if there is one by now.
    pub(super) async fn instead_of(&self, refused: &str) -> Result<Option<Arc<AwsCredential>>> {
        let mut state = self.state.lock().await;
        if let Some(current) = state.current.as_ref().filter(|current| current.credential.key_id != refused) {
            return Ok(Some(Arc::clone(&current.credential)));
        }
        if state.futile_until.is_some_and(|until| until > Instant::now()) {
            return Ok(None);
        }
        let fresh = self.fetch().await?;
        let is_same = state.current.as_ref().is_some_and(|current| *current.credential == *fresh.credential);
        let credential = Arc::clone(&state.current.insert(fresh).credential);
        if is_same {
            state.futile_until = Some(Instant::now() + FUTILE);
            return Ok(None);
        }
        Ok(Some(credential))
    }

    /// Notes that a request was refused with a new credential, too: it is rights that it lacks.
    pub(super) async fn was_futile(&self) {
        self.state.lock().await.futile_until = Some(Instant::now() + FUTILE);
    }

    async fn fetch(&self) -> Result<Current> {
        let (profile, read) = (self.profile.clone(), |profile: String| {
            let files = ProfileFiles::read(&environment)?;
            source_of(&profile, &files, &environment)
        });
        let source =
            tokio::task::spawn_blocking(move || read(profile)).await.map_err(Diagnostic::internal)??;
        let fresh = self.get(&source).await?;
        let AwsCredential { key_id, secret_key, token } = &fresh.credential;
        let is_sendable = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_sendable(key_id) || !is_sendable(secret_key) || !token.as_deref().is_none_or(is_sendable) {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!(
                    "the key of the AWS profile {:?} is empty, or has characters that no key has",
                    self.profile
                ),
            ));
        }
        if ends_within(fresh.expires, Duration::ZERO) {
            return Err(Diagnostic::error(
                Code::Unauthenticated,
                format!("the credential of the AWS profile {:?} has expired", self.profile),
            )
            .hint("Log in again with the tool that made it."));
        }
        Ok(Current { credential: Arc::new(fresh.credential), expires: fresh.expires })
    }

    fn get<'a>(&'a self, source: &'a Source) -> BoxFuture<'a, Result<Temporary>> {
        async move {
            match source {
                Source::Key { id, secret, token } => Ok(Temporary {
                    credential: AwsCredential {
                        key_id: id.clone(),
                        secret_key: secret.expose_secret().to_owned(),
                        token: token.as_ref().map(|token| token.expose_secret().to_owned()),
                    },
                    expires: None,
                }),
                Source::Process { command } => credential_process::run(&self.profile, command).await,
                Source::WebIdentity { role, token_file } => {
                    let token = tokio::fs::read_to_string(token_file).await.map_err(|error| {
                        Diagnostic::error(
                            Code::Io,
                            format!("could not read the token file {:?}", token_file.display().to_string()),
                        )
                        .detail(error.to_string())
                    })?;
                    self.token_service()?.assume_role_with_web_identity(role, &Secret::new(token)).await
                }
                Source::AssumedRole { role, by } => {
                    let by = self.get(by).await?;
                    self.token_service()?.assume_role(role, &by.credential).await
                }
                Source::Instance => self.machine(false).await,
                Source::Container => self.machine(true).await,
            }
        }
        .boxed()
    }

    fn token_service(&self) -> Result<TokenService> {
        let url = address(&self.region, environment("AWS_ENDPOINT_URL_STS"))?;
        let options = client_options(url.starts_with("http://"));
        let client = self.patience.connector().connect(&options).map_err(Diagnostic::internal)?;
        Ok(TokenService { client, url, region: self.region.clone() })
    }

    /// The machine's or the container's credential, as the stores' own client gets it.
    async fn machine(&self, is_container: bool) -> Result<Temporary> {
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name("none")
            .with_retry(self.patience.retries())
            .with_http_connector(self.patience.connector());
        for (variable, key) in ENVIRONMENT {
            let wanted = match key {
                AmazonS3ConfigKey::MetadataEndpoint => !is_container,
                AmazonS3ConfigKey::ContainerCredentialsRelativeUri
                | AmazonS3ConfigKey::ContainerCredentialsFullUri
                | AmazonS3ConfigKey::ContainerAuthorizationTokenFile => is_container,
                _ => false,
            };
            if let Some(value) = environment(variable).filter(|_| wanted) {
                builder = builder.with_config(*key, value);
            }
        }
        let refused = |error: object_store::Error| firth_connector::object_error(error, "AWS");
        let credential =
            builder.build().map_err(refused)?.credentials().get_credential().await.map_err(refused)?;
        let AwsCredential { key_id, secret_key, token } = &*credential;
        Ok(Temporary {
            credential: AwsCredential {
                key_id: key_id.clone(),
                secret_key: secret_key.clone(),
                token: token.clone(),
            },
            expires: Some(SystemTime::now() + MACHINE_LIFETIME),
        })
    }
}

#[async_trait]
impl CredentialProvider for ProfileCredential {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        self.current()
            .await
            .map_err(|error| object_store::Error::Generic { store: "AWS", source: Box::new(error) })
    }
}

fn ends_within(expires: Option<SystemTime>, margin: Duration) -> bool {
    expires.is_some_and(|expires| expires <= SystemTime::now() + margin)
}
