//! OPENDAL connections: files in whatever Apache OpenDAL has a service for.
//!
//! [`services`] says which are compiled in; each further one is a feature of the `opendal` crate and a value in
//! that table. Those that speak HTTP do so by the client of the other object stores ([`transport`]).

mod services;
mod ssh_sessions;
mod transport;

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use firth_connector::{
    Canceller, CheckReport, ConnectionType, Connector, ObjectLocation, Objects, OptionSpec, Options, Remote,
    RemoteId, Staging,
};
use firth_diagnostic::{Code, Diagnostic, Result};
use object_store::{
    ObjectStore,
    path::{Path, PathPart},
};
use object_store_opendal::OpendalStore;
use opendal::{
    HttpTransporter, OperationContext, Operator,
    layers::{RetryLayer, TimeoutLayer},
    raw::percent_decode_path,
};
use url::Url;
use uuid::Uuid;

use self::{
    services::{SCHEMES, SECURITY_TOKEN, Service},
    ssh_sessions::SshSessions,
    transport::Transport,
};
use crate::{
    http_client::{
        client::Patience,
        endpoint::Endpoint,
        limits::{CONNECT_TIMEOUT, Limits, MAX_REQUESTS, MAX_TRIES, REQUEST_TIMEOUT},
    },
    label,
};

/// The connector of OPENDAL connections.
pub(crate) struct OpenDal;

const OWN: [OptionSpec; 19] = services::options();

const TYPES: &[ConnectionType] = &[ConnectionType {
    name: "OPENDAL",
    when: None,
    options: &[
        OptionSpec::string("scheme")
            .required()
            .endpoint()
            .choice(SCHEMES)
            .doc("OpenDAL's service: 'fs' is a folder, 'memory' holds files until the process ends."),
        OWN[0],
        OWN[1],
        OWN[2],
        OWN[3],
        OWN[4],
        OWN[5],
        OWN[6],
        OWN[7],
        OWN[8],
        OWN[9],
        OWN[10],
        OWN[11],
        OWN[12],
        OWN[13],
        OWN[14],
        OWN[15],
        OWN[16],
        OWN[17],
        OWN[18],
        SECURITY_TOKEN,
        CONNECT_TIMEOUT,
        REQUEST_TIMEOUT,
        MAX_TRIES,
        MAX_REQUESTS,
        label::FRIENDLY_NAME,
        label::DESCRIPTION,
    ],
    schemes: &["opendal"],
    endpoint: |options| {
        let place = options.string("endpoint").or(options.string("root")).unwrap_or("/");
        format!("{}:{place}", options.string("scheme").unwrap_or_default())
    },
    doc: "Files in a service that Apache OpenDAL knows.",
}];

/// The only bucket there is: a service is opened at one place.
const BUCKET: &str = "opendal";

/// What memory connections hold. By connection, so that opening one again finds its files.
static MEMORIES: LazyLock<Mutex<HashMap<Uuid, Operator>>> = LazyLock::new(Mutex::default);

impl Connector for OpenDal {
    fn connection_types(&self) -> &'static [ConnectionType] {
        TYPES
    }

    fn open(&self, id: RemoteId, _: &'static ConnectionType, options: Options) -> Result<Arc<dyn Remote>> {
        let service = Service::of(&options)?;
        let limits = Limits::try_new(&options)?;
        endpoint_is_one(service, &options)?;
        if service.scheme == "fs"
            && !options.string("root").is_some_and(|root| std::path::Path::new(root).is_absolute())
        {
            return Err(Diagnostic::error(Code::Invalid, "option \"root\" is not absolute")
                .hint("OPENDAL connections with `scheme = 'fs'` need the folder, from `/` on."));
        }
        Ok(Arc::new(OpenDalRemote {
            connection: id.uuid,
            service,
            limits,
            options,
            operator: OnceLock::new(),
            ssh: OnceLock::new(),
        }))
    }
}

struct OpenDalRemote {
    connection: Uuid,
    service: &'static Service,
    limits: Limits,
    options: Options,
    operator: OnceLock<Operator>,
    /// Of SFTP, once a connection is wanted.
    ssh: OnceLock<SshSessions>,
}

