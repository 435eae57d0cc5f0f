//! AWS connections: Amazon S3, and what speaks its protocol.
//!
//! Who a connection is: its own key; or a profile of the files that the AWS tools keep ([`profile_files`], [`profile`]), whose
//! credential may have to be asked for ([`temporary`]) and is renewed when it is refused ([`renewal`]); or what the environment
//! and the machine say, which the stores' client reads by itself.

mod credential_process;
mod profile;
mod profile_files;
mod renewal;
mod temporary;
mod token_service;

use std::sync::{Arc, Mutex, PoisonError};

use firth_connector::{ConnectionType, ObjectLocation, OptionSpec, Options, object_error};
use firth_diagnostic::{Code, Diagnostic, Result, Secret};
use object_store::{
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    path::Path,
};

use self::{profile_files::ProfileFiles, renewal::RenewingConnector, temporary::ProfileCredential};
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

/// The type AWS.
pub(super) const CONNECTION_TYPE: ConnectionType = ConnectionType {
    name: "AWS",
    when: None,
    options: &[
        OptionSpec::string("region").doc("The buckets' region, such as 'eu-central-1'. Default: AWS_REGION, else 'us-east-1'."),
        OptionSpec::string("endpoint")
            .endpoint()
            .doc("The url of a server that speaks S3's protocol, if it is not Amazon's."),
        OptionSpec::string("access_key_id")
            .doc("The access key. Without it and without `profile`: AWS_ACCESS_KEY_ID, a web identity, AWS_PROFILE or the default profile, or the machine's role."),
        OptionSpec::string("secret_access_key").secret().doc("The secret of the access key."),
        OptionSpec::string("session_token").secret().doc("The token of a temporary access key."),
        OptionSpec::string("profile")
            .doc("A profile of ~/.aws/config and ~/.aws/credentials, which says the key or how it is got, and the region."),
        OptionSpec::bool("path_style")
            .endpoint()
            .doc("Whether the bucket is a part of the path rather than of the host. Default: TRUE with an endpoint."),
        OptionSpec::bool("anonymous").default("false").doc("Sends requests without a signature, for public buckets."),
        limits::CONNECT_TIMEOUT,
        limits::REQUEST_TIMEOUT,
        limits::MAX_TRIES,
        limits::TOTAL_TIMEOUT,
        limits::MAX_REQUESTS,
        label::FRIENDLY_NAME,
        label::DESCRIPTION,
    ],
    schemes: &["s3"],
    endpoint: |options| options.string("endpoint").map_or_else(|| amazon(options.string("region")), str::to_owned),
    doc: "Files in Amazon S3, or in a store that speaks its protocol.",
};

/// What of the environment a connection without a key of its own reads: who it is. Where requests go
/// is for the connection's options to say, so AWS_ENDPOINT and its kin are not here.
const ENVIRONMENT: &[(&str, AmazonS3ConfigKey)] = &[
    ("AWS_ACCESS_KEY_ID", AmazonS3ConfigKey::AccessKeyId),
    ("AWS_SECRET_ACCESS_KEY", AmazonS3ConfigKey::SecretAccessKey),
    ("AWS_SESSION_TOKEN", AmazonS3ConfigKey::Token),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", AmazonS3ConfigKey::WebIdentityTokenFile),
    ("AWS_ROLE_ARN", AmazonS3ConfigKey::RoleArn),
    ("AWS_ROLE_SESSION_NAME", AmazonS3ConfigKey::RoleSessionName),
    ("AWS_ENDPOINT_URL_STS", AmazonS3ConfigKey::StsEndpoint),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", AmazonS3ConfigKey::ContainerCredentialsRelativeUri),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", AmazonS3ConfigKey::ContainerCredentialsFullUri),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", AmazonS3ConfigKey::ContainerAuthorizationTokenFile),
    ("AWS_METADATA_ENDPOINT", AmazonS3ConfigKey::MetadataEndpoint),
];

