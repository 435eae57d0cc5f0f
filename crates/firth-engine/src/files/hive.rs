//! Hive layout: columns that are folders, `key=value/`.
//!
//! BigQuery's rules: every file has the same keys in the same order, at most ten, none of them also a
//! column of the files; they come after the files' columns.

use arrow::{
    array::{ArrayRef, StringArray},
    compute::{CastOptions, cast_with_options},
    datatypes::{DataType, Field, FieldRef, Schema},
};
use datafusion::common::ScalarValue;
use firth_diagnostic::{Code, Diagnostic, Result};
use firth_sql::ColumnType;
use object_store::path::Path;
use std::sync::Arc;

use super::{ListedFiles, arrow_type};

/// BigQuery's limit.
const MOST_KEYS: usize = 10;
/// The folder that Hive writes for NULL.
const NULL_FOLDER: &str = "__HIVE_DEFAULT_PARTITION__";

/// The keys of a table's layout and their types.
#[derive(Clone, Debug)]
pub(crate) struct HiveLayout {
    keys: Vec<(String, ColumnType)>,
    /// What a path begins with before the first key; without it every `key=value` folder is one.
    prefix: Option<String>,
}

impl HiveLayout {
    /// Reads keys and types from the files' paths: INT64 if every value is one, else DATE, else TIMESTAMP, else STRING.
    pub(crate) fn infer(prefix: Option<String>, buckets: &[ListedFiles]) -> Result<Self> {
        let mut files = buckets.iter().flat_map(|listed| listed.files.iter().map(move |file| (listed, file)));
        let Some((listed, first)) = files.next() else { return Ok(HiveLayout { keys: Vec::new(), prefix }) };
        let empty = HiveLayout { keys: Vec::new(), prefix: prefix.clone() };
        let found = empty.pairs(&first.location, &listed.uri(first))?;
        let names: Vec<String> = found.into_iter().map(|(key, _)| key).collect();
        if names.is_empty() {
            return Err(Diagnostic::error(Code::Invalid, "the files' paths have no key=value folders")
                .hint("Leave out WITH PARTITION COLUMNS, or check the uris."));
        }
        let keys = names.into_iter().map(|name| (name, ColumnType::String)).collect();
        let layout = HiveLayout { keys, prefix };
        layout.check_files(buckets)?;
        let mut keys = layout.keys.clone();
        for (index, (_, column_type)) in keys.iter_mut().enumerate() {
            let values: Vec<String> = buckets
                .iter()
                .flat_map(|listed| &listed.files)
                .filter_map(|file| layout.pairs(&file.location, "").ok()?.into_iter().nth(index))
                .map(|(_, value)| value)
                .filter(|value| value != NULL_FOLDER)
                .collect();
            let all = |data_type: &DataType| values.iter().all(|value| scalar(value, data_type).is_some());
            if !values.is_empty() && all(&DataType::Int64) {
                *column_type = ColumnType::Int64;
            } else if !values.is_empty() && all(&DataType::Date32) {
                *column_type = ColumnType::Date;
            } else if !values.is_empty() && values.iter().all(|value| is_timestamp(value)) {
                *column_type = ColumnType::Timestamp;
            }
        }
        Ok(HiveLayout { keys, prefix: layout.prefix })
    }

    /// Takes keys and types as listed, in path order.
    pub(crate) fn listed(
        columns: impl Iterator<Item = (String, ColumnType)>,
        prefix: Option<String>,
        buckets: &[ListedFiles],
    ) -> Result<Self> {
        let layout = HiveLayout { keys: columns.collect(), prefix };
        layout.check_files(buckets)?;
        Ok(layout)
    }

    /// The layout as the catalog kept it.
    pub(crate) fn stored(columns: &[(String, String)], prefix: Option<String>) -> Result<Self> {
        let keys = columns
            .iter()
            .map(|(name, type_name)| Ok((name.clone(), firth_sql::parse_type(type_name)?)))
            .collect::<Result<_>>()?;
        Ok(HiveLayout { keys, prefix })
    }

    /// The layout as the catalog keeps it.
    pub(crate) fn into_columns(self) -> Vec<(String, String)> {
        self.keys.into_iter().map(|(name, column_type)| (name, column_type.to_string())).collect()
    }

    /// The keys as columns.
    pub(crate) fn fields(&self) -> Vec<FieldRef> {
        self.keys.iter().map(|(name, key)| Arc::new(Field::new(name, arrow_type(key), true))).collect()
    }

