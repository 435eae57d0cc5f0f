//! Under whose name servers run that root may not run.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Place, leave_outside, random_hex};
use crate::error::{Context, Result};
use crate::signal;

/// Who runs a server that refuses to run as root: root lends it to somebody else.
pub(super) struct ServerUser(Option<(u32, u32)>);

impl ServerUser {
    /// Whoever runs us, unless it is root.
    pub(super) fn find() -> Result<Self> {
        if !signal::is_root() {
            return Ok(ServerUser(None));
        }
        let users = fs::read_to_string("/etc/passwd").context("/etc/passwd")?;
        let ids = ["postgres", "nobody"].iter().find_map(|name| {
            let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut fields = line.split(':').skip(2);
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        });
        Ok(ServerUser(Some(
            ids.ok_or("a server cannot run as root, and there is no user postgres or nobody")?,
        )))
    }

    /// A fresh folder which that user can reach. A checkout in root's home is closed to others, so the
    /// folder is a temporary one then.
    pub(super) fn folder(&self, place: &Place, name: &str) -> Result<PathBuf> {
        let mut folder = place.state.join(name);
        let reachable = folder.ancestors().skip(1).all(|parent| {
            fs::metadata(parent).is_ok_and(|metadata| metadata.permissions().mode() & 0o001 != 0)
        });
        if self.0.is_some() && !reachable {
            let temporary = std::env::temp_dir().join(format!("firth-{name}-{}", random_hex(8)?));
            leave_outside(&place.state, &temporary)?;
            folder = temporary;
        }
        fs::create_dir_all(&folder).context(folder.display())?;
        // Tests read the CA file as another user, so the folder can be entered; the data cannot.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).context(folder.display())?;
        self.own(&folder)?;
        Ok(folder)
    }

    /// Gives it a file or folder.
    pub(super) fn own(&self, path: &Path) -> Result<()> {
        let Some((user, group)) = self.0 else { return Ok(()) };
        chown(path, Some(user), Some(group)).context(path.display())
    }

    /// `program` as that user, in a folder that it may read and with nothing of our environment.
    pub(super) fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env_clear().env("HOME", folder).env("LC_ALL", "C.UTF-8");
        if let Some((user, group)) = self.0 {
            command.gid(group).uid(user);
        }
        command
    }
}
