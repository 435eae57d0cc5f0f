//! Where the files of a table are, and how new ones get there so that they survive.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
};

use firth_catalog::Catalog;
use firth_diagnostic::{Code, Diagnostic, Result};
use uuid::Uuid;

/// The folder of one table.
#[derive(Clone, Debug)]
pub(crate) struct TablePlace {
    folder: PathBuf,
    /// Says that files are being written which no snapshot names yet: until the statement has committed them.
    _writing: Arc<File>,
}

/// What is locked by those who write, together, and by who removes files, alone.
const LOCK: &str = "lock";

impl TablePlace {
    /// The place of the table whose folder is `folder`, below the catalog's data folder, to write there.
    pub(crate) fn new(catalog: &Catalog, folder: &str) -> Result<Self> {
        let writing = lock_file(catalog)?;
        writing.lock_shared().map_err(|error| failed("lock", &catalog.data_folder(), &error))?;
        let folder = catalog.data_folder().join(folder);
        let folder = std::path::absolute(&folder).map_err(|error| failed("find", &folder, &error))?;
        Ok(TablePlace { folder, _writing: Arc::new(writing) })
    }

    /// Holds off those who write, as long as the file is open. `None` if somebody writes.
    pub(crate) fn alone(catalog: &Catalog) -> Result<Option<File>> {
        let file = lock_file(catalog)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed("lock", &catalog.data_folder(), &error)),
        }
    }

    /// A new, empty file, and its name.
    pub(crate) fn create(&self, ending: &str) -> Result<(String, PathBuf, File)> {
        make_folder(&self.folder)?;
        let name = format!("firth-{}{ending}.parquet", Uuid::new_v4());
        let path = self.folder.join(&name);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|error| failed("create", &path, &error))?;
        Ok((name, path, file))
    }

    /// Makes the names of new files, and of the folders that hold them, survive a crash of the machine.
    pub(crate) fn sync(&self) -> Result<()> {
        // The table's folder, the dataset's, and that of all data.
        for folder in self.folder.ancestors().take(3) {
            #[cfg(unix)]
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(|error| failed("write the folder", folder, &error))?;
            #[cfg(not(unix))]
            let _ = folder;
        }
        Ok(())
    }

    /// Removes files that no snapshot has. What cannot be removed now is found by CLEAN TABLES.
    pub(crate) fn discard<'n>(&self, names: impl IntoIterator<Item = &'n str>) {
        for name in names {
            let _ = fs::remove_file(self.folder.join(name));
        }
    }
}

fn make_folder(folder: &Path) -> Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| failed("make the folder", folder, &error))
}

fn lock_file(catalog: &Catalog) -> Result<File> {
    let folder = catalog.data_folder();
    make_folder(&folder)?;
    let path = folder.join(LOCK);
    OpenOptions::new().create(true).append(true).open(&path).map_err(|error| failed("open", &path, &error))
}

/// Makes a written file survive a crash of the machine. Answers its size, and that of its Parquet footer.
pub(super) fn seal(file: &mut File, path: &Path) -> Result<(u64, u64)> {
    let mut read = || -> io::Result<(u64, u64)> {
        file.sync_all()?;
        let bytes = file.seek(SeekFrom::End(-8))? + 8;
        let mut length = [0; 4];
        file.read_exact(&mut length)?;
        Ok((bytes, u64::from(u32::from_le_bytes(length))))
    };
    read().map_err(|error| failed("write", path, &error))
}

pub(super) fn failed(what: &str, path: &Path, error: &io::Error) -> Diagnostic {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::Exhausted,
        _ => Code::Io,
    };
    Diagnostic::error(code, format!("could not {what} {path:?}")).detail(error.to_string())
}
