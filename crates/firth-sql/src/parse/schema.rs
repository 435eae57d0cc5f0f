//! `CREATE SCHEMA`, `CREATE EXTERNAL SCHEMA`, `DROP SCHEMA`.

use firth_diagnostic::Result;

use super::connection::with_named_connection;
use super::cursor::Cursor;
use super::{Head, drop_tail, if_exists, names, options};
use crate::{CreateExternalSchema, CreateSchema, Statement};

pub(super) fn create(cursor: &mut Cursor<'_>, head: Head) -> Result<Statement> {
    let creation = head.creation(cursor, "CREATE SCHEMA")?;
    let name = names::schema(cursor)?;
    let options = options::optional(cursor)?.unwrap_or_else(|| options::none(cursor));
    Ok(Statement::CreateSchema(CreateSchema { creation, name, options }))
}

pub(super) fn create_external(cursor: &mut Cursor<'_>, head: Head) -> Result<Statement> {
    let creation = head.creation(cursor, "CREATE EXTERNAL SCHEMA")?;
    let name = names::schema(cursor)?;
    let connection = with_named_connection(cursor)?;
    let options = options::required(cursor, "CREATE EXTERNAL SCHEMA")?;
    Ok(Statement::CreateExternalSchema(CreateExternalSchema { creation, name, connection, options }))
}

pub(super) fn drop(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let if_exists = if_exists(cursor);
    let name = names::schema(cursor)?;
    Ok(Statement::DropSchema(drop_tail(cursor, if_exists, name)))
}
