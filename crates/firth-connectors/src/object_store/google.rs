//! CLOUD_RESOURCE connections: Google Cloud Storage.

use std::sync::Arc;

use firth_connector::{ConnectionType, ObjectLocation, OptionSpec, Options, object_error};
use firth_diagnostic::{Code, Diagnostic, Result, Secret};
use object_store::{
    StaticCredentialProvider,
    gcp::{GcpCredential, GoogleCloudStorageBuilder},
    path::Path,
};
use serde::{Deserialize, de::IgnoredAny};

use super::{
    cloud::{Bucket, Cloud},
    uri::Uri,
};
use crate::http_client::{
    client::{Patience, client_options},
    endpoint::Endpoint,
    limits,
};
use crate::label;

/// The type CLOUD_RESOURCE.
pub(super) const CONNECTION_TYPE: ConnectionType = ConnectionType {
    name: "CLOUD_RESOURCE",
    when: None,
    options: &[
        OptionSpec::string("service_account_json")
            .secret()
            .doc("The text of a service account's key file. Without it: application default credentials."),
        OptionSpec::string("endpoint")
            .endpoint()
            .doc("The url of a server that speaks Cloud Storage's protocol, if it is not Google's."),
        OptionSpec::bool("anonymous")
            .default("false")
            .doc("Sends requests without a credential, for public buckets."),
        limits::CONNECT_TIMEOUT,
        limits::REQUEST_TIMEOUT,
        limits::MAX_TRIES,
        limits::TOTAL_TIMEOUT,
        limits::MAX_REQUESTS,
        label::FRIENDLY_NAME,
        label::DESCRIPTION,
    ],
    schemes: &["gs"],
    endpoint: |options| options.string("endpoint").unwrap_or(GOOGLE).to_owned(),
    doc: "Files in Google Cloud Storage.",
};

const GOOGLE: &str = "https://storage.googleapis.com";

/// How Cloud Storage is asked.
#[derive(Debug)]
pub(super) struct Google {
    endpoint: Option<Endpoint>,
    credential: Credential,
}

#[derive(Debug, PartialEq)]
enum Credential {
    ServiceAccount { json: Secret, email: String },
    ApplicationDefault,
    Anonymous,
}

/// What is read here of a service account's key file. The rest is for the client.
#[derive(Deserialize)]
struct KeyFile {
    client_email: Option<String>,
    private_key: Option<IgnoredAny>,
    private_key_id: Option<IgnoredAny>,
    gcs_base_url: Option<String>,
}

impl Google {
    /// Reads the options.
    pub(super) fn try_new(options: &Options) -> Result<Self> {
        let anonymous = options.bool("anonymous") == Some(true);
        let mut endpoint = options.string("endpoint").map(Endpoint::parse).transpose()?;
        let credential = match options.secret("service_account_json") {
            Some(_) if anonymous => {
                return Err(Diagnostic::error(
                    Code::Invalid,
                    "an anonymous CLOUD_RESOURCE connection has option \"service_account_json\"",
                )
                .hint("Give either `anonymous = TRUE` or a service account."));
            }
            Some(json) => {
                let (email, base_url) = read_key_file(json)?;
                // Emulators' key files say where the emulator is; what the connection says goes first.
                if let (None, Some(base_url)) = (&endpoint, base_url) {
                    endpoint = Some(Endpoint::parse(&base_url)?);
                }
                Credential::ServiceAccount { json: json.clone(), email }
            }
            None if anonymous => Credential::Anonymous,
            None => Credential::ApplicationDefault,
        };
        Ok(Google { endpoint, credential })
    }

    fn builder(&self, bucket: &str) -> GoogleCloudStorageBuilder {
        let plain_http = self.endpoint.as_ref().is_some_and(Endpoint::is_plain_http);
        let mut builder = GoogleCloudStorageBuilder::new()
            .with_bucket_name(bucket)
            .with_client_options(client_options(plain_http));
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_base_url(endpoint.as_str());
        }
        match &self.credential {
            Credential::ServiceAccount { json, .. } => builder.with_service_account_key(json.expose_secret()),
            Credential::ApplicationDefault => {
                match std::env::var("GOOGLE_APPLICATION_CREDENTIALS").ok().filter(|path| !path.is_empty()) {
                    Some(path) => builder.with_application_credentials(path),
                    None => builder,
                }
            }
            // With a credential of its own, even an empty one, the client does not look for the machine's.
            Credential::Anonymous => {
                let nobody = StaticCredentialProvider::new(GcpCredential { bearer: String::new() });
                builder.with_skip_signature(true).with_credentials(Arc::new(nobody))
            }
        }
    }
}

