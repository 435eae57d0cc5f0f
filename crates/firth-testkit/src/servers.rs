//! Where the servers of this test run are.
//!
//! `cargo xtask servers up` and `cargo xtask test` say so in variables that begin with `FIRTH_TEST_`.

use std::env;
use std::io::{self, Write};

/// The servers that run.
#[derive(Clone, Default)]
pub struct Servers {
    /// PostgreSQL.
    pub postgres: Option<Postgres>,
    /// Amazon S3, by SeaweedFS.
    pub s3: Option<S3>,
    /// Azure Blob Storage, by Azurite.
    pub azure: Option<Azure>,
    /// Google Cloud Storage, by fake-gcs-server behind our front.
    pub gcs: Option<Gcs>,
    /// A keyring of the desktop, unlocked.
    pub keyring: Option<Keyring>,
    /// DuckDB with its ducklake extension.
    pub duckdb: Option<DuckDb>,
    /// Files over SSH.
    pub sftp: Option<Sftp>,
    /// Files by WebDAV and HTTP.
    pub webdav: Option<WebDav>,
}

/// A PostgreSQL server, with TLS and SCRAM.
#[derive(Clone)]
pub struct Postgres {
    /// An address that the server's certificate names.
    pub host: String,
    /// An address of the same server that its certificate does not name.
    pub mismatched_host: String,
    /// Its port, on both addresses.
    pub port: u16,
    /// A superuser, with SCRAM.
    pub user: String,
    /// The password of both users.
    pub password: String,
    /// A user whose password the server holds as MD5: without TLS `legacy_database` asks for MD5.
    pub md5_user: String,
    /// A database that refuses connections without TLS.
    pub database: String,
    /// A database that takes connections without TLS as well.
    pub plain_database: String,
    /// A database that asks for a cleartext password on a connection without TLS.
    pub legacy_database: String,
    /// The file of the CA that signed the server's certificate.
    pub ca: String,
    /// The file of a CA that did not.
    pub other_ca: String,
    /// The program `psql`.
    pub psql: String,
    /// The port of a PgBouncer in front of it, on `host`, with databases `session`, `transaction`,
    /// `statement` and `small` (two servers for all transactions), each of which is `plain_database`.
    pub pooler_port: Option<u16>,
}

/// An S3 server.
#[derive(Clone)]
pub struct S3 {
    /// `http://127.0.0.1:PORT`.
    pub endpoint: String,
    /// A bucket that exists.
    pub bucket: String,
    /// The region that requests are signed for.
    pub region: String,
    /// A key that may do everything.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
    /// A key that may only read and list the bucket.
    pub read_only_access_key_id: String,
    /// Its secret.
    pub read_only_secret_access_key: String,
}

/// An Azure Blob Storage server.
#[derive(Clone)]
pub struct Azure {
    /// `http://127.0.0.1:PORT/ACCOUNT`.
    pub endpoint: String,
    /// The account.
    pub account: String,
    /// Its key, in base64.
    pub account_key: String,
    /// A container that exists.
    pub container: String,
}

/// A Google Cloud Storage server. It looks at no credential.
#[derive(Clone)]
pub struct Gcs {
    /// `http://127.0.0.1:PORT` of the front, which takes all requests.
    pub endpoint: String,
    /// The emulator itself, which takes no XML writes.
    pub direct_endpoint: String,
    /// A bucket that exists.
    pub bucket: String,
}

/// A Secret Service on a message bus of its own.
#[derive(Clone)]
pub struct Keyring {
    /// The bus, as `DBUS_SESSION_BUS_ADDRESS` names it.
    pub bus: String,
}

/// DuckDB with its ducklake extension, which reads native tables.
#[derive(Clone)]
pub struct DuckDb {
    /// The Python that has it.
    pub python: String,
}

/// An OpenSSH server that shows files.
#[derive(Clone)]
pub struct Sftp {
    /// `ssh://127.0.0.1:PORT`.
    pub endpoint: String,
    /// The user that may log in.
    pub user: String,
    /// The file of the user's private key.
    pub key: String,
    /// A folder of that machine, which is this one.
    pub root: String,
    /// A folder with a program `ssh` that knows this server and no other, to stand first on the PATH.
    pub path: String,
}

/// A server of WebDAV.
#[derive(Clone)]
pub struct WebDav {
    /// `http://127.0.0.1:PORT/dav`, which asks for the password.
    pub endpoint: String,
    /// The same files, to be read by anybody.
    pub plain_endpoint: String,
    /// The user.
    pub user: String,
    /// The user's password.
    pub password: String,
}

impl Servers {
    /// What the variables of this process say.
    pub fn from_env() -> Servers {
        Servers::from_variables(|name| env::var(format!("FIRTH_TEST_{name}")).ok())
    }

