//! Connectors and the connection types they serve.

use std::sync::Arc;

use firth_diagnostic::{Code, Diagnostic, Result, did_you_mean};

use crate::{OptionSpec, Options, Remote, RemoteId};

/// A kind of connection: the value of `connection_type`, its options, and what they mean.
#[derive(Debug)]
pub struct ConnectionType {
    /// `POSTGRES`, `AWS` …
    pub name: &'static str,
    /// The option and value that choose this type among those of one name: CLOUD_SQL with
    /// `type = 'POSTGRES'`.
    pub when: Option<(&'static str, &'static str)>,
    /// The options, beside those that every connection has.
    pub options: &'static [OptionSpec],
    /// The schemes of the uris it reads, for object stores.
    pub schemes: &'static [&'static str],
    /// Where the connection leads, for SHOW CONNECTIONS. Never holds a secret.
    pub endpoint: fn(&Options) -> String,
    /// One sentence.
    pub doc: &'static str,
}

/// Our code for a kind of system. Stateless: a list of types and a way to open them.
pub trait Connector: Send + Sync {
    /// The connection types it serves.
    fn connection_types(&self) -> &'static [ConnectionType];

    /// Builds clients from validated options. Sends nothing.
    ///
    /// Fails if the options contradict each other in a way that the option table cannot say.
    fn open(
        &self,
        id: RemoteId,
        connection_type: &'static ConnectionType,
        options: Options,
    ) -> Result<Arc<dyn Remote>>;
}

/// The list of connectors a session knows. Reaches the engine from outside it.
#[derive(Clone)]
pub struct Connectors(Arc<[Arc<dyn Connector>]>);

impl Connectors {
    /// A session's list. Their type names must not clash.
    pub fn new(connectors: impl IntoIterator<Item = Arc<dyn Connector>>) -> Self {
        Connectors(connectors.into_iter().collect())
    }

    /// Every connection type, in order, with its connector.
    pub fn types(&self) -> impl Iterator<Item = (&Arc<dyn Connector>, &'static ConnectionType)> {
        self.0
            .iter()
            .flat_map(|connector| connector.connection_types().iter().map(move |kind| (connector, kind)))
    }

    /// The type with this name. `option` reads the statement's options, for names that several types share.
    pub fn find(
        &self,
        name: &str,
        option: impl Fn(&str) -> Option<String>,
    ) -> Result<(&Arc<dyn Connector>, &'static ConnectionType)> {
        let mut named = self.types().filter(|(_, kind)| kind.name.eq_ignore_ascii_case(name)).peekable();
        if named.peek().is_none() {
            let hint = match did_you_mean(name, self.types().map(|(_, kind)| kind.name)) {
                Some(near) => format!("Did you mean {near:?}? `SHOW CONNECTION TYPES` lists all."),
                None => "`SHOW CONNECTION TYPES` lists those there are.".to_owned(),
            };
            return Err(
                Diagnostic::error(Code::Invalid, format!("there is no connection type {name:?}")).hint(hint)
            );
        }
        let mut choices = Vec::new();
        for (connector, kind) in named {
            match kind.when {
                None => return Ok((connector, kind)),
                Some((key, value)) => {
                    if option(key).is_some_and(|given| given.eq_ignore_ascii_case(value)) {
                        return Ok((connector, kind));
                    }
                    choices.push(format!("{key} = '{value}'"));
                }
            }
        }
        Err(Diagnostic::error(Code::Invalid, format!("{name} connections need {}", choices.join(" or "))))
    }

    /// The type that reads uris of `scheme` and needs no required option: for use without a connection.
    pub fn for_scheme(&self, scheme: &str) -> Option<(&Arc<dyn Connector>, &'static ConnectionType)> {
        self.types().find(|(_, kind)| kind.schemes.contains(&scheme))
    }
}
