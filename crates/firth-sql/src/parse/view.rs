//! `CREATE VIEW`, `DROP VIEW`.

use firth_diagnostic::{Result, Spanned};

use super::cursor::Cursor;
use super::{Head, drop_tail, if_exists, names, options, query};
use crate::{CreateView, Statement};

pub(super) fn create(cursor: &mut Cursor<'_>, head: Head) -> Result<Statement> {
    let creation = head.creation(cursor, "CREATE VIEW")?;
    let name = names::table(cursor)?;
    let columns = columns(cursor)?;
    // A view's description and labels are read and left aside.
    options::optional(cursor)?;
    cursor.expect_keyword("AS")?;
    let query = query::rest(cursor)?;
    Ok(Statement::CreateView(CreateView { creation, name, columns, query }))
}

fn columns(cursor: &mut Cursor<'_>) -> Result<Option<Vec<Spanned<String>>>> {
    if !cursor.take_operator("(") {
        return Ok(None);
    }
    let mut columns = Vec::new();
    loop {
        columns.push(names::identifier(cursor, "the name of a column")?);
        options::optional(cursor)?;
        if !cursor.take_operator(",") {
            break;
        }
    }
    cursor.expect_operator(")")?;
    Ok(Some(columns))
}

pub(super) fn drop(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let if_exists = if_exists(cursor);
    let name = names::table(cursor)?;
    Ok(Statement::DropView(drop_tail(cursor, if_exists, name)))
}
