//! Fills the list of names for completion from the catalog, in the background.
//!
//! Only what the catalog itself knows is asked for. The tables of an external schema and their columns are questions to its
//! database: they are asked once, when somebody completes a name in it.

use std::{collections::BTreeSet, sync::Arc};

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use firth_engine::Session;
use futures::StreamExt as _;

use super::completer::Names;

/// Looks at the catalog. What cannot be read is left out: nobody asked for it.
pub(super) async fn refresh(session: Arc<Session>, names: Names) {
    let mut found = BTreeSet::new();
    let mut external = BTreeSet::new();
    for row in rows(&session, "SHOW CONNECTIONS").await {
        found.extend(row.into_iter().next().flatten());
    }
    for schema in rows(&session, "SHOW SCHEMAS").await {
        let mut fields = schema.into_iter();
        let (Some(Some(name)), connection) = (fields.next(), fields.next().flatten()) else { continue };
        if connection.is_some() {
            external.insert(name.clone());
        } else {
            for table in rows(&session, &format!("SHOW TABLES FROM {name}")).await {
                let mut fields = table.into_iter();
                let (Some(Some(table)), kind) = (fields.next(), fields.next().flatten()) else { continue };
                let full = format!("{name}.{table}");
                // A view's columns are a question to whatever it reads.
                if kind.as_deref() != Some("VIEW") {
                    let columns = columns(&session, &full).await;
                    names.add_columns(columns.iter().cloned());
                    names.set_table(&full, columns);
                }
                found.insert(full);
            }
        }
        found.insert(name);
    }
    names.set_catalog(found);
    names.set_external(external);
}

/// Lists the tables of an external schema. If its database does not answer, there are none, and nobody is told.
pub(super) async fn list_remote(session: Arc<Session>, names: Names, schema: String) {
    let tables = rows(&session, &format!("SHOW TABLES FROM {schema}")).await;
    let tables = tables.into_iter().filter_map(|row| row.into_iter().next().flatten());
    names.set_remote(&schema, tables.map(|table| format!("{schema}.{table}")).collect());
}

/// Asks which columns a table of an external schema has, likewise.
pub(super) async fn list_columns(session: Arc<Session>, names: Names, table: String) {
    names.set_table(&table, columns(&session, &table).await);
}

async fn columns(session: &Session, table: &str) -> Vec<String> {
    let columns = rows(session, &format!("DESCRIBE {table}")).await;
    columns.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect()
}

type Row = Vec<Option<String>>;

async fn rows(session: &Session, sql: &str) -> Vec<Row> {
    let Ok(statement) = firth_sql::parse(sql) else { return Vec::new() };
    let Ok(outcome) = session.execute(&statement, &session.remotes()).await else { return Vec::new() };
    let Some(rows) = outcome.rows else { return Vec::new() };
    let mut stream = rows.stream;
    let mut found = Vec::new();
    while let Some(Ok(batch)) = stream.next().await {
        found.extend((0..batch.num_rows()).map(|row| first_texts(&batch, row)));
    }
    found
}

/// The first two columns of a row, as far as they are text.
pub(crate) fn first_texts(batch: &RecordBatch, row: usize) -> Row {
    let columns = batch.columns().iter().take(2);
    columns
        .map(|column| {
            let column = column.as_string_opt::<i32>()?;
            column.is_valid(row).then(|| column.value(row).to_owned())
        })
        .collect()
}
