//! Buckets for the tests, and the proof that each server takes a write.
//!
//! A server that listens may not yet take writes (SeaweedFS needs seconds for its first volume), so
//! ready means that a signed put and a delete went through.

use std::time::{Duration, Instant};

use firth_diagnostic::{Code, Diagnostic, Result};
use hyper::{Method, Request, StatusCode};
use object_store::aws::{AmazonS3Builder, AwsAuthorizer, AwsCredential};
use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential, MicrosoftAzureBuilder};
use object_store::client::{HttpClient, HttpConnector, HttpRequest, ReqwestConnector};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig};

use crate::servers::{Azure, Gcs, S3, Servers};

/// Makes the bucket of each server in `servers`, if need be, and waits until it takes a write.
pub async fn prepare(servers: &Servers, limit: Duration) -> Result<()> {
    let client = ReqwestConnector::default()
        .connect(&ClientOptions::new().with_allow_http(true))
        .map_err(|error| failure("HTTP", error))?;
    let s3 = async {
        let Some(s3) = &servers.s3 else { return Ok(()) };
        until("S3", limit, async || {
            create_s3_bucket(&client, s3).await?;
            probe(&s3.store()?).await
        })
        .await
    };
    let azure = async {
        let Some(azure) = &servers.azure else { return Ok(()) };
        until("Azure", limit, async || {
            create_azure_container(&client, azure).await?;
            probe(&azure.store()?).await
        })
        .await
    };
    let gcs = async {
        let Some(gcs) = &servers.gcs else { return Ok(()) };
        until("GCS", limit, async || {
            create_gcs_bucket(&client, gcs).await?;
            probe(&gcs.store()?).await
        })
        .await
    };
    futures::try_join!(s3, azure, gcs).map(drop)
}

impl S3 {
    /// The bucket, as `object_store` sees it.
    pub fn store(&self) -> object_store::Result<impl ObjectStore + use<>> {
        AmazonS3Builder::new()
            .with_endpoint(&self.endpoint)
            .with_bucket_name(&self.bucket)
            .with_region(&self.region)
            .with_access_key_id(&self.access_key_id)
            .with_secret_access_key(&self.secret_access_key)
            .with_allow_http(true)
            .with_retry(no_retry())
            .build()
    }
}

impl Azure {
    /// The container, as `object_store` sees it.
    pub fn store(&self) -> object_store::Result<impl ObjectStore + use<>> {
        MicrosoftAzureBuilder::new()
            .with_endpoint(self.endpoint.clone())
            .with_account(&self.account)
            .with_access_key(&self.account_key)
            .with_container_name(&self.container)
            .with_allow_http(true)
            .with_retry(no_retry())
            .build()
    }
}

impl Gcs {
    /// The bucket, as `object_store` sees it.
    pub fn store(&self) -> object_store::Result<impl ObjectStore + use<>> {
        let account = serde_json::json!({
            "gcs_base_url": self.endpoint,
            "disable_oauth": true,
            "client_email": "",
            "private_key": "",
            "private_key_id": "",
        });
        GoogleCloudStorageBuilder::new()
            .with_service_account_key(account.to_string())
            .with_bucket_name(&self.bucket)
            .with_client_options(ClientOptions::new().with_allow_http(true))
            .with_retry(no_retry())
            .build()
    }
}

/// The waiting is done here, for longer than a client would.
fn no_retry() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}

async fn create_s3_bucket(client: &HttpClient, s3: &S3) -> object_store::Result<()> {
    let mut request = request(Method::PUT, &format!("{}/{}", s3.endpoint, s3.bucket), "");
    let credential = AwsCredential {
        key_id: s3.access_key_id.clone(),
        secret_key: s3.secret_access_key.clone(),
        token: None,
    };
    AwsAuthorizer::new(&credential, "s3", &s3.region).authorize(&mut request, None);
    create(client, request).await
}

async fn create_azure_container(client: &HttpClient, azure: &Azure) -> object_store::Result<()> {
    let url = format!("{}/{}?restype=container", azure.endpoint, azure.container);
    let mut request = request(Method::PUT, &url, "");
    let credential = AzureCredential::AccessKey(AzureAccessKey::try_new(&azure.account_key)?);
    AzureAuthorizer::new(&credential, &azure.account).authorize(&mut request);
    create(client, request).await
}

async fn create_gcs_bucket(client: &HttpClient, gcs: &Gcs) -> object_store::Result<()> {
    let body = serde_json::json!({ "name": gcs.bucket }).to_string();
    let url = format!("{}/storage/v1/b?project=firth-test", gcs.direct_endpoint);
    create(client, request(Method::POST, &url, &body)).await
}

fn request(method: Method, url: &str, body: &str) -> HttpRequest {
    Request::builder()
        .method(method)
        .uri(url)
        .header("content-length", body.len())
        .header("content-type", "application/json")
        .body(body.to_string().into())
        .expect("the endpoints come from `servers up`, which writes them as URLs")
}

/// Sends a request that makes something. That it exists already is as good.
async fn create(client: &HttpClient, request: HttpRequest) -> object_store::Result<()> {
    let generic = |source| object_store::Error::Generic { store: "create", source };
    let response = client.execute(request).await.map_err(|error| generic(Box::new(error)))?;
    if response.status().is_success() || response.status() == StatusCode::CONFLICT {
        return Ok(());
    }
    Err(generic(format!("the server answers {}", response.status()).into()))
}

async fn probe(store: &impl ObjectStore) -> object_store::Result<()> {
    let path = Path::from(".ready");
    store.put(&path, "ready".into()).await?;
    store.delete(&path).await
}

/// Tries `step` until it succeeds or `limit` is over.
async fn until(
    server: &str,
    limit: Duration,
    mut step: impl AsyncFnMut() -> object_store::Result<()>,
) -> Result<()> {
    let begin = Instant::now();
    loop {
        match step().await {
            Ok(()) => return Ok(()),
            Err(error) if begin.elapsed() >= limit => return Err(failure(server, error)),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

fn failure(server: &str, error: object_store::Error) -> Diagnostic {
    Diagnostic::error(Code::Unreachable, format!("the {server} server takes no writes: {error}"))
}
