//! SHOW CONNECTIONS, DESCRIBE CONNECTION, SHOW CONNECTION TYPES, SHOW OPTIONS.

use firth_catalog::{ConnectionName, ConnectionRecord};
use firth_connector::{OptionValue, Options};
use firth_diagnostic::{Name, Result, Secret, Spanned};

use crate::{
    Outcome, Session,
    report::Report,
    resolve::{Resolver, stored_type},
};

pub(super) fn show(session: &Session) -> Result<Outcome> {
    let records = session.catalog()?.connections()?;
    Ok(Report::new()
        .texts("name", records.iter().map(|record| record.name.to_string()))
        .texts("type", records.iter().map(|record| record.connection_type.as_str()))
        .strings("friendly_name", records.iter().map(|record| record.friendly_name.as_deref()))
        .texts("endpoint", records.iter().map(|record| endpoint(session, record)))
        .bools("has_credential", records.iter().map(|record| record.has_credential))
        .timestamps("created", records.iter().map(|record| record.created_at))
        .outcome())
}

/// Where a connection leads; empty if this program no longer knows its type.
fn endpoint(session: &Session, record: &ConnectionRecord) -> String {
    stored_type(session, record).map_or_else(
        |_| String::new(),
        |(_, connection_type)| {
            let plain = record.plain_options().map(|(name, value)| (name.to_owned(), value.clone()));
            (connection_type.endpoint)(&Options::from_stored(connection_type.options, plain))
        },
    )
}

/// An option's value as text. Never a secret's.
pub(super) fn shown(value: &OptionValue) -> String {
    match value {
        OptionValue::String(text) => text.clone(),
        OptionValue::Int64(number) => number.to_string(),
        OptionValue::Bool(value) => value.to_string(),
        OptionValue::Strings(texts) => texts.join(", "),
        OptionValue::Secret(_) => Secret::PLACEHOLDER.to_owned(),
    }
}

pub(super) fn describe(session: &Session, resolver: &Resolver<'_>, name: &Spanned<Name>) -> Result<Outcome> {
    let id = ConnectionName::try_from_name(&name.value).map_err(|error| error.or_at(name.span))?;
    let record = resolver.connection(&id, Some(name.span))?;
    let mut rows = vec![
        ("name".to_owned(), record.name.to_string()),
        ("type".to_owned(), record.connection_type.clone()),
        ("endpoint".to_owned(), endpoint(session, &record)),
        ("has_credential".to_owned(), record.has_credential.to_string()),
        ("created".to_owned(), record.created_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)),
        ("modified".to_owned(), record.modified_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)),
    ];
    rows.extend(record.plain_options().map(|(name, value)| (name.to_owned(), shown(value))));
    rows.extend(record.secret_names().map(|name| (name.to_owned(), Secret::PLACEHOLDER.to_owned())));
    Ok(Report::new()
        .texts("property", rows.iter().map(|(property, _)| property))
        .texts("value", rows.iter().map(|(_, value)| value))
        .outcome())
}

pub(super) fn types(session: &Session) -> Result<Outcome> {
    let types: Vec<_> =
        session.options.connectors.types().map(|(_, connection_type)| connection_type).collect();
    Ok(Report::new()
        .texts("connection_type", types.iter().map(|connection_type| connection_type.name))
        .strings(
            "when",
            types
                .iter()
                .map(|connection_type| connection_type.when.map(|(key, value)| format!("{key} = '{value}'"))),
        )
        .texts("description", types.iter().map(|connection_type| connection_type.doc))
        .outcome())
}

pub(super) fn options(session: &Session, name: &Spanned<String>) -> Result<Outcome> {
    let mut found: Vec<_> = session
        .options
        .connectors
        .types()
        .map(|(_, connection_type)| connection_type)
        .filter(|connection_type| connection_type.name.eq_ignore_ascii_case(&name.value))
        .collect();
    if found.is_empty() {
        let error = session.options.connectors.find(&name.value, |_| None).err();
        return Err(error
            .unwrap_or_else(|| firth_diagnostic::Diagnostic::internal("a type is both there and not"))
            .at(name.span));
    }
    found.truncate(1);
    let specs: Vec<_> = found.iter().flat_map(|connection_type| connection_type.options).collect();
    Ok(Report::new()
        .texts("option", specs.iter().map(|spec| spec.name))
        .texts("type", specs.iter().map(|spec| spec.kind.sql_type()))
        .bools("required", specs.iter().map(|spec| spec.required))
        .bools("secret", specs.iter().map(|spec| spec.secret))
        .strings("default", specs.iter().map(|spec| spec.default))
        .strings(
            "values",
            specs.iter().map(|spec| (!spec.choices.is_empty()).then(|| spec.choices.join(", "))),
        )
        .texts("description", specs.iter().map(|spec| spec.doc))
        .outcome())
}
