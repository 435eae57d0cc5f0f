//! CREATE SCHEMA, CREATE EXTERNAL SCHEMA, DROP SCHEMA, SHOW SCHEMAS.

use firth_catalog::{DatasetDefinition, DatasetKind, DatasetName, OnExisting};
use firth_connector::{OptionSpec, Options};
use firth_diagnostic::{Code, Diagnostic, Result};
use firth_sql::{CreateExternalSchema, CreateSchema, Creation, Drop, DropBehavior};

use super::{audited, options};
use crate::{
    Outcome, Session,
    report::Report,
    resolve::{Resolver, connection_reference},
};

/// The options of CREATE SCHEMA.
pub const SCHEMA_OPTIONS: &[OptionSpec] = &[
    OptionSpec::string("description").doc("A sentence about the schema."),
    OptionSpec::string("friendly_name").doc("A name for people."),
    OptionSpec::string("location").doc("Kept for BigQuery's sake; a local schema has no location."),
];

/// The options of CREATE EXTERNAL SCHEMA.
pub const EXTERNAL_SCHEMA_OPTIONS: &[OptionSpec] = &[
    OptionSpec::string("external_source").required().doc("Which schema, such as postgres://database/schema."),
    OptionSpec::string("description").doc("A sentence about the schema."),
    OptionSpec::string("friendly_name").doc("A name for people."),
    OptionSpec::string("location").doc("Kept for BigQuery's sake; a local schema has no location."),
];

/// What the catalog does for each form of CREATE.
pub(super) fn on_existing(creation: Creation) -> OnExisting {
    match creation {
        Creation::New => OnExisting::Fail,
        Creation::OrReplace => OnExisting::Replace,
        Creation::IfNotExists => OnExisting::Skip,
    }
}

pub(super) fn create(session: &Session, statement: &CreateSchema) -> Result<Outcome> {
    let name = DatasetName::try_from_name(&statement.name.value)
        .map_err(|error| error.or_at(statement.name.span))?;
    let attempt = || {
        let given = options::given(session, &statement.options.value)?;
        let options = Options::validate("schemas", SCHEMA_OPTIONS, &given, statement.options.span)?;
        let definition = DatasetDefinition {
            name: name.clone(),
            kind: DatasetKind::Native,
            description: options.string("description").map(str::to_owned),
        };
        session
            .catalog()?
            .create_dataset(session.actor(), &definition, on_existing(statement.creation))
            .map_err(|error| error.or_at(statement.name.span))?;
        Ok(Outcome::nothing())
    };
    audited(session, "CREATE_SCHEMA", &name.to_string(), attempt())
}

pub(super) async fn create_external(
    session: &Session,
    resolver: &Resolver<'_>,
    statement: &CreateExternalSchema,
) -> Result<Outcome> {
    let name = DatasetName::try_from_name(&statement.name.value)
        .map_err(|error| error.or_at(statement.name.span))?;
    let result = try_create_external(session, resolver, statement, &name).await;
    audited(session, "CREATE_EXTERNAL_SCHEMA", &name.to_string(), result)
}

async fn try_create_external(
    session: &Session,
    resolver: &Resolver<'_>,
    statement: &CreateExternalSchema,
    name: &DatasetName,
) -> Result<Outcome> {
    let given = options::given(session, &statement.options.value)?;
    let options =
        Options::validate("external schemas", EXTERNAL_SCHEMA_OPTIONS, &given, statement.options.span)?;
    let source_span = given
        .iter()
        .find(|option| option.name.value.eq_ignore_ascii_case("external_source"))
        .map_or(statement.options.span, |option| option.value.span);
    let Some(reference) = &statement.connection else {
        return Err(Diagnostic::error(Code::Invalid, "an external schema needs a connection")
            .at(statement.name.span)
            .hint("Add `WITH CONNECTION name` before OPTIONS."));
    };
    let (connection, connection_span) = connection_reference(reference)?;
    let remote = resolver.open_named(&connection, Some(connection_span))?;
    let source = options.string("external_source").unwrap_or_default();
    let spec = remote.remote.schema_spec(source).map_err(|error| error.or_at(source_span))?;
    let tables = remote.remote.list(&spec).await.map_err(|error| error.or_at(source_span))?;
    let definition = DatasetDefinition {
        name: name.clone(),
        kind: DatasetKind::External { connection, schema: spec, external_source: source.to_owned() },
        description: options.string("description").map(str::to_owned),
    };
    session
        .catalog()?
        .create_dataset(session.actor(), &definition, on_existing(statement.creation))
        .map_err(|error| error.or_at(statement.name.span))?;
    let mut outcome = Outcome::nothing();
    if tables.is_empty() {
        outcome.warnings.push(
            Diagnostic::warning(Code::NotFound, format!("{source:?} shows no tables to this user"))
                .hint("The schema is there all the same; tables appear as they are made or granted."),
        );
    }
    Ok(outcome)
}

pub(super) fn drop(session: &Session, resolver: &Resolver<'_>, statement: &Drop) -> Result<Outcome> {
    let name = DatasetName::try_from_name(&statement.name.value)
        .map_err(|error| error.or_at(statement.name.span))?;
    let attempt = || {
        let catalog = session.catalog()?;
        if statement.if_exists && catalog.dataset(&name)?.is_none() {
            return Ok(Outcome::nothing());
        }
        resolver.dataset(&name).map_err(|error| error.or_at(statement.name.span))?;
        let cascade = statement.behavior == DropBehavior::Cascade;
        catalog
            .drop_dataset(session.actor(), &name, cascade)
            .map_err(|error| error.or_at(statement.name.span))?;
        Ok(Outcome::nothing())
    };
    audited(session, "DROP_SCHEMA", &name.to_string(), attempt())
}

pub(super) fn show(session: &Session) -> Result<Outcome> {
    let records = session.catalog()?.datasets()?;
    Ok(Report::new()
        .texts("name", records.iter().map(|record| record.name.to_string()))
        .strings("connection", records.iter().map(|record| record.kind.connection().map(ToString::to_string)))
        .strings(
            "external_source",
            records.iter().map(|record| match &record.kind {
                DatasetKind::External { external_source, .. } => Some(external_source.as_str()),
                DatasetKind::Native => None,
            }),
        )
        .strings("description", records.iter().map(|record| record.description.as_deref()))
        .timestamps("created", records.iter().map(|record| record.created_at))
        .outcome())
}
