//! `CREATE MATERIALIZED VIEW`, `DROP MATERIALIZED VIEW`, `REFRESH MATERIALIZED VIEW`.

use firth_diagnostic::{Code, Diagnostic, Result};

use super::cursor::Cursor;
use super::{Head, drop_tail, if_exists, names, options, query, table};
use crate::{CreateMaterializedView, Statement};

pub(super) fn create(cursor: &mut Cursor<'_>, head: Head) -> Result<Statement> {
    let creation = head.creation(cursor, "CREATE MATERIALIZED VIEW")?;
    let name = names::table(cursor)?;
    if cursor.at_operator("(") {
        return Err(cursor
            .expected("OPTIONS or AS")
            .hint("The columns of a materialized view are named in its query: `SELECT a AS name …`."));
    }
    let partition_by = table::partition_by(cursor)?;
    let cluster_by = table::cluster_by(cursor)?;
    let options = match options::optional(cursor)? {
        Some(options) => options,
        None => options::none(cursor),
    };
    cursor.expect_keyword("AS")?;
    if cursor.at_keywords(&["REPLICA", "OF"]) {
        return Err(
            Diagnostic::error(Code::Unsupported, "AS REPLICA OF is not in this version").at(cursor.here())
        );
    }
    let query = query::rest(cursor)?;
    let view = CreateMaterializedView { creation, name, partition_by, cluster_by, options, query };
    Ok(Statement::CreateMaterializedView(view))
}

pub(super) fn drop(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let if_exists = if_exists(cursor);
    let name = names::table(cursor)?;
    Ok(Statement::DropMaterializedView(drop_tail(cursor, if_exists, name)))
}

pub(super) fn refresh(cursor: &mut Cursor<'_>) -> Result<Statement> {
    names::table(cursor).map(Statement::RefreshMaterializedView)
}
