//! The option tables of the three connection types, and what they come to.

use std::{path::PathBuf, time::Duration};

use firth_connector::{DecimalType, OptionSpec, Options};
use firth_diagnostic::{Code, Diagnostic, Result, Secret};

use super::mapping::{TypeOptions, UnsupportedType};

const HOST: OptionSpec = OptionSpec::string("host")
    .endpoint()
    .doc("The server's name or address, which its certificate must carry.");
const PORT: OptionSpec = OptionSpec::int64("port").endpoint().default("5432").doc("The server's port.");
const DATABASE: OptionSpec = OptionSpec::string("database").required().doc("The database.");
const USER: OptionSpec =
    OptionSpec::string("user").alias(&["username"]).required().doc("The role to log in as.");
const PASSWORD: OptionSpec = OptionSpec::string("password").secret().doc("The role's password.");
const SSLMODE: OptionSpec = OptionSpec::string("sslmode")
    .endpoint()
    .choice(&["disable", "require", "verify-ca", "verify-full"])
    .default("verify-full")
    .doc("How far TLS goes: not at all, encryption only, also a trusted certificate, also the server's name in it.");
const SSLROOTCERT: OptionSpec = OptionSpec::string("sslrootcert")
    .endpoint()
    .doc("A PEM file with the certificates to trust, instead of the platform's.");
const MAX_BACKENDS: OptionSpec = OptionSpec::int64("max_backends")
    .default("8")
    .doc("How many connections to the server this process opens at most.");
const STATEMENT_TIMEOUT: OptionSpec = OptionSpec::int64("statement_timeout")
    .default("0")
    .doc("After how many milliseconds the server ends a statement; 0 means never.");
const MAX_ROWS: OptionSpec = OptionSpec::int64("max_rows")
    .default("0")
    .doc("How many rows one statement may read from the server; 0 means any number.");
const MAX_BYTES: OptionSpec = OptionSpec::int64("max_bytes")
    .default("0")
    .doc("How many bytes one statement may read from the server; 0 means any number.");
const NUMERIC_AS: OptionSpec = OptionSpec::string("numeric_as")
    .choice(&["NUMERIC", "BIGNUMERIC", "STRING", "FLOAT64"])
    .default("NUMERIC")
    .doc("What a `numeric` without precision becomes. A value that does not fit is an error; STRING takes every one.");
const UNSUPPORTED_TYPE: OptionSpec = OptionSpec::string("unsupported_type")
    .choice(&["error", "string", "skip"])
    .default("string")
    .doc("What becomes of columns that GoogleSQL has no type for: an error, their text, or nothing.");
const INSTANCE_ID: OptionSpec = OptionSpec::string("instance_id")
    .endpoint()
    .doc("The instance as `project:region:instance`, for reference; `host` says where it is reached.");
const INSTANCE: OptionSpec = OptionSpec::string("instance")
    .endpoint()
    .doc("The instance's resource path, for reference; `host` says where it is reached.");
const TYPE: OptionSpec =
    OptionSpec::string("type").required().choice(&["POSTGRES"]).doc("The instance's database engine.");
const FRIENDLY_NAME: OptionSpec = OptionSpec::string("friendly_name").doc("A short name for people.");
const DESCRIPTION: OptionSpec = OptionSpec::string("description").doc("What the connection is for.");

/// Options of POSTGRES connections.
pub(super) const POSTGRES: &[OptionSpec] = &[
    HOST.required(),
    PORT,
    DATABASE,
    USER,
    PASSWORD,
    SSLMODE,
    SSLROOTCERT,
    MAX_BACKENDS,
    STATEMENT_TIMEOUT,
    MAX_ROWS,
    MAX_BYTES,
    NUMERIC_AS,
    UNSUPPORTED_TYPE,
    FRIENDLY_NAME,
    DESCRIPTION,
];

/// Options of CLOUD_SQL connections with `type = 'POSTGRES'`.
pub(super) const CLOUD_SQL: &[OptionSpec] = &[
    TYPE,
    INSTANCE_ID,
    HOST,
    PORT,
    DATABASE,
    USER,
    PASSWORD,
    SSLMODE,
    SSLROOTCERT,
    MAX_BACKENDS,
    STATEMENT_TIMEOUT,
    MAX_ROWS,
    MAX_BYTES,
    NUMERIC_AS,
    UNSUPPORTED_TYPE,
    FRIENDLY_NAME,
    DESCRIPTION,
];