/// How S3 is asked.
#[derive(Debug)]
pub(super) struct S3 {
    region: Option<String>,
    endpoint: Option<Endpoint>,
    path_style: Option<bool>,
    credential: Credential,
    /// The credential of a profile, once it is needed.
    profile: Mutex<Option<Arc<ProfileCredential>>>,
}

#[derive(Debug, PartialEq)]
enum Credential {
    Key { id: String, secret: Secret, token: Option<Secret> },
    Profile(String),
    Environment,
    Anonymous,
}

/// What in a profile named `default` makes it one that is used without being named.
const CREDENTIAL_SETTINGS: [&str; 5] =
    ["aws_access_key_id", "role_arn", "credential_process", "sso_session", "sso_account_id"];

impl S3 {
    /// Reads the options.
    pub(super) fn try_new(options: &Options) -> Result<Self> {
        Ok(S3 {
            region: options.string("region").map(str::to_owned),
            endpoint: options.string("endpoint").map(Endpoint::parse).transpose()?,
            path_style: options.bool("path_style"),
            credential: Credential::try_new(options)?,
            profile: Mutex::default(),
        })
    }

    /// Whether the bucket stands in the host. A bucket with a dot cannot: no certificate covers it.
    fn is_virtual_hosted(&self, bucket: &str) -> bool {
        match &self.endpoint {
            Some(endpoint) => self.path_style == Some(false) && !endpoint.has_no_subdomains(),
            None => !self.path_style.unwrap_or(false) && !bucket.contains('.'),
        }
    }

    /// The credential of the profile that is to be used, if one is.
    fn profile(&self, patience: Patience) -> Result<Option<Arc<ProfileCredential>>> {
        let named = match &self.credential {
            Credential::Key { .. } | Credential::Anonymous => return Ok(None),
            Credential::Profile(name) => Some(name.clone()),
            Credential::Environment => {
                let is_known = |variables: &[&str]| variables.iter().all(|name| environment(name).is_some());
                if is_known(&["AWS_ACCESS_KEY_ID"])
                    || is_known(&["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"])
                {
                    return Ok(None);
                }
                environment("AWS_PROFILE")
            }
        };
        let mut kept = self.profile.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = &*kept {
            return Ok(Some(Arc::clone(kept)));
        }
        let files = ProfileFiles::read(&environment)?;
        let name = named.unwrap_or_else(|| "default".to_owned());
        if self.credential == Credential::Environment && environment("AWS_PROFILE").is_none() {
            let is_used = files.find(&name).is_some_and(|profile| {
                CREDENTIAL_SETTINGS.iter().any(|setting| profile.setting(setting).is_some())
            });
            if !is_used {
                return Ok(None);
            }
        }
        let region = match self.region() {
            Some(region) => region,
            None => files.profile(&name)?.plain("region").unwrap_or("us-east-1").to_owned(),
        };
        // Says now what is wrong with the profile. It is read again when a credential is needed.
        profile::source_of(&name, &files, &environment)?;
        let credential = Arc::new(ProfileCredential::new(name, region, patience));
        Ok(Some(Arc::clone(kept.insert(credential))))
    }

    fn region(&self) -> Option<String> {
        self.region
            .clone()
            .or_else(|| environment("AWS_REGION"))
            .or_else(|| environment("AWS_DEFAULT_REGION"))
    }

    fn builder(&self, bucket: &str, profile: Option<Arc<ProfileCredential>>) -> AmazonS3Builder {
        let plain_http = self.endpoint.as_ref().is_some_and(Endpoint::is_plain_http);
        let virtual_hosted = self.is_virtual_hosted(bucket);
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_client_options(client_options(plain_http))
            .with_virtual_hosted_style_request(virtual_hosted);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(match virtual_hosted {
                true => endpoint.subdomain(bucket),
                false => endpoint.as_str().to_owned(),
            });
        }
        if let Some(region) = self.region() {
            builder = builder.with_region(region);
        }
        if let Some(profile) = profile {
            return builder.with_region(profile.region()).with_credentials(profile);
        }
        match &self.credential {
            Credential::Key { id, secret, token } => {
                builder = builder.with_access_key_id(id).with_secret_access_key(secret.expose_secret());
                if let Some(token) = token {
                    builder = builder.with_token(token.expose_secret());
                }
                builder
            }
            Credential::Environment | Credential::Profile(_) => {
                ENVIRONMENT.iter().fold(builder, |builder, (variable, key)| match environment(variable) {
                    Some(value) => builder.with_config(*key, value),
                    None => builder,
                })
            }
            Credential::Anonymous => builder.with_skip_signature(true),
        }
    }
}

