//! The folder that holds the catalog: where its files are, and who may read them.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use firth_diagnostic::Result;

use crate::error;

/// A catalog's folder.
#[derive(Clone, Debug)]
pub(crate) struct Home(PathBuf);

impl Home {
    /// The folder at `path`, made for this user alone if it is absent.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).map_err(|failure| error::io("make the folder", path, &failure))?;
        Ok(Home(path.to_owned()))
    }

    /// The folder at `path`, whether or not it is there.
    pub(crate) fn at(path: &Path) -> Self {
        Home(path.to_owned())
    }

    /// The SQLite database.
    pub(crate) fn database(&self) -> PathBuf {
        self.0.join("catalog.db")
    }

    /// The sealing key, where the key is a file.
    pub(crate) fn key(&self) -> PathBuf {
        self.0.join("key")
    }

    /// Makes an empty database file for this user alone, if there is no file. SQLite gives its `-wal`
    /// and `-shm` files the same permissions.
    pub(crate) fn ensure_database(&self) -> Result<()> {
        let path = self.database();
        match create_private(&path) {
            Ok(_) => self.sync(),
            Err(failure) if failure.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(failure) => Err(error::io("create", &path, &failure)),
        }
    }

    /// Waits until this process alone prepares the database. Ends when the file is dropped, and with
    /// the process.
    pub(crate) fn lock_for_preparation(&self) -> Result<File> {
        let path = self.0.join("lock");
        let failed = |failure| error::io("lock", &path, &failure);
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(file)
    }

    /// Makes the names of new files survive a crash of the machine.
    pub(crate) fn sync(&self) -> Result<()> {
        #[cfg(unix)]
        File::open(&self.0)
            .and_then(|folder| folder.sync_all())
            .map_err(|failure| error::io("write the folder", &self.0, &failure))?;
        Ok(())
    }
}

/// Creates a file that only this user can read. Fails if there is one.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A file's permission bits. `None` where files have no such bits.
pub(crate) fn mode(file: &File) -> io::Result<Option<u32>> {
    let metadata = file.metadata()?;
    #[cfg(unix)]
    let mode = Some(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777);
    #[cfg(not(unix))]
    let mode = {
        let _ = metadata;
        None
    };
    Ok(mode)
}
