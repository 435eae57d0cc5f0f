//! What connections, datasets and tables are called, with their defaults filled in.
//!
//! Every name has all its parts from here on: `c`, `us.c` and `local.us.c` are one connection. All
//! parts are case-sensitive.

use std::{fmt, str::FromStr};

use firth_diagnostic::{Code, Diagnostic, Name, Result};
use serde::{Deserialize, Serialize};

/// The project that names without one are in.
pub(crate) const LOCAL: &str = "local";
/// The location that connections without one are in.
const US: &str = "us";
/// The dataset that is always there.
pub(crate) const MAIN: &str = "main";

/// A connection's full name. No part holds a dot, so the dotted text is the name again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConnectionName {
    /// `local` unless written.
    pub project: String,
    /// `us` unless written.
    pub location: String,
    /// The connection itself.
    pub id: String,
}

impl ConnectionName {
    /// The connection that a name of one to three parts means, or a resource path such as
    /// `projects/p/locations/us/connections/c`.
    pub fn try_from_name(name: &Name) -> Result<Self> {
        let dotted = name.dotted();
        let segments: Vec<&str> = dotted.split('/').collect();
        let parts = match segments.as_slice() {
            ["projects", project, "locations", location, "connections", id] => vec![*project, *location, *id],
            _ => dotted.split('.').collect(),
        };
        let (project, location, id) = match parts.as_slice() {
            [id] => (LOCAL, US, *id),
            [location, id] => (LOCAL, *location, *id),
            [project, location, id] => (*project, *location, *id),
            _ => return Err(too_many_parts(&dotted)),
        };
        if let Some(part) = [project, location, id].into_iter().find(|part| !is_connection_part(part)) {
            return Err(wrong_characters(&dotted, part));
        }
        Ok(ConnectionName { project: project.to_owned(), location: location.to_owned(), id: id.to_owned() })
    }

    /// All three parts with dots between them: the key in the store.
    pub(crate) fn path(&self) -> String {
        format!("{}.{}.{}", self.project, self.location, self.id)
    }
}

/// Reads what [`ConnectionName::try_from_name`] takes, as one text: `us.c`.
impl FromStr for ConnectionName {
    type Err = Diagnostic;

    fn from_str(text: &str) -> Result<Self> {
        Self::try_from_name(&Name::new([text]))
    }
}

impl TryFrom<String> for ConnectionName {
    type Error = Diagnostic;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<ConnectionName> for String {
    fn from(name: ConnectionName) -> Self {
        name.path()
    }
}

/// Prints `us.c`, or all three parts of a connection in another project, quoted as [`Name`] quotes.
impl fmt::Display for ConnectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [&self.project, &self.location, &self.id];
        let shown = if self.project == LOCAL { &parts[1..] } else { &parts[..] };
        Name::new(shown.iter().map(|part| part.as_str())).fmt(f)
    }
}

fn is_connection_part(part: &str) -> bool {
    !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn too_many_parts(dotted: &str) -> Diagnostic {
    Diagnostic::error(Code::Invalid, format!("{dotted:?} is not a connection's name"))
        .hint("A connection is named `id`, `location.id` or `project.location.id`.")
}

fn wrong_characters(dotted: &str, part: &str) -> Diagnostic {
    let message = match part.is_empty() {
        true => format!("connection name {dotted:?} has an empty part"),
        false => format!("connection name {dotted:?} holds characters that such names cannot have"),
    };
    Diagnostic::error(Code::Invalid, message)
        .hint("Each part is made of letters, digits, underscores and hyphens.")
}

/// A dataset's full name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DatasetName {
    /// `local` unless written.
    pub project: String,
    /// The dataset itself.
    pub dataset: String,
}

impl DatasetName {
    /// A dataset of the local project.
    pub fn local(dataset: impl Into<String>) -> Self {
        DatasetName { project: LOCAL.to_owned(), dataset: dataset.into() }
    }

    /// `local.main`, which is always there.
    pub fn main() -> Self {
        Self::local(MAIN)
    }

    /// The dataset that a name of one or two parts means.
    pub fn try_from_name(name: &Name) -> Result<Self> {
        match name.0.as_slice() {
            [dataset] if !dataset.is_empty() => Ok(Self::local(dataset)),
            [project, dataset] if !project.is_empty() && !dataset.is_empty() => {
                Ok(DatasetName { project: project.clone(), dataset: dataset.clone() })
            }
            _ => {
                Err(Diagnostic::error(Code::Invalid, format!("{:?} is not a dataset's name", name.dotted()))
                    .hint("A dataset is named `dataset` or `project.dataset`."))
            }
        }
    }
}

