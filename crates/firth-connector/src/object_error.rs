//! What an object store's failure means, in words for a person.
//!
//! The stores' client puts whole requests and answers into its texts: urls with signatures in their
//! query, XML, hashes. Only the server's own code and sentence are quoted from them.

use std::{borrow::Borrow, error::Error as _, io};

use firth_diagnostic::{Code, Diagnostic};
use object_store::{
    Error,
    client::{HttpError, HttpErrorKind},
};

/// Longest sentence that is quoted from an answer of unknown shape.
const LONGEST_QUOTE: usize = 200;

/// Hosts at which clouds hand out an instance's credential.
const METADATA_HOSTS: [&str; 4] =
    ["169.254.169.254", "169.254.170.2", "metadata.google.internal", "metadata"];

/// The message for `error`, which happened while `uri` was read or written.
///
/// Never holds a query string, a signature or a credential, whatever the client's text holds.
pub fn object_error(error: impl Borrow<Error>, uri: &str) -> Diagnostic {
    describe(error.borrow(), uri)
}

fn describe(error: &Error, uri: &str) -> Diagnostic {
    // Who knew more about it has put it into words already.
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(known) = cause.downcast_ref::<Diagnostic>() {
            return known.clone();
        }
        source = cause.source();
    }
    let uri = without_query(uri);
    let text = error.to_string();
    if let Some(failure) = file_failure(error) {
        return file_error(error, failure, uri);
    }
    let host = host(&text);
    if let Some(answer) = Answer::find(&text) {
        return answer.into_diagnostic(error, host, uri);
    }
    if text.contains("redirect without LOCATION") {
        return wrong_region(uri).detail("the server redirects to another region without saying which");
    }
    match transport_failure(error) {
        Some(Transport::Unanswered(cause)) => return unreachable(host, &cause, uri),
        Some(Transport::BrokenOff) => return broken_off(&innermost(error), uri),
        None => {}
    }
    match error {
        Error::NotFound { .. } => not_found(uri),
        Error::AlreadyExists { .. } => already_exists(uri),
        Error::Precondition { .. } | Error::NotModified { .. } => changed(uri),
        Error::PermissionDenied { .. } => denied(uri),
        Error::Unauthenticated { .. } => unauthenticated(uri),
        Error::InvalidPath { .. } => {
            Diagnostic::error(Code::Invalid, format!("{uri:?} is not a name an object can have"))
                .detail(quoted(&innermost(error)))
        }
        Error::NotSupported { .. } | Error::NotImplemented { .. } => {
            Diagnostic::error(Code::Unsupported, format!("the store of {uri:?} cannot do this"))
                .detail(quoted(&innermost(error)))
        }
        _ => Diagnostic::error(Code::Remote, format!("could not read or write {uri:?}"))
            .detail(quoted(&innermost(error))),
    }
}

/// A server's answer: its status, and what its body says.
#[derive(Debug, Default, PartialEq)]
struct Answer {
    status: u16,
    code: String,
    message: String,
}

impl Answer {
    fn find(text: &str) -> Option<Answer> {
        const STATUS: &str = "Server returned non-2xx status code: ";
        const BODY: &str = "Server returned error response: ";
        let (status, body) = match text.find(STATUS) {
            Some(at) => {
                let rest = &text[at + STATUS.len()..];
                let (line, body) = rest.split_once(": ").unwrap_or((rest, ""));
                (line.get(..3).and_then(|digits| digits.parse().ok()).unwrap_or(0), body)
            }
            // A success whose body is an error: S3 does that once the answer has begun.
            None => (200, text.split_once(BODY)?.1),
        };
        let body = body.trim_start_matches('\u{feff}').trim();
        let mut answer = Answer { status, code: element(body, "Code"), message: element(body, "Message") };
        if answer.code.is_empty()
            && let Ok(json) = serde_json::from_str::<serde_json::Value>(body)
        {
            let error = json.get("error").unwrap_or(&json);
            let field = |name: &str| error.get(name).and_then(|value| value.as_str()).unwrap_or_default();
            answer.code = [field("status"), field("code")]
                .into_iter()
                .find(|code| !code.is_empty())
                .unwrap_or_default()
                .to_owned();
            answer.message = quoted(field("message"));
        } else if answer.code == "AuthenticationFailed"
            && element(body, "AuthenticationErrorDetail").contains("not valid in the specified time frame")
        {
            // Azure's word for a shared access signature that has ended.
            answer.code = "ExpiredToken".to_owned();
        } else if answer.code.is_empty() && !body.starts_with('<') {
            answer.message = quoted(body);
        }
        Some(answer)
    }

    /// The server's words, or its status where it has none.
    fn words(&self) -> String {
        match (self.code.as_str(), self.message.as_str()) {
            ("", "") => format!("the server answered with status {}", self.status),
            ("", message) => format!("the server answers: \"{message}\" (status {})", self.status),
            (code, "") => format!("the server answers {code} (status {})", self.status),
            (code, message) => format!("the server answers {code}: \"{message}\""),
        }
    }

