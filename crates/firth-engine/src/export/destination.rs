//! Where an export goes: a bucket, a pattern, and what the store can do.

use std::sync::Arc;

use firth_catalog::ConnectionName;
use firth_connector::{ObjectLocation, Objects, Staging, object_error};
use firth_diagnostic::{Code, Diagnostic, Result, Span};
use futures::TryStreamExt as _;
use object_store::{ObjectMeta, ObjectStore, path::Path};
use uuid::Uuid;

use super::{CountedStaging, CountedStore, FileNames, Requests, Snapshot, whole_files::WholeFiles};
use crate::resolve::Resolver;

/// An export's place, opened.
#[derive(Clone)]
pub(crate) struct Destination {
    objects: Arc<dyn Objects>,
    bucket: String,
    /// The uri, as the statement wrote it.
    pub(crate) uri: String,
    /// Reads, lists and deletes.
    pub(crate) store: Arc<dyn ObjectStore>,
    /// Writes.
    pub(crate) staging: Arc<dyn Staging>,
    /// Whether the files become visible together, by a manifest.
    pub(crate) is_atomic: bool,
    /// The files' names.
    pub(crate) names: FileNames,
    /// What the store was asked for.
    pub(crate) requests: Requests,
}

impl Destination {
    /// Opens the place that a uri names. `atomic`: what the statement says, if it says it.
    pub(crate) fn open(
        resolver: &Resolver<'_>,
        connection: Option<(&ConnectionName, Option<Span>)>,
        uri: &str,
        atomic: Option<bool>,
    ) -> Result<Self> {
        let remote = resolver.open_for_files(connection, &[uri.to_owned()])?;
        let objects = Arc::clone(&remote.remote).objects().ok_or_else(|| {
            let error = Diagnostic::error(
                Code::Invalid,
                format!("connection {} has no files to export to", remote.id),
            );
            match connection.and_then(|(_, span)| span) {
                Some(span) => error.at(span),
                None => error,
            }
        })?;
        let location: ObjectLocation = objects.locate(uri)?;
        let names = FileNames::try_new(&location, uri)?;
        let handle = resolver.stores.open(&remote, &objects, &location)?;
        let store = Arc::clone(handle.store.bucket());
        let staged = objects.staging(&location.bucket)?;
        let (staging, is_atomic): (Arc<dyn Staging>, bool) = match (staged, atomic) {
            (Some(staging), None | Some(true)) => (staging, true),
            (Some(_), Some(false)) | (None, None | Some(false)) => {
                (Arc::new(WholeFiles::new(Arc::clone(&store))), false)
            }
            (None, Some(true)) => {
                return Err(Diagnostic::error(
                    Code::Unsupported,
                    format!("the store of {uri:?} cannot make several files visible together"),
                )
                .hint("Leave out `atomic`: each file is then there as a whole or not at all."));
            }
        };
        let requests = Requests::default();
        Ok(Destination {
            objects,
            bucket: location.bucket,
            uri: uri.to_owned(),
            store: Arc::new(CountedStore { inner: store, requests: requests.clone() }),
            staging: Arc::new(CountedStaging { inner: staging, requests: requests.clone() }),
            is_atomic,
            names,
            requests,
        })
    }

    /// The same place, with names of files that no other run uses.
    pub(crate) fn named_by_run(mut self, run: Uuid) -> Self {
        self.names = self.names.of_run(run);
        self
    }

    /// How a user would write a key.
    pub(crate) fn uri_of(&self, key: &Path) -> String {
        self.objects.uri(&self.bucket, key)
    }

    /// The key of a name below the folder.
    pub(crate) fn key(&self, name: &str) -> Result<Path> {
        self.names
            .key(name)
            .map_err(|error| Diagnostic::internal(format!("a file's name is not a path: {error}")))
    }

    /// The manifest as it stands.
    pub(crate) async fn manifest(&self) -> Result<Snapshot> {
        let path = self.names.manifest();
        Snapshot::read(self.store.as_ref(), &path, &self.uri_of(&path)).await
    }

    /// The files there that match the pattern, by name below the folder.
    pub(crate) async fn matching(&self) -> Result<Vec<(String, ObjectMeta)>> {
        let folder = self.names.folder();
        let mut listing = self.store.list(Some(&folder));
        let mut found = Vec::new();
        while let Some(meta) = listing.try_next().await.map_err(|error| object_error(error, &self.uri))? {
            if let Some(name) = self.names.name_of(&meta.location) {
                found.push((name.to_owned(), meta));
            }
        }
        Ok(found)
    }
}
