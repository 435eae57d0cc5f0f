//! Connections: as defined by a statement, and as recorded.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, Utc};
use firth_connector::{OptionValue, Options, RemoteId};
use uuid::Uuid;

use crate::ConnectionName;

/// What CREATE CONNECTION asks for. `friendly_name` and `description` are among the options.
#[derive(Clone, Debug)]
pub struct ConnectionDefinition {
    /// The name.
    pub name: ConnectionName,
    /// The connection type, such as `POSTGRES`.
    pub connection_type: String,
    /// The option and value that chose among types of one name, such as `("type", "POSTGRES")`.
    pub when: Option<(String, String)>,
    /// The validated options. Secrets among them are sealed when stored.
    pub options: Options,
}

/// A connection as it was recorded when it was read. Another shell may have changed it since.
///
/// Holds no plaintext secret: `Catalog::unseal` opens them.
#[derive(Clone, Debug)]
pub struct ConnectionRecord {
    /// The identity: made with the connection, and gone with it.
    pub uuid: Uuid,
    /// The name.
    pub name: ConnectionName,
    /// The connection type, such as `POSTGRES`.
    pub connection_type: String,
    /// The option and value that chose among types of one name.
    pub when: Option<(String, String)>,
    /// The option `friendly_name`.
    pub friendly_name: Option<String>,
    /// The option `description`.
    pub description: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last altered, or made.
    pub modified_at: DateTime<Utc>,
    /// Counts its alterations, from 1.
    pub version: u64,
    /// Whether any secret is stored.
    pub has_credential: bool,
    pub(crate) plain: BTreeMap<String, OptionValue>,
    pub(crate) sealed: BTreeMap<String, Sealed>,
}

impl ConnectionRecord {
    /// What plans call this connection.
    pub fn remote_id(&self) -> RemoteId {
        RemoteId { uuid: self.uuid, name: self.name.to_string(), kind: self.connection_type.clone() }
    }

    /// The options that are not secret, by name, without defaults.
    pub fn plain_options(&self) -> impl Iterator<Item = (&str, &OptionValue)> {
        self.plain.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The names of the options whose values are sealed.
    pub fn secret_names(&self) -> impl Iterator<Item = &str> {
        self.sealed.keys().map(String::as_str)
    }
}

/// A sealed secret: nonce and ciphertext.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sealed(pub(crate) Vec<u8>);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}
