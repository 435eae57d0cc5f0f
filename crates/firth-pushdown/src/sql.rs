//! A scan's text: composed from parts, never edited.

use firth_connector::{Relation, RemoteDialect, RemoteScan, Split};

/// The text that reads `scan`, or only its part `split`.
///
/// A query's own text stands on lines of its own, so that a comment at its end does not swallow the
/// parenthesis. The text does not order rows.
pub fn scan_sql(dialect: &dyn RemoteDialect, scan: &RemoteScan, split: Option<&Split>) -> String {
    let mut sql = "SELECT".to_owned();
    let columns = select_list(dialect, scan);
    if !columns.is_empty() {
        sql.push_str(&format!(" {columns}"));
    }
    sql.push_str(&format!(" FROM {}", relation(dialect, &scan.relation)));
    match (&scan.predicate, split.and_then(|split| split.predicate.as_ref())) {
        (Some(predicate), Some(part)) => sql.push_str(&format!(" WHERE ({predicate}) AND ({part})")),
        (Some(condition), None) | (None, Some(condition)) => sql.push_str(&format!(" WHERE {condition}")),
        (None, None) => {}
    }
    if let Some(limit) = scan.limit {
        sql.push_str(&format!(" LIMIT {limit}"));
    }
    sql
}

/// The columns, or what the dialect puts in their place: for some, nothing.
fn select_list(dialect: &dyn RemoteDialect, scan: &RemoteScan) -> String {
    if scan.columns.is_empty() {
        return dialect.no_columns().to_owned();
    }
    let fields = scan.description.schema.fields();
    let item = |&column: &usize| {
        let name = dialect.identifier(fields[column].name());
        let read_as = scan.description.columns.get(column).and_then(|about| about.read_as.as_deref());
        match read_as {
            Some(type_) => format!("{} AS {name}", dialect.read_as(&name, type_)),
            None => name,
        }
    };
    scan.columns.iter().map(item).collect::<Vec<_>>().join(", ")
}

/// A table's name, or a query as a relation, with a name.
pub(crate) fn relation(dialect: &dyn RemoteDialect, relation: &Relation) -> String {
    match relation {
        Relation::Table(table) if table.schema.is_empty() => dialect.identifier(&table.name),
        Relation::Table(table) => {
            format!("{}.{}", dialect.identifier(&table.schema), dialect.identifier(&table.name))
        }
        Relation::Query(query) => format!("(\n{query}\n) AS {}", dialect.identifier("t")),
    }
}
