//! The services of OpenDAL that are compiled in: which options each takes, and how it is opened.
//!
//! Options have the names that OpenDAL gives them, and go to it as they are.

use firth_connector::{OptionSpec, OptionValue, Options};
use firth_diagnostic::{Code, Diagnostic, Result};
use opendal::{Operator, services};

/// A value of `scheme`.
pub(super) struct Service {
    /// Its name.
    pub(super) scheme: &'static str,
    /// Options without which it does not work.
    needs: &'static [&'static str],
    /// Options that it may have besides `root`.
    takes: &'static [&'static str],
    /// Whether it is asked by HTTP.
    pub(super) by_http: bool,
    open: fn(Vec<(String, String)>) -> opendal::Result<Operator>,
}

/// All of them. Those that bring a second HTTP client or a second runtime are left out: FTP, Hugging Face.
pub(super) const SERVICES: &[Service] = &[
    Service {
        scheme: "cos",
        needs: &["endpoint", "bucket", "secret_id", "secret_key"],
        takes: &["security_token"],
        by_http: true,
        open: |mut options| {
            // Credentials of this machine are none of the connection's.
            options.push(("disable_config_load".to_owned(), "true".to_owned()));
            Operator::from_iter::<services::Cos>(options)
        },
    },
    Service {
        scheme: "dropbox",
        needs: &[],
        takes: TOKENS,
        by_http: true,
        open: |options| Operator::from_iter::<services::Dropbox>(options),
    },
    Service {
        scheme: "fs",
        needs: &["root"],
        takes: &[],
        by_http: false,
        open: |options| Operator::from_iter::<services::Fs>(options),
    },
    Service {
        scheme: "gdrive",
        needs: &[],
        takes: TOKENS,
        by_http: true,
        open: |options| Operator::from_iter::<services::Gdrive>(options),
    },
    Service {
        scheme: "http",
        needs: &["endpoint"],
        takes: &["username", "password", "token"],
        by_http: true,
        open: |options| Operator::from_iter::<services::Http>(options),
    },
    Service {
        scheme: "memory",
        needs: &[],
        takes: &[],
        by_http: false,
        open: |options| Operator::from_iter::<services::Memory>(options),
    },
    Service {
        scheme: "onedrive",
        needs: &[],
        takes: TOKENS,
        by_http: true,
        open: |options| Operator::from_iter::<services::Onedrive>(options),
    },
    Service {
        scheme: "oss",
        needs: &["endpoint", "bucket", "access_key_id", "access_key_secret"],
        takes: &["security_token"],
        by_http: true,
        open: |options| Operator::from_iter::<services::Oss>(options),
    },
    Service {
        scheme: "sftp",
        needs: &["endpoint"],
        takes: &["user", "key", "known_hosts_strategy"],
        by_http: false,
        open: |options| Operator::from_iter::<services::Sftp>(options),
    },
    Service {
        scheme: "webdav",
        needs: &["endpoint"],
        takes: &["username", "password", "token"],
        by_http: true,
        open: |options| Operator::from_iter::<services::Webdav>(options),
    },
    Service {
        scheme: "webhdfs",
        needs: &["endpoint"],
        takes: &["user_name", "delegation"],
        by_http: true,
        open: |options| Operator::from_iter::<services::Webhdfs>(options),
    },
];

const TOKENS: &[&str] = &["access_token", "refresh_token", "client_id", "client_secret"];

/// The values of `scheme`.
pub(super) const SCHEMES: &[&str] =
    &["cos", "dropbox", "fs", "gdrive", "http", "memory", "onedrive", "oss", "sftp", "webdav", "webhdfs"];