impl OpenDalRemote {
    /// What statements use.
    fn operator(&self) -> Result<Operator> {
        if let Some(operator) = self.operator.get() {
            return Ok(operator.clone());
        }
        let operator = match self.service.scheme {
            "memory" => {
                let mut memories = MEMORIES.lock().unwrap_or_else(PoisonError::into_inner);
                match memories.get(&self.connection) {
                    Some(memory) => memory.clone(),
                    None => {
                        let memory = self.open(Patience::Persistent(self.limits))?;
                        memories.insert(self.connection, memory.clone());
                        memory
                    }
                }
            }
            _ => self.open(Patience::Persistent(self.limits))?,
        };
        Ok(self.operator.get_or_init(|| operator).clone())
    }

    fn open(&self, patience: Patience) -> Result<Operator> {
        if self.service.scheme == "sftp" {
            self.ssh.get_or_init(SshSessions::look);
        }
        let operator = self.service.open(&self.options).map_err(|error| failed(&self.place(), error))?;
        if matches!(self.service.scheme, "fs" | "memory") {
            return Ok(operator);
        }
        let operator = match self.service.by_http {
            true => {
                let transport = Transport::new(patience, self.in_the_clear(), self.place())
                    .map_err(|error| firth_connector::object_error(error, &self.place()))?;
                operator.with_context(
                    OperationContext::default().with_http_transport(HttpTransporter::new(transport)),
                )
            }
            // Its own client waits for ever.
            false => operator.layer(
                TimeoutLayer::new().with_timeout(self.limits.answer).with_io_timeout(self.limits.answer),
            ),
        };
        Ok(match patience {
            Patience::OneTry(_) => operator,
            Patience::Persistent(limits) => operator.layer(
                RetryLayer::new()
                    .with_jitter()
                    .with_min_delay(Duration::from_millis(100))
                    .with_max_delay(Duration::from_secs(10))
                    .with_max_times(limits.tries.saturating_sub(1)),
            ),
        })
    }

    /// Whether what is sent can be read on the way.
    fn in_the_clear(&self) -> bool {
        self.service.by_http
            && self.options.string("endpoint").is_some_and(|endpoint| !endpoint.starts_with("https://"))
    }

    /// What the connection leads to, for messages.
    fn place(&self) -> String {
        (TYPES[0].endpoint)(&self.options)
    }
}

impl Drop for OpenDalRemote {
    fn drop(&mut self) {
        let Some(ssh) = self.ssh.take() else { return };
        let operator = self.operator.take();
        Canceller::spawn(async move {
            drop(operator);
            ssh.ended().await;
        });
    }
}

#[async_trait]
impl Remote for OpenDalRemote {
    async fn check(&self) -> Result<CheckReport> {
        let began = Instant::now();
        let operator = match self.service.scheme {
            "memory" => self.operator()?,
            _ => self.open(Patience::OneTry(self.limits))?,
        };
        let asked = match operator.info().capability().list {
            true => operator.check().await,
            // What lists nothing may have nothing at its root either.
            false => match operator.stat("/").await {
                Err(error) if error.kind() != opendal::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        };
        asked.map_err(|error| failed(&self.place(), error))?;
        let mut warnings = Vec::new();
        if self.in_the_clear() && self.options.has_secret() {
            warnings.push(
                "The endpoint is without TLS: the connection's secrets cross the network in the clear.",
            );
        }
        Ok(CheckReport {
            latency: began.elapsed(),
            server_version: format!("OpenDAL {}", operator.info().scheme()),
            tls: match self.service.by_http {
                true if !self.in_the_clear() => "TLS".to_owned(),
                _ => "none".to_owned(),
            },
            warnings: warnings.into_iter().map(str::to_owned).collect(),
            ..CheckReport::default()
        })
    }

    fn objects(self: Arc<Self>) -> Option<Arc<dyn Objects>> {
        Some(self)
    }
}

impl Objects for OpenDalRemote {
    fn locate(&self, uri: &str) -> Result<ObjectLocation> {
        let invalid = |why: &str| {
            Diagnostic::error(Code::Invalid, format!("uri {uri:?} {why}"))
                .hint("Write it as 'opendal:///folder/file', with one * at most.")
        };
        let Some(raw) = uri.strip_prefix("opendal:///") else { return Err(invalid("is not an opendal uri")) };
        if raw.matches('*').count() > 1 {
            return Err(invalid("has more than one *"));
        }
        if raw.contains('*') && self.service.scheme == "http" {
            let why = "has a *, and a web server does not list its files";
            return Err(Diagnostic::error(Code::Invalid, format!("uri {uri:?} {why}"))
                .hint("Name each file: uris = ['opendal:///one', 'opendal:///two']."));
        }
        if raw.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err(invalid("has \".\" or \"..\" as a part of its key"));
        }
        let slash = if raw.ends_with('/') { "/" } else { "" };
        let segments: Vec<String> =
            raw.split('/').filter(|segment| !segment.is_empty()).map(encoded).collect();
        Ok(ObjectLocation { bucket: BUCKET.to_owned(), key: segments.join("/") + slash })
    }

