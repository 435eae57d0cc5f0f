//! What was read of remote objects, kept in files: for later processes, and for several at once.
//!
//! ```text
//! HOME/cache/CONNECTION/NAME      NAME = SHA-256 of the object's key and the range
//!   8 bytes  what this is
//!   8 bytes  XXH64 of the object's key, the range and the bytes
//!   the bytes, as the store has them: a footer, a column chunk
//! ```
//!
//! There is no index: a file is looked for by its name when its range is asked for, and one that is not what its name
//! says is removed and counts as not there. Files are written under another name and renamed, so that
//! processes need no lock between them. Nothing here is an error: what cannot be kept is fetched again.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    hash::Hasher as _,
    io::{self, Read as _, Write as _},
    ops::Range,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use twox_hash::XxHash64;
use uuid::Uuid;

use super::ObjectKey;

/// What a file begins with. Another layout has another one.
const MAGIC: &[u8; 8] = b"FIRTHC1\n";
const HEADER: usize = 16;
/// What files that are being written are called, and how old one gets before its writer counts as dead.
const UNFINISHED: &str = "unfinished-";
const WRITER_IS_DEAD: Duration = Duration::from_secs(60 * 60);

/// The files of a home. Every method reads or writes files.
#[derive(Debug)]
pub(crate) struct DiskCache {
    folder: PathBuf,
    limit: u64,
    /// What all files hold, as far as this process knows. `None`: it has not looked.
    held: Mutex<Option<u64>>,
}

/// A file that is kept.
struct Kept {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

impl DiskCache {
    /// The cache of a home, which may hold `limit` bytes. Touches no file.
    pub(crate) fn new(home: &Path, limit: u64) -> Self {
        DiskCache { folder: folder(home), limit, held: Mutex::default() }
    }

    /// How many bytes it may hold.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// The bytes of a range, if exactly that one is kept and whole.
    pub(crate) fn read(&self, object: &ObjectKey, range: &Range<u64>) -> Option<Bytes> {
        let path = self.path(object, range);
        let mut file = File::open(&path).ok()?;
        match content(&mut file, object, range) {
            Some(bytes) => {
                // The files that were used longest ago go first. That is a hint, and may fail.
                let _ = file.set_modified(SystemTime::now());
                Some(bytes)
            }
            None => {
                log::warn!("{} is damaged and is removed", path.display());
                let _ = fs::remove_file(&path);
                None
            }
        }
    }

    /// Keeps a range.
    pub(crate) fn write(&self, object: &ObjectKey, range: &Range<u64>, bytes: &[u8]) {
        let size = (HEADER + bytes.len()) as u64;
        // One range must not push out all others.
        if bytes.is_empty() || size > self.limit / 2 {
            return;
        }
        match self.try_write(object, range, bytes) {
            Ok(()) => self.make_room(size),
            Err(error) => log::warn!("nothing is kept in {}: {error}", self.folder.display()),
        }
    }

    fn try_write(&self, object: &ObjectKey, range: &Range<u64>, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(object, range);
        let folder = path.parent().unwrap_or(&self.folder);
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let unfinished = folder.join(format!("{UNFINISHED}{}", Uuid::new_v4().simple()));
        let written = (|| {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
            file.write_all(MAGIC)?;
            file.write_all(&checksum(object, range, bytes).to_le_bytes())?;
            file.write_all(bytes)?;
            // Not made durable: a crash may damage the file, which is seen.
            fs::rename(&unfinished, &path)
        })();
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    /// Brings what all files hold, `added` more than before, below the limit.
    fn make_room(&self, added: u64) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let known = match *held {
            Some(known) => known + added,
            None => self.files().iter().map(|file| file.bytes).sum(),
        };
        *held = Some(known);
        if known <= self.limit {
            return;
        }
        // Other processes add and remove, too, so look.
        let mut files = self.files();
        let mut left: u64 = files.iter().map(|file| file.bytes).sum();
        files.sort_unstable_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
        // Some room more than is needed: looking takes time.
        let enough = self.limit / 10 * 9;
        if left > self.limit {
            for file in &files {
                if left <= enough {
                    break;
                }
                let _ = fs::remove_file(&file.path);
                left -= file.bytes;
            }
        }
        *held = Some(left);
    }

