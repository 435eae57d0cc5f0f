//! What went wrong, for a person: the driver's errors and the server's words.
//!
//! Nothing here can hold the password: texts are made from host, port, names and the server's own
//! messages, never from the driver's configuration.

use std::{error::Error as _, fmt::Write as _, io, time::Duration};

use firth_diagnostic::{Code, Diagnostic};
use rustls::CertificateError;
use tokio_postgres::{
    Error,
    error::{DbError, ErrorPosition, SqlState},
};

use super::{
    options::{Settings, TlsMode},
    password_guard::PlaintextPassword,
};

/// Nothing answers there.
pub(super) fn unreachable(settings: &Settings, failure: &io::Error) -> Diagnostic {
    not_reached(settings)
        .detail(failure.to_string())
        .hint("Check host and port, that the server runs, and that no firewall is in between.")
}

/// The host's name leads nowhere.
pub(super) fn unknown_host(settings: &Settings, failure: &io::Error) -> Diagnostic {
    not_reached(settings)
        .detail(format!("the name {:?} has no address: {failure}", settings.host))
        .hint("Check the spelling of option host, and that this machine can resolve it.")
}

/// Something may be there, but says nothing.
pub(super) fn timed_out(settings: &Settings, patience: Duration) -> Diagnostic {
    not_reached(settings)
        .detail(format!("no answer within {} s", patience.as_secs()))
        .hint("Check host and port, and that no firewall drops the packets.")
}

fn not_reached(settings: &Settings) -> Diagnostic {
    let message = format!("could not reach the PostgreSQL server at {}", settings.server());
    Diagnostic::error(Code::Unreachable, message)
}

/// The server was reached, but connecting failed.
pub(super) fn connecting(settings: &Settings, error: &Error) -> Diagnostic {
    if let Some(refusal) = error.as_db_error() {
        return login_refused(settings, refusal);
    }
    if let Some(refused) = cause::<PlaintextPassword>(error) {
        let message = format!("the password is not sent to {} in the clear", settings.server());
        return Diagnostic::error(Code::Unauthenticated, message)
            .detail(refused.to_string())
            .hint("Leave out sslmode = 'disable', or let the server ask by scram-sha-256.");
    }
    if let Some(refused) = cause::<rustls::Error>(error) {
        return handshake_failed(settings, refused);
    }
    let source = error.source().map(ToString::to_string).unwrap_or_default();
    if source == "server does not support TLS" {
        let message = format!("the server at {} does not offer TLS", settings.server());
        return Diagnostic::error(Code::Unreachable, message).hint(
            "Turn on ssl at the server. Only where nobody else can listen: sslmode = 'disable' goes without.",
        );
    }
    if source == "password missing" {
        let message = format!("the server at {} asks for a password", settings.server());
        return Diagnostic::error(Code::Unauthenticated, message)
            .hint("Add `password = …` to the connection.");
    }
    let detail = if source.is_empty() { error.to_string() } else { format!("{error}: {source}") };
    not_reached(settings).detail(detail).hint("Check that a PostgreSQL server listens on this port.")
}

fn login_refused(settings: &Settings, refusal: &DbError) -> Diagnostic {
    let (server, user, database) = (settings.server(), &settings.user, &settings.database);
    let code = refusal.code();
    let no_entry = refusal.message().contains("pg_hba.conf");
    let (code, message, hint) = if *code == SqlState::INVALID_CATALOG_NAME {
        (Code::NotFound, format!("{server} has no database {database:?}"), "Check option database.")
    } else if no_entry && settings.tls == TlsMode::Disable {
        let hint = "The server may accept this only with TLS: leave out sslmode = 'disable'.";
        (Code::Unauthenticated, format!("{server} does not let {user:?} into database {database:?}"), hint)
    } else if no_entry {
        let hint = "The server's pg_hba.conf must let this role, database and address in.";
        (Code::Unauthenticated, format!("{server} does not let {user:?} into database {database:?}"), hint)
    } else if *code == SqlState::INVALID_PASSWORD || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        let hint = "Check options user and password.";
        (Code::Unauthenticated, format!("{server} does not accept the password of {user:?}"), hint)
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        let hint = "The role needs CONNECT on the database.";
        (Code::PermissionDenied, format!("{server} does not let {user:?} into database {database:?}"), hint)
    } else if *code == SqlState::TOO_MANY_CONNECTIONS {
        let hint = "Lower option max_backends, or raise max_connections at the server.";
        (Code::Exhausted, format!("{server} has no connection left"), hint)
    } else if *code == SqlState::CANNOT_CONNECT_NOW {
        let hint = "The server is starting or stopping: try again shortly.";
        (Code::Unreachable, format!("{server} does not take connections now"), hint)
    } else {
        (Code::Remote, format!("{server} does not let {user:?} into database {database:?}"), "")
    };
    let error = Diagnostic::error(code, message).detail(words(refusal));
    if hint.is_empty() { error } else { error.hint(hint) }
}

