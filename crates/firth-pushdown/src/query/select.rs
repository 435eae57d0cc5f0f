//! A query for one source, before it is text.

use std::sync::Arc;

use firth_connector::{RemoteDialect, RemoteId, RemoteSql};

use crate::render::{Scope, ScopeColumn};

/// A SELECT over tables of one source, part by part:
///
/// ```text
/// SELECT columns FROM from WHERE conditions GROUP BY groups ORDER BY order LIMIT limit OFFSET offset
/// ```
///
/// What does not fit this form any more is put into FROM as a whole: [`Select::nested`].
#[derive(Clone)]
pub(super) struct Select {
    /// Whose tables these are.
    pub(super) remote: RemoteId,
    /// Its SQL side.
    pub(super) sql: Arc<dyn RemoteSql>,
    /// What comes out: the text of each column stands in terms of `from`.
    pub(super) columns: Scope,
    /// The tables, each under a name that no other has.
    pub(super) from: From,
    /// All hold.
    pub(super) conditions: Vec<String>,
    /// `Some` if rows are grouped: by nothing, if empty.
    pub(super) groups: Option<Vec<String>>,
    /// Before the limit.
    pub(super) order: Vec<String>,
    pub(super) limit: Option<usize>,
    /// How many rows are left out ahead of those that the limit counts.
    pub(super) offset: usize,
    /// Whether whoever reads the rows may count on `order`.
    pub(super) ordered: bool,
    /// What is taken to come out of it.
    pub(super) estimate: Estimate,
}

/// The text after FROM.
#[derive(Clone)]
pub(super) enum From {
    /// One relation and its name.
    One(String),
    /// Several, joined.
    Joined(String),
}

/// What a query is taken to deliver.
#[derive(Clone, Debug)]
pub(super) struct Estimate {
    /// Rows out of it; `None` if a join could make any number of them.
    pub(super) rows: Option<f64>,
    /// The share of a table's rows that its filters keep.
    pub(super) kept: f64,
    /// Columns of a primary key of what comes out, by their text; empty if none is known.
    pub(super) key: Vec<String>,
    /// The bytes that would travel if each table were read by itself.
    pub(super) bytes_apart: f64,
    /// Whether more is done than reading one table: only that is worth a query of its own.
    pub(super) composed: bool,
}

impl Select {
    pub(super) fn dialect(&self) -> &dyn RemoteDialect {
        self.sql.dialect()
    }

    /// Whether rows come straight from FROM and WHERE, so that more can be done with them in place.
    pub(super) fn is_plain(&self) -> bool {
        self.groups.is_none() && self.limit.is_none() && self.offset == 0 && self.order.is_empty()
    }

    /// The same, as one relation in FROM if it is not plain. `alias` is a fresh name.
    pub(super) fn plain(self, alias: impl FnOnce() -> String) -> Self {
        if self.is_plain() { self } else { self.nested(&alias()) }
    }

    /// The same rows from one relation in FROM.
    pub(super) fn nested(self, alias: &str) -> Self {
        let relation = format!("({}) AS {}", self.text(), self.dialect().identifier(alias));
        let named = |(index, column): (usize, &ScopeColumn)| ScopeColumn {
            sql: self.output(index, alias),
            computed: false,
            ..column.clone()
        };
        let columns: Vec<ScopeColumn> = self.columns.columns().iter().enumerate().map(named).collect();
        let place = |text: &String| self.columns.columns().iter().position(|column| column.sql == *text);
        let key: Option<Vec<String>> =
            self.estimate.key.iter().map(|part| Some(self.output(place(part)?, alias))).collect();
        Select {
            columns: Scope::new(columns),
            from: From::One(relation),
            conditions: Vec::new(),
            groups: None,
            order: Vec::new(),
            limit: None,
            offset: 0,
            ordered: self.ordered,
            estimate: Estimate { key: key.unwrap_or_default(), ..self.estimate },
            remote: self.remote,
            sql: self.sql,
        }
    }

    /// A column of this query, read from outside of it.
    fn output(&self, index: usize, alias: &str) -> String {
        let dialect = self.dialect();
        format!("{}.{}", dialect.identifier(alias), dialect.identifier(&column_name(index)))
    }

    /// The text. Its columns are called `c0`, `c1` …
    pub(super) fn text(&self) -> String {
        let dialect = self.dialect();
        let columns: Vec<String> = self
            .columns
            .columns()
            .iter()
            .enumerate()
            .map(|(index, column)| format!("{} AS {}", column.sql, dialect.identifier(&column_name(index))))
            .collect();
        let list = if columns.is_empty() { dialect.no_columns().to_owned() } else { columns.join(", ") };
        let space = if list.is_empty() { "" } else { " " };
        let mut text = format!("SELECT{space}{list} FROM {}", self.from.text());
        if !self.conditions.is_empty() {
            text.push_str(&format!(" WHERE {}", self.conditions.join(" AND ")));
        }
        if let Some(groups) = self.groups.as_ref().filter(|groups| !groups.is_empty()) {
            text.push_str(&format!(" GROUP BY {}", groups.join(", ")));
        }
        if !self.order.is_empty() {
            text.push_str(&format!(" ORDER BY {}", self.order.join(", ")));
        }
        if let Some(limit) = self.limit {
            text.push_str(&format!(" LIMIT {limit}"));
        }
        if self.offset > 0 {
            text.push_str(&format!(" OFFSET {}", self.offset));
        }
        text
    }

    /// The bytes that are taken to travel.
    pub(super) fn bytes(&self) -> Option<f64> {
        Some(self.estimate.rows? * super::cost::width(self.columns.columns()))
    }
}

impl From {
    fn text(&self) -> &str {
        match self {
            From::One(text) | From::Joined(text) => text,
        }
    }

    /// As one side of a join.
    pub(super) fn side(&self) -> String {
        match self {
            From::One(text) => text.clone(),
            From::Joined(text) => format!("({text})"),
        }
    }
}

/// What the column at this place is called outside.
pub(super) fn column_name(index: usize) -> String {
    format!("c{index}")
}
