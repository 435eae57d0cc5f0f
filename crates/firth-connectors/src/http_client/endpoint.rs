//! The `endpoint` option: where requests go instead of to the cloud itself.

use std::net::IpAddr;

use firth_diagnostic::{Code, Diagnostic, Result};
use url::{Host, Url};

/// An http or https url without credentials and without a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint(Url);

impl Endpoint {
    /// Reads the option's text.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let refuse = |why: &str| {
            Diagnostic::error(Code::Invalid, format!("option \"endpoint\" {why}"))
                .hint("Write it as 'https://host:port'.")
        };
        // The text is not quoted: people paste urls with signatures and passwords in them.
        let Ok(url) = Url::parse(text.trim()) else { return Err(refuse("is not a url")) };
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(refuse("is not an http or https url"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("holds a user name or password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("holds a query"));
        }
        Ok(Endpoint(url))
    }

    /// The url, without a slash at its end.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// Whether requests go without TLS.
    pub(crate) fn is_plain_http(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// Whether requests stay on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => {
                name == "localhost"
                    || name.ends_with(".localhost")
                    || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
            }
            None => false,
        }
    }

    /// Whether the host is an address or `localhost`, under which no bucket can be a subdomain.
    pub(crate) fn has_no_subdomains(&self) -> bool {
        !matches!(self.0.host(), Some(Host::Domain(name)) if name != "localhost")
    }

    /// Whether there is a path after the host.
    pub(crate) fn has_path(&self) -> bool {
        !self.0.path().trim_matches('/').is_empty()
    }

    /// The same endpoint with one more segment.
    pub(crate) fn join(&self, segment: &str) -> String {
        format!("{}/{segment}", self.as_str())
    }

    /// The same endpoint with the bucket as a subdomain.
    pub(crate) fn subdomain(&self, bucket: &str) -> String {
        self.as_str().replacen("://", &format!("://{bucket}."), 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_with_secrets_are_refused_without_quoting_them() {
        let refused = |text: &str| Endpoint::parse(text).expect_err("refused").to_string();
        assert_eq!(refused("https://a:hunter2@h"), "option \"endpoint\" holds a user name or password");
        assert_eq!(refused("https://h/?sig=hunter2"), "option \"endpoint\" holds a query");
        assert_eq!(refused("h:9000"), "option \"endpoint\" is not an http or https url");
        assert_eq!(refused("hunter2"), "option \"endpoint\" is not a url");
    }

    #[test]
    fn loopback_is_known_by_address_and_by_name() {
        let loopback = |text: &str| Endpoint::parse(text).expect("valid").is_loopback();
        assert!(loopback("http://127.0.0.1:9000"));
        assert!(loopback("http://[::1]:9000/"));
        assert!(loopback("http://localhost:9000/account"));
        assert!(!loopback("http://10.0.0.1"));
        assert!(!loopback("http://localhost.example.com"));
    }

    #[test]
    fn a_bucket_is_a_path_or_a_subdomain() {
        let endpoint = Endpoint::parse("https://s3.example.com:9000/").expect("valid");
        assert_eq!(endpoint.join("lake"), "https://s3.example.com:9000/lake");
        assert_eq!(endpoint.subdomain("lake"), "https://lake.s3.example.com:9000");
    }
}