/// Options of ALLOYDB connections.
pub(super) const ALLOYDB: &[OptionSpec] = &[
    INSTANCE,
    HOST,
    PORT,
    DATABASE,
    USER,
    PASSWORD,
    SSLMODE,
    SSLROOTCERT,
    MAX_BACKENDS,
    STATEMENT_TIMEOUT,
    MAX_ROWS,
    MAX_BYTES,
    NUMERIC_AS,
    UNSUPPORTED_TYPE,
    FRIENDLY_NAME,
    DESCRIPTION,
];

/// How far TLS goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TlsMode {
    /// No TLS.
    Disable,
    /// Encryption, with whoever answers.
    Require,
    /// The certificate leads to a trusted one.
    VerifyCa,
    /// Also, it is made out to `host`.
    VerifyFull,
}

/// What a connection is made of. Nothing in it is left to check.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) database: String,
    pub(super) user: String,
    pub(super) password: Option<Secret>,
    pub(super) tls: TlsMode,
    /// The file with the certificates to trust; `None` means the platform's.
    pub(super) root_certificates: Option<PathBuf>,
    pub(super) max_backends: usize,
    pub(super) statement_timeout: Option<Duration>,
    /// How many rows a statement may read.
    pub(super) max_rows: Option<u64>,
    /// How many bytes a statement may read.
    pub(super) max_bytes: Option<u64>,
    /// What becomes of which type.
    pub(super) types: TypeOptions,
}

impl Settings {
    /// Checks what an option table cannot say: ranges, and that names alone do not reach a server.
    pub(super) fn try_new(connection_type: &str, options: &Options) -> Result<Self> {
        let text = |name: &str| options.string(name).unwrap_or_default().to_owned();
        let host = text("host");
        if host.is_empty() {
            return Err(no_host(connection_type, options));
        }
        if let Some(name) = ["database", "user"].into_iter().find(|name| text(name).is_empty()) {
            return Err(Diagnostic::error(Code::Invalid, format!("option {name:?} is empty")));
        }
        if host.starts_with('/') {
            return Err(Diagnostic::error(
                Code::Unsupported,
                "option \"host\" is a path, not a server's name",
            )
            .hint("Sockets in the file system are not supported; use 'localhost'."));
        }
        let tls = match options.string("sslmode") {
            Some("disable") => TlsMode::Disable,
            Some("require") => TlsMode::Require,
            Some("verify-ca") => TlsMode::VerifyCa,
            _ => TlsMode::VerifyFull,
        };
        let root_certificates = options.string("sslrootcert").map(PathBuf::from);
        if tls == TlsMode::Disable && root_certificates.is_some() {
            return Err(Diagnostic::error(Code::Invalid, "sslrootcert has no use with sslmode = 'disable'")
                .hint("Leave out one of the two; without sslmode it is 'verify-full'."));
        }
        let milliseconds = integer(options, "statement_timeout", 0, i32::MAX as i64)?;
        Ok(Settings {
            host,
            port: integer(options, "port", 1, u16::MAX as i64)? as u16,
            database: text("database"),
            user: text("user"),
            password: options.secret("password").cloned(),
            tls,
            root_certificates,
            max_backends: integer(options, "max_backends", 1, 10_000)? as usize,
            statement_timeout: (milliseconds > 0).then(|| Duration::from_millis(milliseconds as u64)),
            max_rows: budget(options, "max_rows")?,
            max_bytes: budget(options, "max_bytes")?,
            types: TypeOptions {
                numeric_as: options
                    .string("numeric_as")
                    .and_then(DecimalType::named)
                    .unwrap_or(DecimalType::Numeric),
                every_numeric: false,
                unsupported_type: match options.string("unsupported_type") {
                    Some("error") => UnsupportedType::Error,
                    Some("skip") => UnsupportedType::Skip,
                    _ => UnsupportedType::String,
                },
            },
        })
    }

