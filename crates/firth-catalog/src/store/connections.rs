//! Connections and their sealed secrets.

use std::collections::BTreeMap;

use firth_connector::{OptionSpec, OptionValue, Options};
use firth_diagnostic::{Result, Secret};
use rusqlite::{Connection, Params, Row, Transaction, params};
use uuid::Uuid;

use super::{audit, datasets, descriptions, tables, value};
use crate::{
    Actor, Catalog, ConnectionDefinition, ConnectionName, ConnectionRecord, Created, DropBehavior,
    OnExisting,
    connection::Sealed,
    error::{self, StoreResult},
    sealing::{self, Place, Sealing},
};

impl Catalog {
    /// Every connection, in name order.
    pub fn connections(&self) -> Result<Vec<ConnectionRecord>> {
        self.read(|transaction| select(transaction, "ORDER BY name", []))
    }

    /// The connection of this name.
    pub fn connection(&self, name: &ConnectionName) -> Result<Option<ConnectionRecord>> {
        self.read(|transaction| find(transaction, name))
    }

    /// The connection of this identity.
    pub fn connection_by_uuid(&self, uuid: Uuid) -> Result<Option<ConnectionRecord>> {
        self.read(|transaction| Ok(select(transaction, "WHERE uuid = ?", [uuid.to_string()])?.pop()))
    }

    /// Makes a connection, with its secrets sealed under `uuid`.
    ///
    /// A replaced connection is gone with its secrets and its identity; tables are bound by name, and
    /// read through the new one.
    pub fn create_connection(
        &self,
        actor: Actor<'_>,
        definition: &ConnectionDefinition,
        uuid: Uuid,
        on_existing: OnExisting,
    ) -> Result<Created> {
        self.write(|transaction| {
            let existing = find(transaction, &definition.name)?;
            let created = match (&existing, on_existing) {
                (None, _) => Created::New,
                (Some(_), OnExisting::Skip) => Created::Skipped,
                (Some(_), OnExisting::Fail) => {
                    return Err(error::exists("connection", &definition.name).into());
                }
                (Some(existing), OnExisting::Replace) => {
                    delete(transaction, existing.uuid)?;
                    Created::Replaced
                }
            };
            if created != Created::Skipped {
                insert(transaction, &self.sealing, definition, uuid)?;
            }
            audit::succeeded(transaction, actor, "CREATE_CONNECTION", &definition.name)?;
            Ok(created)
        })
    }

    /// Gives a connection these options, as a new version, if it is still as it was read.
    ///
    /// `Conflict` if it was altered or replaced meanwhile. Every secret is sealed again, for the new
    /// version and endpoint; those not among `options` are gone.
    pub fn alter_connection(
        &self,
        actor: Actor<'_>,
        read: &ConnectionRecord,
        options: &Options,
    ) -> Result<()> {
        self.write(|transaction| {
            let version = read.version + 1;
            let plain = value::plain_options(options);
            let altered = transaction.execute(
                "UPDATE connections SET options = ?, modified_at = ?, version = ? WHERE uuid = ? AND version = ?",
                params![
                    plain.to_string(),
                    value::now().timestamp_micros(),
                    version as i64,
                    read.uuid.to_string(),
                    read.version as i64
                ],
            )?;
            if altered == 0 {
                return Err(error::changed_meanwhile(&read.name).into());
            }
            let id = read.uuid.to_string();
            transaction.execute("DELETE FROM secrets WHERE connection = ?", [&id])?;
            descriptions::forget(transaction, read.uuid)?;
            let place = Place {
                connection: read.uuid,
                version,
                connection_type: &read.connection_type,
                when: borrowed(&read.when),
                endpoint: &sealing::endpoint(options),
                option: "",
            };
            seal(transaction, &self.sealing, options, place)?;
            audit::succeeded(transaction, actor, "ALTER_CONNECTION", &read.name)
        })
    }

    /// Drops a connection and its secrets. Answers the tables and schemas that use it, in name order:
    /// dropped too with [`DropBehavior::Cascade`], and otherwise still there.
    pub fn drop_connection(
        &self,
        actor: Actor<'_>,
        name: &ConnectionName,
        behavior: DropBehavior,
    ) -> Result<Vec<String>> {
        self.write(|transaction| {
            let existing = require(transaction, name)?;
            let dependents = dependents(transaction, name)?;
            match behavior {
                DropBehavior::Leave => {}
                DropBehavior::Restrict if dependents.is_empty() => {}
                DropBehavior::Restrict => return Err(error::has_dependents(name, &dependents).into()),
                DropBehavior::Cascade => {
                    tables::delete_bound_to(transaction, name)?;
                    datasets::delete_bound_to(transaction, name)?;
                }
            }
            delete(transaction, existing.uuid)?;
            audit::succeeded(transaction, actor, "DROP_CONNECTION", name)?;
            Ok(dependents)
        })
    }

    /// The tables and schemas that use this connection, in name order.
    pub fn dependents(&self, name: &ConnectionName) -> Result<Vec<String>> {
        self.read(|transaction| dependents(transaction, name))
    }