    /// How many ranges are kept, and their bytes.
    pub(crate) fn report(&self) -> (usize, u64) {
        let files = self.files();
        (files.len(), files.iter().map(|file| file.bytes).sum())
    }

    /// All files. Those whose writers died are removed.
    fn files(&self) -> Vec<Kept> {
        let mut files = Vec::new();
        for folder in entries(&self.folder) {
            for path in entries(&folder) {
                let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
                if !metadata.is_file() {
                    continue;
                }
                let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                let is_unfinished = path
                    .file_name()
                    .and_then(|name| name.to_str())
                    .is_some_and(|name| name.starts_with(UNFINISHED));
                if !is_unfinished {
                    files.push(Kept { path, bytes: metadata.len(), used });
                } else if used.elapsed().is_ok_and(|age| age > WRITER_IS_DEAD) {
                    let _ = fs::remove_file(&path);
                }
            }
        }
        files
    }

    fn path(&self, object: &ObjectKey, range: &Range<u64>) -> PathBuf {
        let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
        digest.update(&identity(object, range));
        let name: String = digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(object.connection()).join(name)
    }
}

/// Removes what a home keeps of a connection.
pub(crate) fn forget_on_disk(home: &Path, connection: Uuid) {
    let folder = folder(home).join(connection.simple().to_string());
    match fs::remove_dir_all(&folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => log::warn!("{} could not be removed: {error}", folder.display()),
    }
}

fn folder(home: &Path) -> PathBuf {
    home.join("cache")
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn identity(object: &ObjectKey, range: &Range<u64>) -> Vec<u8> {
    let mut identity = object.as_bytes().to_vec();
    identity.push(0);
    identity.extend(range.start.to_le_bytes());
    identity.extend(range.end.to_le_bytes());
    identity
}

fn checksum(object: &ObjectKey, range: &Range<u64>, bytes: &[u8]) -> u64 {
    let mut hash = XxHash64::with_seed(0);
    hash.write(&identity(object, range));
    hash.write(bytes);
    hash.finish()
}

/// What the file holds, if it is whole and of this range.
fn content(file: &mut File, object: &ObjectKey, range: &Range<u64>) -> Option<Bytes> {
    let length = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
    // Ranges may be asked for that no file holds; only one that does is worth the memory.
    if file.metadata().ok()?.len() != (HEADER + length) as u64 {
        return None;
    }
    let mut whole = Vec::with_capacity(HEADER + length);
    file.read_to_end(&mut whole).ok()?;
    let (magic, rest) = whole.split_first_chunk::<8>()?;
    let (sum, bytes) = rest.split_first_chunk::<8>()?;
    let is_whole =
        magic == MAGIC && bytes.len() == length && u64::from_le_bytes(*sum) == checksum(object, range, bytes);
    is_whole.then(|| Bytes::from(whole).slice(HEADER..))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use object_store::path::Path as Key;
    use tempfile::TempDir;

    use super::*;
    use crate::store::cache::StoreId;

    fn object(e_tag: &str) -> ObjectKey {
        let store = StoreId::new(Uuid::nil(), 0, "lake");
        ObjectKey::try_new(&store, &Key::from("a.parquet"), Some(e_tag), None, 100).expect("has an ETag")
    }

    fn cache(limit: u64) -> (TempDir, DiskCache) {
        let home = tempfile::tempdir().expect("a folder");
        let cache = DiskCache::new(home.path(), limit);
        (home, cache)
    }

    fn read(cache: &DiskCache, object: &ObjectKey, range: Range<u64>) -> Option<String> {
        Some(String::from_utf8_lossy(&cache.read(object, &range)?).into_owned())
    }

    #[test]
    fn a_range_is_found_by_who_asks_for_just_that_one() {
        let (home, cache) = cache(1 << 20);
        assert_eq!(cache.report(), (0, 0));
        cache.write(&object("one"), &(10..15), b"01234");
        let again = DiskCache::new(home.path(), 1 << 20);
        assert_eq!(read(&again, &object("one"), 10..15).as_deref(), Some("01234"));
        assert_eq!(read(&again, &object("one"), 10..14), None);
        assert_eq!(read(&again, &object("two"), 10..15), None, "another state of the object");
        assert_eq!(again.report(), (1, 21));
        forget_on_disk(home.path(), Uuid::max());
        assert_eq!(again.report(), (1, 21), "another connection");
        forget_on_disk(home.path(), Uuid::nil());
        assert_eq!((read(&again, &object("one"), 10..15), again.report()), (None, (0, 0)));
    }

    #[test]
    fn only_the_owner_may_read_what_is_kept() {
        let (_home, cache) = cache(1 << 20);
        cache.write(&object("one"), &(0..3), b"abc");
        let path = cache.path(&object("one"), &(0..3));
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().expect("a folder")), 0o700);
        assert_eq!(mode(&cache.folder), 0o700);
    }

