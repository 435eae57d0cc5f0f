//! EXPORT DATA to a table of a database: all rows in one transaction, or none.

use std::task::Poll;

use arrow::datatypes::Schema;
use datafusion::{execution::SendableRecordBatchStream, physical_plan::stream::RecordBatchStreamAdapter};
use firth_connector::{Options, SchemaSpec, TableSpec};
use firth_diagnostic::{Code, Diagnostic, Result, did_you_mean};
use firth_sql::ExportData;
use futures::{StreamExt as _, stream};
use serde::Deserialize;

use super::{options, query::blaming};
use crate::{
    Exported, Observer, Outcome,
    export::DATABASE_EXPORT_OPTIONS,
    native::assigned,
    report::Report,
    resolve::{Resolver, connection_reference, headed_schema},
    sink::RowSink as _,
};

/// What `alloydb_options` holds, as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    table: String,
    #[serde(default)]
    schema: String,
    /// BigQuery's writers. Here one transaction has one.
    #[serde(default)]
    max_parallel_connections: Option<u32>,
}

/// Whether the statement's options are those of a database.
pub(super) fn is_meant(statement: &ExportData) -> bool {
    statement.options.value.iter().any(|option| option.name.value.eq_ignore_ascii_case("alloydb_options"))
}

pub(super) async fn execute(resolver: &Resolver<'_>, statement: &ExportData) -> Result<Outcome> {
    let at_options = |error: Diagnostic| error.or_at(statement.options.span);
    let given = options::given(resolver.session, &statement.options.value)?;
    let options =
        Options::validate("exports to a database", DATABASE_EXPORT_OPTIONS, &given, statement.options.span)?;
    let target = target(&options).map_err(at_options)?;
    let Some(connection) = &statement.connection else {
        return Err(at_options(
            Diagnostic::error(Code::Invalid, "an export to a database needs a connection")
                .hint("`EXPORT DATA WITH CONNECTION us.name OPTIONS (…) AS …`"),
        ));
    };
    let (connection, span) = connection_reference(connection)?;
    let at_connection = |error: Diagnostic| error.or_at(span);
    let schema = SchemaSpec { source: String::new(), schema: target.schema.clone() };
    let table = TableSpec { schema: target.schema, name: target.table };
    let missing = |known: &[TableSpec]| {
        let near = did_you_mean(&table.name, known.iter().map(|table| table.name.as_str()));
        Diagnostic::error(Code::NotFound, format!("table {:?} does not exist at {connection}", table.name))
            .hint_if(near.map(|near| format!("Did you mean {near:?}?")))
    };
    let sink = resolver.sink_at(&connection, &schema, table.clone(), missing).await;
    let mut sink = sink.map_err(at_connection)?;
    let planned = resolver.plan_rows(&statement.query, 0).await?;
    let exported = headed_schema(planned.plan.schema().as_arrow(), &planned.headers);
    let mut places = places(&exported, &sink.columns(), &table).map_err(at_options)?;
    if sink.take_only(&places)? {
        places = (0..places.len()).collect();
    }
    let planned =
        assigned(planned, &sink.columns(), &places).map_err(|error| error.or_at(statement.query.span))?;
    let rows = blaming(resolver, resolver.run(planned).await?);
    let count =
        sink.write(watched(rows, resolver.session.checkpoints.observer())).await.map_err(at_connection)?;
    Ok(answer(&table, count))
}

/// The rows, and after the last one the point `rows_read`: the database has most of them, and has not committed.
fn watched(rows: SendableRecordBatchStream, observer: Option<Observer>) -> SendableRecordBatchStream {
    let Some(observer) = observer else { return rows };
    let schema = rows.schema();
    let end = stream::poll_fn(move |_| {
        observer("rows_read");
        Poll::Ready(None)
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, rows.chain(end)))
}

fn target(options: &Options) -> Result<Target> {
    let text = options.string("alloydb_options").unwrap_or_default();
    let target: Target = serde_json::from_str(text).map_err(|error| {
        Diagnostic::error(Code::Invalid, "option \"alloydb_options\" is not the JSON that it takes")
            .detail(error.to_string())
            .hint(r#"For example '{"schema": "public", "table": "orders"}'."#)
    })?;
    if target.table.is_empty() || target.max_parallel_connections == Some(0) {
        return Err(Diagnostic::error(
            Code::Invalid,
            "option \"alloydb_options\" names no table, or no connections",
        ));
    }
    if let Some(uri) = options.string("uri")
        && !uri.starts_with("https://alloydb.googleapis.com/")
    {
        return Err(Diagnostic::error(Code::Invalid, format!("{uri:?} is no instance of AlloyDB"))
            .hint("The connection says where the database is: leave `uri` out."));
    }
    Ok(target)
}

/// Where each exported column goes: to the table's column of its name.
fn places(exported: &Schema, columns: &Schema, table: &TableSpec) -> Result<Vec<usize>> {
    let names: Vec<&str> = columns.fields().iter().map(|field| field.name().as_str()).collect();
    let mut places = Vec::new();
    for field in exported.fields() {
        let same = names.iter().position(|name| name == field.name());
        let found = same.or_else(|| names.iter().position(|name| name.eq_ignore_ascii_case(field.name())));
        let Some(place) = found else {
            let near = did_you_mean(field.name(), names.iter().copied());
            return Err(Diagnostic::error(
                Code::NotFound,
                format!("table {:?} has no column {:?}", table.name, field.name()),
            )
            .hint(match near {
                Some(near) => format!("Columns go to those of the same name. Did you mean {near:?}?"),
                None => "Columns go to those of the same name: `SELECT x AS name`.".to_owned(),
            }));
        };
        if places.contains(&place) {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("two columns of the query go to column {:?}", names[place]),
            ));
        }
        places.push(place);
    }
    Ok(places)
}

fn answer(table: &TableSpec, rows: u64) -> Outcome {
    let name =
        if table.schema.is_empty() { table.name.clone() } else { format!("{}.{}", table.schema, table.name) };
    let mut outcome = Report::new()
        .texts("table", [name])
        .integers("rows", [i64::try_from(rows).unwrap_or(i64::MAX)])
        .outcome();
    outcome.exported = Some(Exported { files: 0, rows, bytes: 0, requests: 0 });
    outcome
}