/// The service account's name, and where its key file says that the server is.
fn read_key_file(json: &Secret) -> Result<(String, Option<String>)> {
    let malformed = |why: &str| {
        Diagnostic::error(Code::Invalid, format!("option \"service_account_json\" {why}"))
            .hint("Give the text of the key file, or `FILE('path')` to read it from a file.")
    };
    // The parser's own message may quote the text.
    let file: KeyFile =
        serde_json::from_str(json.expose_secret()).map_err(|_| malformed("is not a JSON object"))?;
    let email = file.client_email.ok_or_else(|| malformed("has no \"client_email\""))?;
    if file.private_key.is_none() || file.private_key_id.is_none() {
        return Err(malformed("has no \"private_key\" with its \"private_key_id\""));
    }
    Ok((email, file.gcs_base_url))
}

impl Cloud for Google {
    fn locate(&self, uri: &str) -> Result<ObjectLocation> {
        let uri = Uri::parse(uri, CONNECTION_TYPE.schemes)?;
        uri.location(uri.authority, uri.path)
    }

    fn uri(&self, bucket: &str, path: &Path) -> String {
        format!("gs://{bucket}/{path}")
    }

    fn bucket(&self, name: &str, patience: Patience) -> Result<Bucket> {
        let builder =
            self.builder(name).with_retry(patience.retries()).with_http_connector(patience.connector());
        let client = builder.build().map_err(|error| match &self.credential {
            // The client's texts about a key it cannot read may hold parts of it.
            Credential::ServiceAccount { .. } => Diagnostic::error(
                Code::Invalid,
                "option \"service_account_json\" holds a key that cannot be used",
            )
            .hint("Make a new key for the service account and give its file."),
            Credential::ApplicationDefault => {
                Diagnostic::error(Code::Unauthenticated, "the application default credentials cannot be used")
                    .hint("Run `gcloud auth application-default login`, or give `service_account_json`.")
            }
            Credential::Anonymous => object_error(error, &self.place()),
        })?;
        Ok(Bucket::new(client))
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        self.endpoint.as_ref()
    }

    fn place(&self) -> String {
        self.endpoint.as_ref().map_or(GOOGLE, Endpoint::as_str).to_owned()
    }

    fn identity(&self) -> String {
        match &self.credential {
            Credential::ServiceAccount { email, .. } => email.clone(),
            Credential::ApplicationDefault => "application default credentials".to_owned(),
            Credential::Anonymous => "anonymous".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object_store::test_options::{Given, default_limits, options, refusal};

    const EMULATOR: &str = r#"{"gcs_base_url": "http://127.0.0.1:4443", "disable_oauth": true,
        "client_email": "me@example.com", "private_key": "", "private_key_id": ""}"#;

    fn google(given: &[Given<'_>]) -> Google {
        Google::try_new(&options(&CONNECTION_TYPE, given)).expect("valid")
    }

    #[test]
    fn the_endpoint_option_goes_before_the_key_files() {
        let account = ("service_account_json", EMULATOR.into());
        assert_eq!(google(&[account]).place(), "http://127.0.0.1:4443");
        assert_eq!(
            google(&[account, ("endpoint", "http://localhost:1/".into())]).place(),
            "http://localhost:1"
        );
        assert_eq!(google(&[account]).identity(), "me@example.com");
        assert_eq!(google(&[]).place(), GOOGLE);
    }

    #[test]
    fn malformed_key_files_are_refused_without_quoting_them() {
        let refused = |json: &str| {
            refusal(Google::try_new(&options(&CONNECTION_TYPE, &[("service_account_json", json.into())])))
        };
        assert_eq!(refused("hunter2"), "option \"service_account_json\" is not a JSON object");
        assert_eq!(
            refused(r#"{"private_key": "hunter2"}"#),
            "option \"service_account_json\" has no \"client_email\""
        );
        assert_eq!(
            refused(r#"{"client_email": "a", "private_key": "hunter2"}"#),
            "option \"service_account_json\" has no \"private_key\" with its \"private_key_id\""
        );
    }

    #[test]
    fn a_key_that_cannot_be_used_is_not_quoted() {
        let json = r#"{"client_email": "a", "private_key": "hunter2", "private_key_id": "1"}"#;
        let google = google(&[("service_account_json", json.into())]);
        let error =
            google.bucket("lake", Patience::OneTry(default_limits())).err().expect("the key is not one");
        assert_eq!(error.to_string(), "option \"service_account_json\" holds a key that cannot be used");
        assert!(!format!("{google:?}").contains("hunter2"));
    }

    #[test]
    fn anonymous_needs_no_credential_on_this_machine() {
        google(&[("anonymous", true.into())])
            .bucket("lake", Patience::OneTry(default_limits()))
            .expect("built");
    }

    #[test]
    fn uris_are_read_and_written_back() {
        let google = google(&[("anonymous", true.into())]);
        for uri in ["gs://lake/a b/%/*.json", "gs://my_lake/x"] {
            let at = google.locate(uri).expect("valid");
            assert_eq!(google.uri(&at.bucket, &Path::parse(&at.key).expect("a path")), uri);
        }
    }
}