    /// `host:port`, for messages.
    pub(super) fn server(&self) -> String {
        address(&self.host, self.port.into())
    }
}

/// Where the connection leads, for SHOW CONNECTIONS.
pub(super) fn endpoint(options: &Options) -> String {
    let host = options.string("host").unwrap_or_default();
    let database = options.string("database").unwrap_or_default();
    format!("{}/{database}", address(host, options.int64("port").unwrap_or_default()))
}

fn address(host: &str, port: i64) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

fn integer(options: &Options, name: &str, least: i64, most: i64) -> Result<i64> {
    let value = options.int64(name).unwrap_or(least);
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(Diagnostic::error(Code::Invalid, format!("option {name:?} is {value}, which is out of range"))
        .hint(format!("It takes a number from {least} to {most}.")))
}

/// At most so many; `None` for zero, which means any number.
fn budget(options: &Options, name: &str) -> Result<Option<u64>> {
    let most = integer(options, name, 0, i64::MAX)?;
    Ok(u64::try_from(most).ok().filter(|most| *most > 0))
}

fn no_host(connection_type: &str, options: &Options) -> Diagnostic {
    let name = ["instance_id", "instance"].into_iter().find(|name| options.is_given(name));
    let error =
        Diagnostic::error(Code::Invalid, format!("{connection_type} connection has no option \"host\""));
    let error = match name {
        Some(name) => error.detail(format!("{name} names the server, but a name alone does not reach it")),
        None => error,
    };
    error.hint("Add `host = '…'`: the instance's IP address or DNS name, or that of its proxy.")
}

#[cfg(test)]
mod tests {
    use firth_connector::{GivenOption, GivenValue};
    use firth_diagnostic::{Span, Spanned};

    use super::*;

    fn settings(kind: &str, specs: &'static [OptionSpec], given: &[(&str, &str)]) -> Result<Settings> {
        let given: Vec<GivenOption> = given
            .iter()
            .map(|(name, value)| GivenOption {
                name: Spanned::new((*name).to_owned(), Span::default()),
                value: Spanned::new(
                    value.parse().map_or_else(|_| GivenValue::Text(Secret::new(*value)), GivenValue::Int64),
                    Span::default(),
                ),
            })
            .collect();
        let options = Options::validate(&format!("{kind} connections"), specs, &given, Span::default())?;
        Settings::try_new(kind, &options)
    }

    fn refused(kind: &str, specs: &'static [OptionSpec], given: &[(&str, &str)]) -> String {
        settings(kind, specs, given).expect_err("refused").render(None, false)
    }

    #[test]
    fn what_is_not_said_is_the_safe_choice() {
        let given = [("host", "db"), ("database", "shop"), ("username", "reader"), ("password", "pw")];
        let settings = settings("POSTGRES", POSTGRES, &given).expect("valid");
        assert_eq!((settings.tls, settings.port, settings.max_backends), (TlsMode::VerifyFull, 5432, 8));
        assert_eq!((settings.user.as_str(), settings.statement_timeout), ("reader", None));
        assert!(!format!("{settings:?}").contains("pw"));
    }

    #[test]
    fn a_name_alone_does_not_reach_a_server() {
        let given = [("type", "postgres"), ("instance_id", "p:r:i"), ("database", "d"), ("user", "u")];
        insta::assert_snapshot!(refused("CLOUD_SQL", CLOUD_SQL, &given), @r#"
        error[invalid]: CLOUD_SQL connection has no option "host"
        detail: instance_id names the server, but a name alone does not reach it
        hint: Add `host = '…'`: the instance's IP address or DNS name, or that of its proxy.
        "#);
    }

    #[test]
    fn numbers_have_a_range() {
        let given = [("host", "h"), ("database", "d"), ("user", "u"), ("port", "70000")];
        insta::assert_snapshot!(refused("POSTGRES", POSTGRES, &given), @r#"
        error[invalid]: option "port" is 70000, which is out of range
        hint: It takes a number from 1 to 65535.
        "#);
    }

    #[test]
    fn ipv6_addresses_are_bracketed() {
        assert_eq!(address("::1", 5432), "[::1]:5432");
    }
}
