//! `LOAD DATA`.

use firth_diagnostic::{Code, Diagnostic, Result, Spanned};

use super::connection::with_connection;
use super::cursor::Cursor;
use super::external_table::partition_columns;
use super::{names, options, table, types};
use crate::{LoadData, Statement};

/// Stands after LOAD DATA.
pub(super) fn load_data(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let overwrite = if cursor.take_keyword("OVERWRITE") {
        true
    } else if cursor.take_keyword("INTO") {
        false
    } else {
        return Err(cursor.expected("INTO or OVERWRITE"));
    };
    let temporary = cursor.take_keywords(&["TEMP", "TABLE"]) || cursor.take_keywords(&["TEMPORARY", "TABLE"]);
    let name = names::table(cursor)?;
    let columns = types::columns(cursor)?;
    let partitions = partitions(cursor)?;
    let partition_by = table::partition_by(cursor)?;
    let cluster_by = table::cluster_by(cursor)?;
    let options = match options::optional(cursor)? {
        Some(options) => options,
        None => options::none(cursor),
    };
    if !cursor.take_keyword("FROM") {
        return Err(cursor
            .expected("FROM FILES")
            .hint("LOAD DATA reads FROM FILES (format = '…', uris = ['…'])."));
    }
    let files = options::after(cursor, "FILES")?
        .ok_or_else(|| cursor.expected("FILES").hint("Write FROM FILES (format = '…', uris = ['…'])."))?;
    let partition_columns = partition_columns(cursor)?;
    let connection = with_connection(cursor)?;
    Ok(Statement::LoadData(LoadData {
        overwrite,
        temporary,
        name,
        columns,
        partitions,
        partition_by,
        cluster_by,
        options,
        files,
        partition_columns,
        connection,
    }))
}

/// `PARTITIONS (column = value)`, kept as it is written.
fn partitions(cursor: &mut Cursor<'_>) -> Result<Option<Spanned<String>>> {
    if cursor.at_keywords(&["OVERWRITE", "PARTITIONS"]) {
        return Err(Diagnostic::error(Code::Unsupported, "OVERWRITE PARTITIONS is not in this version")
            .at(cursor.here()));
    }
    if !cursor.take_keyword("PARTITIONS") {
        return Ok(None);
    }
    let start = cursor.here();
    cursor.expect_operator("(")?;
    let mut depth = 1_usize;
    while depth > 0 {
        match cursor.peek().map(|token| token.text(cursor.text)) {
            Some("(") => depth += 1,
            Some(")") => depth -= 1,
            Some(_) => {}
            None => return Err(cursor.expected("`)`")),
        }
        cursor.advance();
    }
    let span = cursor.since(start);
    Ok(Some(Spanned::new(cursor.text.get(span.start..span.end).unwrap_or_default().to_owned(), span)))
}
