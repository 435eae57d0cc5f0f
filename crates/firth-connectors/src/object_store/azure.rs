//! AZURE connections: Azure Blob Storage, one storage account each.

use base64::Engine as _;
use chrono::{DateTime, Utc};
use firth_connector::{ConnectionType, ObjectLocation, OptionSpec, Options, object_error};
use firth_diagnostic::{Code, Diagnostic, Result, Secret};
use object_store::{
    azure::{AzureConfigKey, MicrosoftAzureBuilder},
    path::Path,
};
use url::form_urlencoded;

use super::{
    cloud::{Bucket, Cloud},
    connection_string::ConnectionString,
    uri::{Uri, invalid},
};
use crate::http_client::{
    client::{Patience, client_options},
    endpoint::Endpoint,
    limits,
};
use crate::label;

/// The type AZURE.
pub(super) const CONNECTION_TYPE: ConnectionType = ConnectionType {
    name: "AZURE",
    when: None,
    options: &[
        OptionSpec::string("account")
            .endpoint()
            .doc("The storage account. Not needed beside a connection string."),
        OptionSpec::string("account_key").secret().doc("The account's key, in base64."),
        OptionSpec::string("sas_token")
            .secret()
            .doc("A shared access signature, with or without its leading '?'."),
        OptionSpec::string("connection_string")
            .secret()
            .doc("Account, key and endpoint in one text, as Azure's pages show it."),
        OptionSpec::string("endpoint")
            .endpoint()
            .doc("The url of the account's blobs, if it is not Azure's public cloud."),
        OptionSpec::bool("anonymous")
            .default("false")
            .doc("Sends requests without a credential, for public containers."),
        limits::CONNECT_TIMEOUT,
        limits::REQUEST_TIMEOUT,
        limits::MAX_TRIES,
        limits::TOTAL_TIMEOUT,
        limits::MAX_REQUESTS,
        label::FRIENDLY_NAME,
        label::DESCRIPTION,
    ],
    schemes: &["azure", "az", "abfss"],
    endpoint: |options| match (options.string("endpoint"), options.string("account")) {
        (Some(endpoint), _) => endpoint.to_owned(),
        (None, Some(account)) => public_cloud(account),
        (None, None) => String::new(),
    },
    doc: "Files in one account of Azure Blob Storage.",
};

/// What of the environment a connection without a credential of its own reads.
const ENVIRONMENT: &[(&str, AzureConfigKey)] = &[
    ("AZURE_CLIENT_ID", AzureConfigKey::ClientId),
    ("AZURE_TENANT_ID", AzureConfigKey::AuthorityId),
    ("AZURE_CLIENT_SECRET", AzureConfigKey::ClientSecret),
    ("AZURE_FEDERATED_TOKEN_FILE", AzureConfigKey::FederatedTokenFile),
    ("AZURE_AUTHORITY_HOST", AzureConfigKey::AuthorityHost),
    ("AZURE_USE_AZURE_CLI", AzureConfigKey::UseAzureCli),
    ("AZURE_OBJECT_ID", AzureConfigKey::ObjectId),
    ("AZURE_MSI_RESOURCE_ID", AzureConfigKey::MsiResourceId),
    ("IDENTITY_ENDPOINT", AzureConfigKey::MsiEndpoint),
];

/// How Azure is asked.
#[derive(Debug)]
pub(super) struct Azure {
    account: String,
    endpoint: Option<Endpoint>,
    credential: Credential,
}

#[derive(Debug, PartialEq)]
enum Credential {
    Key(Secret),
    Sas(Secret),
    Environment,
    Anonymous,
}