    fn uri(&self, _bucket: &str, path: &Path) -> String {
        format!("opendal:///{}", percent_decode_path(path.as_ref()))
    }

    fn store(&self, _bucket: &str) -> Result<Arc<dyn ObjectStore>> {
        Ok(Arc::new(OpendalStore::new(self.operator()?)))
    }

    fn staging(&self, _bucket: &str) -> Result<Option<Arc<dyn Staging>>> {
        Ok(None)
    }
}

/// Checks that `endpoint` leads to a server and says nothing else. What ssh is given must not read as an option of
/// its own: one of them names a program to run.
fn endpoint_is_one(service: &Service, options: &Options) -> Result<()> {
    let Some(endpoint) = options.string("endpoint") else { return Ok(()) };
    if service.by_http {
        return Endpoint::parse(endpoint).map(drop);
    }
    let invalid = || {
        Diagnostic::error(Code::Invalid, "option \"endpoint\" is not an ssh url")
            .hint("Write it as 'ssh://host' or 'ssh://host:port'; the user is an option of its own.")
    };
    let url = Url::parse(endpoint).map_err(|_| invalid())?;
    let starts_well = |text: &str| text.starts_with(char::is_alphanumeric);
    let is_one = url.scheme() == "ssh"
        && url.host_str().is_some_and(starts_well)
        && url.username().is_empty()
        && url.password().is_none()
        && matches!(url.path(), "" | "/")
        && url.query().is_none();
    if !is_one {
        return Err(invalid());
    }
    if options.string("user").is_some_and(|user| !starts_well(user)) {
        return Err(Diagnostic::error(Code::Invalid, "option \"user\" is not a user's name"));
    }
    Ok(())
}

/// A segment as this store's paths have it: OpenDAL's adapter decodes what it is given, and encodes
/// what it lists. The `*` of a pattern stays.
fn encoded(segment: &str) -> String {
    segment.split('*').map(|piece| PathPart::from(piece).as_ref().to_owned()).collect::<Vec<_>>().join("*")
}

fn failed(place: &str, error: opendal::Error) -> Diagnostic {
    if std::error::Error::source(&error).is_some() {
        let source = Box::new(error);
        return firth_connector::object_error(
            object_store::Error::Generic { store: "OpenDAL", source },
            place,
        );
    }
    let code = match error.kind() {
        opendal::ErrorKind::NotFound => Code::NotFound,
        opendal::ErrorKind::PermissionDenied => Code::PermissionDenied,
        opendal::ErrorKind::ConfigInvalid => Code::Invalid,
        _ => Code::Io,
    };
    // The error's own text lists what was sent; its message does not. It may be a page for a browser.
    let detail = match error.message().trim_start() {
        page if page.starts_with('<') => "the server answers with a page",
        told => told,
    };
    Diagnostic::error(code, format!("could not open {place:?}")).detail(detail)
}

#[cfg(test)]
mod tests {
    use firth_connector::{GivenOption, GivenValue};
    use firth_diagnostic::{Secret, Span, Spanned};
    use object_store::ObjectStoreExt;

    use super::*;

    fn open(id: Uuid, given: &[(&str, &str)]) -> Result<Arc<dyn Objects>> {
        let given: Vec<GivenOption> = given
            .iter()
            .map(|(name, text)| GivenOption {
                name: Spanned::new((*name).to_owned(), Span::default()),
                value: Spanned::new(GivenValue::Text(Secret::new(*text)), Span::default()),
            })
            .collect();
        let options = Options::validate("OPENDAL connections", TYPES[0].options, &given, Span::default())?;
        let id = RemoteId { uuid: id, name: "us.o".to_owned(), kind: "OPENDAL".to_owned() };
        Ok(OpenDal.open(id, &TYPES[0], options)?.objects().expect("it has files"))
    }

    #[tokio::test]
    async fn memory_lasts_as_long_as_the_process() {
        let id = Uuid::new_v4();
        let place = |objects: &dyn Objects| objects.locate("opendal:///a b/100%.csv").expect("valid");
        let objects = open(id, &[("scheme", "memory")]).expect("opened");
        let at = place(&*objects);
        let path = Path::parse(&at.key).expect("a path");
        objects.store(&at.bucket).expect("a store").put(&path, "x".into()).await.expect("written");

        let again = open(id, &[("scheme", "memory")]).expect("opened");
        again.store(&at.bucket).expect("a store").get(&path).await.expect("it is still there");
        let other = open(Uuid::new_v4(), &[("scheme", "memory")]).expect("opened");
        other.store(&at.bucket).expect("a store").get(&path).await.expect_err("it is another connection's");
    }

