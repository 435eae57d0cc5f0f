//! HTTP connections: single files of web servers.
//!
//! A server of files lists nothing, takes nothing, and is read by ranges. Without a connection any host is read,
//! without a credential; a connection is confined to one place, so that its credential goes nowhere else.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use firth_connector::{
    CheckReport, ConnectionType, ObjectLocation, Objects, OptionSpec, Options, Remote, Staging, object_error,
};
use firth_diagnostic::{Code, Diagnostic, Result, Secret};
use object_store::{ObjectStore, path::Path};
use url::Url;

use super::{
    http_headers::Headers,
    http_store::HttpStore,
    uri::{Uri, invalid, key_of},
};
use crate::{
    http_client::{
        client::Patience,
        endpoint::Endpoint,
        limits::{self, Limits},
    },
    label,
};

/// The type HTTP. Its uris can be read without a connection, too.
pub(super) const CONNECTION_TYPE: ConnectionType = ConnectionType {
    name: "HTTP",
    when: None,
    options: &[
        OptionSpec::string("endpoint")
            .required()
            .endpoint()
            .doc("The url of the server, or of the folder on it, that the connection is confined to."),
        OptionSpec::string("bearer_token").secret().doc("Sent as `Authorization: Bearer …`."),
        OptionSpec::string("user").doc("Sent with the password, as HTTP's basic authentication."),
        OptionSpec::string("password").secret().doc("The user's password."),
        OptionSpec::string("headers").secret().doc(
            "Headers that go with every request to this server, each on a line of its own, as 'Name: value'.",
        ),
        limits::CONNECT_TIMEOUT,
        limits::REQUEST_TIMEOUT,
        limits::MAX_TRIES,
        limits::TOTAL_TIMEOUT,
        limits::MAX_REQUESTS,
        label::FRIENDLY_NAME,
        label::DESCRIPTION,
    ],
    schemes: &["https", "http"],
    endpoint: |options| options.string("endpoint").unwrap_or_default().to_owned(),
    doc: "Files of a web server, named one by one.",
};

/// The servers of a connection; without one, all there are.
pub(super) struct Http {
    endpoint: Option<Endpoint>,
    /// The value of `Authorization`.
    authorization: Option<Secret>,
    headers: Headers,
    identity: String,
    limits: Limits,
    servers: Mutex<HashMap<String, Arc<HttpStore>>>,
}

impl Http {
    /// Reads the options.
    pub(super) fn try_new(options: &Options) -> Result<Self> {
        let endpoint = options.string("endpoint").map(Endpoint::parse).transpose()?;
        let (bearer, user) = (options.secret("bearer_token"), options.string("user"));
        let password = options.secret("password");
        let refused = |message: &str, hint: &str| Err(Diagnostic::error(Code::Invalid, message).hint(hint));
        let (authorization, identity) = match (bearer, user, password) {
            (None, None, None) => (None, "anonymous".to_owned()),
            (Some(token), None, None) => {
                let value = format!("Bearer {}", token.expose_secret());
                (Some(Secret::new(value)), "a bearer token".to_owned())
            }
            (None, Some(user), Some(password)) => {
                if user.contains(':') {
                    return refused(
                        "option \"user\" has a colon",
                        "Basic authentication ends the name with it.",
                    );
                }
                let pair = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
                (Some(Secret::new(format!("Basic {pair}"))), user.to_owned())
            }
            (None, _, _) => {
                return refused(
                    "options \"user\" and \"password\" go together",
                    "Give both, or `bearer_token` alone.",
                );
            }
            (Some(_), _, _) => {
                return refused(
                    "an HTTP connection has options \"bearer_token\" and \"user\" or \"password\"",
                    "Give either a token, or a user with a password.",
                );
            }
        };
        if authorization.as_ref().is_some_and(|value| value.expose_secret().chars().any(char::is_control)) {
            return refused("the credential has a control character", "Give it without line ends.");
        }
        let headers = options.secret("headers").map(Headers::parse).transpose()?.unwrap_or_default();
        if authorization.is_some() && headers.has(&http::header::AUTHORIZATION) {
            return refused(
                "option \"headers\" has an Authorization beside another credential",
                "Give either the header, or `bearer_token`, or `user` and `password`.",
            );
        }
        let identity = match (&authorization, headers.is_empty()) {
            (None, false) => "headers".to_owned(),
            _ => identity,
        };
        let limits = Limits::try_new(options)?;
        Ok(Http { endpoint, authorization, headers, identity, limits, servers: Mutex::default() })
    }

