//! `ALTER TABLE`.

use firth_diagnostic::{Code, Diagnostic, Result, Spanned};

use super::cursor::Cursor;
use super::{if_exists, if_not_exists, keys, names, options, types};
use crate::{AlterTable, Statement, TableAction};

/// What may be altered of tables in GoogleSQL, and not here.
const NOT_HERE: &[&[&str]] = &[&["SET", "DEFAULT"]];

/// Stands after ALTER TABLE.
pub(super) fn alter(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let if_exists = if_exists(cursor);
    let name = names::table(cursor)?;
    let mut actions = Vec::new();
    let start = cursor.here();
    loop {
        actions.push(action(cursor)?);
        if !cursor.take_operator(",") {
            break;
        }
    }
    let alone = |action: &TableAction| match action {
        TableAction::RenameTo(_) => Some("RENAME TO"),
        TableAction::SetOptions(_) => Some("SET OPTIONS"),
        _ => None,
    };
    if actions.len() > 1
        && let Some(word) = actions.iter().find_map(alone)
    {
        let message = format!("ALTER TABLE … {word} stands alone");
        return Err(Diagnostic::error(Code::Invalid, message)
            .at(cursor.since(start))
            .hint("Write the other changes as a statement of their own."));
    }
    Ok(Statement::AlterTable(AlterTable { if_exists, name, actions }))
}

fn action(cursor: &mut Cursor<'_>) -> Result<TableAction> {
    let start = cursor.here();
    keys::refuse_altered(cursor)?;
    if let Some(words) = NOT_HERE.iter().find(|words| cursor.at_keywords(words)) {
        let message = format!("ALTER TABLE … {} is not in this version", words.join(" "));
        return Err(Diagnostic::error(Code::Unsupported, message).at(start));
    }
    if cursor.take_keywords(&["ADD", "COLUMN"]) {
        let if_not_exists = if_not_exists(cursor);
        let column = types::column(cursor)?;
        if cursor.at_keyword("DEFAULT") {
            return Err(Diagnostic::error(Code::Unsupported, "a column cannot be added with a DEFAULT")
                .at(cursor.here())
                .hint("Rows that are there would have to be written anew. Add it without, and write the value in INSERT."));
        }
        return Ok(TableAction::AddColumn { if_not_exists, column });
    }
    if cursor.take_keywords(&["DROP", "COLUMN"]) {
        return Ok(TableAction::DropColumn { if_exists: if_exists(cursor), column: column(cursor)? });
    }
    if cursor.take_keywords(&["RENAME", "COLUMN"]) {
        let if_exists = if_exists(cursor);
        let column = column(cursor)?;
        cursor.expect_keyword("TO")?;
        let to = names::identifier(cursor, "the column's new name")?;
        return Ok(TableAction::RenameColumn { if_exists, column, to });
    }
    if cursor.take_keywords(&["RENAME", "TO"]) {
        let name = names::identifier(cursor, "the table's new name")?;
        if cursor.at_operator(".") {
            return Err(cursor
                .expected("the end of the statement")
                .hint("The new name has no dataset: the table stays where it is."));
        }
        return Ok(TableAction::RenameTo(name));
    }
    if cursor.take_keywords(&["ALTER", "COLUMN"]) {
        return alter_column(cursor);
    }
    if cursor.take_keyword("SET") {
        return Ok(TableAction::SetOptions(options::required(cursor, "ALTER TABLE")?));
    }
    Err(cursor.expected("ADD COLUMN, DROP COLUMN, RENAME COLUMN, RENAME TO, ALTER COLUMN or SET OPTIONS"))
}

/// Stands after ALTER COLUMN.
fn alter_column(cursor: &mut Cursor<'_>) -> Result<TableAction> {
    let if_exists = if_exists(cursor);
    let column = column(cursor)?;
    let start = cursor.here();
    if cursor.take_keywords(&["SET", "DATA", "TYPE"]) {
        let start = cursor.here();
        let column_type = types::data_type(cursor, 0)?;
        let column_type = Spanned::new(column_type, cursor.since(start));
        return Ok(TableAction::SetDataType { if_exists, column, column_type });
    }
    if cursor.take_keywords(&["DROP", "NOT", "NULL"]) {
        return Ok(TableAction::DropNotNull { if_exists, column });
    }
    for (words, hint) in [
        (
            &["SET", "NOT", "NULL"][..],
            "Rows that are there might have NULL: make the table anew by CREATE TABLE … AS SELECT.",
        ),
        (&["SET", "DEFAULT"], "Write the value in INSERT."),
        (&["DROP", "DEFAULT"], "Columns have no defaults."),
        (&["SET", "OPTIONS"], "Options of columns are not kept."),
    ] {
        if cursor.at_keywords(words) {
            let message = format!("ALTER COLUMN … {} is not in this version", words.join(" "));
            return Err(Diagnostic::error(Code::Unsupported, message).at(start).hint(hint));
        }
    }
    Err(cursor.expected("SET DATA TYPE or DROP NOT NULL"))
}

/// A column of the table itself: what is within a STRUCT cannot be altered.
fn column(cursor: &mut Cursor<'_>) -> Result<Spanned<String>> {
    let start = cursor.here();
    let column = names::identifier(cursor, "the name of a column")?;
    if cursor.at_operator(".") {
        return Err(Diagnostic::error(Code::Unsupported, "fields of a STRUCT cannot be altered")
            .at(cursor.since(start))
            .hint("Make the table anew by CREATE TABLE … AS SELECT."));
    }
    Ok(column)
}
