//! OPENDAL connections: files in whatever Apache OpenDAL has a service for.
//!
//! The services compiled in are a folder of this machine and memory; each further one is a feature of
//! the `opendal` crate, a value of `scheme`, and its options.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError},
    time::Instant,
};

use async_trait::async_trait;
use firth_connector::{
    CheckReport, ConnectionType, Connector, ObjectLocation, Objects, OptionSpec, Options, Remote, RemoteId,
    Staging,
};
use firth_diagnostic::{Code, Diagnostic, Result};
use object_store::{
    ObjectStore,
    path::{Path, PathPart},
};
use object_store_opendal::OpendalStore;
use opendal::{
    Operator,
    raw::percent_decode_path,
    services::{Fs, Memory},
};
use uuid::Uuid;

use crate::label;

/// The connector of OPENDAL connections.
pub(crate) struct OpenDal;

const TYPES: &[ConnectionType] = &[ConnectionType {
    name: "OPENDAL",
    when: None,
    options: &[
        OptionSpec::string("scheme")
            .required()
            .endpoint()
            .choice(&["fs", "memory"])
            .doc("OpenDAL's service: 'fs' for a folder, 'memory' for files that end with the process."),
        OptionSpec::string("root").endpoint().doc("The folder that keys start from. Needed by 'fs'."),
        label::FRIENDLY_NAME,
        label::DESCRIPTION,
    ],
    schemes: &["opendal"],
    endpoint: |options| {
        format!("{}:{}", options.string("scheme").unwrap_or_default(), options.string("root").unwrap_or("/"))
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
        let root = options.string("root").map(str::to_owned);
        let service = match options.string("scheme") {
            Some("memory") => Service::Memory { connection: id.uuid },
            Some(_) | None => match root.filter(|root| std::path::Path::new(root).is_absolute()) {
                Some(root) => Service::Folder { root },
                None => {
                    return Err(Diagnostic::error(
                        Code::Invalid,
                        "option \"root\" is missing or not absolute",
                    )
                    .hint("OPENDAL connections with `scheme = 'fs'` need the folder, from `/` on."));
                }
            },
        };
        Ok(Arc::new(OpenDalRemote { service, operator: OnceLock::new() }))
    }
}

enum Service {
    /// Follows symbolic links wherever they lead; a LOCAL connection does not.
    Folder {
        root: String,
    },
    Memory {
        connection: Uuid,
    },
}

struct OpenDalRemote {
    service: Service,
    operator: OnceLock<Operator>,
}

impl OpenDalRemote {
    fn operator(&self) -> Result<Operator> {
        if let Some(operator) = self.operator.get() {
            return Ok(operator.clone());
        }
        let operator = match &self.service {
            Service::Folder { root } => {
                Operator::new(Fs::default().root(root)).map_err(|error| failed(root, &error))?
            }
            Service::Memory { connection } => {
                let mut memories = MEMORIES.lock().unwrap_or_else(PoisonError::into_inner);
                match memories.get(connection) {
                    Some(memory) => memory.clone(),
                    None => {
                        let memory =
                            Operator::new(Memory::default()).map_err(|error| failed("memory", &error))?;
                        memories.insert(*connection, memory.clone());
                        memory
                    }
                }
            }
        };
        Ok(self.operator.get_or_init(|| operator).clone())
    }
}

#[async_trait]
impl Remote for OpenDalRemote {
    async fn check(&self) -> Result<CheckReport> {
        let began = Instant::now();
        let operator = self.operator()?;
        operator.check().await.map_err(|error| failed(operator.info().root().as_ref(), &error))?;
        Ok(CheckReport {
            latency: began.elapsed(),
            server_version: format!("OpenDAL {}", operator.info().scheme()),
            tls: "none".to_owned(),
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

/// A segment as this store's paths have it: OpenDAL's adapter decodes what it is given, and encodes
/// what it lists. The `*` of a pattern stays.
fn encoded(segment: &str) -> String {
    segment.split('*').map(|piece| PathPart::from(piece).as_ref().to_owned()).collect::<Vec<_>>().join("*")
}

fn failed(place: &str, error: &opendal::Error) -> Diagnostic {
    let code = match error.kind() {
        opendal::ErrorKind::NotFound => Code::NotFound,
        opendal::ErrorKind::PermissionDenied => Code::PermissionDenied,
        _ => Code::Io,
    };
    // The error's own text lists the operator's settings; its message does not.
    Diagnostic::error(code, format!("could not open {place:?}")).detail(error.message().to_owned())
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
    fn a_folder_needs_a_root() {
        let error = open(Uuid::new_v4(), &[("scheme", "fs")]).err().expect("refused");
        assert_eq!(error.message(), "option \"root\" is missing or not absolute");
        let error = open(Uuid::new_v4(), &[("scheme", "fss"), ("root", "/")]).err().expect("refused");
        assert_eq!(error.message(), "\"fss\" is not a value of option \"scheme\"");
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
