//! Which key the catalog's secrets are sealed with: one row, once there is a secret.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{
    KeySource,
    error::{StoreError, StoreResult},
    sealing::Derivation,
};

/// Where the key comes from, and how to tell that it is the one.
pub(crate) struct KeyRecord {
    pub(crate) source: KeySource,
    pub(crate) derivation: Option<Derivation>,
    pub(crate) check: Vec<u8>,
}

pub(crate) fn read(connection: &Connection) -> StoreResult<Option<KeyRecord>> {
    let row = connection
        .query_row(
            "SELECT source, salt, memory_kib, passes, lanes, check_value FROM sealing_key",
            [],
            |row| {
                let source: String = row.get(0)?;
                let derivation = match row.get(1)? {
                    Some(salt) => Some(Derivation {
                        salt,
                        memory_kib: row.get(2)?,
                        passes: row.get(3)?,
                        lanes: row.get(4)?,
                    }),
                    None => None,
                };
                Ok((source, derivation, row.get(5)?))
            },
        )
        .optional()?;
    let Some((word, derivation, check)) = row else { return Ok(None) };
    let source = KeySource::from_word(&word)
        .ok_or_else(|| StoreError::stored("sealing_key", format!("unknown source {word:?}")))?;
    Ok(Some(KeyRecord { source, derivation, check }))
}

pub(crate) fn insert(connection: &Connection, record: &KeyRecord) -> StoreResult<()> {
    let derivation = record.derivation.as_ref();
    connection.execute(
        "INSERT INTO sealing_key (id, source, salt, memory_kib, passes, lanes, check_value)
         VALUES (1, ?, ?, ?, ?, ?, ?)",
        params![
            record.source.word(),
            derivation.map(|derivation| derivation.salt.as_slice()),
            derivation.map(|derivation| derivation.memory_kib),
            derivation.map(|derivation| derivation.passes),
            derivation.map(|derivation| derivation.lanes),
            record.check,
        ],
    )?;
    Ok(())
}
