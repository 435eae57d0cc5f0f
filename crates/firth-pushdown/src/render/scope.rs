//! The columns that an expression may name, and how each is written at the source.

use arrow::datatypes::{FieldRef, Schema};
use datafusion::common::{Column, TableReference};
use firth_connector::{RemoteDialect, TableDescription, Written};

/// Columns, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    columns: Vec<ScopeColumn>,
}

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct ScopeColumn {
    /// What its name may stand behind here.
    pub(crate) qualifier: Option<TableReference>,
    /// Its name and type here.
    pub(crate) field: FieldRef,
    /// Its text there, which can stand anywhere an expression can.
    pub(crate) sql: String,
    /// The source's own type, if it is a column of a table there, or the dialect has said it.
    pub(crate) remote_type: Option<String>,
    /// Whether the text is more than a column of a relation: NULL in all of those need not make it NULL.
    pub(crate) computed: bool,
    /// About how many different values there are.
    pub(crate) distinct_count: Option<u64>,
    /// About how many bytes a value has.
    pub(crate) average_bytes: Option<u64>,
}

impl ScopeColumn {
    /// A column that is made of others, as the dialect wrote it.
    pub(crate) fn written(field: &FieldRef, written: Written) -> Self {
        ScopeColumn {
            qualifier: None,
            field: FieldRef::clone(field),
            sql: written.sql,
            remote_type: written.remote_type,
            computed: true,
            distinct_count: None,
            average_bytes: None,
        }
    }
}

impl Scope {
    /// These columns.
    pub(crate) fn new(columns: Vec<ScopeColumn>) -> Self {
        Scope { columns }
    }

    /// The columns of a table. `shown` has the names they have here; there they stand behind `alias`.
    pub(crate) fn of_table(
        dialect: &dyn RemoteDialect,
        description: &TableDescription,
        shown: &Schema,
        alias: Option<&str>,
    ) -> Self {
        let column =
            |((field, source), about): ((&FieldRef, &FieldRef), &firth_connector::ColumnDescription)| {
                let name = dialect.identifier(source.name());
                let name = match alias {
                    Some(alias) => format!("{}.{name}", dialect.identifier(alias)),
                    None => name,
                };
                ScopeColumn {
                    qualifier: None,
                    field: FieldRef::clone(field),
                    sql: match &about.read_as {
                        Some(type_) => dialect.read_as(&name, type_),
                        None => name,
                    },
                    remote_type: Some(about.remote_type.clone()),
                    computed: false,
                    distinct_count: about.distinct_count,
                    average_bytes: about.average_bytes,
                }
            };
        let fields = shown.fields().iter().zip(description.schema.fields());
        Scope { columns: fields.zip(&description.columns).map(column).collect() }
    }

    /// The columns.
    pub(crate) fn columns(&self) -> &[ScopeColumn] {
        &self.columns
    }

    /// The column at this place.
    pub(crate) fn column(&self, index: usize) -> &ScopeColumn {
        &self.columns[index]
    }

    /// The place of the one column that is meant, or `None` if there is none, or more than one.
    ///
    /// A qualifier counts only where columns have one: a scan's own are named without.
    pub(crate) fn index_of(&self, column: &Column) -> Option<usize> {
        let is_meant = |candidate: &ScopeColumn| {
            *candidate.field.name() == column.name
                && match (&candidate.qualifier, &column.relation) {
                    (Some(one), Some(other)) => one.resolved_eq(other),
                    (None, _) | (_, None) => true,
                }
        };
        let mut found = self.columns.iter().enumerate().filter(|(_, candidate)| is_meant(candidate));
        let (index, _) = found.next()?;
        found.next().is_none().then_some(index)
    }
}
