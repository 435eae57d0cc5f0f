//! EXTERNAL_QUERY: a query in the source's own SQL, as a table of this statement.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use firth_catalog::ConnectionName;
use firth_connector::DecimalType;
use firth_diagnostic::{Code, Diagnostic, Result};
use firth_pushdown::RemoteTable;
use firth_sql::ExternalQueryCall;

use super::Resolver;

impl Resolver<'_> {
    /// Prepares the call's text at the source, alone, and answers the table that stands for it.
    ///
    /// DataFusion's own table functions are synchronous, so this happens while resolving.
    pub(crate) async fn external_query(&self, call: &ExternalQueryCall) -> Result<Arc<dyn TableProvider>> {
        let decimals = match &call.options {
            Some(options) => decimals(&options.value).map_err(|error| error.at(options.span))?,
            None => None,
        };
        let name = firth_sql::connection_name(&call.connection.value)
            .and_then(|name| ConnectionName::try_from_name(&name))
            .map_err(|error| error.without_span().at(call.connection.span))?;
        let remote = self.open_named(&name, Some(call.connection.span))?;
        let sql = Arc::clone(&remote.remote).sql().ok_or_else(|| {
            Diagnostic::error(
                Code::Invalid,
                format!("connection {} is of type {}, which has no SQL", remote.id, remote.id.kind),
            )
            .at(call.connection.span)
            .hint("EXTERNAL_QUERY takes a connection to a database.")
        })?;
        let (relation, description) =
            sql.describe_query(&call.sql.value, decimals).await.map_err(|error| {
                let error = error.without_span().at(call.sql.span);
                let hint = "The text goes there as it is: write it in that system's own SQL and names.";
                if error.hints().is_empty() { error.hint(hint) } else { error }
            })?;
        let pushdown = self.session.settings().pushdown();
        let table = RemoteTable::try_new(remote.id.clone(), sql, relation, description, pushdown)
            .map_err(|error| error.at(call.sql.span))?;
        Ok(Arc::new(table))
    }
}

/// Reads the JSON options: what becomes of decimal columns. Keys and values are case-sensitive, as in BigQuery.
fn decimals(text: &str) -> Result<Option<DecimalType>> {
    let invalid = |message: String| Diagnostic::error(Code::Invalid, message);
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| {
        invalid("the options of EXTERNAL_QUERY are not JSON".to_owned()).detail(error.to_string())
    })?;
    let serde_json::Value::Object(options) = value else {
        return Err(invalid("the options of EXTERNAL_QUERY are not a JSON object".to_owned()));
    };
    let mut decimals = None;
    for (name, value) in &options {
        let choices: &[&str] = match name.as_str() {
            "default_type_for_decimal_columns" => &["float64", "numeric", "bignumeric", "string"],
            "query_execution_priority" => &["low", "medium", "high"],
            _ => return Err(invalid(format!("EXTERNAL_QUERY has no option {name:?}"))),
        };
        let Some(value) = value.as_str().filter(|value| choices.contains(value)) else {
            return Err(invalid(format!("{value} is not a value of option {name:?}"))
                .hint(format!("Its values are {}.", choices.join(", "))));
        };
        if name == "default_type_for_decimal_columns" {
            decimals = DecimalType::named(value);
        }
    }
    Ok(decimals)
}
