//! Temporary tables: native tables in a catalog of the session's own, which goes with it.

use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
};

use firth_catalog::{Catalog, CatalogOptions, DatasetName, TableName};
use firth_diagnostic::{Code, Diagnostic, Name, Result};
use uuid::Uuid;

use super::Resolver;
use crate::{Session, error::from_io};

/// The dataset by which BigQuery calls a session's tables.
const SESSION: &str = "_SESSION";

/// A catalog in a folder that is removed when this is dropped, or, if the process was killed, when the next
/// session makes a temporary table.
pub(crate) struct TemporaryCatalog {
    pub(crate) catalog: Catalog,
    folder: PathBuf,
    /// Held as long as the folder is in use.
    _lock: File,
}

impl TemporaryCatalog {
    fn open(home: &Path) -> Result<Self> {
        let all = home.join("temporary");
        fs::create_dir_all(&all).map_err(|error| from_io(&error))?;
        remove_abandoned(&all);
        let id = Uuid::new_v4().simple().to_string();
        let lock = lock_of(&all, &id).map_err(|error| from_io(&error))?;
        lock.lock().map_err(|error| from_io(&error))?;
        let folder = all.join(id);
        let catalog = Catalog::open_with(&folder, CatalogOptions::default())?;
        Ok(TemporaryCatalog { catalog, folder, _lock: lock })
    }
}

impl Drop for TemporaryCatalog {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
        let _ = fs::remove_file(self.folder.with_extension("lock"));
    }
}

fn lock_of(all: &Path, id: &str) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(all.join(id).with_extension("lock"))
}

/// Removes what sessions have left whose process was killed: nobody holds their lock.
fn remove_abandoned(all: &Path) {
    let Ok(entries) = fs::read_dir(all) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|extension| extension == "lock")
            && File::open(&path).is_ok_and(|lock| lock.try_lock().is_ok())
        {
            let _ = fs::remove_dir_all(path.with_extension(""));
            let _ = fs::remove_file(path);
        }
    }
}

/// Which catalog has a native table, or is to have it, and under which name.
#[derive(Clone)]
pub(crate) struct TableHome<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) name: TableName,
    pub(crate) is_temporary: bool,
}

impl<'a> Resolver<'a> {
    /// Where a table of this name is to be made. Of a name that a temporary table has, a lasting one is made beside it.
    pub(crate) fn home_to_make(&self, name: &Name, temporary: bool) -> Result<TableHome<'a>> {
        let home = self.home_of(name, temporary)?;
        if home.is_temporary && !temporary { self.lasting(name) } else { Ok(home) }
    }

    /// Where the table of this name is: a temporary one hides others of its name. `temporary`: where one is to be made.
    pub(crate) fn home_of(&self, name: &Name, temporary: bool) -> Result<TableHome<'a>> {
        let session: &'a Session = self.session;
        let alone = match name.0.as_slice() {
            [table] => Some((table, false)),
            [dataset, table] if dataset.eq_ignore_ascii_case(SESSION) => Some((table, true)),
            _ => None,
        };
        if let Some((table, says_so)) = alone {
            let own = TableName::new(&DatasetName::main(), table);
            if temporary {
                let made = session.temporary(TemporaryCatalog::open)?;
                return Ok(TableHome { catalog: &made.catalog, name: own, is_temporary: true });
            }
            if let Some(made) = session.temporary_if_any()
                && (says_so || made.catalog.table(&own)?.is_some())
            {
                return Ok(TableHome { catalog: &made.catalog, name: own, is_temporary: true });
            }
        } else if temporary {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("a temporary table has no dataset: {:?}", name.dotted()),
            )
            .hint("Write its name alone."));
        }
        self.lasting(name)
    }

    /// The same in a query that `depth` views stand around: a view means the same to every session, so it reads no
    /// temporary table.
    pub(super) fn home_within(&self, name: &Name, depth: usize) -> Result<TableHome<'a>> {
        if depth > 0 { self.lasting(name) } else { self.home_of(name, false) }
    }

    /// Where the table of this name is that is not a temporary one.
    pub(crate) fn lasting(&self, name: &Name) -> Result<TableHome<'a>> {
        let session: &'a Session = self.session;
        Ok(TableHome {
            catalog: session.catalog()?,
            name: TableName::try_from_name(name)?,
            is_temporary: false,
        })
    }
}
