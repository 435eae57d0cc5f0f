//! `CREATE EXTERNAL TABLE`, `DROP EXTERNAL TABLE`, `REFRESH EXTERNAL TABLE`.

use firth_diagnostic::{Name, Result, Spanned};

use super::connection::with_connection;
use super::cursor::Cursor;
use super::{Head, drop_tail, if_exists, names, options, types};
use crate::lexer::decode_string;
use crate::{CreateExternalTable, PartitionColumns, Statement, TokenKind};

pub(super) fn create(cursor: &mut Cursor<'_>, head: Head) -> Result<Statement> {
    let creation = head.creation(cursor, "CREATE EXTERNAL TABLE")?;
    let name = names::table(cursor)?;
    let columns = types::columns(cursor)?;
    let partition_columns = partition_columns(cursor)?;
    let connection = with_connection(cursor)?;
    if connection.is_some() && cursor.at_keywords(&["WITH", "PARTITION", "COLUMNS"]) {
        return Err(cursor.expected("OPTIONS").hint("WITH PARTITION COLUMNS stands before WITH CONNECTION."));
    }
    let options = options::required(cursor, "CREATE EXTERNAL TABLE")?;
    if cursor.at_keywords(&["WITH", "CONNECTION"]) || cursor.at_keywords(&["WITH", "PARTITION"]) {
        return Err(cursor.expected("the end of the statement").hint("OPTIONS (…) is the last clause."));
    }
    let table = CreateExternalTable { creation, name, columns, partition_columns, connection, options };
    Ok(Statement::CreateExternalTable(table))
}

pub(super) fn partition_columns(cursor: &mut Cursor<'_>) -> Result<PartitionColumns> {
    if !cursor.take_keywords(&["WITH", "PARTITION", "COLUMNS"]) {
        return Ok(PartitionColumns::None);
    }
    Ok(match types::columns(cursor)? {
        Some(columns) => PartitionColumns::Listed(columns),
        None => PartitionColumns::Inferred,
    })
}

pub(super) fn drop(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let if_exists = if_exists(cursor);
    let name = names::table(cursor)?;
    Ok(Statement::DropExternalTable(drop_tail(cursor, if_exists, name)))
}

pub(super) fn refresh(cursor: &mut Cursor<'_>) -> Result<Statement> {
    names::table(cursor).map(Statement::RefreshExternalTable)
}

/// BigQuery's way to say the same, after `CALL BQ`: `.REFRESH_EXTERNAL_METADATA_CACHE('dataset.table')`.
pub(super) fn call_refresh(cursor: &mut Cursor<'_>) -> Result<Statement> {
    cursor.expect_operator(".")?;
    cursor.expect_keyword("REFRESH_EXTERNAL_METADATA_CACHE")?;
    cursor.expect_operator("(")?;
    let token = match cursor.peek() {
        Some(token) if token.kind == TokenKind::String => token,
        _ => return Err(cursor.expected("the name of a table in quotes")),
    };
    cursor.advance();
    let text = decode_string(cursor.text, &token)?;
    cursor.expect_operator(")")?;
    let name = Name::new(text.split('.'));
    Ok(Statement::RefreshExternalTable(Spanned::new(name, token.span)))
}
