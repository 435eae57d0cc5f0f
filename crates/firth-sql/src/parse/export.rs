//! `EXPORT DATA`.

use firth_diagnostic::Result;

use super::connection::with_named_connection;
use super::cursor::Cursor;
use super::{options, query};
use crate::{ExportData, Statement};

/// Stands after EXPORT DATA.
pub(super) fn export_data(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let connection = with_named_connection(cursor)?;
    let options = options::required(cursor, "EXPORT DATA")?;
    if !cursor.take_keyword("AS") {
        return Err(cursor
            .expected("AS")
            .hint("EXPORT DATA ends in AS and the query whose rows are written."));
    }
    let query = query::rest(cursor)?;
    Ok(Statement::ExportData(ExportData { connection, options, query }))
}