impl Azure {
    /// Reads the options.
    pub(super) fn try_new(options: &Options) -> Result<Self> {
        let given: Vec<&str> = ["account_key", "sas_token", "connection_string"]
            .into_iter()
            .filter(|name| options.is_given(name))
            .collect();
        if let [first, second, ..] = given[..] {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("options {first:?} and {second:?} exclude each other"),
            )
            .hint("Keep the one that the connection is to use."));
        }
        let anonymous = options.bool("anonymous") == Some(true);
        if let (true, Some(credential)) = (anonymous, given.first()) {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("an anonymous AZURE connection has option {credential:?}"),
            )
            .hint("Give either `anonymous = TRUE` or a credential."));
        }
        let account = options.string("account").filter(|account| !account.is_empty());
        let endpoint = options.string("endpoint").map(Endpoint::parse).transpose()?;
        if let Some(text) = options.secret("connection_string") {
            return Self::from_connection_string(&ConnectionString::parse(text)?, account, endpoint);
        }
        let Some(account) = account else {
            return Err(Diagnostic::error(Code::Invalid, "option \"account\" is missing")
                .hint("AZURE connections need `account`, or a `connection_string` that names it."));
        };
        let credential = match (options.secret("account_key"), options.secret("sas_token")) {
            (Some(key), _) => Credential::Key(account_key("account_key", key)?),
            (None, Some(sas)) => Credential::Sas(sas_token("sas_token", sas)?),
            (None, None) if anonymous => Credential::Anonymous,
            (None, None) => Credential::Environment,
        };
        Self::new(account, endpoint, credential)
    }

    fn from_connection_string(
        parsed: &ConnectionString,
        account: Option<&str>,
        endpoint: Option<Endpoint>,
    ) -> Result<Self> {
        let named = parsed.account.as_deref().unwrap_or_default();
        if let Some(account) = account.filter(|account| *account != named) {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("option \"connection_string\" is of another account than {account:?}"),
            )
            .hint("Leave `account` out: the connection string names it."));
        }
        let endpoint = match endpoint {
            Some(endpoint) => Some(endpoint),
            None => parsed.endpoint.as_deref().map(Endpoint::parse).transpose().map_err(|_| {
                Diagnostic::error(
                    Code::Invalid,
                    "option \"connection_string\" has a BlobEndpoint that is not an http url",
                )
            })?,
        };
        let credential = match (&parsed.key, &parsed.sas) {
            (Some(key), _) => Credential::Key(account_key("connection_string", key)?),
            (None, Some(sas)) => Credential::Sas(sas_token("connection_string", sas)?),
            (None, None) => Credential::Environment,
        };
        Self::new(named, endpoint, credential)
    }

    fn new(account: &str, endpoint: Option<Endpoint>, credential: Credential) -> Result<Self> {
        if !account.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("{account:?} is not the name of a storage account"),
            )
            .hint("Give the account's name alone, without a host."));
        }
        let endpoint = match endpoint {
            // Emulators, and whatever is reached by address, have the account as the path's first part.
            Some(endpoint) if endpoint.has_no_subdomains() && !endpoint.has_path() => {
                Some(Endpoint::parse(&endpoint.join(account))?)
            }
            endpoint => endpoint,
        };
        Ok(Azure { account: account.to_owned(), endpoint, credential })
    }

    fn builder(&self, container: &str) -> MicrosoftAzureBuilder {
        let plain_http = self.endpoint.as_ref().is_some_and(Endpoint::is_plain_http);
        let mut builder = MicrosoftAzureBuilder::new()
            .with_account(&self.account)
            .with_container_name(container)
            .with_client_options(client_options(plain_http));
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint.as_str().to_owned());
        }
        match &self.credential {
            Credential::Key(key) => builder.with_access_key(key.expose_secret()),
            Credential::Sas(token) => builder.with_config(AzureConfigKey::SasKey, token.expose_secret()),
            Credential::Anonymous => builder.with_skip_signature(true),
            Credential::Environment => ENVIRONMENT.iter().fold(builder, |builder, (variable, key)| {
                match std::env::var(variable).ok().filter(|value| !value.is_empty()) {
                    Some(value) => builder.with_config(*key, value),
                    None => builder,
                }
            }),
        }
    }
}

/// A key that can be decoded: the stores' client would say otherwise only at the first request.
fn account_key(option: &str, key: &Secret) -> Result<Secret> {
    let text = key.expose_secret().trim();
    if text.is_empty() || base64::engine::general_purpose::STANDARD.decode(text).is_err() {
        return Err(Diagnostic::error(
            Code::Invalid,
            format!("the account key in option {option:?} is not base64"),
        )
        .hint("Copy it whole, with the '=' at its end."));
    }
    Ok(Secret::new(text))
}

/// A token that is a query with a signature, without the '?' it is often copied with.
fn sas_token(option: &str, token: &Secret) -> Result<Secret> {
    let text = token.expose_secret().trim().trim_start_matches('?');
    if !text.split('&').all(|pair| pair.is_empty() || pair.contains('='))
        || !text.split('&').any(|pair| pair.starts_with("sig="))
    {
        return Err(Diagnostic::error(
            Code::Invalid,
            format!("option {option:?} has no shared access signature"),
        )
        .hint("Give the part after the '?' of a signed url: 'sv=…&sig=…'."));
    }
    Ok(Secret::new(text))
}

