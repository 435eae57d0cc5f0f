//! Fills the list of names for completion from the catalog, in the background.
//!
//! Only what the catalog itself knows is asked for: the tables of an external schema are a question to its
//! database, and may need a password, so they are not.

use std::{collections::BTreeSet, sync::Arc};

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use firth_engine::Session;
use futures::StreamExt as _;

use super::completer::Names;

/// Looks at the catalog. What cannot be read is left out: nobody asked for it.
pub(super) async fn refresh(session: Arc<Session>, names: Names) {
    let mut found = BTreeSet::new();
    for row in rows(&session, "SHOW CONNECTIONS").await {
        found.extend(row.into_iter().next().flatten());
    }
    for schema in rows(&session, "SHOW SCHEMAS").await {
        let mut fields = schema.into_iter();
        let (Some(Some(name)), connection) = (fields.next(), fields.next().flatten()) else { continue };
        if connection.is_none() {
            for table in rows(&session, &format!("SHOW TABLES FROM {name}")).await {
                let mut fields = table.into_iter();
                let (Some(Some(table)), kind) = (fields.next(), fields.next().flatten()) else { continue };
                let full = format!("{name}.{table}");
                // A view's columns are a question to whatever it reads.
                if kind.as_deref() == Some("EXTERNAL") {
                    let columns = rows(&session, &format!("DESCRIBE {full}")).await;
                    names.add_columns(columns.into_iter().filter_map(|row| row.into_iter().next().flatten()));
                }
                found.insert(full);
            }
        }
        found.insert(name);
    }
    names.set_catalog(found);
}

type Row = Vec<Option<String>>;

async fn rows(session: &Session, sql: &str) -> Vec<Row> {
    let Ok(statement) = firth_sql::parse(sql) else { return Vec::new() };
    let Ok(outcome) = session.execute(&statement, &session.remotes()).await else { return Vec::new() };
    let Some(rows) = outcome.rows else { return Vec::new() };
    let mut stream = rows.stream;
    let mut found = Vec::new();
    while let Some(Ok(batch)) = stream.next().await {
        found.extend((0..batch.num_rows()).map(|row| texts(&batch, row)));
    }
    found
}

/// The first two columns of a row, as far as they are text.
fn texts(batch: &RecordBatch, row: usize) -> Row {
    let columns = batch.columns().iter().take(2);
    columns
        .map(|column| {
            let column = column.as_string_opt::<i32>()?;
            column.is_valid(row).then(|| column.value(row).to_owned())
        })
        .collect()
}
