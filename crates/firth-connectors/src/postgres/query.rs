//! Describing a query: the server prepares it, and runs nothing.

use arrow::datatypes::{Field, Schema};
use firth_connector::{ColumnDescription, DecimalType, Relation, TableDescription, TableSpec};
use firth_diagnostic::{Code, Diagnostic, Result};
use std::sync::Arc;
use tokio_postgres::Column;

use super::{
    error,
    mapping::{TypeOptions, UnsupportedType},
    members::{END, FORGET},
    pool::Pool,
    query_text::single_query,
    types::{format_type, is_collatable},
};

/// Checks and prepares a user's query; answers its columns and the text to read it by.
///
/// `decimals` says what becomes of decimal columns; `None` leaves it to the connection.
pub(super) async fn describe(
    pool: &Arc<Pool>,
    text: &str,
    decimals: Option<DecimalType>,
) -> Result<(Relation, TableDescription)> {
    let sql = single_query(text)?;
    let lease = pool.lease().await?;
    let client = lease.client();
    let mut begin = "BEGIN TRANSACTION READ ONLY".to_owned();
    if lease.backend().pooled {
        begin.push_str(FORGET);
    }
    let (begun, prepared) = tokio::join!(client.batch_execute(&begin), client.prepare(sql));
    if let Ok(statement) = &prepared {
        lease.backend().has_described(statement.columns());
    }
    let refused = |failure| error::request(lease.settings(), &failure, Some(error::Sent { sql, prefix: "" }));
    let described = match (begun, prepared) {
        (Ok(()), Ok(statement)) if !statement.params().is_empty() => {
            Err(Diagnostic::error(Code::Invalid, "the query has parameters, such as $1")
                .hint("Write the values into the text."))
        }
        (Ok(()), Ok(statement)) => {
            let options = lease.settings().types.with_decimals(decimals);
            description(statement.columns(), options, &lease.backend().encoding)
        }
        (Err(failure), _) | (_, Err(failure)) => Err(refused(failure)),
    };
    if client.batch_execute(END).await.is_ok() {
        lease.release();
    }
    Ok((Relation::Query(sql.to_owned()), described?))
}

fn description(columns: &[Column], options: TypeOptions, encoding: &str) -> Result<TableDescription> {
    if columns.is_empty() {
        return Err(
            Diagnostic::error(Code::Invalid, "the query returns no columns").hint("Select at least one.")
        );
    }
    let mut fields: Vec<Field> = Vec::new();
    let mut descriptions = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        let name = column.name();
        if name.is_empty() {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("column {} of the query has no name", index + 1),
            )
            .hint("Give it an alias: `… AS name`."));
        }
        if let Some(earlier) = fields.iter().find(|field| field.name().eq_ignore_ascii_case(name)) {
            let both = if earlier.name() == name {
                format!("two columns of the query are named {name:?}")
            } else {
                format!("columns {:?} and {name:?} of the query differ by case only", earlier.name())
            };
            return Err(Diagnostic::error(Code::Invalid, both).hint("Give one an alias: `… AS name`."));
        }
        let (type_, modifier) = (column.type_(), column.type_modifier());
        let Some(mapping) = options.mapping(type_, modifier, 0) else {
            if options.unsupported_type == UnsupportedType::Skip {
                log::info!("column {name:?} of the query is left out: its type is not supported");
                continue;
            }
            return Err(unsupported(name, type_.oid(), &format_type(type_, modifier)));
        };
        // Always nullable: the description is stored, and says nothing about later rows.
        fields.push(Field::new(name, mapping.data_type, true));
        let mut remote_type = format_type(type_, modifier);
        if is_collatable(type_) {
            // Which collation the server does not say.
            remote_type.push_str(" COLLATE ?");
        }
        descriptions.push(ColumnDescription {
            read_as: mapping.read_as,
            ..ColumnDescription::of_type(with_encoding(remote_type, encoding))
        });
    }
    Ok(TableDescription {
        table: TableSpec { schema: String::new(), name: String::new() },
        schema: Arc::new(Schema::new(fields)),
        columns: descriptions,
        primary_key: Vec::new(),
        row_count: None,
        total_bytes: None,
        max_splits: 1,
    })
}

/// Notes a database's encoding beside a type where it is not UTF-8: the dialect then compares no text there.
pub(super) fn with_encoding(mut remote_type: String, encoding: &str) -> String {
    if encoding != "UTF8" {
        remote_type.push_str(" ENCODING ");
        remote_type.push_str(encoding);
    }
    remote_type
}

/// BigQuery's words, and where to look.
pub(super) fn unsupported(column: &str, oid: u32, type_: &str) -> Diagnostic {
    Diagnostic::error(Code::Unsupported, format!("Postgres type (OID = {oid}) isn't supported now"))
        .detail(format!("column {column:?} is of type {type_}"))
        .hint(match type_ {
            "void" => "It has no values: leave it out.".to_owned(),
            _ => format!(
                "Set option unsupported_type of the connection to 'string', or cast it in EXTERNAL_QUERY: \
                 `CAST({column:?} AS text) AS {column:?}`."
            ),
        })
}
