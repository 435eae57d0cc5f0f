//! CREATE CONNECTION: validate, open, check, seal, store.

use std::sync::Arc;

use firth_catalog::{ConnectionDefinition, ConnectionName, Created, OnExisting};
use firth_connector::{CheckReport, ConnectionType, Connector, GivenOption, GivenValue, Options, RemoteId};
use firth_diagnostic::{Code, Diagnostic, Result};
use firth_sql::{CreateConnection, Creation};
use uuid::Uuid;

use super::{alter_connection, audited, options};
use crate::{Outcome, Session};

pub(super) async fn execute(session: &Session, statement: &CreateConnection) -> Result<Outcome> {
    let name = ConnectionName::try_from_name(&statement.name.value)
        .map_err(|error| error.or_at(statement.name.span))?;
    let result = create(session, statement, &name).await;
    audited(session, "CREATE_CONNECTION", &name.to_string(), result)
}

async fn create(session: &Session, statement: &CreateConnection, name: &ConnectionName) -> Result<Outcome> {
    let catalog = session.catalog()?;
    if statement.creation != Creation::OrReplace && catalog.connection(name)?.is_some() {
        // Known before any secret is asked for or any byte is sent; the transaction decides all the same.
        if statement.creation == Creation::IfNotExists {
            return Ok(Outcome::nothing());
        }
        return Err(exists(name).at(statement.name.span));
    }
    let given = options::given(session, &statement.options.value)?;
    let (chosen, given, validate) = choose(session, given, statement.options.span)?;
    let (connector, connection_type) = chosen;
    let object = format!("{} connections", connection_type.name);
    let options = Options::validate(&object, connection_type.options, &given, statement.options.span)?;

    let uuid = Uuid::new_v4();
    let id = RemoteId { uuid, name: name.to_string(), kind: connection_type.name.to_owned() };
    let remote = connector
        .open(id, connection_type, options.clone())
        .map_err(|error| error.or_at(statement.options.span))?;
    let mut warnings = Vec::new();
    if validate {
        let report: CheckReport = remote.check().await.map_err(|error| {
            error
                .or_at(statement.name.span)
                .hint("The connection was not made; `validate = false` makes it unchecked.")
        })?;
        warnings.extend(report.warnings.into_iter().map(|text| Diagnostic::warning(Code::Invalid, text)));
    }
    let definition = ConnectionDefinition {
        name: name.clone(),
        connection_type: connection_type.name.to_owned(),
        when: connection_type.when.map(|(key, value)| (key.to_owned(), value.to_owned())),
        options,
    };
    let on_existing = match statement.creation {
        Creation::New => OnExisting::Fail,
        Creation::OrReplace => OnExisting::Replace,
        Creation::IfNotExists => OnExisting::Skip,
    };
    let known = catalog.connection(name)?.map(|record| record.uuid);
    let created = catalog
        .create_connection(session.actor(), &definition, uuid, on_existing)
        .map_err(|error| error.or_at(statement.name.span))?;
    if let (Created::Replaced, Some(replaced)) = (&created, known) {
        alter_connection::forget(session, replaced);
    }
    Ok(match created {
        Created::Skipped => Outcome::nothing(),
        Created::New | Created::Replaced => Outcome { warnings, ..Outcome::nothing() },
    })
}

type Chosen<'a> = (&'a Arc<dyn Connector>, &'static ConnectionType);

/// Takes out what is the statement's own (`connection_type`, `validate`) and finds the type.
fn choose(
    session: &Session,
    given: Vec<GivenOption>,
    whole: firth_diagnostic::Span,
) -> Result<(Chosen<'_>, Vec<GivenOption>, bool)> {
    let mut type_name = None;
    let mut validate = true;
    let mut rest = Vec::new();
    for option in given {
        match (option.name.value.to_ascii_lowercase().as_str(), &option.value.value) {
            ("connection_type", GivenValue::Text(text) | GivenValue::Read(text)) => {
                type_name = Some((text.expose_secret().to_owned(), option.value.span));
            }
            ("connection_type", _) => {
                return Err(Diagnostic::error(Code::Invalid, "option \"connection_type\" takes STRING")
                    .at(option.value.span));
            }
            ("validate", GivenValue::Bool(value)) => validate = *value,
            ("validate", _) => {
                return Err(
                    Diagnostic::error(Code::Invalid, "option \"validate\" takes BOOL").at(option.value.span)
                );
            }
            _ => rest.push(option),
        }
    }
    let Some((type_name, span)) = type_name else {
        return Err(Diagnostic::error(Code::Invalid, "option \"connection_type\" is missing")
            .at(whole)
            .hint("`SHOW CONNECTION TYPES` lists its values."));
    };
    let chosen = session
        .options
        .connectors
        .find(&type_name, |name| {
            rest.iter().find(|option| option.name.value.eq_ignore_ascii_case(name)).and_then(|option| {
                match &option.value.value {
                    GivenValue::Text(text) | GivenValue::Read(text) => Some(text.expose_secret().to_owned()),
                    _ => None,
                }
            })
        })
        .map_err(|error| error.or_at(span))?;
    Ok((chosen, rest, validate))
}

fn exists(name: &ConnectionName) -> Diagnostic {
    let shown = name.to_string();
    Diagnostic::error(Code::AlreadyExists, format!("connection {shown:?} exists already"))
        .hint("`CREATE OR REPLACE CONNECTION` takes its place; `ALTER CONNECTION … SET OPTIONS` changes it.")
}
