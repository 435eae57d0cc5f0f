//! OpenSSH's server, for SFTP: the machine's own, or Debian's package. It lets one key in, and shows files only.
//!
//! OpenDAL runs the program `ssh` as the user has configured it. Tests must not change that, so they get a
//! program of that name which reads a configuration of ours.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::process::{Process, Stop, accepts};
use super::{Place, ServerSpec, Unavailable, Variables, install, ports, with_attempts};
use crate::command::{find, run_quietly};
use crate::error::{Context, Result};
use crate::signal;

pub(super) const SERVER: ServerSpec = ServerSpec { name: "sftp", doc: "files over SSH, by OpenSSH", start };

fn start(place: &Place) -> std::result::Result<Variables, Unavailable> {
    let wanted = ["ssh", "sshd", "ssh-keygen"];
    if wanted.iter().any(|name| program(name).is_none()) {
        install::debian_packages(&place.tools, &["openssh-server", "openssh-client", "openssh-sftp-server"])?;
    }
    let [ssh, server, keygen] = wanted.map(program);
    let (Some(ssh), Some(server), Some(keygen)) = (ssh, server, keygen) else {
        return Err(Unavailable::failed("the packages of OpenSSH lack a program"));
    };
    let folder = place.state.join("sftp");
    fs::create_dir_all(folder.join("files")).context(folder.display())?;
    for key in ["host_key", "key"] {
        let mut make = Command::new(&keygen);
        run_quietly(make.current_dir(&folder).args(["-q", "-t", "ed25519", "-N", "", "-f", key]))?;
    }
    fs::copy(folder.join("key.pub"), folder.join("authorized_keys")).context(folder.display())?;
    if signal::is_root() {
        // Where it locks itself up when root runs it.
        fs::create_dir_all("/run/sshd").context("/run/sshd")?;
    }
    let port = with_attempts("sftp", || start_once(&server, &folder, place))?;
    let bin = own_ssh(&ssh, &folder, port)?;
    let user = run_quietly(Command::new("id").arg("-un"))?;
    Ok(vec![
        ("SFTP_ENDPOINT", format!("ssh://127.0.0.1:{port}")),
        ("SFTP_USER", user.trim().to_string()),
        ("SFTP_KEY", folder.join("key").display().to_string()),
        ("SFTP_ROOT", folder.join("files").display().to_string()),
        ("SFTP_PATH", bin.display().to_string()),
    ])
}

/// A program; Debian keeps servers off the PATH of users.
fn program(name: &str) -> Option<PathBuf> {
    find(name).or_else(|| Some(Path::new("/usr/sbin").join(name)).filter(|path| path.is_file()))
}

fn start_once(server: &Path, folder: &Path, place: &Place) -> Result<u16> {
    let [port] = ports::free()?;
    let settings = folder.join("sshd_config");
    let at = folder.display();
    let text = format!(
        "ListenAddress 127.0.0.1\nPort {port}\nHostKey {at}/host_key\nAuthorizedKeysFile {at}/authorized_keys\n\
         PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
         PermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\nForceCommand internal-sftp\nMaxSessions 64\n"
    );
    fs::write(&settings, text).context(settings.display())?;
    let mut command = Command::new(server);
    command.args(["-D", "-e", "-f"]).arg(&settings);
    let stop = Stop { signal: libc::SIGTERM, patience: Duration::from_secs(5) };
    let mut process = Process::start("sftp", &place.state, stop, &mut command)?;
    process.wait_until(Duration::from_secs(20), || accepts(port))?;
    Ok(port)
}

/// A folder with a program `ssh` that knows this server, and no other.
fn own_ssh(ssh: &Path, folder: &Path, port: u16) -> Result<PathBuf> {
    let bin = folder.join("bin");
    fs::create_dir_all(&bin).context(bin.display())?;
    let host_key = fs::read_to_string(folder.join("host_key.pub")).context(folder.display())?;
    let known = folder.join("known_hosts");
    fs::write(&known, format!("[127.0.0.1]:{port} {host_key}")).context(known.display())?;
    let settings = folder.join("ssh_config");
    fs::write(&settings, format!("UserKnownHostsFile {}\nGlobalKnownHostsFile none\n", known.display()))
        .context(settings.display())?;
    let own = bin.join("ssh");
    let script = format!("#!/bin/sh\nexec '{}' -F '{}' \"$@\"\n", ssh.display(), settings.display());
    fs::write(&own, script).context(own.display())?;
    fs::set_permissions(&own, fs::Permissions::from_mode(0o755)).context(own.display())?;
    Ok(bin)
}