    fn into_diagnostic(self, error: &Error, host: Option<&str>, uri: &str) -> Diagnostic {
        if host.is_some_and(is_metadata_host) {
            return no_credential(uri).detail(self.words());
        }
        let diagnostic = match self.code.as_str() {
            "NoSuchBucket" | "ContainerNotFound" | "FilesystemNotFound" => no_bucket(uri),
            "SignatureDoesNotMatch"
            | "InvalidAccessKeyId"
            | "InvalidClientTokenId"
            | "InvalidToken"
            | "AuthenticationFailed"
            | "InvalidAuthenticationInfo"
            | "NoAuthenticationInformation"
            | "UNAUTHENTICATED" => unauthenticated(uri),
            "ExpiredToken" | "TokenRefreshRequired" => expired(uri),
            "RequestTimeTooSkewed" => {
                unauthenticated(uri).hint("Set this machine's clock: requests are signed with the time.")
            }
            "AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException" => {
                wrong_region(uri)
            }
            // Azure says so with status 409, which elsewhere means that an object is there already.
            "PublicAccessNotPermitted" => denied(uri),
            _ => match self.status {
                404 if self.message.contains("bucket does not exist") => no_bucket(uri),
                404 => not_found(uri),
                401 => unauthenticated(uri),
                // Azure's emulator has the code for missing rights here, but the sentence for a wrong key.
                403 if self.message.contains("failed to authenticate") => unauthenticated(uri),
                403 => denied(uri),
                304 | 412 => changed(uri),
                409 if matches!(error, Error::AlreadyExists { .. }) => already_exists(uri),
                409 => Diagnostic::error(Code::Conflict, format!("another writer is at work on {uri:?}")),
                301 | 307 | 308 => wrong_region(uri),
                416 => Diagnostic::error(
                    Code::Conflict,
                    format!("{uri:?} is shorter than it was when it was listed"),
                )
                .hint("It was replaced while the statement ran. Run the statement again."),
                429 | 503 => Diagnostic::error(Code::Remote, format!("the store of {uri:?} is overloaded"))
                    .hint("Run the statement again later."),
                status => Diagnostic::error(
                    Code::Remote,
                    format!("the store of {uri:?} answers with status {status}"),
                ),
            },
        };
        diagnostic.detail(self.words())
    }
}

fn not_found(uri: &str) -> Diagnostic {
    Diagnostic::error(Code::NotFound, format!("object {uri:?} does not exist"))
        .hint("Names of objects are case-sensitive; check the spelling of the whole uri.")
}

fn no_bucket(uri: &str) -> Diagnostic {
    Diagnostic::error(Code::NotFound, format!("the bucket of {uri:?} does not exist"))
        .hint("Check its spelling, and that the connection leads to the right endpoint and account.")
}

fn already_exists(uri: &str) -> Diagnostic {
    Diagnostic::error(Code::Conflict, format!("object {uri:?} exists already"))
}

fn changed(uri: &str) -> Diagnostic {
    Diagnostic::error(Code::Conflict, format!("object {uri:?} was changed by another writer"))
        .hint("Run the statement again: it then sees the object as it is now.")
}

fn denied(uri: &str) -> Diagnostic {
    Diagnostic::error(Code::PermissionDenied, format!("access to {uri:?} is denied"))
        .hint("Grant the connection's identity the right to list, read or write there.")
}

fn unauthenticated(uri: &str) -> Diagnostic {
    Diagnostic::error(
        Code::Unauthenticated,
        format!("the store of {uri:?} does not accept the connection's credential"),
    )
    .hint("Check it for typing errors; `ALTER CONNECTION … SET OPTIONS (…)` gives a stored connection another one.")
}

fn expired(uri: &str) -> Diagnostic {
    Diagnostic::error(Code::Unauthenticated, format!("the connection's credential for {uri:?} has expired"))
        .hint("Get a new one; `ALTER CONNECTION … SET OPTIONS (…)` gives it to a stored connection.")
}

fn no_credential(uri: &str) -> Diagnostic {
    Diagnostic::error(Code::Unauthenticated, format!("no credential was found for {uri:?}"))
        .hint("Give one in the connection's options, set `anonymous = TRUE`, or run where the environment or the machine provides one.")
}

fn wrong_region(uri: &str) -> Diagnostic {
    Diagnostic::error(
        Code::Invalid,
        format!("the bucket of {uri:?} is in another region than the connection"),
    )
    .hint("Set the connection's option \"region\" to the bucket's region.")
}

fn unreachable(host: Option<&str>, cause: &str, uri: &str) -> Diagnostic {
    if host.is_some_and(is_metadata_host) {
        return no_credential(uri);
    }
    let whom = host.map_or_else(|| format!("the store of {uri:?}"), str::to_owned);
    Diagnostic::error(Code::Unreachable, format!("could not reach {whom}"))
        .detail(quoted(cause))
        .hint("Check the endpoint's name and port, and the network between here and there.")
}

