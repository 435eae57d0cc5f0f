//! A copy of a catalog in memory.

use std::path::Path;

use rusqlite::Connection;

use super::migrations;
use crate::error::StoreResult;

/// Copies the database at `path`, if there is one, and brings the copy to today's layout.
pub(crate) fn copy(path: &Path) -> StoreResult<Connection> {
    let mut connection = Connection::open_in_memory()?;
    connection.pragma_update(None, "foreign_keys", "OFF")?;
    if path.exists() {
        connection.execute("ATTACH DATABASE ? AS stored", [path.to_string_lossy()])?;
        copy_attached(&connection)?;
        connection.execute_batch("DETACH DATABASE stored")?;
    }
    if !migrations::is_current(&connection, path)? {
        migrations::run(&mut connection, path)?;
    }
    connection.pragma_update(None, "foreign_keys", "ON")?;
    Ok(connection)
}

/// Tables and their rows first, then what watches over them.
fn copy_attached(connection: &Connection) -> StoreResult<()> {
    // One view of all that is copied.
    let view = connection.unchecked_transaction()?;
    let objects: Vec<(String, String, String)> = view
        .prepare(
            "SELECT type, name, sql FROM stored.sqlite_schema
             WHERE sql IS NOT NULL AND substr(name, 1, 7) <> 'sqlite_' ORDER BY type <> 'table'",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    for (kind, name, sql) in &objects {
        view.execute_batch(sql)?;
        if kind == "table" {
            let quoted = name.replace('"', "\"\"");
            view.execute_batch(&format!("INSERT INTO main.\"{quoted}\" SELECT * FROM stored.\"{quoted}\""))?;
        }
    }
    for pragma in ["application_id", "user_version"] {
        let value: i64 = view.pragma_query_value(Some("stored"), pragma, |row| row.get(0))?;
        view.pragma_update(Some("main"), pragma, value)?;
    }
    view.commit()?;
    Ok(())
}