    fn server(&self, bucket: &str, patience: Patience) -> Result<HttpStore> {
        let Some((scheme, authority)) = bucket.split_once(':') else {
            return Err(Diagnostic::internal(format!("no server is called {bucket:?}")));
        };
        HttpStore::try_new(
            format!("{scheme}://{authority}"),
            self.authorization.clone(),
            self.headers.clone(),
            patience,
            self.limits,
        )
        .map_err(|error| object_error(error, &format!("{scheme}://{authority}")))
    }

    /// Fails for a uri that the connection is not confined to.
    fn confine(&self, uri: &str, url: &Url) -> Result<()> {
        let Some(endpoint) = &self.endpoint else { return Ok(()) };
        let within = Url::parse(endpoint.as_str()).is_ok_and(|place| {
            let folder = place.path().trim_end_matches('/');
            place.origin() == url.origin()
                && url.path().strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        });
        if within {
            return Ok(());
        }
        Err(Diagnostic::error(
            Code::PermissionDenied,
            format!("uri {:?} is outside the connection's endpoint", without_query(uri)),
        )
        .hint(format!("The connection reads below {} only.", endpoint.as_str())))
    }
}

/// A uri as messages may show it: a query may hold a signature.
fn without_query(uri: &str) -> &str {
    uri.split('?').next().unwrap_or(uri)
}

#[async_trait]
impl Remote for Http {
    async fn check(&self) -> Result<CheckReport> {
        let Some(endpoint) = &self.endpoint else {
            return Err(Diagnostic::internal("there is no server to ask"));
        };
        let url =
            Url::parse(endpoint.as_str()).map_err(|_| Diagnostic::internal("the endpoint is no url"))?;
        let server = self.server(&bucket_of(&url), Patience::OneTry(self.limits))?;
        let began = Instant::now();
        let answer = server.ask(url.path()).await.map_err(|error| object_error(error, endpoint.as_str()))?;
        let mut report = CheckReport {
            latency: began.elapsed(),
            server_version: answer.server,
            tls: if endpoint.is_plain_http() { "none" } else { "TLS" }.to_owned(),
            identity: self.identity.clone(),
            warnings: Vec::new(),
        };
        if endpoint.is_plain_http() && !endpoint.is_loopback() {
            report.warnings.push(
                "The endpoint is plain http: rows and credentials can be read by everybody on the way there."
                    .to_owned(),
            );
        }
        match answer.status {
            401 => {
                return Err(Diagnostic::error(
                    Code::Unauthenticated,
                    format!("{} does not accept the credential", endpoint.as_str()),
                )
                .hint("Check `bearer_token`, `user` and `password`, or `headers`."));
            }
            status @ 500.. => {
                return Err(Diagnostic::error(
                    Code::Remote,
                    format!("{} answers with status {status}", endpoint.as_str()),
                ));
            }
            // Folders are rarely files: what is said of this one says nothing of those in it.
            _ => {}
        }
        Ok(report)
    }

    fn objects(self: Arc<Self>) -> Option<Arc<dyn Objects>> {
        Some(self)
    }
}

fn bucket_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{}:{host}:{port}", url.scheme()),
        None => format!("{}:{host}", url.scheme()),
    }
}

impl Objects for Http {
    /// The key is the path and the query, as written.
    fn locate(&self, uri: &str) -> Result<ObjectLocation> {
        let parts = Uri::parse(uri, CONNECTION_TYPE.schemes)?;
        let shown = without_query(uri);
        if parts.authority.contains('@') {
            return Err(Diagnostic::error(Code::Invalid, "the uri holds a user name or password")
                .hint("Make a connection of type HTTP with options user and password."));
        }
        if uri.contains('*') {
            return Err(invalid(shown, "has a *, and a web server neither lists files nor takes them")
                .hint("Name each file: uris = ['https://…/1.csv', 'https://…/2.csv']."));
        }
        if uri.contains('#') {
            return Err(invalid(shown, "has a #, which is no part of what a server is asked for"));
        }
        let Ok(url) = Url::parse(uri) else {
            return Err(invalid(shown, "is not a url"));
        };
        if parts.path.split('?').next().is_some_and(|path| path.split('/').any(str::is_empty)) {
            return Err(invalid(shown, "names no file, or has an empty part in its path"));
        }
        let key = key_of(shown, parts.path)?;
        if key != parts.path {
            return Err(invalid(shown, "has an empty part in its query")
                .hint("Write the slashes of the query as %2F."));
        }
        self.confine(uri, &url)?;
        Ok(ObjectLocation { bucket: bucket_of(&url), key })
    }