    /// What `variable` says, asked for names without the `FIRTH_TEST_`. A server of which one variable
    /// is missing is missing as a whole.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Servers {
        let of = |server: &'static str| {
            let variable = &variable;
            move |name: &str| variable(&format!("{server}_{name}"))
        };
        Servers {
            postgres: Postgres::from_variables(of("PG")).map(|postgres| Postgres {
                pooler_port: of("PGBOUNCER")("PORT").and_then(|port| port.parse().ok()),
                ..postgres
            }),
            s3: S3::from_variables(of("S3")),
            azure: Azure::from_variables(of("AZURE")),
            gcs: Gcs::from_variables(of("GCS")),
            keyring: of("KEYRING")("BUS").map(|bus| Keyring { bus }),
            duckdb: of("DUCKDB")("PYTHON").map(|python| DuckDb { python }),
            sftp: Sftp::from_variables(of("SFTP")),
            webdav: WebDav::from_variables(of("WEBDAV")),
        }
    }

    /// The PostgreSQL server, or a skip; see [`require`].
    pub fn require_postgres(self, test: &str) -> Option<Postgres> {
        require("postgres", test, self.postgres)
    }

    /// The PostgreSQL server and the port of the pooler in front of it, or a skip; see [`require`].
    pub fn require_pooler(self, test: &str) -> Option<(Postgres, u16)> {
        let found = self.postgres.and_then(|server| Some((server.clone(), server.pooler_port?)));
        require("pgbouncer", test, found)
    }

    /// The S3 server, or a skip; see [`require`].
    pub fn require_s3(self, test: &str) -> Option<S3> {
        require("s3", test, self.s3)
    }

    /// The Azure server, or a skip; see [`require`].
    pub fn require_azure(self, test: &str) -> Option<Azure> {
        require("azure", test, self.azure)
    }

    /// The Google Cloud Storage server, or a skip; see [`require`].
    pub fn require_gcs(self, test: &str) -> Option<Gcs> {
        require("gcs", test, self.gcs)
    }

    /// The keyring, or a skip; see [`require`].
    pub fn require_keyring(self, test: &str) -> Option<Keyring> {
        require("keyring", test, self.keyring)
    }

    /// DuckDB, or a skip; see [`require`].
    pub fn require_duckdb(self, test: &str) -> Option<DuckDb> {
        require("duckdb", test, self.duckdb)
    }

    /// The SFTP server, or a skip; see [`require`].
    pub fn require_sftp(self, test: &str) -> Option<Sftp> {
        require("sftp", test, self.sftp)
    }

    /// The WebDAV server, or a skip; see [`require`].
    pub fn require_webdav(self, test: &str) -> Option<WebDav> {
        require("webdav", test, self.webdav)
    }
}

/// `found`, or else a line on standard error that `test` is skipped for want of `server`.
///
/// # Panics
///
/// In CI, where a missing server is a failure and not a skip: if `CI` is `true` and this is not a run
/// of `cargo xtask test --fast`.
pub fn require<T>(server: &str, test: &str, found: Option<T>) -> Option<T> {
    if found.is_none() {
        let fast = env::var_os("FIRTH_TEST_FAST").is_some();
        assert!(fast || !is_ci(), "{test} needs the server {server}, and in CI it must run");
        // Past the capture of the test harness, which would hide it: a skip is to be seen.
        let _ =
            writeln!(io::stderr(), "SKIPPED {test}: no {server} server (`cargo xtask servers up {server}`)");
    }
    found
}

fn is_ci() -> bool {
    env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

impl Postgres {
    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        Some(Postgres {
            host: variable("HOST")?,
            mismatched_host: variable("MISMATCHED_HOST")?,
            port: variable("PORT")?.parse().ok()?,
            user: variable("USER")?,
            password: variable("PASSWORD")?,
            md5_user: variable("MD5_USER")?,
            database: variable("DATABASE")?,
            plain_database: variable("PLAIN_DATABASE")?,
            legacy_database: variable("LEGACY_DATABASE")?,
            ca: variable("CA")?,
            other_ca: variable("OTHER_CA")?,
            psql: variable("PSQL")?,
            pooler_port: None,
        })
    }
}

impl S3 {
    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        Some(S3 {
            endpoint: variable("ENDPOINT")?,
            bucket: variable("BUCKET")?,
            region: variable("REGION")?,
            access_key_id: variable("ACCESS_KEY_ID")?,
            secret_access_key: variable("SECRET_ACCESS_KEY")?,
            read_only_access_key_id: variable("RO_ACCESS_KEY_ID")?,
            read_only_secret_access_key: variable("RO_SECRET_ACCESS_KEY")?,
        })
    }
}

impl Azure {
    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        Some(Azure {
            endpoint: variable("ENDPOINT")?,
            account: variable("ACCOUNT")?,
            account_key: variable("ACCOUNT_KEY")?,
            container: variable("CONTAINER")?,
        })
    }
}

impl Gcs {
    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        Some(Gcs {
            endpoint: variable("ENDPOINT")?,
            direct_endpoint: variable("DIRECT_ENDPOINT")?,
            bucket: variable("BUCKET")?,
        })
    }
}

impl Sftp {
    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        Some(Sftp {
            endpoint: variable("ENDPOINT")?,
            user: variable("USER")?,
            key: variable("KEY")?,
            root: variable("ROOT")?,
            path: variable("PATH")?,
        })
    }
}

impl WebDav {
    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        Some(WebDav {
            endpoint: variable("ENDPOINT")?,
            plain_endpoint: variable("PLAIN_ENDPOINT")?,
            user: variable("USER")?,
            password: variable("PASSWORD")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_with_one_variable_missing_is_missing() {
        let given = ["AZURE_ENDPOINT", "AZURE_ACCOUNT", "AZURE_ACCOUNT_KEY", "AZURE_CONTAINER"];
        let servers = |names: &[&str]| {
            Servers::from_variables(|name| names.contains(&name).then(|| format!("value of {name}")))
        };
        assert_eq!(servers(&given).azure.unwrap().account, "value of AZURE_ACCOUNT");
        assert!(servers(&given[1..]).azure.is_none());
        assert!(servers(&given).s3.is_none());
    }
}