/// Fails for a token that says itself that it is no longer good: stores answer only that they refuse it.
fn not_expired(token: &Secret) -> Result<()> {
    let mut pairs = form_urlencoded::parse(token.expose_secret().as_bytes());
    let Some((_, expiry)) = pairs.find(|(name, _)| name == "se") else { return Ok(()) };
    // The time may be left out, and then is midnight; what else is no moment is for the store to refuse.
    let moment = DateTime::parse_from_rfc3339(&expiry)
        .or_else(|_| DateTime::parse_from_rfc3339(&format!("{expiry}T00:00:00Z")));
    match moment {
        Ok(moment) if moment < Utc::now() => Err(Diagnostic::error(
            Code::Unauthenticated,
            format!("the connection's shared access signature expired at {}", moment.format("%Y-%m-%dT%H:%M:%SZ")),
        )
        .hint("Make a new one; `ALTER CONNECTION … SET OPTIONS (sas_token = …)` gives it to a stored connection.")),
        _ => Ok(()),
    }
}

impl Cloud for Azure {
    fn locate(&self, uri: &str) -> Result<ObjectLocation> {
        let uri = Uri::parse(uri, CONNECTION_TYPE.schemes)?;
        let (account, container, key) = match uri.scheme {
            "azure" => {
                let (container, key) = uri.path.split_once('/').unwrap_or((uri.path, ""));
                (Some(account_of(&uri)?), container, key)
            }
            "abfss" => {
                let Some((container, host)) = uri.authority.split_once('@') else {
                    return Err(invalid(uri.text, "names no container")
                        .hint("Write it as 'abfss://container@account.dfs.core.windows.net/key'."));
                };
                (Some(account_of(&Uri { authority: host, ..uri })?), container, uri.path)
            }
            _ => (None, uri.authority, uri.path),
        };
        if let Some(account) = account.filter(|account| !account.eq_ignore_ascii_case(&self.account)) {
            return Err(invalid(
                uri.text,
                &format!("is in account {account:?}, the connection in {:?}", self.account),
            )
            .hint("Use a connection to that account."));
        }
        uri.location(container, key)
    }

    fn uri(&self, bucket: &str, path: &Path) -> String {
        format!("azure://{}.blob.core.windows.net/{bucket}/{path}", self.account)
    }

    fn bucket(&self, name: &str, patience: Patience) -> Result<Bucket> {
        if let Credential::Sas(token) = &self.credential {
            not_expired(token)?;
        }
        let builder =
            self.builder(name).with_retry(patience.retries()).with_http_connector(patience.connector());
        Ok(Bucket::new(builder.build().map_err(|error| object_error(error, &self.place()))?))
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        self.endpoint.as_ref()
    }

    fn place(&self) -> String {
        self.endpoint
            .as_ref()
            .map_or_else(|| public_cloud(&self.account), |endpoint| endpoint.as_str().to_owned())
    }

    fn identity(&self) -> String {
        match &self.credential {
            Credential::Key(_) => self.account.clone(),
            Credential::Sas(_) => format!("{} (shared access signature)", self.account),
            Credential::Environment => "the environment's identity".to_owned(),
            Credential::Anonymous => "anonymous".to_owned(),
        }
    }

    fn is_bound_to_one_bucket(&self) -> bool {
        match &self.credential {
            // A service signature says what it is for (`sr`); an account signature which services (`ss`).
            Credential::Sas(token) => token.expose_secret().split('&').any(|pair| pair.starts_with("sr=")),
            Credential::Key(_) | Credential::Environment | Credential::Anonymous => false,
        }
    }
}

/// `account` of `account.blob.core.windows.net` and of the sovereign clouds' hosts.
fn account_of<'a>(uri: &Uri<'a>) -> Result<&'a str> {
    match uri.authority.split_once('.') {
        Some((account, rest))
            if !account.is_empty() && (rest.starts_with("blob.") || rest.starts_with("dfs.")) =>
        {
            Ok(account)
        }
        _ => Err(invalid(uri.text, "names no storage account")
            .hint("Write it as 'azure://account.blob.core.windows.net/container/key'.")),
    }
}

fn public_cloud(account: &str) -> String {
    format!("https://{account}.blob.core.windows.net")
}

#[cfg(test)]
mod tests;
