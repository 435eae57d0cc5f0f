//! CLOUD_SPANNER connections.
//!
//! ```text
//! client     what is asked of a Spanner database: run a text, partition it, plan it
//! stub       a stand-in database over a folder of files; answers through the client trait
//! remote     check, list, describe          scope     one statement's reads, at one timestamp
//! dialect    what may be pushed              column    Spanner's types ⇄ Arrow's
//! query_text is it one statement that reads?
//! external_source  `google-cloudspanner:/projects/…`      error     the database's words
//! ```
//!
//! The stub is a server in all but its socket: it is handed SQL text and partition tokens and knows
//! nothing of plans. A client of the real service will stand beside it, behind the same trait.

pub(crate) mod client;
mod column;
mod dialect;
mod error;
mod external_source;
mod query_text;
mod remote;
mod scope;
pub(crate) mod stub;

use std::{path::Path, sync::Arc};

use firth_connector::{ConnectionType, Connector, OptionSpec, Options, Remote, RemoteId};
use firth_diagnostic::{Code, Diagnostic, Result};

use self::{external_source::DatabasePath, remote::SpannerRemote, stub::StubServer};
use crate::label;

/// The connector of CLOUD_SPANNER connections.
pub(crate) struct Spanner;

const TYPES: &[ConnectionType] = &[ConnectionType {
    name: "CLOUD_SPANNER",
    when: None,
    options: &[
        OptionSpec::string("database")
            .endpoint()
            .doc("The database, as 'projects/PROJECT/instances/INSTANCE/databases/DATABASE'."),
        OptionSpec::string("endpoint")
            .endpoint()
            .doc("The url of an emulator, if it is not Google's service."),
        OptionSpec::string("stub_data").endpoint().doc(
            "A folder of Parquet, CSV or newline-delimited JSON files, each a table of a stand-in database.",
        ),
        label::FRIENDLY_NAME,
        label::DESCRIPTION,
    ],
    schemes: &[],
    endpoint: |options| {
        let database = options.string("database").unwrap_or_default();
        match (options.string("stub_data"), options.string("endpoint")) {
            (Some(folder), _) => format!("stub:{folder}"),
            (None, Some(endpoint)) => format!("{endpoint}/{database}"),
            (None, None) => database.to_owned(),
        }
    },
    doc: "Tables of a Spanner database. So far a stand-in database over files.",
}];

impl Connector for Spanner {
    fn connection_types(&self) -> &'static [ConnectionType] {
        TYPES
    }

    fn open(&self, _id: RemoteId, _: &'static ConnectionType, options: Options) -> Result<Arc<dyn Remote>> {
        let database = options.string("database").map(DatabasePath::parse).transpose()?;
        let Some(folder) = options.string("stub_data") else {
            return Err(Diagnostic::error(
                Code::Unsupported,
                "Firth has no client for the Spanner service yet",
            )
            .hint("Set `stub_data` to a folder of files to work with a stand-in database."));
        };
        if !Path::new(folder).is_absolute() {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("stub_data {folder:?} is not an absolute path"),
            )
            .hint("Write the folder from `/` on."));
        }
        Ok(Arc::new(SpannerRemote::new(database, StubServer::for_folder(folder))))
    }
}