    #[tokio::test]
    async fn odd_names_are_the_files_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().to_str().expect("unicode");
        let objects = open(Uuid::new_v4(), &[("scheme", "fs"), ("root", root)]).expect("opened");
        for name in ["a b.csv", "100%.csv", "%41.csv", "é.csv"] {
            let uri = format!("opendal:///{name}");
            let at = objects.locate(&uri).expect("valid");
            let path = Path::parse(&at.key).expect("a path");
            objects.store(&at.bucket).expect("a store").put(&path, "x".into()).await.expect("written");
            assert!(folder.path().join(name).exists(), "{name}");
            assert_eq!(objects.uri(&at.bucket, &path), uri);
        }
    }

    #[test]
    fn a_service_takes_its_own_options() {
        let refused = |given: &[(&str, &str)]| {
            let error = open(Uuid::new_v4(), given).err().expect("refused");
            format!("{} | {}", error.message(), error.hints().join(" "))
        };
        insta::assert_snapshot!([
            refused(&[("scheme", "fs")]),
            refused(&[("scheme", "fs"), ("root", "data")]),
            refused(&[("scheme", "fss"), ("root", "/")]),
            refused(&[("scheme", "memory"), ("password", "x")]),
            refused(&[("scheme", "webdav"), ("endpoint", "https://dav.example.com"), ("key", "/k")]),
            refused(&[("scheme", "webdav"), ("endpoint", "https://me:secret@dav.example.com")]),
            refused(&[("scheme", "dropbox"), ("refresh_token", "x")]),
            refused(&[("scheme", "oss"), ("endpoint", "https://oss.example.com"), ("bucket", "b")]),
        ].join("\n"), @r#"
        option "root" is missing | OPENDAL connections with `scheme = 'fs'` need it: add `root = '…'`.
        option "root" is not absolute | OPENDAL connections with `scheme = 'fs'` need the folder, from `/` on.
        "fss" is not a value of option "scheme" | Did you mean "fs"?
        option "password" does not apply to `scheme = 'memory'` | It takes `root` only.
        option "key" does not apply to `scheme = 'webdav'` | It takes endpoint, username, password, token and root.
        option "endpoint" holds a user name or password | Write it as 'https://host:port'.
        option "client_id" is missing | `scheme = 'dropbox'` needs access_token, or refresh_token with client_id and client_secret.
        option "access_key_id" is missing | OPENDAL connections with `scheme = 'oss'` need it: add `access_key_id = '…'`.
        "#);
    }

    #[test]
    fn nothing_that_ssh_is_given_is_an_option_of_its_own() {
        let ssh = |endpoint: &str, user: &str| {
            open(Uuid::new_v4(), &[("scheme", "sftp"), ("endpoint", endpoint), ("user", user)])
                .map(drop)
                .map_err(|error| error.message().to_owned())
        };
        assert_eq!(ssh("ssh://files.example.com:2222", "me"), Ok(()));
        for endpoint in [
            "-oProxyCommand=true",
            "ssh://-oProxyCommand=true",
            "files",
            "ssh://me:pw@files",
            "ssh://files/x",
        ] {
            assert_eq!(
                ssh(endpoint, "me"),
                Err("option \"endpoint\" is not an ssh url".to_owned()),
                "{endpoint}"
            );
        }
        assert_eq!(
            ssh("ssh://files", "-oProxyCommand=true"),
            Err("option \"user\" is not a user's name".to_owned())
        );
    }

    #[test]
    fn patterns_keep_their_star() {
        let objects = open(Uuid::new_v4(), &[("scheme", "memory")]).expect("opened");
        let key =
            |uri: &str| objects.locate(uri).map(|at| at.key).map_err(|error| error.message().to_owned());
        assert_eq!(key("opendal:///a//b/*.csv"), Ok("a/b/*.csv".to_owned()));
        assert_eq!(key("opendal:///a/"), Ok("a/".to_owned()));
        assert_eq!(
            key("opendal:///a/../b"),
            Err("uri \"opendal:///a/../b\" has \".\" or \"..\" as a part of its key".to_owned())
        );
    }
}
