//! PgBouncer, in front of the PostgreSQL server: Debian's package, which knows no prepared statements of
//! clients in transaction mode.
//!
//! Its databases are named after how they are pooled: `session`, `transaction`, `statement`, and `small`,
//! which has two servers for all transactions. Each is the database `plain`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::process::{Process, Stop, accepts};
use super::server_user::ServerUser;
use super::{Place, Unavailable, install, ports, with_attempts};
use crate::command::find;
use crate::error::{Context, Result};

/// The server behind it, and who may look up the passwords of others there.
pub(super) struct Behind<'a> {
    pub(super) port: u16,
    pub(super) user: &'a str,
    pub(super) password: &'a str,
    /// Where its certificate is.
    pub(super) folder: &'a Path,
    pub(super) runs_as: &'a ServerUser,
}

/// Starts it; answers its port.
pub(super) fn start(place: &Place, behind: &Behind<'_>) -> std::result::Result<u16, Unavailable> {
    let program = match installed() {
        Some(program) => program,
        None => {
            install::debian_packages(&place.tools, &["pgbouncer"])?;
            installed().ok_or_else(|| Unavailable::failed("the package pgbouncer has no program"))?
        }
    };
    Ok(with_attempts("pgbouncer", || start_once(&program, place, behind))?)
}

/// Debian keeps it off the PATH of users.
fn installed() -> Option<PathBuf> {
    let usual = PathBuf::from("/usr/sbin/pgbouncer");
    if usual.is_file() { Some(usual) } else { find("pgbouncer") }
}

fn start_once(program: &Path, place: &Place, behind: &Behind<'_>) -> Result<u16> {
    let [port] = ports::free()?;
    let folder = behind.folder.join("pgbouncer");
    fs::create_dir_all(&folder).context(folder.display())?;
    behind.runs_as.own(&folder)?;
    let write = |name: &str, text: String| -> Result<()> {
        let path = folder.join(name);
        fs::write(&path, text).context(path.display())?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).context(path.display())?;
        behind.runs_as.own(&path)
    };
    write("users.txt", format!("\"{}\" \"{}\"\n", behind.user, behind.password))?;
    write("pgbouncer.ini", settings(port, behind, &folder))?;
    let mut command = behind.runs_as.command(program, &folder);
    command.arg(folder.join("pgbouncer.ini"));
    let stop = Stop { signal: libc::SIGTERM, patience: Duration::from_secs(5) };
    let mut process = Process::start("pgbouncer", &place.state, stop, &mut command)?;
    process.wait_until(Duration::from_secs(20), || accepts(port))?;
    Ok(port)
}

fn settings(port: u16, behind: &Behind<'_>, folder: &Path) -> String {
    let database =
        |name: &str, how: &str| format!("{name} = host=127.0.0.1 port={} dbname=plain {how}\n", behind.port);
    let databases = [
        database("session", "pool_mode=session"),
        database("transaction", "pool_mode=transaction"),
        database("statement", "pool_mode=statement"),
        database("small", "pool_mode=transaction pool_size=2"),
    ];
    format!(
        "[databases]\n{}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = scram-sha-256\nauth_user = {}\nauth_file = {}\nserver_tls_sslmode = require\n\
         client_tls_sslmode = allow\nclient_tls_key_file = {}\nclient_tls_cert_file = {}\n",
        databases.concat(),
        behind.user,
        folder.join("users.txt").display(),
        behind.folder.join("data/server.key").display(),
        behind.folder.join("data/server.crt").display(),
    )
}
