//! PostgreSQL: the machine's own binaries, or Debian's package.
//!
//! Three databases, for three answers to a client: `app` only with TLS, `plain` also without, `legacy`
//! also without and then asks for the password in cleartext (of the user `legacy_md5`: hashed by MD5).
//! In front of it stands a PgBouncer.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::pgbouncer::{self, Behind};
use super::process::{Process, Stop};
use super::server_user::ServerUser;
use super::{Place, ServerSpec, Unavailable, Variables, install, ports, random_hex, with_attempts};
use crate::command::{find, run_quietly};
use crate::error::{Context, Result};

pub(super) const SERVER: ServerSpec = ServerSpec { name: "postgres", doc: "PostgreSQL", start };

const USER: &str = "firth_test";
const MD5_USER: &str = "legacy_md5";
/// SIGINT is PostgreSQL's fast shutdown.
const STOP: Stop = Stop { signal: libc::SIGINT, patience: Duration::from_secs(5) };

const HBA: &str = "\
hostssl   all    all        127.0.0.0/8 scram-sha-256
hostnossl plain  all        127.0.0.0/8 scram-sha-256
hostnossl legacy legacy_md5 127.0.0.0/8 md5
hostnossl legacy all        127.0.0.0/8 password
hostnossl all    all        127.0.0.0/8 reject
";

fn start(place: &Place) -> std::result::Result<Variables, Unavailable> {
    let programs = programs(place)?;
    if find("openssl").is_none() {
        install::debian_packages(&place.tools, &["openssl"])?;
    }
    let user = ServerUser::find()?;
    let folder = user.folder(place, "postgres")?;
    let password = random_hex(16)?;
    initialize(&programs, &folder, &user, &password)?;
    certificates(&folder, &user)?;
    let port = with_attempts("postgres", || start_once(&programs, &folder, &user, &password, place))?;
    let behind = Behind { port, user: USER, password: &password, folder: &folder, runs_as: &user };
    let pooler = match pgbouncer::start(place, &behind) {
        Ok(port) => Some(port),
        // The server can be used without.
        Err(Unavailable::Missing(reason)) => {
            eprintln!("left out: pgbouncer: {reason}");
            None
        }
        Err(failed) => return Err(failed),
    };
    let mut variables = vec![
        ("PG_HOST", "127.0.0.1".to_string()),
        // The certificate does not name this address: for a client that must notice.
        ("PG_MISMATCHED_HOST", "127.0.0.2".to_string()),
        ("PG_PORT", port.to_string()),
        ("PG_USER", USER.to_string()),
        ("PG_PASSWORD", password),
        ("PG_MD5_USER", MD5_USER.to_string()),
        ("PG_DATABASE", "app".to_string()),
        ("PG_PLAIN_DATABASE", "plain".to_string()),
        ("PG_LEGACY_DATABASE", "legacy".to_string()),
        ("PG_CA", folder.join("ca.crt").display().to_string()),
        ("PG_OTHER_CA", folder.join("other.crt").display().to_string()),
        ("PG_PSQL", programs.join("psql").display().to_string()),
    ];
    variables.extend(pooler.map(|port| ("PGBOUNCER_PORT", port.to_string())));
    Ok(variables)
}

/// The folder with `initdb`, `postgres` and `psql`; Debian keeps them off the PATH.
fn programs(place: &Place) -> std::result::Result<PathBuf, Unavailable> {
    if let Some(folder) = installed_programs() {
        return Ok(folder);
    }
    install::debian_packages(&place.tools, &["postgresql"])?;
    installed_programs().ok_or_else(|| Unavailable::failed("the package postgresql has no server"))
}

fn installed_programs() -> Option<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = Vec::new();
    for entry in fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten() {
        let version = entry.file_name().to_string_lossy().parse().unwrap_or(0);
        versions.push((version, entry.path().join("bin")));
    }
    versions.sort_by(|a, b| b.cmp(a));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = versions.into_iter().map(|(_, folder)| folder).chain(std::env::split_paths(&path));
    folders
        .into_iter()
        .find(|folder| ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).is_file()))
}

fn initialize(programs: &Path, folder: &Path, user: &ServerUser, password: &str) -> Result<()> {
    let password_file = folder.join("password");
    fs::write(&password_file, password).context(password_file.display())?;
    fs::set_permissions(&password_file, fs::Permissions::from_mode(0o600))
        .context(password_file.display())?;
    user.own(&password_file)?;
    let mut initdb = user.command(&programs.join("initdb"), folder);
    initdb.arg("-D").arg(folder.join("data")).args(["-U", USER, "-A", "scram-sha-256", "--locale=C.UTF-8"]);
    initdb.args(["-E", "UTF8", "-N"]).arg(format!("--pwfile={}", password_file.display()));
    run_quietly(&mut initdb)?;
    let hba = folder.join("data/pg_hba.conf");
    fs::write(&hba, HBA).context(hba.display())
}

/// A CA, a certificate by it for localhost and 127.0.0.1, and a CA that has nothing to do with either.
fn certificates(folder: &Path, user: &ServerUser) -> Result<()> {
    let openssl = |words: &str| -> Result<()> {
        run_quietly(Command::new("openssl").current_dir(folder).args(words.split(' '))).map(drop)
    };
    for authority in ["ca", "other"] {
        openssl(&format!(
            "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=firth-test-{authority} -keyout {authority}.key -out {authority}.crt"
        ))?;
    }
    fs::write(
        folder.join("server.ext"),
        "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n",
    )
    .context("server.ext")?;
    openssl("req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout data/server.key -out server.csr")?;
    openssl(
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile server.ext -out data/server.crt",
    )?;
    let key = folder.join("data/server.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).context(key.display())?;
    user.own(&key)?;
    user.own(&folder.join("data/server.crt"))
}

fn start_once(
    programs: &Path,
    folder: &Path,
    user: &ServerUser,
    password: &str,
    place: &Place,
) -> Result<u16> {
    let [port] = ports::free()?;
    let mut command = user.command(&programs.join("postgres"), folder);
    command.arg("-D").arg(folder.join("data"));
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    command.args(["-c", &format!("port={port}")]);
    let mut server = Process::start("postgres", &place.state, STOP, &mut command)?;
    // `pg_isready` says yes before passwords are checked, so a real query is asked.
    let query = |database: &str, sql: &str| {
        let mut psql = Command::new(programs.join("psql"));
        psql.env("PGPASSWORD", password).args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        psql.arg(format!(
            "host=127.0.0.1 port={port} user={USER} dbname={database} sslmode=require connect_timeout=5"
        ));
        run_quietly(&mut psql)
    };
    server.wait_until(Duration::from_secs(30), || query("postgres", "SELECT 1").is_ok())?;
    for database in ["app", "plain", "legacy"] {
        query("postgres", &format!("CREATE DATABASE {database}"))?;
    }
    query(
        "legacy",
        &format!(
            "SET password_encryption = 'md5'; CREATE ROLE {MD5_USER} LOGIN SUPERUSER PASSWORD '{password}'"
        ),
    )?;
    Ok(port)
}

const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1,127.0.0.2",
    // A socket's path is at most 107 bytes long, and nobody needs one here.
    "unix_socket_directories=",
    "ssl=on",
    "password_encryption=scram-sha-256",
    "max_connections=100",
    "shared_buffers=64MB",
    // The data is thrown away: no need to survive a power cut.
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
];
