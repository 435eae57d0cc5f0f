//! A keyring of the desktop: the Secret Service of GNOME on a message bus of its own, unlocked.
//!
//! Nobody's real keyring is touched: bus, folders and password belong to this run.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::process::{Process, Stop};
use super::{Place, ServerSpec, Unavailable, Variables, install, random_hex};
use crate::command::{find, run_quietly};
use crate::error::{Context, Result};

pub(super) const SERVER: ServerSpec =
    ServerSpec { name: "keyring", doc: "a keyring, by gnome-keyring", start };

/// Programs, and the Debian package of each.
const PROGRAMS: [(&str, &str); 3] =
    [("dbus-daemon", "dbus-daemon"), ("dbus-send", "dbus-bin"), ("gnome-keyring-daemon", "gnome-keyring")];

fn start(place: &Place) -> std::result::Result<Variables, Unavailable> {
    let missing: Vec<&str> =
        PROGRAMS.iter().filter(|(program, _)| find(program).is_none()).map(|(_, package)| *package).collect();
    if !missing.is_empty() {
        install::debian_packages(&place.tools, &missing)?;
    }
    // An abstract socket: the path of an ordinary one may be 107 bytes long, and our folder's is longer.
    let bus = format!("unix:abstract=firth-keyring-{}", random_hex(8)?);
    let mut daemon = Command::new("dbus-daemon");
    daemon
        .args(["--nofork", "--nopidfile"])
        .arg(format!("--config-file={}", configuration(place, &bus)?.display()));
    let mut daemon = Process::start("keyring-bus", &place.state, Stop::TERM, &mut daemon)?;
    let send = |words: &[&str]| {
        run_quietly(Command::new("dbus-send").arg(format!("--bus={bus}")).arg("--print-reply").args(words))
    };
    let peer = ["--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.Peer.Ping"];
    daemon.wait_until(Duration::from_secs(20), || send(&peer).is_ok())?;

    let mut keyring = keyring(place, &bus)?;
    // The collection that secrets go to must be there, and unlocked.
    let locked = [
        "--dest=org.freedesktop.secrets",
        "/org/freedesktop/secrets/aliases/default",
        "org.freedesktop.DBus.Properties.Get",
        "string:org.freedesktop.Secret.Collection",
        "string:Locked",
    ];
    keyring.wait_until(Duration::from_secs(20), || {
        send(&locked).is_ok_and(|reply| reply.contains("boolean false"))
    })?;
    Ok(vec![("KEYRING_BUS", bus)])
}

/// The bus's configuration. The machine's own would start a keyring of its own, with nobody's password, when
/// the first message to one arrives.
fn configuration(place: &Place, bus: &str) -> Result<PathBuf> {
    let folder = place.state.join("keyring-bus");
    fs::create_dir_all(&folder).context(folder.display())?;
    let path = folder.join("bus.conf");
    let text = format!(
        r#"<busconfig>
  <type>session</type>
  <listen>{bus}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#
    );
    fs::write(&path, text).context(path.display())?;
    Ok(path)
}

fn keyring(place: &Place, bus: &str) -> Result<Process> {
    let folder = place.state.join("keyring");
    let runtime = folder.join("run");
    fs::create_dir_all(&runtime).context(runtime.display())?;
    fs::set_permissions(&runtime, fs::Permissions::from_mode(0o700)).context(runtime.display())?;
    // The password comes on standard input, and only makes this keyring.
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "printf %s \"$0\" | exec gnome-keyring-daemon --foreground --unlock --components=secrets",
    ]);
    command.arg(random_hex(16)?).env("DBUS_SESSION_BUS_ADDRESS", bus).env("HOME", &folder);
    command.env("XDG_DATA_HOME", folder.join("data")).env("XDG_RUNTIME_DIR", &runtime);
    Process::start("keyring", &place.state, Stop::TERM, &mut command)
}