    /// The connection's options with its secrets opened. Needs the key only if there are any.
    pub fn unseal(&self, record: &ConnectionRecord, specs: &'static [OptionSpec]) -> Result<Options> {
        let plain = || record.plain.iter().map(|(name, value)| (name.clone(), value.clone()));
        if record.sealed.is_empty() {
            return Ok(Options::from_stored(specs, plain()));
        }
        let key = self.read(|transaction| self.sealing.key(transaction))?;
        let unopened =
            record.sealed.keys().map(|name| (name.clone(), OptionValue::Secret(Secret::default())));
        let endpoint = sealing::endpoint(&Options::from_stored(specs, plain().chain(unopened)));
        let mut opened = Vec::with_capacity(record.sealed.len());
        for (option, sealed) in &record.sealed {
            let place = Place {
                connection: record.uuid,
                version: record.version,
                connection_type: &record.connection_type,
                when: borrowed(&record.when),
                endpoint: &endpoint,
                option,
            };
            let secret = key
                .open(&sealed.0, &place)
                .ok_or_else(|| error::secret_does_not_open(&record.name, option))?;
            opened.push((option.clone(), OptionValue::Secret(secret)));
        }
        Ok(Options::from_stored(specs, plain().chain(opened)))
    }
}

fn find(connection: &Connection, name: &ConnectionName) -> StoreResult<Option<ConnectionRecord>> {
    Ok(select(connection, "WHERE name = ?", [name.path()])?.pop())
}

/// The connection, which must exist.
pub(super) fn require(connection: &Connection, name: &ConnectionName) -> StoreResult<ConnectionRecord> {
    if let Some(record) = find(connection, name)? {
        return Ok(record);
    }
    let known: Vec<String> =
        select(connection, "ORDER BY name", [])?.iter().map(|record| record.name.to_string()).collect();
    Err(error::not_found("connection", name, &known, "SHOW CONNECTIONS").into())
}

fn dependents(connection: &Connection, name: &ConnectionName) -> StoreResult<Vec<String>> {
    let mut names = tables::bound_to(connection, name)?;
    names.extend(datasets::bound_to(connection, name)?);
    names.sort();
    Ok(names)
}

fn insert(
    transaction: &Transaction<'_>,
    sealing: &Sealing,
    definition: &ConnectionDefinition,
    uuid: Uuid,
) -> StoreResult<()> {
    let now = value::now().timestamp_micros();
    let (when_option, when_value) = borrowed(&definition.when).unzip();
    transaction.execute(
        "INSERT INTO connections (uuid, name, connection_type, when_option, when_value, options, created_at,
                                  modified_at, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)",
        params![
            uuid.to_string(),
            definition.name.path(),
            definition.connection_type,
            when_option,
            when_value,
            value::plain_options(&definition.options).to_string(),
            now,
            now
        ],
    )?;
    let place = Place {
        connection: uuid,
        version: 1,
        connection_type: &definition.connection_type,
        when: borrowed(&definition.when),
        endpoint: &sealing::endpoint(&definition.options),
        option: "",
    };
    seal(transaction, sealing, &definition.options, place)
}

/// Seals every secret of `options`; `place` says where, but for the option's name.
fn seal(
    transaction: &Transaction<'_>,
    sealing: &Sealing,
    options: &Options,
    place: Place<'_>,
) -> StoreResult<()> {
    if !options.has_secret() {
        return Ok(());
    }
    let key = sealing.key_or_first(transaction)?;
    for (option, value) in options.given() {
        if let OptionValue::Secret(secret) = value {
            transaction.execute(
                "INSERT INTO secrets (connection, option, sealed) VALUES (?, ?, ?)",
                params![place.connection.to_string(), option, key.seal(secret, &Place { option, ..place })?],
            )?;
        }
    }
    Ok(())
}

/// Takes its secrets and descriptions with it.
fn delete(transaction: &Transaction<'_>, uuid: Uuid) -> StoreResult<()> {
    transaction.execute("DELETE FROM connections WHERE uuid = ?", [uuid.to_string()])?;
    Ok(())
}

fn select(
    connection: &Connection,
    clause: &'static str,
    params: impl Params,
) -> StoreResult<Vec<ConnectionRecord>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT uuid, name, connection_type, when_option, when_value, options, created_at, modified_at, version
         FROM connections {clause}"
    ))?;
    let mut rows = statement.query(params)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(record(connection, row)?);
    }
    Ok(records)
}

fn record(connection: &Connection, row: &Row<'_>) -> StoreResult<ConnectionRecord> {
    let id: String = row.get(0)?;
    let name: String = row.get(1)?;
    let when: (Option<String>, Option<String>) = (row.get(3)?, row.get(4)?);
    let plain = value::read_options(&row.get::<_, String>(5)?)?;
    let sealed = select_sealed(connection, &id)?;
    let text = |name: &str| match plain.get(name) {
        Some(OptionValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    Ok(ConnectionRecord {
        uuid: value::uuid(&id)?,
        name: name.parse::<ConnectionName>()?,
        connection_type: row.get(2)?,
        when: when.0.zip(when.1),
        friendly_name: text("friendly_name"),
        description: text("description"),
        created_at: value::time(row.get(6)?)?,
        modified_at: value::time(row.get(7)?)?,
        version: row.get::<_, i64>(8)?.unsigned_abs(),
        has_credential: !sealed.is_empty(),
        plain,
        sealed,
    })
}

fn select_sealed(connection: &Connection, id: &str) -> StoreResult<BTreeMap<String, Sealed>> {
    let mut statement =
        connection.prepare_cached("SELECT option, sealed FROM secrets WHERE connection = ?")?;
    let rows = statement.query_map([id], |row| Ok((row.get(0)?, Sealed(row.get(1)?))))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn borrowed(when: &Option<(String, String)>) -> Option<(&str, &str)> {
    when.as_ref().map(|(option, value)| (option.as_str(), value.as_str()))
}