    fn uri(&self, bucket: &str, path: &Path) -> String {
        let (scheme, authority) = bucket.split_once(':').unwrap_or(("https", bucket));
        format!("{scheme}://{authority}/{path}")
    }

    fn store(&self, bucket: &str) -> Result<Arc<dyn ObjectStore>> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = servers.get(bucket) {
            return Ok(Arc::clone(server) as _);
        }
        let server = Arc::new(self.server(bucket, Patience::Persistent(self.limits))?);
        servers.insert(bucket.to_owned(), Arc::clone(&server));
        Ok(server)
    }

    fn staging(&self, _bucket: &str) -> Result<Option<Arc<dyn Staging>>> {
        Err(Diagnostic::error(Code::Unsupported, "files of a web server are read, not written")
            .hint("Export to a file, to S3, Azure or Cloud Storage."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object_store::test_options::{Given, options, refusal};

    fn http(given: &[Given<'_>]) -> Result<Http> {
        Http::try_new(&options(&CONNECTION_TYPE, given))
    }

    fn refused(http: &Http, uri: &str) -> String {
        http.locate(uri).expect_err("refused").message().to_owned()
    }

    #[test]
    fn uris_are_read_and_written_back() {
        let http = http(&[("endpoint", "https://h:8443".into())]).expect("valid");
        for uri in ["https://h:8443/a%20b/c.csv", "https://h:8443/a?x=1&sig=a%2Fb"] {
            let at = http.locate(uri).expect("valid");
            assert_eq!(http.uri(&at.bucket, &Path::parse(&at.key).expect("a path")), uri);
        }
    }

    #[test]
    fn what_no_server_can_be_asked_for_is_refused() {
        let http = http(&[("endpoint", "https://h".into())]).expect("valid");
        assert_eq!(
            refused(&http, "https://h/a/*.csv"),
            "uri \"https://h/a/*.csv\" has a *, and a web server neither lists files nor takes them"
        );
        assert_eq!(refused(&http, "https://me:hunter2@h/a"), "the uri holds a user name or password");
        assert_eq!(
            refused(&http, "https://h/a//b?sig=hunter2"),
            "uri \"https://h/a//b\" names no file, or has an empty part in its path"
        );
        assert_eq!(
            refused(&http, "https://h/a/../b"),
            "uri \"https://h/a/../b\" has \"..\" as a part of its key"
        );
    }

    #[test]
    fn a_connection_is_confined_to_its_endpoint() {
        let http = http(&[("endpoint", "https://h/data".into())]).expect("valid");
        http.locate("https://h/data/x.csv").expect("below");
        http.locate("https://h:443/data/x.csv").expect("the same server");
        for uri in [
            "https://other/data/x.csv",
            "http://h/data/x.csv",
            "https://h:444/data/x.csv",
            "https://h/data2/x.csv",
            "https://h/x.csv?sig=hunter2",
            "https://h/data%2F..%2Fx.csv",
        ] {
            let message = refused(&http, uri);
            assert!(message.ends_with("is outside the connection's endpoint"), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn credentials_are_one_of_two_kinds() {
        let place = ("endpoint", "https://h".into());
        assert_eq!(
            refusal(http(&[place, ("user", "me".into())])),
            "options \"user\" and \"password\" go together"
        );
        assert_eq!(
            refusal(http(&[place, ("bearer_token", "hunter2".into()), ("user", "me".into())])),
            "an HTTP connection has options \"bearer_token\" and \"user\" or \"password\""
        );
        let basic = http(&[place, ("user", "me".into()), ("password", "pass".into())]).expect("valid");
        assert_eq!(basic.authorization.expect("there").expose_secret(), "Basic bWU6cGFzcw==");
        assert_eq!(
            refusal(http(&[place, ("bearer_token", "a\nX-Other: b".into())])),
            "the credential has a control character"
        );
    }
}
