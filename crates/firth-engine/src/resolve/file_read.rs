//! Files in FROM that no table stands for: read as an external table would be that is made for this statement.

use std::{path::Path, sync::Arc};

use datafusion::catalog::TableProvider;
use firth_catalog::{TableKind, TableName};
use firth_diagnostic::{Code, Diagnostic, Name, Result, Secret, Spanned};
use firth_sql::{
    ConnectionReference, CreateExternalTable, Creation, FileRead, OptionLiteral, PartitionColumns, SqlOption,
};

use super::Resolver;
use crate::{local_uri::local_uri, statement::table_over_files};

/// Formats by the endings of files' names.
const FORMATS: [(&[&str], &str); 6] = [
    (&["parquet", "parq", "pq"], "PARQUET"),
    (&["csv", "tsv", "tab"], "CSV"),
    (&["json", "ndjson", "jsonl"], "JSON"),
    (&["avro"], "AVRO"),
    (&["orc"], "ORC"),
    (&["arrow", "arrows", "feather", "ipc"], "ARROW"),
];
/// Endings of CSV files whose fields tabs divide.
const TABS: [&str; 2] = ["tsv", "tab"];
/// Endings that say how a file is compressed, and not what it is.
const COMPRESSIONS: [&str; 7] = ["gz", "zst", "zstd", "bz2", "xz", "snappy", "sz"];

impl Resolver<'_> {
    /// The files of a `FROM 'uri'` or `READ(…)`. `depth` counts the views around it.
    pub(super) async fn file_read(&self, read: &FileRead, depth: usize) -> Result<Arc<dyn TableProvider>> {
        let place = read.uris.span;
        let mut uris = Vec::new();
        for uri in &read.uris.value {
            uris.push(whole_uri(uri, depth > 0).map_err(|error| error.at(place))?);
        }
        let text = |text: &str| OptionLiteral::String(Secret::new(text.to_owned()));
        let option = |name: &str, value: OptionLiteral| SqlOption {
            name: Spanned::new(name.to_owned(), place),
            value: Spanned::new(value, place),
        };
        let mut options = read.options.clone();
        let is_given =
            |name: &str| read.options.iter().any(|option| option.name.value.eq_ignore_ascii_case(name));
        if !is_given("format") {
            let first = read.uris.value.first().map_or("", String::as_str);
            options.push(option("format", text(format_of(first).map_err(|error| error.at(place))?)));
            if TABS.contains(&ending_of(first).as_str()) && !is_given("field_delimiter") {
                options.push(option("field_delimiter", text("\t")));
            }
        }
        let items = uris.iter().map(|uri| text(uri)).collect();
        options.push(option("uris", OptionLiteral::Array(items)));
        let connection = match &read.connection {
            Some(connection) => {
                let name = firth_sql::connection_name(&connection.value)
                    .map_err(|error| error.without_span().at(connection.span))?;
                Some(ConnectionReference::Named(Spanned::new(name, connection.span)))
            }
            None => None,
        };
        let name = Name::new(["read"]);
        let statement = CreateExternalTable {
            creation: Creation::New,
            name: Spanned::new(name.clone(), read.span),
            columns: None,
            partition_columns: PartitionColumns::None,
            connection,
            options: Spanned::new(options, place),
        };
        let name = TableName::try_from_name(&name)?;
        let definition = table_over_files(self.session, self, &statement, &name).await?;
        let TableKind::External(external) = definition.kind else {
            return Err(Diagnostic::internal("files are not an external table"));
        };
        Ok(self.external_files(&name, &external, read.file_name).await?)
    }
}

/// The uri of a path of this machine; a uri as it is.
fn whole_uri(uri: &str, in_view: bool) -> Result<String> {
    if uri.contains("://") {
        return Ok(uri.to_owned());
    }
    let path = Path::new(uri);
    if uri.is_empty() || (in_view && path.is_relative()) {
        return Err(Diagnostic::error(Code::Invalid, format!("{uri:?} is not a whole path"))
            .hint("A view may be read from any folder: write the path from the root, or a uri."));
    }
    local_uri(path)
        .ok_or_else(|| Diagnostic::error(Code::Invalid, format!("{uri:?} is not a path of this machine")))
}

/// What a file's name ends with, besides a compression, in lower case.
fn ending_of(uri: &str) -> String {
    let name = uri.rsplit('/').next().unwrap_or(uri).to_ascii_lowercase();
    let mut endings = name.split('.').skip(1).collect::<Vec<_>>();
    while endings.last().is_some_and(|ending| COMPRESSIONS.contains(ending)) {
        endings.pop();
    }
    endings.last().copied().unwrap_or_default().to_owned()
}

/// The format that a file's name tells.
fn format_of(uri: &str) -> Result<&'static str> {
    let ending = ending_of(uri);
    let found = FORMATS.iter().find(|(known, _)| known.contains(&ending.as_str()));
    found.map(|(_, format)| *format).ok_or_else(|| {
        Diagnostic::error(Code::Invalid, format!("the name of {uri:?} does not tell its format")).hint(
            format!(
                "Say it: READ({uri:?}, format => 'CSV'). Formats are PARQUET, CSV, JSON, AVRO, ORC and ARROW."
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_tell_formats() {
        let format = |uri| format_of(uri).ok();
        assert_eq!(format("file:///a/b.c.parquet"), Some("PARQUET"));
        assert_eq!(format("People.CSV.gz"), Some("CSV"));
        assert_eq!(format("x.ndjson.zst"), Some("JSON"));
        assert_eq!(format("part-*.avro"), Some("AVRO"));
        assert_eq!(format("a.csv/part-1"), None);
        assert_eq!(format("README"), None);
        assert_eq!((format("t.tsv"), ending_of("t.TSV.gz").as_str()), (Some("CSV"), "tsv"));
    }

    #[test]
    fn paths_become_uris() {
        assert_eq!(whole_uri("/a b/c%*.csv", true).expect("a path"), "file:///a b/c%*.csv");
        assert_eq!(whole_uri("s3://b/k", true).expect("a uri"), "s3://b/k");
        assert!(whole_uri("c.csv", false).expect("a path").starts_with("file:///"));
        assert!(whole_uri("c.csv", true).is_err());
    }
}