fn handshake_failed(settings: &Settings, error: &rustls::Error) -> Diagnostic {
    let message = format!("the certificate of {} cannot be trusted", settings.server());
    let refused = |detail: String, hint: String| {
        Diagnostic::error(Code::Unreachable, &message).detail(detail).hint(hint)
    };
    match error {
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => refused(
            format!("it is not made out to {:?}", settings.host),
            "Set host to a name or address that the certificate carries. \
             sslmode = 'verify-ca' does not look at the name."
                .to_owned(),
        ),
        rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => refused("it has expired".to_owned(), "Renew the certificate at the server.".to_owned()),
        rustls::Error::InvalidCertificate(reason) => {
            let detail = match reason {
                CertificateError::UnknownIssuer => "no trusted authority has signed it".to_owned(),
                reason => reason.to_string(),
            };
            let hint = match &settings.root_certificates {
                Some(path) => format!("{:?} does not hold its authority.", path.display().to_string()),
                None => "Set sslrootcert to the file of the authority that signed it.".to_owned(),
            };
            refused(detail, hint)
        }
        other => {
            let message = format!("no TLS connection to {}", settings.server());
            Diagnostic::error(Code::Unreachable, message)
                .detail(other.to_string())
                .hint("The server must speak TLS 1.2 or 1.3.")
        }
    }
}

/// The cause of this type, however deep: streams wrap it in `io::Error`s.
fn cause<T: std::error::Error + 'static>(error: &Error) -> Option<&T> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        source = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// The text that failed, and what we put in front of it.
#[derive(Clone, Copy)]
pub(super) struct Sent<'a> {
    pub(super) sql: &'a str,
    pub(super) prefix: &'a str,
}

/// A request failed at the server, or on the way.
pub(super) fn request(settings: &Settings, error: &Error, sent: Option<Sent<'_>>) -> Diagnostic {
    let server = settings.server();
    let Some(answer) = error.as_db_error() else {
        let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        return Diagnostic::error(Code::Unreachable, format!("lost the connection to {server}"))
            .detail(format!("{error}{source}"))
            .hint("Run the statement again; the server's log says why it hung up, if it did.");
    };
    let mut detail = words(answer);
    if let Some(place) = sent.and_then(|sent| place(sent, answer)) {
        detail.push('\n');
        detail.push_str(&place);
    }
    let code = answer.code();
    if pools_statements(error) {
        let message = format!("{server} is a pooler that takes single statements only");
        return Diagnostic::error(Code::Unsupported, message).detail(words(answer)).hint(
            "A read is a transaction: set pool_mode = transaction or session for this database, or connect to \
             the server itself.",
        );
    }
    let (code, message, hint) = if *code == SqlState::QUERY_CANCELED {
        let hint = settings
            .statement_timeout
            .map(|_| "Option statement_timeout of the connection may be too short.");
        (Code::Cancelled, format!("{server} ended the statement"), hint)
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        let hint = Some("Grant the role SELECT on what it reads, and USAGE on its schema.");
        (Code::PermissionDenied, format!("{server} does not let {:?} do this", settings.user), hint)
    } else if *code == SqlState::UNDEFINED_TABLE {
        (Code::NotFound, format!("{server} does not know a table"), None)
    } else if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        (
            Code::Remote,
            format!("{server} refused the statement"),
            Some("Queries only read. INSERT and CREATE TABLE write, where the server is not a standby."),
        )
    } else {
        (Code::Remote, format!("{server} refused the statement"), None)
    };
    Diagnostic::error(code, message).detail(detail).hint_if(hint.map(str::to_owned))
}

/// Whether a pooler refused to begin a transaction.
pub(super) fn pools_statements(error: &Error) -> bool {
    error.as_db_error().is_some_and(|answer| answer.message().contains("statement pooling mode"))
}

/// The server's own words, quoted, with the code by which they can be looked up.
fn words(answer: &DbError) -> String {
    let mut text = format!("PostgreSQL says: {:?} (SQLSTATE {})", answer.message(), answer.code().code());
    if let Some(detail) = answer.detail() {
        let _ = write!(text, "\nits detail: {detail:?}");
    }
    if let Some(hint) = answer.hint() {
        let _ = write!(text, "\nits hint: {hint:?}");
    }
    text
}

/// The line the server points at, with a caret below.
fn place(sent: Sent<'_>, answer: &DbError) -> Option<String> {
    let position = match answer.position()? {
        ErrorPosition::Original(position) => *position as usize,
        ErrorPosition::Internal { .. } => return None,
    };
    // Positions count characters from one.
    let at = position.checked_sub(sent.prefix.chars().count() + 1)?;
    let before: String = sent.sql.chars().take(at).collect();
    if before.chars().count() < at || before.len() == sent.sql.len() {
        return None;
    }
    let start = before.rfind('\n').map_or(0, |line_feed| line_feed + 1);
    let column = before[start..].chars().count();
    let line = sent.sql[start..].lines().next().unwrap_or_default().replace(char::is_control, " ");
    let number = before.matches('\n').count() + 1;
    Some(format!("line {number}, column {}: {line}\n{}^", column + 1, " ".repeat(line_lead(number, column))))
}

fn line_lead(number: usize, column: usize) -> usize {
    format!("line {number}, column {}: ", column + 1).chars().count() + column
}
