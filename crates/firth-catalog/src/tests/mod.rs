//! The catalog as its users see it: folders in, records and messages out.

mod concurrency;
mod connections;
mod crash;
mod files;
mod keys;
mod objects;

use std::path::Path;

use firth_connector::{GivenOption, GivenValue, OptionSpec, Options};
use firth_diagnostic::{Diagnostic, Result, Secret, Span, Spanned};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    Actor, Catalog, CatalogOptions, ConnectionDefinition, ConnectionName, ConnectionRecord, Created,
    OnExisting,
};

const SPECS: &[OptionSpec] = &[
    OptionSpec::string("host").required().endpoint().doc("The server's name."),
    OptionSpec::int64("port").endpoint().default("5432").doc("The port."),
    OptionSpec::string("password").secret().doc("The password."),
    OptionSpec::string("token").secret().endpoint().doc("A token that says where to go, too."),
    OptionSpec::bool("tls").doc("TLS."),
    OptionSpec::strings("schemas").doc("Schemas."),
    OptionSpec::string("friendly_name").doc("A name for people."),
    OptionSpec::string("description").doc("A sentence."),
];

const ANNA: Actor<'static> = Actor { principal: "anna" };

fn folder() -> TempDir {
    TempDir::with_prefix("firth-catalog-").expect("a temporary folder")
}

/// The catalog in `folder`, without a passphrase whatever the environment says.
fn opened(folder: &Path) -> Catalog {
    Catalog::open_with(folder, CatalogOptions::default()).expect("the catalog opens")
}

fn with_passphrase(folder: &Path, passphrase: &str) -> Catalog {
    let options = CatalogOptions { passphrase: Some(Secret::new(passphrase)), key_source: None };
    Catalog::open_with(folder, options).expect("the catalog opens")
}

fn name(text: &str) -> ConnectionName {
    text.parse().expect("a connection's name")
}

fn text(text: &str) -> GivenValue {
    GivenValue::Text(Secret::new(text))
}

fn given(options: &[(&str, GivenValue)]) -> Vec<GivenOption> {
    let spanned = |(name, value): &(&str, GivenValue)| GivenOption {
        name: Spanned::new((*name).to_owned(), Span::default()),
        value: Spanned::new(value.clone(), Span::default()),
    };
    options.iter().map(spanned).collect()
}

fn definition(connection: &str, options: &[(&str, GivenValue)]) -> ConnectionDefinition {
    ConnectionDefinition {
        name: name(connection),
        connection_type: "TEST".to_owned(),
        when: None,
        options: Options::validate("TEST connections", SPECS, &given(options), Span::default())
            .expect("valid"),
    }
}

/// A connection to `host` with a password.
fn shop(connection: &str, password: &str) -> ConnectionDefinition {
    definition(connection, &[("host", text("db.internal")), ("password", text(password))])
}

fn create(catalog: &Catalog, definition: &ConnectionDefinition, on_existing: OnExisting) -> Result<Created> {
    catalog.create_connection(ANNA, definition, Uuid::new_v4(), on_existing)
}

fn read(catalog: &Catalog, connection: &str) -> ConnectionRecord {
    catalog.connection(&name(connection)).expect("readable").expect("the connection exists")
}

/// Alters a connection as the engine does: open, change, seal again.
fn alter(catalog: &Catalog, record: &ConnectionRecord, options: &[(&str, GivenValue)]) -> Result<()> {
    let stored = catalog.unseal(record, SPECS)?;
    let (altered, _) = stored.altered("TEST connections", &given(options), Span::default())?;
    catalog.alter_connection(ANNA, record, &altered)
}

/// The password of a connection, opened.
fn password(catalog: &Catalog, connection: &str) -> Result<String> {
    let options = catalog.unseal(&read(catalog, connection), SPECS)?;
    Ok(options.secret("password").map_or_else(String::new, |secret| secret.expose_secret().to_owned()))
}

/// The audit trail, oldest first, a line a row.
fn audit(catalog: &Catalog) -> Vec<String> {
    let mut rows = catalog.audit(usize::MAX).expect("readable");
    rows.reverse();
    rows.iter()
        .map(|row| format!("{} {} {} {}", row.principal, row.method, row.resource, row.outcome))
        .collect()
}

/// A message as it is printed, with the folder's name replaced.
fn rendered(error: &Diagnostic, folder: &Path) -> String {
    error.render(None, false).replace(&folder.display().to_string(), "HOME")
}
