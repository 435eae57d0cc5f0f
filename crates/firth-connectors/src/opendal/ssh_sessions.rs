//! The `ssh` that OpenDAL leaves to end after its last user.
//!
//! OpenDAL's SFTP starts a *master*: an `ssh` in the background, told to live on for ever, and tells it to exit in a task
//! that runs when the operator is dropped. A process that ends at once would take that task with it, and leave the master,
//! logged in. So whoever drops an operator waits until its folder is gone, in which the master's socket lies.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// How the crate `openssh` names the folders.
const FOLDER: &str = ".ssh-connection";

/// How long to wait between looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Folders of masters that were there before. They are other processes', or were left by some that were killed.
pub(super) struct SshSessions {
    place: Option<PathBuf>,
    before: BTreeSet<PathBuf>,
}

impl SshSessions {
    /// Looks before the first connection.
    pub(super) fn look() -> Self {
        let place = place();
        let before = place.as_deref().map(folders).unwrap_or_default();
        SshSessions { place, before }
    }

    /// Waits until none is there that was not there before. One that another process has made meanwhile is waited for too.
    pub(super) async fn ended(&self) {
        let Some(place) = &self.place else { return };
        while !folders(place).is_subset(&self.before) {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Where `openssh` 0.11 makes them.
fn place() -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))
}

fn folders(place: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(FOLDER));
    named.map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn new_folders_are_waited_for_and_old_ones_are_not() {
        let place = tempfile::tempdir().expect("a folder");
        let make = |name: &str| fs::create_dir(place.path().join(name)).expect("made");
        make(".ssh-connectionOld");
        let sessions = SshSessions { place: Some(place.path().to_owned()), before: folders(place.path()) };
        sessions.ended().await;
        make("another");
        sessions.ended().await;
        make(".ssh-connectionNew");
        let early = tokio::time::timeout(Duration::from_millis(50), sessions.ended()).await;
        assert!(early.is_err(), "it is still there");
        fs::remove_dir(place.path().join(".ssh-connectionNew")).expect("removed");
        sessions.ended().await;
    }
}