impl Credential {
    fn try_new(options: &Options) -> Result<Self> {
        let id = options.string("access_key_id").filter(|id| !id.is_empty());
        let secret = options.secret("secret_access_key");
        let token = options.secret("session_token");
        let contradiction =
            |message: &str, hint: &str| Err(Diagnostic::error(Code::Invalid, message).hint(hint));
        if options.bool("anonymous") == Some(true) {
            if id.is_some() || secret.is_some() || token.is_some() {
                return contradiction(
                    "an anonymous AWS connection has an access key",
                    "Give either `anonymous = TRUE` or `access_key_id` and `secret_access_key`.",
                );
            }
            if options.string("profile").is_some() {
                return contradiction(
                    "an anonymous AWS connection has a profile",
                    "Give either `anonymous = TRUE` or `profile`.",
                );
            }
            return Ok(Credential::Anonymous);
        }
        if let Some(profile) = options.string("profile") {
            if id.is_some() || secret.is_some() || token.is_some() {
                return contradiction(
                    "an AWS connection has both a profile and an access key",
                    "Give either `profile` or `access_key_id` and `secret_access_key`.",
                );
            }
            return match profile.trim() {
                "" => contradiction("option \"profile\" is empty", "Name a profile, such as 'default'."),
                name => Ok(Credential::Profile(name.to_owned())),
            };
        }
        match (id, secret) {
            (Some(id), Some(secret)) => {
                Ok(Credential::Key { id: id.to_owned(), secret: secret.clone(), token: token.cloned() })
            }
            (Some(_), None) => contradiction(
                "option \"access_key_id\" is given without \"secret_access_key\"",
                "Give both, or none of them to use the environment's credential.",
            ),
            (None, Some(_)) => contradiction(
                "option \"secret_access_key\" is given without \"access_key_id\"",
                "Give both, or none of them to use the environment's credential.",
            ),
            (None, None) if token.is_some() => contradiction(
                "option \"session_token\" is given without an access key",
                "A session token belongs to an `access_key_id` and a `secret_access_key`.",
            ),
            (None, None) => Ok(Credential::Environment),
        }
    }
}

impl Cloud for S3 {
    fn locate(&self, uri: &str) -> Result<ObjectLocation> {
        let uri = Uri::parse(uri, CONNECTION_TYPE.schemes)?;
        uri.location(uri.authority, uri.path)
    }

    fn uri(&self, bucket: &str, path: &Path) -> String {
        format!("s3://{bucket}/{path}")
    }

    fn bucket(&self, name: &str, patience: Patience) -> Result<Bucket> {
        let profile = self.profile(patience)?;
        let builder = self.builder(name, profile.clone()).with_retry(patience.retries());
        let connector = patience.connector();
        let builder = match profile {
            Some(credential) => builder.with_http_connector(RenewingConnector { connector, credential }),
            None => builder.with_http_connector(connector),
        };
        Ok(Bucket::new(builder.build().map_err(|error| object_error(error, &self.place()))?))
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        self.endpoint.as_ref()
    }

    fn place(&self) -> String {
        self.endpoint
            .as_ref()
            .map_or_else(|| amazon(self.region.as_deref()), |endpoint| endpoint.as_str().to_owned())
    }

    fn identity(&self) -> String {
        match &self.credential {
            Credential::Key { id, .. } => id.clone(),
            Credential::Profile(name) => format!("profile {name}"),
            Credential::Environment => environment("AWS_ACCESS_KEY_ID")
                .or_else(|| environment("AWS_PROFILE").map(|name| format!("profile {name}")))
                .unwrap_or_else(|| "the environment's role".to_owned()),
            Credential::Anonymous => "anonymous".to_owned(),
        }
    }
}