    #[test]
    fn a_damaged_file_is_not_there_and_is_removed() {
        let (_home, cache) = cache(1 << 20);
        let range = 0..5;
        let path = cache.path(&object("one"), &range);
        cache.write(&object("one"), &range, b"01234");
        let whole = fs::read(&path).expect("there");
        let mut damages: Vec<Vec<u8>> = (0..whole.len()).map(|end| whole[..end].to_vec()).collect();
        damages.extend((0..whole.len()).map(|at| {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            bytes
        }));
        damages.push([whole.as_slice(), b"5"].concat());
        // Whole, but of another range and another object.
        for (object, range) in [(object("one"), 5..10), (object("two"), 0..5)] {
            cache.write(&object, &range, b"56789");
            damages.push(fs::read(cache.path(&object, &range)).expect("there"));
        }
        for damaged in damages {
            fs::write(&path, &damaged).expect("written");
            assert_eq!(read(&cache, &object("one"), range.clone()), None, "{damaged:?}");
            assert!(!path.exists());
        }
        fs::write(&path, &whole).expect("written");
        assert_eq!(read(&cache, &object("one"), range).as_deref(), Some("01234"));
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let (_home, cache) = cache(10 * 116);
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        for index in 0..10_u64 {
            let range = index * 100..(index + 1) * 100;
            cache.write(&object("one"), &range, &[7; 100]);
            let file = File::open(cache.path(&object("one"), &range)).expect("there");
            file.set_modified(at(1000 + index)).expect("set");
        }
        assert_eq!(cache.report().0, 10);
        // It is used now.
        assert!(read(&cache, &object("one"), 0..100).is_some());
        cache.write(&object("two"), &(0..100), &[7; 100]);
        assert_eq!(cache.report().0, 9);
        assert!(read(&cache, &object("one"), 0..100).is_some());
        assert!(read(&cache, &object("one"), 100..200).is_none());
        assert!(read(&cache, &object("one"), 200..300).is_none());
        assert!(read(&cache, &object("one"), 300..400).is_some());
        // More than half of all there may be.
        cache.write(&object("two"), &(0..600), &[7; 600]);
        assert!(read(&cache, &object("two"), 0..600).is_none());
    }

    #[test]
    fn what_a_dead_process_left_is_removed_and_a_living_one_is_let_be() {
        let (_home, cache) = cache(1 << 20);
        cache.write(&object("one"), &(0..3), b"abc");
        let folder = cache.path(&object("one"), &(0..3)).parent().expect("a folder").to_owned();
        let (dead, alive) = (folder.join("unfinished-1"), folder.join("unfinished-2"));
        fs::write(&alive, b"x").expect("written");
        fs::write(&dead, b"x").expect("written");
        File::open(&dead).expect("there").set_modified(SystemTime::UNIX_EPOCH).expect("set");
        assert_eq!(cache.report(), (1, 19));
        assert!(alive.exists() && !dead.exists());
    }
}
