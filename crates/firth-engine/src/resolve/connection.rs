//! Connections: from a name to an opened remote.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use firth_catalog::{ConnectionName, ConnectionRecord};
use firth_connector::{ConnectionType, Connector, OpenedRemote, OptionValue, Options, Remote, RemoteId};
use firth_diagnostic::{Code, Diagnostic, Result, Span, did_you_mean};
use firth_sql::ConnectionReference;
use uuid::Uuid;

use super::Resolver;
use crate::Session;

/// Remotes that are open in this session, by connection and version. A remote keeps its client's pool,
/// so the next statement finds warm connections.
#[derive(Default)]
pub(crate) struct RemotePool(Mutex<HashMap<Uuid, Opened>>);

/// A remote, and the version of its connection that it was opened from.
type Opened = (u64, Arc<dyn Remote>);

impl RemotePool {
    fn get(&self, uuid: Uuid, version: u64) -> Option<Arc<dyn Remote>> {
        let opened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        opened.get(&uuid).filter(|(known, _)| *known == version).map(|(_, remote)| Arc::clone(remote))
    }

    fn put(&self, uuid: Uuid, version: u64, remote: Arc<dyn Remote>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(uuid, (version, remote));
    }
}

/// The connection that `WITH CONNECTION` names.
pub(crate) fn connection_reference(reference: &ConnectionReference) -> Result<(ConnectionName, Span)> {
    match reference {
        ConnectionReference::Named(name) => Ok((
            ConnectionName::try_from_name(&name.value).map_err(|error| error.or_at(name.span))?,
            name.span,
        )),
        ConnectionReference::Default(span) => {
            Err(Diagnostic::error(Code::Unsupported, "there is no default connection in this version")
                .at(*span)
                .hint("Name one: `WITH CONNECTION us.name`."))
        }
    }
}

/// The connector and type of a stored connection.
pub(crate) fn stored_type<'a>(
    session: &'a Session,
    record: &ConnectionRecord,
) -> Result<(&'a Arc<dyn Connector>, &'static ConnectionType)> {
    session.options.connectors.find(&record.connection_type, |option| {
        record.plain_options().find(|(name, _)| *name == option).and_then(|(_, value)| match value {
            OptionValue::String(text) => Some(text.clone()),
            _ => None,
        })
    })
}

/// What is read without a connection, and so without a credential.
const OPEN_SCHEMES: [&str; 3] = ["file", "https", "http"];

impl Resolver<'_> {
    /// The record of a connection, or an error that offers the nearest name.
    pub(crate) fn connection(&self, name: &ConnectionName, span: Option<Span>) -> Result<ConnectionRecord> {
        let catalog = self.session.catalog()?;
        if let Some(record) = catalog.connection(name)? {
            return Ok(record);
        }
        let known: Vec<String> =
            catalog.connections()?.iter().map(|record| record.name.to_string()).collect();
        let shown = name.to_string();
        let hint = match did_you_mean(&shown, known.iter().map(String::as_str)) {
            Some(near) => format!("Did you mean {near:?}? `SHOW CONNECTIONS` lists all."),
            None => "`SHOW CONNECTIONS` lists those there are; `CREATE CONNECTION` makes one.".to_owned(),
        };
        let error =
            Diagnostic::error(Code::NotFound, format!("connection {shown:?} does not exist")).hint(hint);
        Err(match span {
            Some(span) => error.at(span),
            None => error,
        })
    }

    /// Opens a connection for this statement. Sends nothing.
    pub(crate) fn open(&self, record: &ConnectionRecord) -> Result<Arc<OpenedRemote>> {
        let id = record.remote_id();
        self.session.caches.opened(record.uuid, record.version);
        if let Some(remote) = self.session.remotes.get(record.uuid, record.version) {
            return Ok(self.remotes.insert(id, remote));
        }
        let (connector, connection_type) = stored_type(self.session, record)?;
        let options = self.session.catalog()?.unseal(record, connection_type.options)?;
        let remote = connector.open(id.clone(), connection_type, options)?;
        self.session.remotes.put(record.uuid, record.version, Arc::clone(&remote));
        Ok(self.remotes.insert(id, remote))
    }

    /// Opens the connection of this name for this statement. Sends nothing.
    pub(crate) fn open_named(&self, name: &ConnectionName, span: Option<Span>) -> Result<Arc<OpenedRemote>> {
        let record = self.connection(name, span)?;
        self.open(&record).map_err(|error| match span {
            Some(span) => error.or_at(span),
            None => error,
        })
    }

    /// What reads `uri` without a connection: local files and those of web servers, and nothing else.
    pub(crate) fn open_without_connection(&self, uri: &str) -> Result<Arc<OpenedRemote>> {
        let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
        let connectors = &self.session.options.connectors;
        let Some((connector, connection_type)) =
            connectors.for_scheme(scheme).filter(|_| OPEN_SCHEMES.contains(&scheme))
        else {
            return Err(match connectors.for_scheme(scheme) {
                Some((_, connection_type)) => Diagnostic::error(
                    Code::Invalid,
                    format!("{uri:?} needs a connection"),
                )
                .hint(format!(
                    "Add `WITH CONNECTION name`, of type {}; only file://, https:// and http:// go without.",
                    connection_type.name
                )),
                None => Diagnostic::error(Code::Invalid, format!("{uri:?} is not a uri that can be read"))
                    .hint(match std::path::absolute(uri) {
                        Ok(path) if scheme.is_empty() => {
                            format!(
                                "Local files are written file:///path/to/file; this may be \"file://{}\".",
                                path.display()
                            )
                        }
                        Ok(_) | Err(_) => "Local files are written file:///path/to/file.".to_owned(),
                    }),
            });
        };
        let uuid = if scheme == "file" { Uuid::nil() } else { Uuid::max() };
        let id = RemoteId { uuid, name: String::new(), kind: connection_type.name.to_owned() };
        if let Some(remote) = self.session.remotes.get(uuid, 0) {
            return Ok(self.remotes.insert(id, remote));
        }
        let options = Options::from_stored(connection_type.options, []);
        let remote = connector.open(id.clone(), connection_type, options)?;
        self.session.remotes.put(uuid, 0, Arc::clone(&remote));
        Ok(self.remotes.insert(id, remote))
    }

    /// The remote of an optional connection: the named one, or the one for local files.
    pub(crate) fn open_for_files(
        &self,
        connection: Option<(&ConnectionName, Option<Span>)>,
        uris: &[String],
    ) -> Result<Arc<OpenedRemote>> {
        match connection {
            Some((name, span)) => self.open_named(name, span),
            None => self.open_without_connection(uris.first().map_or("", String::as_str)),
        }
    }
}
