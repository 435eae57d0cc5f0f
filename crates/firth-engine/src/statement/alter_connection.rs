//! ALTER CONNECTION and DROP CONNECTION.

use firth_catalog::{ConnectionName, DropBehavior as CatalogDrop};
use firth_connector::{GivenValue, RemoteId};
use firth_diagnostic::{Code, Diagnostic, Result};
use firth_sql::{AlterConnection, Drop, DropBehavior};
use uuid::Uuid;

use super::{audited, options};
use crate::{
    Outcome, Session,
    resolve::{Resolver, stored_type},
    store::forget_on_disk,
};

pub(super) async fn alter(
    session: &Session,
    resolver: &Resolver<'_>,
    statement: &AlterConnection,
) -> Result<Outcome> {
    let name = ConnectionName::try_from_name(&statement.name.value)
        .map_err(|error| error.or_at(statement.name.span))?;
    let result = try_alter(session, resolver, statement, &name).await;
    audited(session, "ALTER_CONNECTION", &name.to_string(), result)
}

async fn try_alter(
    session: &Session,
    resolver: &Resolver<'_>,
    statement: &AlterConnection,
    name: &ConnectionName,
) -> Result<Outcome> {
    let catalog = session.catalog()?;
    if statement.if_exists && catalog.connection(name)?.is_none() {
        return Ok(Outcome::nothing());
    }
    let record = resolver.connection(name, Some(statement.name.span))?;
    let (connector, connection_type) = stored_type(session, &record)?;
    let mut validate = true;
    let mut given = Vec::new();
    for option in options::given(session, &statement.options.value)? {
        match (option.name.value.to_ascii_lowercase().as_str(), &option.value.value) {
            ("connection_type", _) => {
                return Err(Diagnostic::error(Code::Invalid, "a connection's type cannot be changed")
                    .at(option.name.span)
                    .hint("Drop the connection and create it anew."));
            }
            ("validate", GivenValue::Bool(value)) => validate = *value,
            _ => given.push(option),
        }
    }
    if let Some((key, _)) = connection_type.when
        && let Some(option) = given.iter().find(|option| option.name.value.eq_ignore_ascii_case(key))
    {
        return Err(Diagnostic::error(Code::Invalid, format!("option {key:?} cannot be changed"))
            .at(option.name.span)
            .hint("Drop the connection and create it anew."));
    }
    let object = format!("{} connections", connection_type.name);
    let stored = catalog.unseal(&record, connection_type.options)?;
    let (altered, dropped) = stored.altered(&object, &given, statement.options.span)?;
    let id = RemoteId { ..record.remote_id() };
    let remote = connector
        .open(id, connection_type, altered.clone())
        .map_err(|error| error.or_at(statement.options.span))?;
    let mut warnings = Vec::new();
    if !dropped.is_empty() {
        let names = dropped.join(", ");
        warnings.push(
            Diagnostic::warning(
                Code::Invalid,
                format!("the stored {names} of connection {name} was dropped"),
            )
            .hint("The connection leads somewhere else now; give the secret again to use it there."),
        );
    }
    let only_words = given.iter().all(|option| {
        ["friendly_name", "description"].iter().any(|word| option.name.value.eq_ignore_ascii_case(word))
    });
    if validate && dropped.is_empty() && !only_words {
        let report = remote.check().await.map_err(|error| {
            error
                .or_at(statement.name.span)
                .hint("The connection was not changed; `validate = false` changes it unchecked.")
        })?;
        warnings.extend(report.warnings.into_iter().map(|text| Diagnostic::warning(Code::Invalid, text)));
    }
    catalog
        .alter_connection(session.actor(), &record, &altered)
        .map_err(|error| error.or_at(statement.name.span))?;
    forget(session, record.uuid);
    Ok(Outcome { warnings, ..Outcome::nothing() })
}

/// Removes what the home keeps of a connection's objects: what leads elsewhere, or is no more, is not read again.
pub(super) fn forget(session: &Session, connection: Uuid) {
    if !session.options.rehearsal {
        forget_on_disk(&session.options.home, connection);
    }
}

pub(super) fn drop(session: &Session, resolver: &Resolver<'_>, statement: &Drop) -> Result<Outcome> {
    let name = ConnectionName::try_from_name(&statement.name.value)
        .map_err(|error| error.or_at(statement.name.span))?;
    let result = try_drop(session, resolver, statement, &name);
    audited(session, "DROP_CONNECTION", &name.to_string(), result)
}

fn try_drop(
    session: &Session,
    resolver: &Resolver<'_>,
    statement: &Drop,
    name: &ConnectionName,
) -> Result<Outcome> {
    let catalog = session.catalog()?;
    if statement.if_exists && catalog.connection(name)?.is_none() {
        return Ok(Outcome::nothing());
    }
    let record = resolver.connection(name, Some(statement.name.span))?;
    let behavior = match statement.behavior {
        DropBehavior::Unspecified => CatalogDrop::Leave,
        DropBehavior::Restrict => CatalogDrop::Restrict,
        DropBehavior::Cascade => CatalogDrop::Cascade,
    };
    let bound = catalog
        .drop_connection(session.actor(), name, behavior)
        .map_err(|error| error.or_at(statement.name.span))?;
    forget(session, record.uuid);
    let mut outcome = Outcome::nothing();
    if !bound.is_empty() {
        let list = bound.join(", ");
        let warning = match statement.behavior {
            DropBehavior::Cascade => {
                Diagnostic::warning(Code::Invalid, format!("dropped with connection {name}: {list}"))
            }
            DropBehavior::Unspecified | DropBehavior::Restrict => Diagnostic::warning(
                Code::Invalid,
                format!("without connection {name} these fail now: {list}"),
            )
            .hint("They work again with a connection of that name; `DROP … CASCADE` drops them too."),
        };
        outcome.warnings.push(warning);
    }
    Ok(outcome)
}
