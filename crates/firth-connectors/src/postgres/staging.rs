//! Columns of types that a binary `COPY` cannot be given: they go through a table of the transaction.
//!
//! What GoogleSQL has no type for is read as text, or, if it is money, as a number. Its binary form is the server's own,
//! so it is sent as what it is read as, and cast there:
//!
//! ```text
//! CREATE TEMPORARY TABLE firth_rows ON COMMIT DROP AS SELECT "id", "address"::text AS "address" FROM t WITH NO DATA
//! COPY pg_temp.firth_rows FROM STDIN (FORMAT binary)
//! INSERT INTO t ("id", "address") OVERRIDING SYSTEM VALUE SELECT "id", "address"::inet FROM pg_temp.firth_rows
//! ```

use arrow::datatypes::{DataType, Field};
use firth_connector::RemoteDialect;
use firth_diagnostic::{Code, Diagnostic, Result};
use postgres_types::{Kind, Type};
use tokio_postgres::{Client, SimpleQueryMessage};

use super::{dialect::Dialect, encode::Encoder};

/// The table's name, in the session's own schema.
pub(super) const TABLE: &str = "pg_temp.firth_rows";

/// How a column is staged.
pub(super) struct Cast {
    /// How it is written to the staging table.
    pub(super) encoder: Encoder,
    /// Its type there.
    staged_as: &'static str,
    /// Its type in the table.
    into: String,
    /// Whether the cast may round: then the value must come back as it was.
    rounds: bool,
}

impl Cast {
    /// How values of `data_type` reach a column of `type_`, for which there is no encoder; `None` if they do not.
    pub(super) fn new(data_type: &DataType, type_: &Type) -> Option<Self> {
        let is_array = matches!(data_type, DataType::List(_));
        let (value, element) = match (data_type, base(type_).kind()) {
            (DataType::List(field), Kind::Array(element)) => (field.data_type(), base(element)),
            (DataType::List(_), _) | (_, Kind::Array(_)) => return None,
            _ => (data_type, base(type_)),
        };
        let (staged_as, rounds) =
            match value {
                // A text would be cut, or rounded, without a word.
                DataType::Utf8
                    if matches!(*element, Type::CHAR | Type::BIT | Type::VARBIT | Type::NUMERIC) =>
                {
                    return None;
                }
                DataType::Utf8 if matches!(element.kind(), Kind::Pseudo) => return None,
                DataType::Utf8 if is_array => ("text[]", false),
                DataType::Utf8 => ("text", false),
                DataType::Decimal128(..) | DataType::Decimal256(..) if *element == Type::MONEY => {
                    if is_array { ("numeric[]", true) } else { ("numeric", true) }
                }
                _ => return None,
            };
        let wire = match staged_as {
            "text[]" => Type::TEXT_ARRAY,
            "text" => Type::TEXT,
            "numeric[]" => Type::NUMERIC_ARRAY,
            _ => Type::NUMERIC,
        };
        let into = format!("{}.{}", Dialect.identifier(type_.schema()), Dialect.identifier(type_.name()));
        Some(Cast { encoder: Encoder::new(data_type, &wire, Some(-1))?, staged_as, into, rounds })
    }
}

/// What a domain is over.
fn base(type_: &Type) -> &Type {
    match type_.kind() {
        Kind::Domain(base_type) => base(base_type),
        _ => type_,
    }
}

/// The columns on their way: those with a cast are staged as another type.
pub(super) struct Staging<'a> {
    pub(super) table: &'a str,
    pub(super) columns: &'a [(String, Option<Cast>)],
}

impl Staging<'_> {
    /// Makes the table that rows are copied into.
    pub(super) fn create(&self) -> String {
        let item = |(name, cast): &(String, Option<Cast>)| match cast {
            Some(cast) => format!("{name}::{} AS {name}", cast.staged_as),
            None => name.clone(),
        };
        let items = self.columns.iter().map(item).collect::<Vec<_>>().join(", ");
        format!(
            "CREATE TEMPORARY TABLE firth_rows ON COMMIT DROP AS SELECT {items} FROM {} WITH NO DATA",
            self.table
        )
    }

    /// Puts its rows where they belong. Like `COPY`, it takes the values that are given for columns which the
    /// server numbers by itself.
    pub(super) fn insert(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        let item = |(name, cast): &(String, Option<Cast>)| match cast {
            Some(cast) => format!("{name}::{}", cast.into),
            None => name.clone(),
        };
        let items = self.columns.iter().map(item).collect::<Vec<_>>().join(", ");
        format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {items} FROM {TABLE}",
            self.table,
            names.join(", ")
        )
    }

    /// Fails if a value would be another one after its cast.
    pub(super) async fn check(
        &self,
        client: &Client,
        fields: &[std::sync::Arc<Field>],
        failed: impl Fn(tokio_postgres::Error) -> Diagnostic,
    ) -> Result<()> {
        for ((name, cast), field) in self.columns.iter().zip(fields) {
            let Some(Cast { staged_as, into, rounds: true, .. }) = cast else { continue };
            let query = format!(
                "SELECT {name}::text FROM {TABLE} WHERE ({name}::{into})::{staged_as} <> {name} LIMIT 1"
            );
            let answer = client.simple_query(&query).await.map_err(&failed)?;
            let value = answer.iter().find_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            });
            if let Some(value) = value {
                let what = format!("{value} does not fit column {:?}, which would round it", field.name());
                return Err(Diagnostic::error(Code::BadData, what).hint("Nothing was written."));
            }
        }
        Ok(())
    }
}
