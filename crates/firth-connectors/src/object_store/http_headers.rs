//! Headers of one's own, which go with every request to a connection's server and to no other.

use firth_diagnostic::{Code, Diagnostic, Result, Secret};
use http::{HeaderName, HeaderValue};

/// What the requests themselves say.
const OURS: [&str; 13] = [
    "host",
    "range",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "if-range",
    "accept-encoding",
    "content-length",
    "transfer-encoding",
    "connection",
    "te",
    "upgrade",
];

/// Names and values. The values are secrets: that is what headers are given for.
#[derive(Clone, Debug, Default)]
pub(super) struct Headers(Vec<(HeaderName, Secret)>);

impl Headers {
    /// Reads lines of `Name: value`. Nothing of them is quoted in messages, as a line may be a token alone.
    pub(super) fn parse(text: &Secret) -> Result<Self> {
        let refused = |number: usize, why: &str, hint: &str| {
            Diagnostic::error(Code::Invalid, format!("line {} of option \"headers\" {why}", number + 1))
                .hint(hint)
        };
        let mut headers = Vec::new();
        for (number, line) in
            text.expose_secret().lines().enumerate().filter(|(_, line)| !line.trim().is_empty())
        {
            let shape = || {
                refused(number, "is no header", "Write each header on a line of its own, as 'Name: value'.")
            };
            let (name, value) = line.split_once(':').ok_or_else(shape)?;
            let name: HeaderName = name.trim().parse().map_err(|_| shape())?;
            let value = value.trim();
            if value.is_empty() || HeaderValue::from_str(value).is_err() {
                return Err(shape());
            }
            if OURS.contains(&name.as_str()) {
                return Err(refused(
                    number,
                    "is a header that requests have anyway",
                    "Leave out those that say what is asked for and how it is sent, such as Range and Host.",
                ));
            }
            headers.push((name, Secret::new(value)));
        }
        match headers.is_empty() {
            true => Err(Diagnostic::error(Code::Invalid, "option \"headers\" has no header")
                .hint("Write each header on a line of its own, as 'Name: value'.")),
            false => Ok(Headers(headers)),
        }
    }

    /// Whether there is one of this name.
    pub(super) fn has(&self, name: &HeaderName) -> bool {
        self.0.iter().any(|(given, _)| given == name)
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds them to a request.
    pub(super) fn add_to(&self, headers: &mut http::HeaderMap) {
        for (name, value) in &self.0 {
            if let Ok(mut value) = HeaderValue::from_str(value.expose_secret()) {
                value.set_sensitive(true);
                headers.append(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_header() {
        let headers =
            Headers::parse(&Secret::new("X-Api-Key: hunter2\r\n\n  Cookie : a=b; c=d:e \n")).expect("valid");
        let mut map = http::HeaderMap::new();
        headers.add_to(&mut map);
        assert_eq!(map["x-api-key"], "hunter2");
        assert_eq!(map["cookie"], "a=b; c=d:e");
        assert!(!format!("{headers:?} {map:?}").contains("hunter2"));
    }

    #[test]
    fn what_is_no_header_is_refused_without_quoting_it() {
        let refused = |text: &str| {
            let error = Headers::parse(&Secret::new(text)).expect_err("refused");
            assert!(!error.render(None, false).contains("hunter2"), "{error}");
            error.message().to_owned()
        };
        assert_eq!(refused("hunter2"), "line 1 of option \"headers\" is no header");
        assert_eq!(refused("A: b\nhun ter2: x"), "line 2 of option \"headers\" is no header");
        assert_eq!(refused("hunter2:"), "line 1 of option \"headers\" is no header");
        assert_eq!(refused("A: hunter2\u{7f}"), "line 1 of option \"headers\" is no header");
        assert_eq!(
            refused("RANGE: hunter2"),
            "line 1 of option \"headers\" is a header that requests have anyway"
        );
        assert_eq!(refused(" \n"), "option \"headers\" has no header");
    }
}