/// Prints `d`, or `project.d` of another project.
impl fmt::Display for DatasetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [&self.project, &self.dataset];
        let shown = if self.project == LOCAL { &parts[1..] } else { &parts[..] };
        Name::new(shown.iter().map(|part| part.as_str())).fmt(f)
    }
}

/// A table's or view's full name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableName {
    /// `local` unless written.
    pub project: String,
    /// `main` unless written.
    pub dataset: String,
    /// The table itself.
    pub table: String,
}

impl TableName {
    /// A table in this dataset.
    pub fn new(dataset: &DatasetName, table: impl Into<String>) -> Self {
        TableName { project: dataset.project.clone(), dataset: dataset.dataset.clone(), table: table.into() }
    }

    /// The table that a name of one to three parts means.
    pub fn try_from_name(name: &Name) -> Result<Self> {
        if name.0.iter().any(String::is_empty) {
            return Err(not_a_table_name(name));
        }
        match name.0.as_slice() {
            [table] => Ok(Self::new(&DatasetName::main(), table)),
            [dataset, table] => Ok(Self::new(&DatasetName::local(dataset), table)),
            [project, dataset, table] => {
                Ok(TableName { project: project.clone(), dataset: dataset.clone(), table: table.clone() })
            }
            _ => Err(not_a_table_name(name)),
        }
    }

    /// The dataset it is in.
    pub fn dataset_name(&self) -> DatasetName {
        DatasetName { project: self.project.clone(), dataset: self.dataset.clone() }
    }
}

/// Prints `d.t`, or `project.d.t` of another project.
impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [&self.project, &self.dataset, &self.table];
        let shown = if self.project == LOCAL { &parts[1..] } else { &parts[..] };
        Name::new(shown.iter().map(|part| part.as_str())).fmt(f)
    }
}

fn not_a_table_name(name: &Name) -> Diagnostic {
    Diagnostic::error(Code::Invalid, format!("{:?} is not a table's name", name.dotted()))
        .hint("A table is named `table`, `dataset.table` or `project.dataset.table`.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(text: &str) -> String {
        match text.parse::<ConnectionName>() {
            Ok(name) => format!("{} = {name}", name.path()),
            Err(error) => error.message().to_owned(),
        }
    }

    #[test]
    fn a_connection_has_one_name_however_it_is_written() {
        for text in ["c", "us.c", "local.us.c", "projects/local/locations/us/connections/c"] {
            assert_eq!(connection(text), "local.us.c = us.c");
        }
        assert_eq!(connection("us-east4.c"), "local.us-east4.c = `us-east4`.`c`");
        assert_eq!(connection("acme.us.c"), "acme.us.c = acme.us.c");
        assert_ne!(connection("C"), connection("c"));
    }

    #[test]
    fn what_is_not_a_connection_name_is_refused() {
        assert_eq!(connection("a.b.c.d"), "\"a.b.c.d\" is not a connection's name");
        assert_eq!(connection(""), "connection name \"\" has an empty part");
        assert_eq!(connection("us."), "connection name \"us.\" has an empty part");
        let odd = "connection name \"us.a b\" holds characters that such names cannot have";
        assert_eq!(connection("us.a b"), odd);
        assert!(connection("üs.c").contains("cannot have"));
        assert!(connection("projects/p/connections/c").contains("cannot have"));
    }

    #[test]
    fn tables_and_datasets_print_without_the_local_project() {
        let table = |parts: &[&str]| {
            TableName::try_from_name(&Name::new(parts.iter().copied())).map(|name| name.to_string())
        };
        assert_eq!(table(&["t"]).as_deref(), Ok("main.t"));
        assert_eq!(table(&["local", "web", "t"]).as_deref(), Ok("web.t"));
        assert_eq!(table(&["acme", "web", "t"]).as_deref(), Ok("acme.web.t"));
        assert!(table(&["a", "", "t"]).is_err());
        assert_eq!(DatasetName::main().to_string(), "main");
        assert!(DatasetName::try_from_name(&Name::new(["a", "b", "c"])).is_err());
    }
}