/// The options of services, beside `scheme`.
pub(super) const fn options() -> [OptionSpec; 19] {
    [
        OptionSpec::string("root").endpoint().doc("The folder that keys start from. Needed by 'fs'."),
        OptionSpec::string("endpoint")
            .endpoint()
            .doc("Where the service is: 'https://dav.example.com', 'ssh://files.example.com:22'."),
        OptionSpec::string("bucket").endpoint().doc("The bucket of 'oss' and 'cos'."),
        OptionSpec::string("user").doc("Whom 'sftp' logs in as, if not whom ssh is configured for."),
        OptionSpec::string("key").doc(
            "The file of the private key of 'sftp', on this machine. Its content is not stored with the connection.",
        ),
        OptionSpec::string("known_hosts_strategy").choice(&["strict", "add", "accept"]).endpoint().doc(
            "Which servers 'sftp' trusts: those of ssh's known_hosts ('strict', which is the default), unknown ones too, which are then remembered ('add'), any ('accept').",
        ),
        OptionSpec::string("username").doc("The user of 'webdav' and 'http'."),
        OptionSpec::string("password").secret().doc("The user's password."),
        OptionSpec::string("token").secret().doc("A bearer token for 'webdav' and 'http'."),
        OptionSpec::string("user_name").doc("The user of 'webhdfs'."),
        OptionSpec::string("delegation").secret().doc("A delegation token for 'webhdfs'."),
        OptionSpec::string("access_token")
            .secret()
            .doc("A token for 'gdrive', 'onedrive' or 'dropbox', which works for some hours."),
        OptionSpec::string("refresh_token").secret().doc("What gets further tokens there."),
        OptionSpec::string("client_id").doc("The application that the refresh token belongs to."),
        OptionSpec::string("client_secret").secret().doc("The application's secret."),
        OptionSpec::string("access_key_id").doc("The key's id for 'oss'."),
        OptionSpec::string("access_key_secret").secret().doc("The key's secret for 'oss'."),
        OptionSpec::string("secret_id").doc("The key's id for 'cos'."),
        OptionSpec::string("secret_key").secret().doc("The key's secret for 'cos'."),
    ]
}

/// A token that goes with temporary keys.
pub(super) const SECURITY_TOKEN: OptionSpec = OptionSpec::string("security_token")
    .secret()
    .doc("The token that goes with temporary keys of 'oss' and 'cos'.");

/// Every option that belongs to some services only.
fn is_of_services(name: &str) -> bool {
    SERVICES.iter().any(|service| service.needs.contains(&name) || service.takes.contains(&name))
}

impl Service {
    /// The service of that name, if `options` are those it takes.
    pub(super) fn of(options: &Options) -> Result<&'static Service> {
        let scheme = options.string("scheme").unwrap_or_default();
        let service = SERVICES.iter().find(|service| service.scheme == scheme);
        let service =
            service.ok_or_else(|| Diagnostic::internal(format!("no service is called {scheme:?}")))?;
        for name in service.needs {
            if !options.is_given(name) {
                return Err(Diagnostic::error(Code::Invalid, format!("option {name:?} is missing")).hint(
                    format!("OPENDAL connections with `scheme = '{scheme}'` need it: add `{name} = '…'`."),
                ));
            }
        }
        let takes =
            |name: &str| service.needs.contains(&name) || service.takes.contains(&name) || name == "root";
        for (name, _) in options.given() {
            if is_of_services(name) && !takes(name) {
                let known: Vec<&str> = service.needs.iter().chain(service.takes).copied().collect();
                return Err(Diagnostic::error(
                    Code::Invalid,
                    format!("option {name:?} does not apply to `scheme = '{scheme}'`"),
                )
                .hint(match known.as_slice() {
                    [] => "It takes `root` only.".to_owned(),
                    known => format!("It takes {} and root.", known.join(", ")),
                }));
            }
        }
        if service.takes == TOKENS && !options.is_given("access_token") {
            let all = ["refresh_token", "client_id", "client_secret"];
            if let Some(missing) = all.iter().find(|name| !options.is_given(name)) {
                return Err(Diagnostic::error(Code::Invalid, format!("option {missing:?} is missing")).hint(format!(
                    "`scheme = '{scheme}'` needs access_token, or refresh_token with client_id and client_secret."
                )));
            }
        }
        Ok(service)
    }

    /// An operator that has sent nothing yet.
    pub(super) fn open(&self, options: &Options) -> opendal::Result<Operator> {
        let own = options.given().filter(|(name, _)| is_of_services(name) || *name == "root");
        let own = own.filter_map(|(name, value)| match value {
            OptionValue::String(text) => Some((name.to_owned(), text.clone())),
            OptionValue::Secret(secret) => Some((name.to_owned(), secret.expose_secret().to_owned())),
            OptionValue::Int64(_) | OptionValue::Bool(_) | OptionValue::Strings(_) => None,
        });
        (self.open)(own.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_is_a_service_and_every_option_of_one_is_an_option() {
        let names: Vec<&str> = SERVICES.iter().map(|service| service.scheme).collect();
        assert_eq!(names, SCHEMES);
        let options = options();
        for name in SERVICES.iter().flat_map(|service| service.needs.iter().chain(service.takes)) {
            assert!(options.iter().chain([&SECURITY_TOKEN]).any(|spec| spec.name == *name), "{name}");
        }
    }
}