fn amazon(region: Option<&str>) -> String {
    match region {
        Some(region) => format!("https://s3.{region}.amazonaws.com"),
        None => "https://s3.amazonaws.com".to_owned(),
    }
}

/// A variable of the environment. Set to nothing is not set.
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object_store::test_options::{Given, options, refusal};

    fn s3(given: &[Given<'_>]) -> S3 {
        S3::try_new(&options(&CONNECTION_TYPE, given)).expect("valid")
    }

    #[test]
    fn half_a_key_is_refused() {
        let refused = |given: &[Given<'_>]| refusal(S3::try_new(&options(&CONNECTION_TYPE, given)));
        assert_eq!(
            refused(&[("access_key_id", "AK".into())]),
            "option \"access_key_id\" is given without \"secret_access_key\""
        );
        assert_eq!(
            refused(&[("secret_access_key", "hunter2".into())]),
            "option \"secret_access_key\" is given without \"access_key_id\""
        );
        assert_eq!(
            refused(&[("session_token", "hunter2".into())]),
            "option \"session_token\" is given without an access key"
        );
        assert_eq!(
            refused(&[
                ("anonymous", true.into()),
                ("access_key_id", "AK".into()),
                ("secret_access_key", "s".into())
            ]),
            "an anonymous AWS connection has an access key"
        );
        assert_eq!(
            refused(&[("profile", "p".into()), ("session_token", "s".into())]),
            "an AWS connection has both a profile and an access key"
        );
        assert_eq!(
            refused(&[("profile", "p".into()), ("anonymous", true.into())]),
            "an anonymous AWS connection has a profile"
        );
    }

    #[test]
    fn uris_are_read_and_written_back() {
        let s3 = s3(&[("anonymous", true.into())]);
        for uri in ["s3://lake/a b/*.parquet", "s3://my.bucket/%41", "s3://lake/é"] {
            let at = s3.locate(uri).expect("valid");
            assert_eq!(s3.uri(&at.bucket, &Path::parse(&at.key).expect("a path")), uri);
        }
        let refused = |uri: &str| refusal(s3.locate(uri));
        assert_eq!(refused("gs://lake/a"), "uri \"gs://lake/a\" is of another kind than the connection");
        assert_eq!(refused("lake/a"), "uri \"lake/a\" is not a uri");
        assert_eq!(refused("s3:///a"), "uri \"s3:///a\" names no bucket");
        assert_eq!(refused("s3://la*e/a"), "uri \"s3://la*e/a\" has a * in its bucket");
        assert_eq!(refused("s3://user@lake/a"), "uri \"s3://user@lake/a\" names a bucket that cannot exist");
        assert_eq!(s3.locate("S3://lake").expect("valid").key, "");
    }

    #[test]
    fn the_bucket_is_in_the_path_where_a_host_cannot_hold_it() {
        assert!(s3(&[]).is_virtual_hosted("lake"));
        assert!(!s3(&[]).is_virtual_hosted("my.lake"));
        assert!(!s3(&[("path_style", true.into())]).is_virtual_hosted("lake"));
        assert!(!s3(&[("endpoint", "https://minio.internal".into())]).is_virtual_hosted("lake"));
        let named = [("endpoint", "https://minio.internal".into()), ("path_style", false.into())];
        assert!(s3(&named).is_virtual_hosted("lake"));
        let address = [("endpoint", "http://127.0.0.1:9000".into()), ("path_style", false.into())];
        assert!(!s3(&address).is_virtual_hosted("lake"));
    }

    #[test]
    fn debug_shows_no_secret() {
        let given = [
            ("access_key_id", "AK".into()),
            ("secret_access_key", "hunter2".into()),
            ("session_token", "hunter3".into()),
        ];
        let shown = format!("{:?}", s3(&given));
        assert!(!shown.contains("hunter"), "{shown}");
    }
}
