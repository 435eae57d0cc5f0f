//! Statements: one file for each family, and the match that leads to them.

mod alter_connection;
mod alter_table;
mod assert;
mod caches;
mod check_connection;
mod clean_exports;
mod copy_table;
mod create_connection;
mod create_external_table;
mod create_table;
mod create_view;
mod dry_run;
mod explain;
mod export_data;
mod export_to_database;
mod insert;
mod load_data;
mod materialized_view;
mod optimize;
mod options;
mod query;
mod row_change;
mod schema;
mod settings;
mod show_connections;
mod show_create;
mod show_tables;

pub(crate) use create_external_table::table_over_files;
pub use create_table::TABLE_OPTIONS;
pub(crate) use create_table::clustered;
pub(crate) use query::blaming;
pub use schema::{EXTERNAL_SCHEMA_OPTIONS, SCHEMA_OPTIONS};
pub(crate) use show_create::table_ddl;

use firth_diagnostic::Result;
use firth_sql::Statement;
use futures::{
    FutureExt,
    future::{BoxFuture, ready},
};

use crate::{Outcome, Session, resolve::Resolver};

/// Executes one statement.
pub(crate) fn execute<'a>(
    session: &'a Session,
    resolver: &'a Resolver<'a>,
    statement: &'a Statement,
) -> BoxFuture<'a, Result<Outcome>> {
    if session.options.rehearsal {
        return dry_run::execute(session, resolver, statement).boxed();
    }
    perform(session, resolver, statement)
}

/// Does what a statement says.
fn perform<'a>(
    session: &'a Session,
    resolver: &'a Resolver<'a>,
    statement: &'a Statement,
) -> BoxFuture<'a, Result<Outcome>> {
    match statement {
        Statement::Query(statement) => query::execute(resolver, statement).boxed(),
        Statement::Explain(statement) => explain::execute(resolver, statement).boxed(),
        Statement::Assert(statement) => assert::execute(resolver, statement).boxed(),
        Statement::ExportData(statement) if export_to_database::is_meant(statement) => {
            export_to_database::execute(resolver, statement).boxed()
        }
        Statement::ExportData(statement) => export_data::execute(resolver, statement).boxed(),
        Statement::CleanExports => clean_exports::execute(resolver).boxed(),
        Statement::CreateConnection(statement) => create_connection::execute(session, statement).boxed(),
        Statement::AlterConnection(statement) => {
            alter_connection::alter(session, resolver, statement).boxed()
        }
        Statement::DropConnection(statement) => {
            ready(alter_connection::drop(session, resolver, statement)).boxed()
        }
        Statement::ShowConnections => ready(show_connections::show(session)).boxed(),
        Statement::DescribeConnection(name) => {
            ready(show_connections::describe(session, resolver, name)).boxed()
        }
        Statement::CheckConnection(name) => check_connection::execute(resolver, name).boxed(),
        Statement::ShowCreateConnection(name) => ready(show_create::connection(resolver, name)).boxed(),
        Statement::ShowConnectionTypes => ready(show_connections::types(session)).boxed(),
        Statement::ShowOptions(name) => ready(show_connections::options(session, name)).boxed(),
        Statement::CreateSchema(statement) => ready(schema::create(session, statement)).boxed(),
        Statement::CreateExternalSchema(statement) => {
            schema::create_external(session, resolver, statement).boxed()
        }
        Statement::DropSchema(statement) => ready(schema::drop(session, resolver, statement)).boxed(),
        Statement::ShowSchemas => ready(schema::show(session)).boxed(),
        Statement::CreateTable(statement) => create_table::execute(session, resolver, statement).boxed(),
        Statement::CopyTable(statement) => copy_table::execute(session, resolver, statement).boxed(),
        Statement::AlterTable(statement) => ready(alter_table::execute(session, resolver, statement)).boxed(),
        Statement::DropTable(statement) => ready(create_table::drop(session, resolver, statement)).boxed(),
        Statement::TruncateTable(name) => ready(create_table::truncate(session, resolver, name)).boxed(),
        Statement::Insert(statement) => insert::execute(session, resolver, statement).boxed(),
        Statement::RowChange(statement) => row_change::execute(session, resolver, statement).boxed(),
        Statement::LoadData(statement) => load_data::execute(session, resolver, statement).boxed(),
        Statement::Optimize(name) => optimize::optimize(session, resolver, name).boxed(),
        Statement::CleanTables(statement) => ready(optimize::clean(session, statement)).boxed(),
        Statement::CreateExternalTable(statement) => {
            create_external_table::execute(session, resolver, statement).boxed()
        }
        Statement::DropExternalTable(statement) => {
            ready(create_external_table::drop(session, statement)).boxed()
        }
        Statement::RefreshExternalTable(name) => caches::refresh(resolver, name).boxed(),
        Statement::CreateView(statement) => create_view::execute(session, resolver, statement).boxed(),
        Statement::DropView(statement) => ready(create_view::drop(session, statement)).boxed(),
        Statement::CreateMaterializedView(statement) => {
            materialized_view::create(session, resolver, statement).boxed()
        }
        Statement::DropMaterializedView(statement) => {
            ready(materialized_view::drop(session, statement)).boxed()
        }
        Statement::RefreshMaterializedView(name) => {
            materialized_view::refresh_now(session, resolver, name).boxed()
        }
        Statement::ShowMaterializedViews(schema) => {
            ready(materialized_view::show(resolver, schema.as_ref())).boxed()
        }
        Statement::ShowTables(schema) => show_tables::execute(resolver, schema.as_ref()).boxed(),
        Statement::DescribeTable(name) => show_tables::describe(resolver, name).boxed(),
        Statement::ShowCreateTable(name) => show_create::table(session, resolver, name).boxed(),
        Statement::ShowSettings => ready(settings::show(session)).boxed(),
        Statement::Set(statement) => ready(settings::set(session, statement)).boxed(),
        Statement::Reset(name) => ready(settings::reset(session, name)).boxed(),
        Statement::ShowAudit => ready(settings::audit(session)).boxed(),
        Statement::ShowCaches => caches::show(session).boxed(),
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
