//! LOCAL connections: files of this machine, below one folder if that is wanted.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Instant,
};

use async_trait::async_trait;
use firth_connector::{
    CheckReport, ConnectionType, ObjectLocation, Objects, OptionSpec, Options, Remote, Staging, object_error,
};
use firth_diagnostic::{Code, Diagnostic, Result};
use object_store::{ObjectStore, local::LocalFileSystem, path::Path};

use super::{
    local_staging::{LocalStaging, Locator},
    rooted::RootedFileSystem,
    uri::{Uri, invalid, key_of},
};
use crate::label;

/// The type LOCAL. Its uris can be read without a connection, too.
pub(super) const CONNECTION_TYPE: ConnectionType = ConnectionType {
    name: "LOCAL",
    when: None,
    options: &[
        OptionSpec::string("root")
            .endpoint()
            .doc("The folder that the connection is confined to. Default: the whole file system."),
        label::FRIENDLY_NAME,
        label::DESCRIPTION,
    ],
    schemes: &["file"],
    endpoint: |options| format!("file://{}", options.string("root").unwrap_or("/")),
    doc: "Files of this machine.",
};

/// The only bucket there is.
const BUCKET: &str = "local";

/// This machine's files, from `/` or from a root.
pub(super) struct Local {
    root: Option<PathBuf>,
    files: OnceLock<Files>,
}

/// The files as a store, and where they are.
#[derive(Clone)]
struct Files {
    store: Arc<dyn ObjectStore>,
    locate: Arc<Locator>,
}

impl Local {
    /// Reads the options.
    pub(super) fn try_new(options: &Options) -> Result<Self> {
        let root = options.string("root").map(PathBuf::from);
        if let Some(root) = &root {
            let has_dots = root.components().any(|part| part == std::path::Component::ParentDir);
            if !root.is_absolute() || has_dots || root.to_str().is_none() {
                return Err(Diagnostic::error(
                    Code::Invalid,
                    format!("root {:?} is not an absolute path", root.display()),
                )
                .hint("Write the folder from `/` on, without `..`."));
            }
        }
        Ok(Local { root, files: OnceLock::new() })
    }

    /// `key`, which is an absolute path without its leading slash, as seen from the root.
    fn below_root(&self, uri: &str, key: &str) -> Result<String> {
        let Some(root) = &self.root else { return Ok(key.to_owned()) };
        // The root may be written through a symbolic link, and so may the uri; each way is one prefix.
        let written = root.to_str().map(str::to_owned);
        let real = std::fs::canonicalize(root).ok().and_then(|real| real.to_str().map(str::to_owned));
        for prefix in [written, real].into_iter().flatten() {
            let prefix = prefix.trim_matches('/');
            if prefix.is_empty() {
                return Ok(key.to_owned());
            }
            match key.strip_prefix(prefix) {
                Some("") => return Ok(String::new()),
                Some(rest) => {
                    if let Some(below) = rest.strip_prefix('/') {
                        return Ok(below.to_owned());
                    }
                }
                None => {}
            }
        }
        Err(Diagnostic::error(
            Code::PermissionDenied,
            format!("uri {uri:?} is outside the connection's root"),
        )
        .hint(format!("The connection reads and writes below file://{} only.", root.display())))
    }

    fn open(&self) -> Result<Files> {
        let Some(root) = &self.root else {
            let files = Arc::new(LocalFileSystem::new());
            let located = Arc::clone(&files);
            return Ok(Files {
                store: files,
                locate: Arc::new(move |path| located.path_to_filesystem(path)),
            });
        };
        let files = RootedFileSystem::try_new(root)
            .map_err(|error| object_error(error, &format!("file://{}", root.display())))?;
        let located = files.clone();
        Ok(Files { store: Arc::new(files), locate: Arc::new(move |path| located.place(path)) })
    }

    fn files(&self, bucket: &str) -> Result<Files> {
        if bucket != BUCKET {
            return Err(Diagnostic::internal(format!("local files have no bucket {bucket:?}")));
        }
        if let Some(files) = self.files.get() {
            return Ok(files.clone());
        }
        let files = self.open()?;
        Ok(self.files.get_or_init(|| files).clone())
    }
}

