//! A file system below one folder, which symbolic links do not lead out of.

use std::{
    fmt,
    ops::Range,
    path::{Path as FilePath, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, local::LocalFileSystem, path::Path,
};

/// A [`LocalFileSystem`] that looks where a path really leads before it goes there.
///
/// It does not guard against somebody who changes links while it works: whoever can do that can
/// write below the root as it is.
#[derive(Clone, Debug)]
pub(super) struct RootedFileSystem {
    files: Arc<LocalFileSystem>,
    root: PathBuf,
}

impl RootedFileSystem {
    /// The file system below `root`, which must be there.
    pub(super) fn try_new(root: &FilePath) -> Result<Self> {
        let files = LocalFileSystem::new_with_prefix(root)?;
        let root = std::fs::canonicalize(root)
            .map_err(|error| Error::Generic { store: "LocalFileSystem", source: Box::new(error) })?;
        Ok(RootedFileSystem { files: Arc::new(files), root })
    }

    /// Fails if `location` leads out of the root. What is not there yet is judged by the nearest
    /// folder above it that is.
    fn guard(&self, location: &Path) -> Result<()> {
        let target = self.files.path_to_filesystem(location)?;
        match self.is_inside(&target) {
            true => Ok(()),
            false => Err(Error::PermissionDenied {
                path: location.to_string(),
                source: "a symbolic link leads out of the connection's root".into(),
            }),
        }
    }

    /// Where a key is on this machine, if that is below the root.
    pub(super) fn place(&self, location: &Path) -> Result<PathBuf> {
        self.guard(location)?;
        self.files.path_to_filesystem(location)
    }

    fn is_inside(&self, target: &FilePath) -> bool {
        let mut there = Some(target);
        while let Some(path) = there {
            if let Ok(real) = std::fs::canonicalize(path) {
                return real.starts_with(&self.root);
            }
            // A link that leads nowhere would be followed by the one who writes through it.
            if path.symlink_metadata().is_ok() {
                return false;
            }
            there = path.parent();
        }
        false
    }

    fn lists(&self, meta: &Result<ObjectMeta>) -> bool {
        meta.as_ref().map_or(true, |meta| self.guard(&meta.location).is_ok())
    }
}

impl fmt::Display for RootedFileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.files.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for RootedFileSystem {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.guard(location)?;
        self.files.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.guard(location)?;
        self.files.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.guard(location)?;
        self.files.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.guard(location)?;
        self.files.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let guard = self.clone();
        let guarded = locations.map(move |location| {
            let location = location?;
            guard.guard(&location)?;
            Ok(location)
        });
        self.files.delete_stream(guarded.boxed())
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let guard = self.clone();
        self.files.list(prefix).filter(move |meta| std::future::ready(guard.lists(meta))).boxed()
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let guard = self.clone();
        self.files
            .list_with_offset(prefix, offset)
            .filter(move |meta| std::future::ready(guard.lists(meta)))
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        if let Some(prefix) = prefix.filter(|prefix| !prefix.is_root()) {
            self.guard(prefix)?;
        }
        let mut listed = self.files.list_with_delimiter(prefix).await?;
        listed.objects.retain(|meta| self.guard(&meta.location).is_ok());
        listed.common_prefixes.retain(|prefix| self.guard(prefix).is_ok());
        Ok(listed)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.guard(from)?;
        self.guard(to)?;
        self.files.copy_opts(from, to, options).await
    }
}

#[cfg(all(test, unix))]
mod tests {
    use futures::TryStreamExt;
    use object_store::ObjectStoreExt;

    use super::*;

    #[tokio::test]
    async fn symbolic_links_do_not_lead_out() {
        let outside = tempfile::tempdir().expect("a folder");
        std::fs::write(outside.path().join("secret"), "s").expect("written");
        let inside = tempfile::tempdir().expect("a folder");
        let link = |name: &str, to: PathBuf| {
            std::os::unix::fs::symlink(to, inside.path().join(name)).expect("linked")
        };
        link("file", outside.path().join("secret"));
        link("folder", outside.path().to_owned());
        link("dangling", outside.path().join("new"));
        std::fs::write(inside.path().join("plain"), "p").expect("written");
        link("near", inside.path().join("plain"));

        let files = RootedFileSystem::try_new(inside.path()).expect("it is there");
        for path in ["file", "folder/secret"] {
            let error = files.get(&Path::from(path)).await.expect_err("it leads out");
            assert!(matches!(error, Error::PermissionDenied { .. }), "{path}: {error}");
        }
        for path in ["folder/new", "dangling", "folder/deeper/new"] {
            let error = files.put(&Path::from(path), "x".into()).await.expect_err("it leads out");
            assert!(matches!(error, Error::PermissionDenied { .. }), "{path}: {error}");
        }
        files.get(&Path::from("near")).await.expect("it stays inside");
        files.put(&Path::from("new/file"), "x".into()).await.expect("it stays inside");

        let listed: Vec<ObjectMeta> = files.list(None).try_collect().await.expect("listed");
        let mut names: Vec<String> = listed.into_iter().map(|meta| meta.location.to_string()).collect();
        names.sort();
        assert_eq!(names, ["near", "new/file", "plain"]);
    }
}