    /// Fails if a key is also a column of the files, or there are too many.
    pub(crate) fn check_against(&self, columns: &Schema) -> Result<()> {
        if self.keys.len() > MOST_KEYS {
            let count = self.keys.len();
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("{count} partition columns are more than ten"),
            ));
        }
        for (key, _) in &self.keys {
            if columns.fields().iter().any(|field| field.name().eq_ignore_ascii_case(key)) {
                return Err(Diagnostic::error(
                    Code::Invalid,
                    format!("partition column {key:?} is also a column of the files"),
                ));
            }
        }
        Ok(())
    }

    /// A file's values for the keys.
    pub(crate) fn values(&self, location: &Path, uri: &str) -> Result<Vec<ScalarValue>> {
        let found = self.pairs(location, uri)?;
        if found.len() != self.keys.len()
            || found.iter().zip(&self.keys).any(|((found, _), (key, _))| !found.eq_ignore_ascii_case(key))
        {
            let keys: Vec<&str> = self.keys.iter().map(|(key, _)| key.as_str()).collect();
            return Err(Diagnostic::error(
                Code::BadData,
                format!("{uri:?} does not lie in folders {}", keys.join("=…/") + "=…"),
            )
            .hint("Every file of a partitioned table has the same keys in the same order."));
        }
        found
            .iter()
            .zip(&self.keys)
            .map(|((_, value), (key, column_type))| {
                typed(value, &arrow_type(column_type)).ok_or_else(|| {
                    Diagnostic::error(
                        Code::BadData,
                        format!("{uri:?}: partition column {key:?} is {column_type}, and {value:?} is not"),
                    )
                })
            })
            .collect()
    }

    /// A folder's values for the first keys, as many as its path has. `None` if that cannot be told: its files may
    /// have any values, or are none of the table's.
    pub(super) fn leading_values(&self, folder: &Path) -> Option<Vec<ScalarValue>> {
        let found = pairs_of(self.below_prefix(folder)?);
        if found.len() > self.keys.len() {
            return None;
        }
        let mut values = Vec::with_capacity(found.len());
        for ((name, value), (key, column_type)) in found.iter().zip(&self.keys) {
            if !name.eq_ignore_ascii_case(key) {
                return None;
            }
            values.push(typed(value, &arrow_type(column_type))?);
        }
        Some(values)
    }

    /// The `key=value` folders of a path, values decoded.
    fn pairs(&self, location: &Path, uri: &str) -> Result<Vec<(String, String)>> {
        let text = self.below_prefix(location).ok_or_else(|| {
            Diagnostic::error(Code::BadData, format!("{uri:?} does not lie below hive_partition_uri_prefix"))
        })?;
        Ok(pairs_of(text.rsplit_once('/').map_or("", |(folders, _)| folders)))
    }

    fn below_prefix<'a>(&self, location: &'a Path) -> Option<&'a str> {
        let Some(prefix) = &self.prefix else { return Some(location.as_ref()) };
        let rest = location.as_ref().strip_prefix(prefix.as_str())?;
        (prefix.is_empty() || rest.is_empty() || rest.starts_with('/')).then_some(rest)
    }

    fn check_files(&self, buckets: &[ListedFiles]) -> Result<()> {
        for listed in buckets {
            for file in &listed.files {
                self.values(&file.location, &listed.uri(file))?;
            }
        }
        Ok(())
    }
}

fn pairs_of(folders: &str) -> Vec<(String, String)> {
    let pairs = folders.split('/').filter_map(|folder| folder.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), decoded(value))).collect()
}

/// A folder's value as its column has it.
fn typed(value: &str, data_type: &DataType) -> Option<ScalarValue> {
    if value == NULL_FOLDER {
        return Some(ScalarValue::try_from(data_type).unwrap_or(ScalarValue::Null));
    }
    scalar(value, data_type)
}

/// Whether Hive would take a folder's value for a timestamp.
fn is_timestamp(value: &str) -> bool {
    value.len() >= "2031-02-03 04:05".len() && scalar(value, &arrow_type(&ColumnType::Timestamp)).is_some()
}

/// Hive writes what a folder cannot hold as `%XX`.
fn decoded(value: &str) -> String {
    let bytes = value.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = value.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| value.to_owned())
}

fn scalar(value: &str, data_type: &DataType) -> Option<ScalarValue> {
    let text: ArrayRef = Arc::new(StringArray::from(vec![value]));
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let typed = cast_with_options(&text, data_type, &options).ok()?;
    ScalarValue::try_from_array(&typed, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_from_folders() {
        let layout = HiveLayout {
            keys: vec![("dt".to_owned(), ColumnType::Date), ("region".to_owned(), ColumnType::String)],
            prefix: None,
        };
        let values = |path: &str| {
            layout.values(&Path::parse(path).expect("a path"), path).map(|values| format!("{values:?}"))
        };
        assert_eq!(
            values("moves/dt=2031-03-01/region=no%2Frth/a.parquet").as_deref(),
            Ok("[Date32(\"2031-03-01\"), Utf8(\"no/rth\")]")
        );
        assert_eq!(
            values("m/dt=__HIVE_DEFAULT_PARTITION__/region=x/a").as_deref(),
            Ok("[Date32(\"NULL\"), Utf8(\"x\")]")
        );
        let message = |path: &str| values(path).expect_err("does not fit").message().to_owned();
        assert!(message("m/region=x/dt=2031-03-01/a").contains("does not lie in folders"));
        assert!(message("m/dt=soon/region=x/a").contains("is DATE, and \"soon\" is not"));

        // Folders of the prefix are no keys, even if they look like them.
        let below = HiveLayout { prefix: Some("year=1/m".to_owned()), ..layout };
        let values = |path: &str| below.values(&Path::parse(path).expect("a path"), path);
        assert!(values("year=1/m/dt=2031-03-01/region=x/a").is_ok());
        let error = values("year=1/moves/dt=2031-03-01/region=x/a").expect_err("it lies elsewhere");
        assert!(error.message().ends_with("does not lie below hive_partition_uri_prefix"));
    }
}
