//! Where Firth lives on this machine, and who uses it.

use std::{env, fs, path::PathBuf};

/// The home folder where none is named: `$FIRTH_HOME`, else the platform's data folder. It is not
/// made here.
pub(crate) fn default() -> Option<PathBuf> {
    if let Some(home) = variable("FIRTH_HOME") {
        return Some(home);
    }
    if cfg!(target_os = "macos") {
        return Some(env::home_dir()?.join("Library/Application Support/firth"));
    }
    // A relative path there is to be ignored, says the specification of base directories.
    if let Some(data) = variable("XDG_DATA_HOME").filter(|path| path.is_absolute()) {
        return Some(data.join("firth"));
    }
    Some(env::home_dir()?.join(".local/share/firth"))
}

fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The operating system's user, for the audit trail: asked of the system, not of `$USER`, which anyone
/// can set.
pub(crate) fn principal() -> String {
    let id = rustix::process::getuid().as_raw();
    let named = fs::read_to_string("/etc/passwd").ok().and_then(|passwd| user_name(&passwd, id));
    named.unwrap_or_else(|| format!("uid {id}"))
}

/// The name with this id in a passwd file.
fn user_name(passwd: &str, id: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_id() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n# comment\nann:x:1000:1000::/home/ann:/bin/sh\n";
        assert_eq!(user_name(passwd, 1000).as_deref(), Some("ann"));
        assert_eq!(user_name(passwd, 7), None);
    }
}
