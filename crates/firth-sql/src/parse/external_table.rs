//! `CREATE EXTERNAL TABLE`, `DROP EXTERNAL TABLE`, `REFRESH EXTERNAL TABLE`.

use firth_diagnostic::Result;

use super::connection::with_connection;
use super::cursor::Cursor;
use super::{Head, drop_tail, if_exists, names, options, types};
use crate::{CreateExternalTable, PartitionColumns, Statement};

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
