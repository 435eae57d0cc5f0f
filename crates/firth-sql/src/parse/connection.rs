//! `CREATE`, `ALTER`, `DROP CONNECTION`, and `WITH CONNECTION`.

use firth_diagnostic::{Code, Diagnostic, Result};

use super::cursor::Cursor;
use super::{Head, drop_tail, if_exists, names, options};
use crate::{AlterConnection, ConnectionReference, CreateConnection, Statement};

pub(super) fn create(cursor: &mut Cursor<'_>, head: Head) -> Result<Statement> {
    let creation = head.creation(cursor, "CREATE CONNECTION")?;
    let name = names::connection(cursor)?;
    let options = options::required(cursor, "CREATE CONNECTION")?;
    Ok(Statement::CreateConnection(CreateConnection { creation, name, options }))
}

pub(super) fn alter(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let if_exists = if_exists(cursor);
    let name = names::connection(cursor)?;
    cursor.expect_keyword("SET")?;
    let options = options::required(cursor, "ALTER CONNECTION")?;
    Ok(Statement::AlterConnection(AlterConnection { if_exists, name, options }))
}

pub(super) fn drop(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let if_exists = if_exists(cursor);
    let name = names::connection(cursor)?;
    Ok(Statement::DropConnection(drop_tail(cursor, if_exists, name)))
}

/// `WITH CONNECTION c`, or nothing.
pub(super) fn with_connection(cursor: &mut Cursor<'_>) -> Result<Option<ConnectionReference>> {
    if !cursor.at_keywords(&["WITH", "CONNECTION"]) {
        return Ok(None);
    }
    cursor.advance();
    cursor.advance();
    let here = cursor.here();
    if cursor.take_keyword("DEFAULT") {
        return Ok(Some(ConnectionReference::Default(here)));
    }
    names::connection(cursor).map(|name| Some(ConnectionReference::Named(name)))
}

/// The same where DEFAULT has no meaning.
pub(super) fn with_named_connection(cursor: &mut Cursor<'_>) -> Result<Option<ConnectionReference>> {
    match with_connection(cursor)? {
        Some(ConnectionReference::Default(span)) => {
            Err(Diagnostic::error(Code::Invalid, "CONNECTION DEFAULT is not supported here")
                .at(span)
                .hint("Name the connection. `SHOW CONNECTIONS` lists all."))
        }
        connection => Ok(connection),
    }
}
