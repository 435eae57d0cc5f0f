//! Azure's connection strings: `AccountName=…;AccountKey=…;EndpointSuffix=…`.

use firth_diagnostic::{Code, Diagnostic, Result, Secret};

/// The parts of a connection string that matter for blobs. Its text is a secret as a whole, so no
/// message quotes any of it but the names of its parts.
#[derive(Debug, Default)]
pub(super) struct ConnectionString {
    /// `AccountName`, or the host's first label of `BlobEndpoint`.
    pub(super) account: Option<String>,
    /// `AccountKey`.
    pub(super) key: Option<Secret>,
    /// `SharedAccessSignature`.
    pub(super) sas: Option<Secret>,
    /// `BlobEndpoint`, or what the protocol and the suffix make of it.
    pub(super) endpoint: Option<String>,
}

impl ConnectionString {
    /// Reads the string.
    pub(super) fn parse(text: &Secret) -> Result<Self> {
        let mut parsed = ConnectionString::default();
        let mut protocol = None;
        let mut suffix = None;
        for part in text.expose_secret().split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let Some((name, value)) = part.split_once('=') else {
                return Err(malformed("has a part without a value"));
            };
            match name.to_ascii_lowercase().as_str() {
                "accountname" => parsed.account = Some(value.to_owned()),
                "accountkey" => parsed.key = Some(Secret::new(value)),
                "sharedaccesssignature" => parsed.sas = Some(Secret::new(value)),
                "blobendpoint" => parsed.endpoint = Some(value.to_owned()),
                "defaultendpointsprotocol" => protocol = Some(value.to_ascii_lowercase()),
                "endpointsuffix" => suffix = Some(value.to_owned()),
                "usedevelopmentstorage" => {
                    return Err(Diagnostic::error(
                        Code::Unsupported,
                        "option \"connection_string\" means the development storage",
                    )
                    .hint("Give the emulator's `account`, `account_key` and `endpoint` instead."));
                }
                // Queues, tables and files have endpoints of their own.
                _ => {}
            }
        }
        if parsed.account.is_none() {
            parsed.account = parsed.endpoint.as_deref().and_then(account_of).map(str::to_owned);
        }
        let Some(account) = &parsed.account else {
            return Err(malformed("has no AccountName"));
        };
        if parsed.endpoint.is_none() && (suffix.is_some() || protocol.as_deref() == Some("http")) {
            let protocol = protocol.as_deref().unwrap_or("https");
            let suffix = suffix.as_deref().unwrap_or("core.windows.net");
            parsed.endpoint = Some(format!("{protocol}://{account}.blob.{suffix}"));
        }
        if parsed.key.is_none() && parsed.sas.is_none() {
            return Err(malformed("has neither an AccountKey nor a SharedAccessSignature"));
        }
        Ok(parsed)
    }
}

/// `account` of `https://account.blob.core.windows.net`.
fn account_of(endpoint: &str) -> Option<&str> {
    let host = endpoint.split_once("://")?.1.split(['/', ':']).next()?;
    host.split_once(".blob.").map(|(account, _)| account)
}

fn malformed(why: &str) -> Diagnostic {
    Diagnostic::error(Code::Invalid, format!("option \"connection_string\" {why}"))
        .hint("Copy it whole from the storage account's page \"Access keys\".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match ConnectionString::parse(&Secret::new(text)) {
            Ok(read) => format!(
                "{} {} {} {}",
                read.account.as_deref().unwrap_or("-"),
                read.endpoint.as_deref().unwrap_or("-"),
                read.key.as_ref().map_or("-", Secret::expose_secret),
                read.sas.as_ref().map_or("-", Secret::expose_secret),
            ),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn parts_come_in_any_order_and_case() {
        assert_eq!(
            read(
                "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5==;EndpointSuffix=core.windows.net"
            ),
            "a https://a.blob.core.windows.net a2V5== -"
        );
        assert_eq!(read("accountkey=a2V5;accountname=a;"), "a - a2V5 -");
        assert_eq!(
            read(
                "BlobEndpoint=http://127.0.0.1:10000/a;AccountName=a;AccountKey=a2V5;QueueEndpoint=http://q"
            ),
            "a http://127.0.0.1:10000/a a2V5 -"
        );
        assert_eq!(
            read("BlobEndpoint=https://a.blob.core.windows.net/;SharedAccessSignature=sv=1&sig=x%3D"),
            "a https://a.blob.core.windows.net/ - sv=1&sig=x%3D"
        );
    }

    #[test]
    fn what_is_missing_is_said_without_the_text() {
        assert_eq!(read("hunter2"), "option \"connection_string\" has a part without a value");
        assert_eq!(read("AccountKey=hunter2"), "option \"connection_string\" has no AccountName");
        assert_eq!(
            read("AccountName=hunter2"),
            "option \"connection_string\" has neither an AccountKey nor a SharedAccessSignature"
        );
        assert_eq!(
            read("UseDevelopmentStorage=true"),
            "option \"connection_string\" means the development storage"
        );
    }
}
