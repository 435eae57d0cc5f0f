//! The file of `-o`: written beside its place, and put there when it is whole.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, BufWriter, Seek as _, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// A file that nobody sees under its name before [`PendingFile::commit`]. Dropped without that, it is
/// gone, and what stood there before stays.
pub(crate) struct PendingFile {
    place: PathBuf,
    partial: PathBuf,
    file: BufWriter<File>,
    committed: bool,
}

/// How many left-overs of killed processes are stepped over.
const MOST_LEFTOVERS: u32 = 100;

impl PendingFile {
    /// Begins a file that will be at `place`. The folder must exist.
    pub(crate) fn create(place: &Path) -> io::Result<Self> {
        // Through a symbolic link, the file it leads to is replaced and not the link.
        let place = fs::canonicalize(place).unwrap_or_else(|_| place.to_owned());
        let name = place.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        let mut number = 0;
        loop {
            let mut partial_name = OsString::from(".");
            partial_name.push(name);
            partial_name.push(format!(".{}-{number}.partial", std::process::id()));
            let partial = place.with_file_name(partial_name);
            match File::options().write(true).create_new(true).open(&partial) {
                Ok(file) => {
                    let pending =
                        PendingFile { place, partial, file: BufWriter::new(file), committed: false };
                    if let Ok(before) = fs::metadata(&pending.place) {
                        fs::set_permissions(&pending.partial, before.permissions())?;
                    }
                    return Ok(pending);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < MOST_LEFTOVERS => {
                    number += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// How far it has been written.
    pub(crate) fn position(&mut self) -> io::Result<u64> {
        self.file.stream_position()
    }

    /// Takes back what was written after `position`.
    pub(crate) fn rewind_to(&mut self, position: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(position))?;
        self.file.get_ref().set_len(position)
    }

    /// Puts the file in its place, in one step.
    pub(crate) fn commit(mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        fs::rename(&self.partial, &self.place)?;
        self.committed = true;
        Ok(())
    }
}

impl Write for PendingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for PendingFile {
    fn drop(&mut self) {
        if !self.committed {
            let _ = fs::remove_file(&self.partial);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stands_at_the_place_before_commit_and_nothing_beside_it_after() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("a.csv");
        fs::write(&place, "before").expect("written");

        let mut dropped = PendingFile::create(&place).expect("created");
        dropped.write_all(b"half").expect("written");
        drop(dropped);
        assert_eq!(fs::read_to_string(&place).expect("there"), "before");

        let mut file = PendingFile::create(&place).expect("created");
        file.write_all(b"one,").expect("written");
        let position = file.position().expect("known");
        file.write_all(b"two").expect("written");
        file.rewind_to(position).expect("rewound");
        file.write_all(b"2").expect("written");
        file.commit().expect("committed");
        assert_eq!(fs::read_to_string(&place).expect("there"), "one,2");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
    }
}
