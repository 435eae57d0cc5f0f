//! Where a table's files are: from the paths in its metadata to objects.

use std::sync::Arc;

use bytes::Bytes;
use firth_connector::{Objects, OpenedRemote, object_error};
use firth_diagnostic::{Code, Diagnostic, Result};
use object_store::{ObjectStore as _, ObjectStoreExt as _, path::Path};

use crate::store::{StatementStores, StoreHandle};

/// The place of a table, as its metadata's paths see it.
pub(super) struct TablePlace<'a> {
    stores: &'a StatementStores,
    remote: &'a OpenedRemote,
    objects: Arc<dyn Objects>,
    /// Where the metadata say the table is, and where it is.
    moved: Option<(String, String)>,
}

/// An object and its store.
#[derive(Clone)]
pub(super) struct Located {
    pub(super) handle: StoreHandle,
    pub(super) key: Path,
}

impl<'a> TablePlace<'a> {
    pub(super) fn try_new(stores: &'a StatementStores, remote: &'a OpenedRemote) -> Result<Self> {
        let objects = crate::files::objects_of(remote)?;
        Ok(TablePlace { stores, remote, objects, moved: None })
    }

    /// The same for a table that was copied: what its metadata say is below `from` is below `to`.
    #[must_use]
    pub(super) fn moved(mut self, from: &str, to: &str) -> Self {
        let folder = |path: &str| format!("{}/", uri_of(path).trim_end_matches('/'));
        self.moved = Some((folder(from), folder(to)));
        self
    }

    /// The object that a path in the metadata names.
    pub(super) fn locate(&self, path: &str) -> Result<Located> {
        let mut uri = uri_of(path);
        if let Some((from, to)) = &self.moved
            && let Some(rest) = uri.strip_prefix(from.as_str())
        {
            uri = format!("{to}{rest}");
        }
        let location = self.objects.locate(&uri).map_err(|error| {
            error.hint("The table's metadata name this path. If the table was copied as a whole, allow_moved_paths = TRUE reads its files from beside its metadata.")
        })?;
        let key = Path::parse(&location.key).map_err(|error| {
            Diagnostic::error(Code::BadData, format!("the table's metadata name {path:?}, which is no path"))
                .detail(error.to_string())
        })?;
        Ok(Located { handle: self.stores.open(self.remote, &self.objects, &location)?, key })
    }

    /// The bytes of a file of metadata.
    pub(super) async fn read(&self, path: &str) -> Result<Bytes> {
        let file = self.locate(path)?;
        let store = &file.handle.store;
        let failed = |error| match error {
            object_store::Error::NotFound { .. } => missing(path),
            other => object_error(other, path),
        };
        store.get(&store.outer(&file.key)).await.map_err(failed)?.bytes().await.map_err(failed)
    }

    /// A part of a file.
    pub(super) async fn read_range(&self, path: &str, range: std::ops::Range<u64>) -> Result<Bytes> {
        let file = self.locate(path)?;
        let store = &file.handle.store;
        let ranges = [range];
        let bytes = store.get_ranges(&store.outer(&file.key), &ranges).await;
        let bytes = bytes.map_err(|error| object_error(error, path))?;
        bytes.into_iter().next().ok_or_else(|| Diagnostic::internal("a range that was read is missing"))
    }

    /// The names of the files in a folder, not of those below it.
    pub(super) async fn list(&self, folder: &str) -> Result<Vec<object_store::ObjectMeta>> {
        let place = self.locate(folder.trim_end_matches('/'))?;
        let store = &place.handle.store;
        let listed = store
            .list_with_delimiter(Some(&store.outer(&place.key)))
            .await
            .map_err(|error| object_error(error, folder))?;
        Ok(listed.objects)
    }
}

/// A file that the metadata name and that is not there.
pub(super) fn missing(path: &str) -> Diagnostic {
    Diagnostic::error(Code::NotFound, format!("{path:?}, which the table is made of, does not exist")).hint(
        "If the table was copied as a whole, allow_moved_paths = TRUE reads its files from beside its metadata.",
    )
}

/// A path of metadata as the connectors' uris are: Hadoop's schemes are others, and local paths have none.
fn uri_of(path: &str) -> String {
    if path.starts_with('/') {
        return format!("file://{path}");
    }
    if let Some(("s3a" | "s3n", rest)) = path.split_once("://") {
        return format!("s3://{rest}");
    }
    match path.strip_prefix("file:/") {
        Some(rest) => format!("file:///{}", rest.trim_start_matches('/')),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_other_programs_are_uris() {
        assert_eq!(uri_of("/lake/t/a.parquet"), "file:///lake/t/a.parquet");
        assert_eq!(uri_of("file:/lake/t"), "file:///lake/t");
        assert_eq!(uri_of("file:///lake/t"), "file:///lake/t");
        assert_eq!(uri_of("s3a://lake/t"), "s3://lake/t");
        assert_eq!(uri_of("abfss://c@a.dfs.core.windows.net/t"), "abfss://c@a.dfs.core.windows.net/t");
    }
}
