//! Apache's HTTP server: one folder under two names, `/dav` by WebDAV with a password, `/plain` to be read by anybody.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::process::{Process, Stop, accepts};
use super::server_user::ServerUser;
use super::{Place, ServerSpec, Unavailable, Variables, install, ports, random_hex, with_attempts};
use crate::command::{find, run_quietly};
use crate::error::{Context, Result};

pub(super) const SERVER: ServerSpec = ServerSpec { name: "webdav", doc: "WebDAV and HTTP, by Apache", start };

const USER: &str = "firth_test";
/// Where Debian's package has its modules.
const MODULES: &str = "/usr/lib/apache2/modules";

fn start(place: &Place) -> std::result::Result<Variables, Unavailable> {
    let installed = || {
        let usual = PathBuf::from("/usr/sbin/apache2");
        let program = if usual.is_file() { Some(usual) } else { find("apache2") };
        program.filter(|_| Path::new(MODULES).join("mod_dav_fs.so").is_file())
    };
    let program = match installed() {
        Some(program) => program,
        None => {
            install::debian_packages(&place.tools, &["apache2-bin"])?;
            installed().ok_or_else(|| Unavailable::failed("the package apache2-bin has no server"))?
        }
    };
    let user = ServerUser::find()?;
    let folder = user.folder(place, "webdav")?;
    let password = random_hex(16)?;
    let files = folder.join("files");
    fs::create_dir_all(&files).context(files.display())?;
    user.own(&files)?;
    let hashed = run_quietly(Command::new("openssl").args(["passwd", "-apr1", &password]))?;
    let users = folder.join("users");
    fs::write(&users, format!("{USER}:{hashed}")).context(users.display())?;
    fs::set_permissions(&users, fs::Permissions::from_mode(0o600)).context(users.display())?;
    user.own(&users)?;
    let port = with_attempts("webdav", || start_once(&program, &folder, &user, place))?;
    Ok(vec![
        ("WEBDAV_ENDPOINT", format!("http://127.0.0.1:{port}/dav")),
        ("WEBDAV_PLAIN_ENDPOINT", format!("http://127.0.0.1:{port}/plain")),
        ("WEBDAV_USER", USER.to_string()),
        ("WEBDAV_PASSWORD", password),
    ])
}

fn start_once(program: &Path, folder: &Path, user: &ServerUser, place: &Place) -> Result<u16> {
    let [port] = ports::free()?;
    let settings = folder.join("httpd.conf");
    fs::write(&settings, text(port, folder)).context(settings.display())?;
    user.own(&settings)?;
    let mut command = user.command(program, folder);
    command.args(["-D", "FOREGROUND", "-f"]).arg(&settings);
    let stop = Stop { signal: libc::SIGTERM, patience: Duration::from_secs(5) };
    let mut process = Process::start("webdav", &place.state, stop, &mut command)?;
    process.wait_until(Duration::from_secs(20), || accepts(port))?;
    Ok(port)
}

fn text(port: u16, folder: &Path) -> String {
    let modules = [
        "mpm_event",
        "authn_core",
        "authn_file",
        "authz_core",
        "authz_user",
        "auth_basic",
        "alias",
        "dav",
        "dav_fs",
    ];
    let modules: String =
        modules.iter().map(|name| format!("LoadModule {name}_module {MODULES}/mod_{name}.so\n")).collect();
    let at = folder.display();
    format!(
        "ServerRoot {at}\nDefaultRuntimeDir {at}\nPidFile {at}/pid\nListen 127.0.0.1:{port}\nServerName 127.0.0.1\n\
         ErrorLog {at}/error.log\n{modules}\
         DocumentRoot {at}/files\nAlias /dav {at}/files\nAlias /plain {at}/files\nDavLockDB {at}/locks\n\
         <Directory {at}/files>\n  Require all granted\n</Directory>\n\
         <Location /dav>\n  Dav On\n  AuthType Basic\n  AuthName files\n  AuthBasicProvider file\n  \
         AuthUserFile {at}/users\n  Require valid-user\n</Location>\n"
    )
}
