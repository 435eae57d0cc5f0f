//! The key as a file of 32 bytes, which only its owner can read.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::Path,
};

use firth_diagnostic::Result;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::SealingKey;
use crate::{
    error,
    home::{self, Home},
};

/// The key in the file, which must be there.
pub(crate) fn read(home: &Home) -> Result<SealingKey> {
    let path = home.key();
    let failed = |failure: io::Error| match failure.kind() {
        io::ErrorKind::NotFound => error::key_missing(&path, &home.database()),
        _ => error::io("read the key file", &path, &failure),
    };
    let file = fs::File::open(&path).map_err(failed)?;
    // A key that others could read is not used, so that the warning cannot be overlooked.
    if let Some(mode) = home::mode(&file).map_err(failed)?
        && mode & 0o077 != 0
    {
        return Err(error::key_readable_by_others(&path, mode));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(SealingKey::LENGTH + 1));
    file.take(SealingKey::LENGTH as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    match <[u8; SealingKey::LENGTH]>::try_from(bytes.as_slice()) {
        Ok(key) => Ok(SealingKey::new(Zeroizing::new(key))),
        Err(_) => Err(error::key_damaged(&path, bytes.len())),
    }
}

/// The key in the file, or a new one in a new file: only for a catalog that has sealed nothing yet.
///
/// The file appears with all its bytes or not at all, and never replaces another; it is on the disk
/// when this answers, so a secret that was stored has its key after any crash.
pub(crate) fn read_or_create(home: &Home) -> Result<SealingKey> {
    let path = home.key();
    if !path.try_exists().map_err(|failure| error::io("read the key file", &path, &failure))? {
        let unfinished = path.with_file_name(format!("key.{}.tmp", Uuid::new_v4().simple()));
        let written = create(&path, &unfinished);
        // With a link this is a second name of the key; without one it is gone or useless.
        let _ = fs::remove_file(&unfinished);
        match written? {
            Ok(()) => home.sync()?,
            // Another shell's key came first; it is the one to use.
            Err(failure) if failure.kind() == io::ErrorKind::AlreadyExists => {}
            Err(failure) => return Err(error::io("create the key file", &path, &failure)),
        }
    }
    read(home)
}

fn create(path: &Path, unfinished: &Path) -> Result<io::Result<()>> {
    let key = SealingKey::random()?;
    let write = || {
        let mut file = home::create_private(unfinished)?;
        file.write_all(key.expose_bytes())?;
        file.sync_all()?;
        match fs::hard_link(unfinished, path) {
            // Some file systems have no links. The catalog's write lock keeps other shells away, and
            // the file was not there a moment ago.
            Err(failure)
                if matches!(failure.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied) =>
            {
                fs::rename(unfinished, path)
            }
            other => other,
        }
    };
    Ok(write())
}