#[async_trait]
impl Remote for Local {
    async fn check(&self) -> Result<CheckReport> {
        let began = Instant::now();
        if let Some(root) = &self.root {
            let place = root.display();
            let metadata = tokio::fs::metadata(root).await.map_err(|error| {
                Diagnostic::error(Code::NotFound, format!("folder \"{place}\" cannot be opened"))
                    .detail(error.to_string())
                    .hint("Make the folder, or change the connection's option \"root\".")
            })?;
            if !metadata.is_dir() {
                return Err(Diagnostic::error(Code::Invalid, format!("\"{place}\" is not a folder"))
                    .hint("Option \"root\" names the folder that the connection is confined to."));
            }
        }
        Ok(CheckReport {
            latency: began.elapsed(),
            tls: "none".to_owned(),
            identity: std::env::var("USER").unwrap_or_default(),
            ..CheckReport::default()
        })
    }

    fn objects(self: Arc<Self>) -> Option<Arc<dyn Objects>> {
        Some(self)
    }
}

impl Objects for Local {
    fn locate(&self, uri: &str) -> Result<ObjectLocation> {
        let parsed = Uri::parse(uri, CONNECTION_TYPE.schemes)?;
        if !parsed.authority.is_empty() && parsed.authority != "localhost" {
            return Err(
                invalid(uri, "is not absolute").hint("Write it with three slashes: 'file:///folder/file'.")
            );
        }
        let key = key_of(uri, parsed.path)?;
        // A `*` in the root's own part does not match it, so no pattern reaches out of the root.
        let key = self.below_root(uri, &key)?;
        Ok(ObjectLocation { bucket: BUCKET.to_owned(), key })
    }

    fn uri(&self, _bucket: &str, path: &Path) -> String {
        match self.root.as_deref().and_then(|root| root.to_str()).map(|root| root.trim_matches('/')) {
            Some(root) if !root.is_empty() => format!("file:///{root}/{path}"),
            Some(_) | None => format!("file:///{path}"),
        }
    }

    fn store(&self, bucket: &str) -> Result<Arc<dyn ObjectStore>> {
        Ok(self.files(bucket)?.store)
    }

    fn staging(&self, bucket: &str) -> Result<Option<Arc<dyn Staging>>> {
        let Files { store, locate } = self.files(bucket)?;
        Ok(Some(Arc::new(LocalStaging::new(store, locate))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object_store::test_options::{options, refusal};

    fn local(root: Option<&str>) -> Local {
        let given: Vec<_> = root.iter().map(|root| ("root", (*root).into())).collect();
        Local::try_new(&options(&CONNECTION_TYPE, &given)).expect("valid")
    }

    #[test]
    fn uris_are_read_and_written_back() {
        for root in [None, Some("/"), Some("/data"), Some("/data/")] {
            let local = local(root);
            for uri in ["file:///data/a b/%41/*.csv", "file:///data/é.csv"] {
                let at = local.locate(uri).expect("valid");
                assert_eq!(local.uri(&at.bucket, &Path::parse(&at.key).expect("a path")), uri);
            }
        }
        assert_eq!(local(None).locate("file://localhost/data//a").expect("valid").key, "data/a");
        assert_eq!(local(Some("/data")).locate("file:///data/a").expect("valid").key, "a");
    }

    #[test]
    fn what_is_not_below_the_root_is_refused() {
        let local = local(Some("/data"));
        let refused = |uri: &str| refusal(local.locate(uri));
        assert_eq!(
            refused("file:///etc/passwd"),
            "uri \"file:///etc/passwd\" is outside the connection's root"
        );
        assert_eq!(
            refused("file:///database/x"),
            "uri \"file:///database/x\" is outside the connection's root"
        );
        assert_eq!(
            refused("file:///data/../etc"),
            "uri \"file:///data/../etc\" has \"..\" as a part of its key"
        );
        assert_eq!(refused("file:///d*/x"), "uri \"file:///d*/x\" is outside the connection's root");
    }

    #[test]
    fn relative_paths_are_refused() {
        assert_eq!(refusal(local(None).locate("file://data/x")), "uri \"file://data/x\" is not absolute");
        let given = [("root", "data".into())];
        assert_eq!(
            refusal(Local::try_new(&options(&CONNECTION_TYPE, &given))),
            "root \"data\" is not an absolute path"
        );
    }

    #[tokio::test]
    async fn a_root_that_is_not_there_fails_its_check() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = folder.path().join("missing");
        let error = local(missing.to_str()).check().await.expect_err("it is not there");
        assert_eq!(error.code(), Code::NotFound);
        local(folder.path().to_str()).check().await.expect("it is there");
    }
}
