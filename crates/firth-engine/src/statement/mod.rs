//! Statements: one file for each family, and the match that leads to them.

mod alter_connection;
mod check_connection;
mod create_connection;
mod create_external_table;
mod create_view;
mod explain;
mod export_data;
mod options;
mod query;
mod schema;
mod settings;
mod show_connections;
mod show_create;
mod show_tables;

pub(crate) use show_create::table_ddl;

use firth_diagnostic::Result;
use firth_sql::Statement;

use crate::{Outcome, Session, resolve::Resolver};

/// Executes one statement.
pub(crate) async fn execute(
    session: &Session,
    resolver: &Resolver<'_>,
    statement: &Statement,
) -> Result<Outcome> {
    match statement {
        Statement::Query(statement) => query::execute(resolver, statement).await,
        Statement::Explain(statement) => explain::execute(resolver, statement).await,
        Statement::ExportData(statement) => export_data::execute(resolver, statement).await,
        Statement::CreateConnection(statement) => create_connection::execute(session, statement).await,
        Statement::AlterConnection(statement) => alter_connection::alter(session, resolver, statement).await,
        Statement::DropConnection(statement) => alter_connection::drop(session, resolver, statement),
        Statement::ShowConnections => show_connections::show(session),
        Statement::DescribeConnection(name) => show_connections::describe(session, resolver, name),
        Statement::CheckConnection(name) => check_connection::execute(resolver, name).await,
        Statement::ShowCreateConnection(name) => show_create::connection(session, resolver, name),
        Statement::ShowConnectionTypes => show_connections::types(session),
        Statement::ShowOptions(name) => show_connections::options(session, name),
        Statement::CreateSchema(statement) => schema::create(session, statement),
        Statement::CreateExternalSchema(statement) => {
            schema::create_external(session, resolver, statement).await
        }
        Statement::DropSchema(statement) => schema::drop(session, resolver, statement),
        Statement::ShowSchemas => schema::show(session),
        Statement::CreateExternalTable(statement) => {
            create_external_table::execute(session, resolver, statement).await
        }
        Statement::DropExternalTable(statement) => create_external_table::drop(session, statement),
        Statement::CreateView(statement) => create_view::execute(session, resolver, statement).await,
        Statement::DropView(statement) => create_view::drop(session, statement),
        Statement::ShowTables(schema) => show_tables::execute(resolver, schema.as_ref()).await,
        Statement::DescribeTable(name) => show_tables::describe(resolver, name).await,
        Statement::ShowCreateTable(name) => show_create::table(session, resolver, name).await,
        Statement::ShowSettings => settings::show(session),
        Statement::Set(statement) => settings::set(session, statement),
        Statement::Reset(name) => settings::reset(session, name),
        Statement::ShowAudit => settings::audit(session),
    }
}

/// Records a management statement that failed, and passes its error on.
fn audited<T>(session: &Session, method: &str, resource: &str, result: Result<T>) -> Result<T> {
    if let Err(error) = &result
        && let Ok(catalog) = session.catalog()
    {
        // The statement's own error is the one to report.
        let _ = catalog.audit_failure(session.actor(), method, resource, error);
    }
    result
}