fn broken_off(cause: &str, uri: &str) -> Diagnostic {
    Diagnostic::error(Code::Unreachable, format!("the answer of the store of {uri:?} broke off"))
        .detail(quoted(cause))
        .hint("Run the statement again; if this happens often, look at the network between here and there.")
}

fn file_error(error: &Error, failure: io::ErrorKind, uri: &str) -> Diagnostic {
    match failure {
        io::ErrorKind::NotFound => Diagnostic::error(Code::NotFound, format!("file {uri:?} does not exist")),
        io::ErrorKind::PermissionDenied => {
            Diagnostic::error(Code::PermissionDenied, format!("access to {uri:?} is denied"))
                .detail(quoted(&innermost(error)))
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Diagnostic::error(Code::Exhausted, format!("the disk is full: could not write {uri:?}"))
                .detail(quoted(&innermost(error)))
                .hint("Free some space, or write to another place.")
        }
        io::ErrorKind::AlreadyExists => already_exists(uri),
        _ => Diagnostic::error(Code::Io, format!("could not read or write {uri:?}"))
            .detail(quoted(&innermost(error))),
    }
}

/// The kind of a local file's failure, if that is what failed: an io error with no request around it.
fn file_failure(error: &Error) -> Option<io::ErrorKind> {
    let mut kind = None;
    let mut source = error.source();
    while let Some(cause) = source {
        if cause.is::<HttpError>() {
            return None;
        }
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            kind = kind.or(Some(io.kind()));
        }
        source = cause.source();
    }
    kind
}

/// What failed on the way to a store.
enum Transport {
    /// Nothing was answered, for this reason.
    Unanswered(String),
    /// An answer began and did not come to its end.
    BrokenOff,
}

/// What failed on the way, if it was not the store's answer.
fn transport_failure(error: &Error) -> Option<Transport> {
    let (mut unanswered, mut timed_out, mut broken_off) = (false, false, false);
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(http) = cause.downcast_ref::<HttpError>() {
            unanswered = true;
            timed_out |= http.kind() == HttpErrorKind::Timeout;
            broken_off |= http.kind() == HttpErrorKind::Interrupted;
        }
        source = cause.source();
    }
    if timed_out {
        return Some(Transport::Unanswered("no answer in time".to_owned()));
    }
    if broken_off {
        return Some(Transport::BrokenOff);
    }
    unanswered.then(|| Transport::Unanswered(innermost(error)))
}

/// The text of the last cause, which names the fact: "Connection refused (os error 111)".
fn innermost(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    text
}

/// `host` or `host:port` of the first url in a client's text.
fn host(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#', ' ', ')', '"', '\'']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    (!host.is_empty()).then_some(host)
}

fn is_metadata_host(host: &str) -> bool {
    METADATA_HOSTS.contains(&host.split(':').next().unwrap_or(host))
}

/// The text of an XML element, with the five entities decoded; its first line, since Azure adds a
/// request id and the time below it.
fn element(xml: &str, name: &str) -> String {
    let inner = xml
        .split_once(&format!("<{name}>"))
        .and_then(|(_, rest)| rest.split_once(&format!("</{name}>")))
        .map_or("", |(inner, _)| inner);
    let decoded = inner
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&apos;", "'")
        .replace("&amp;", "&");
    quoted(&decoded)
}

/// One line that is fit to be quoted: no query strings, not endless.
fn quoted(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default().trim();
    // OpenDAL's texts begin with what was sent and answered: "… context: { uri: …, response: … } => the fact".
    let line = match line.split_once(", context: { ") {
        Some((_, context)) => context.rsplit_once(" } => ").map_or("", |(_, fact)| fact),
        None => line,
    };
    let mut words: Vec<String> = Vec::new();
    for word in line.split(' ') {
        let cut = match (word.contains("://"), word.find('?')) {
            (true, Some(at)) => word[..at].to_owned(),
            _ => word.to_owned(),
        };
        // Signatures also come without the url around them.
        match ["sig=", "Signature=", "X-Amz-"].iter().filter_map(|mark| cut.find(mark)).min() {
            Some(at) => words.push(format!("{}***", &cut[..at])),
            None => words.push(cut),
        }
    }
    let line = words.join(" ");
    match line.char_indices().nth(LONGEST_QUOTE) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

/// The uri up to a `?`, if what follows looks like a signed query rather than a part of a key.
fn without_query(uri: &str) -> &str {
    match uri.split_once('?') {
        Some((before, query))
            if query.contains("sig=") || query.contains("X-Amz-") || query.contains("Signature=") =>
        {
            before
        }
        _ => uri,
    }
}

#[cfg(test)]
mod tests;
