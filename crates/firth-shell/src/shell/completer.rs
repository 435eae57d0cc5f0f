//! Completion: keywords, functions, datasets, tables, the columns of the tables that a statement reads, connections, option
//! names, settings and commands.
//!
//! Names come from a list that is filled in the background after each statement; typing never waits.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use firth_engine::{
    EXPORT_OPTIONS, EXTERNAL_TABLE_OPTIONS, MATERIALIZED_VIEW_OPTIONS, OBJECT_TABLE_OPTIONS, SETTINGS,
};
use firth_sql::keyword;
use reedline::{Completer, CompletionResult, Span, Suggestion};

use super::{
    command,
    tables_in_scope::{TableInScope, tables_in_scope, wants_a_table},
};

/// What the catalog has, and columns that were seen. Clones are the same list.
#[derive(Clone, Default)]
pub(crate) struct Names(Arc<Mutex<Lists>>);

#[derive(Default)]
struct Lists {
    /// Replaced as a whole by each look at the catalog.
    catalog: BTreeSet<String>,
    /// Columns of results; they only grow.
    columns: BTreeSet<String>,
    /// External schemas, and the tables of those that were asked for.
    remote: BTreeMap<String, Option<BTreeSet<String>>>,
    /// Columns of tables in order, by the table's name in lower case. None yet: they were asked for.
    tables: BTreeMap<String, Vec<String>>,
}

/// What only a source knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The tables of an external schema.
    Tables(String),
    /// The columns of a table in one.
    Columns(String),
}

/// Asks for it, in the background.
pub(super) type Ask = Arc<dyn Fn(Wanted) + Send + Sync>;

/// More columns than a person remembers are not kept.
const MOST_COLUMNS: usize = 10_000;

impl Names {
    /// Replaces what is known of the catalog.
    pub(crate) fn set_catalog(&self, names: BTreeSet<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).catalog = names;
    }

    /// Adds columns that a result had.
    pub(crate) fn add_columns(&self, names: impl IntoIterator<Item = String>) {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lists.columns.len() < MOST_COLUMNS {
            lists.columns.extend(names);
        }
    }

    /// Says which external schemas there are. What is known of their tables stays.
    pub(crate) fn set_external(&self, schemas: BTreeSet<String>) {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lists.remote.retain(|schema, _| schemas.contains(schema));
        for schema in schemas {
            lists.remote.entry(schema).or_default();
        }
    }

    /// Says which tables an external schema has.
    pub(crate) fn set_remote(&self, schema: &str, tables: BTreeSet<String>) {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lists.remote.insert(schema.to_owned(), Some(tables));
    }

    /// Says which columns a table has.
    pub(crate) fn set_table(&self, table: &str, columns: Vec<String>) {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lists.tables.insert(table.to_lowercase(), columns);
    }

    /// The columns of a table, as far as they are known; and whether somebody should ask for them: they are a table's of an
    /// external schema, and nobody did.
    fn columns(&self, table: &str) -> (Vec<String>, bool) {
        let key = table.to_lowercase();
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(columns) = lists.tables.get(&key) {
            return (columns.clone(), false);
        }
        let is_remote = key.rsplit_once('.').is_some_and(|(schema, _)| {
            lists.remote.keys().any(|external| external.eq_ignore_ascii_case(schema))
        });
        if is_remote {
            lists.tables.insert(key, Vec::new());
        }
        (Vec::new(), is_remote)
    }

    /// The external schema that a word names before its last dot, if nobody asked for its tables yet. Whoever is
    /// told so asks.
    fn to_ask(&self, word: &str) -> Option<String> {
        let (schema, _) = word.rsplit_once('.')?;
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tables = lists.remote.get_mut(schema).filter(|tables| tables.is_none())?;
        *tables = Some(BTreeSet::new());
        Some(schema.to_owned())
    }

    /// Tables and what else the catalog has.
    fn of_catalog(&self, word: &str) -> Vec<String> {
        let lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let remote = lists.remote.values().flatten().flatten();
        lists.catalog.iter().chain(remote).filter(|name| begins(name, word)).cloned().collect()
    }
}

impl Names {
    /// Columns of earlier results.
    fn seen_columns(&self, word: &str) -> Vec<String> {
        let lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lists.columns.iter().filter(|name| begins(name, word)).cloned().collect()
    }
}

/// Completes the word before the cursor.
pub(super) struct SqlCompleter {
    pub(super) names: Names,
    pub(super) ask: Ask,
}

impl Completer for SqlCompleter {
    fn complete(&mut self, line: &str, position: usize) -> CompletionResult {
        let (start, values) = self.values(line, position);
        let suggestion = |value: String| Suggestion {
            // A function's arguments follow it at once.
            append_whitespace: !value.ends_with('('),
            value,
            span: Span::new(start, position),
            ..Suggestion::default()
        };
        CompletionResult::fresh(values.into_iter().map(suggestion).collect::<Vec<_>>())
    }
}

impl SqlCompleter {
    /// Where the word under way begins, and what it may become.
    fn values(&self, line: &str, position: usize) -> (usize, Vec<String>) {
        let before = line.get(..position).unwrap_or_default();
        if before.starts_with(['.', '\\']) && !before.contains(char::is_whitespace) {
            return (0, command::names().filter(|name| begins(name, before)).map(str::to_owned).collect());
        }
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '`');
        let start = before
            .rfind(|c| !is_part(c))
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let word = &before[start..];
        // Within a text there is nothing to complete, and without a letter everything would be.
        if word.is_empty() || in_a_text(before) {
            return (start, Vec::new());
        }
        let words: Vec<String> = before[..start].split_whitespace().map(str::to_ascii_uppercase).collect();
        if let Some(schema) = self.names.to_ask(word) {
            (self.ask)(Wanted::Tables(schema));
        }
        let wants_a_table = wants_a_table(&before[..start]);
        let scope = if wants_a_table { Vec::new() } else { tables_in_scope(line, position) };
        if let Some(values) = self.qualified_columns(&scope, word) {
            return (start, values);
        }
        let mut values = self.names.of_catalog(word);
        if !wants_a_table {
            values.extend(self.columns(&scope, word));
        }
        if words.last().is_some_and(|last| last == "SET" || last == "RESET") {
            values.extend(
                SETTINGS.iter().map(|spec| spec.name).filter(|name| begins(name, word)).map(str::to_owned),
            );
        }
        if words.iter().any(|word| word.starts_with("OPTIONS")) {
            values.extend(option_names(&words).filter(|name| begins(name, word)).map(str::to_owned));
        }
        let typed_small = word.chars().next().is_some_and(char::is_lowercase);
        if !wants_a_table {
            let functions = firth_engine::function_names()
                .iter()
                .filter(|name| name.len() >= word.len() && begins_or_is(name, word));
            values.extend(functions.map(|name| {
                let name = if typed_small { name.clone() } else { name.to_ascii_uppercase() };
                format!("{name}(")
            }));
        }
        let keywords = keyword::keywords().filter(|keyword| begins(keyword, word));
        values.extend(
            keywords
                .map(|keyword| if typed_small { keyword.to_ascii_lowercase() } else { keyword.to_owned() }),
        );
        let mut seen = BTreeSet::new();
        values.retain(|value| seen.insert(value.clone()));
        (start, values)
    }
}

impl SqlCompleter {
    /// `o.` and what may follow, where `o` is a table of the statement. None if the word has no such qualifier.
    fn qualified_columns(&self, scope: &[TableInScope], word: &str) -> Option<Vec<String>> {
        let (qualifier, _) = word.rsplit_once('.')?;
        let table = scope.iter().find(|table| table.is_called(qualifier))?;
        let columns = self.known_columns(&table.table).into_iter();
        Some(
            columns.map(|column| format!("{qualifier}.{column}")).filter(|name| begins(name, word)).collect(),
        )
    }

    /// Columns that a word may be of: of the statement's tables, or of whatever was seen where those are not known.
    fn columns(&self, scope: &[TableInScope], word: &str) -> Vec<String> {
        let known: Vec<String> = scope.iter().flat_map(|table| self.known_columns(&table.table)).collect();
        if known.is_empty() {
            return self.names.seen_columns(word);
        }
        let aliases = scope.iter().filter_map(|table| table.alias.clone());
        known.into_iter().chain(aliases).filter(|name| begins(name, word)).collect()
    }

    fn known_columns(&self, table: &str) -> Vec<String> {
        let (columns, ask) = self.names.columns(table);
        if ask {
            (self.ask)(Wanted::Columns(table.to_owned()));
            // Whoever answers at once, as a test does, has answered.
            return self.names.columns(table).0;
        }
        columns
    }
}

/// The options of the statement under way, whatever the connection type.
fn option_names(words: &[String]) -> impl Iterator<Item = &'static str> {
    let has = |word: &str| words.iter().any(|other| other == word);
    let (export, table) = (has("EXPORT"), has("TABLE"));
    let of_connections = firth_connectors::all()
        .types()
        .flat_map(|(_, kind)| kind.options)
        .map(|spec| spec.name)
        .chain(["connection_type", "validate"])
        .collect::<Vec<_>>();
    if has("MATERIALIZED") {
        return MATERIALIZED_VIEW_OPTIONS.iter().map(|spec| spec.name).collect::<Vec<_>>().into_iter();
    }
    let own: Vec<&'static str> = match (export, table) {
        (true, _) => EXPORT_OPTIONS.iter().map(|spec| spec.name).collect(),
        (false, true) => {
            let objects = OBJECT_TABLE_OPTIONS.iter().filter(|spec| spec.name == "object_metadata");
            EXTERNAL_TABLE_OPTIONS.iter().chain(objects).map(|spec| spec.name).collect()
        }
        (false, false) => of_connections,
    };
    own.into_iter()
}

fn in_a_text(before: &str) -> bool {
    firth_sql::lex(before).last().is_some_and(|token| {
        !token.closed && matches!(token.kind, firth_sql::TokenKind::String | firth_sql::TokenKind::Comment)
    })
}

/// Whether a name begins with a word, in any case. It may go on, and must: what is complete is not offered.
fn begins(name: &str, word: &str) -> bool {
    name.len() > word.len()
        && name.get(..word.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(word))
}

/// The same for a function, whose name may be complete: its parenthesis is not.
fn begins_or_is(name: &str, word: &str) -> bool {
    begins(name, word) || name.eq_ignore_ascii_case(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(line: &str) -> Vec<String> {
        let names = Names::default();
        names.set_catalog(["shop", "shop.orders", "us.lake"].map(str::to_owned).into());
        names.add_columns(["o_orderkey".to_owned()]);
        names.set_table("shop.orders", ["o_orderkey", "o_total"].map(str::to_owned).into());
        names.set_table("shop.lines", ["l_number"].map(str::to_owned).into());
        // The cursor stands at a bar, or at the end.
        let position = line.find('|').unwrap_or(line.len());
        SqlCompleter { names, ask: Arc::new(|_| {}) }.values(&line.replace('|', ""), position).1
    }

    #[test]
    fn columns_are_those_of_the_tables_that_the_statement_reads() {
        assert_eq!(completed("SELECT o_| FROM shop.orders"), ["o_orderkey", "o_total"]);
        assert_eq!(completed("SELECT o_| FROM shop.lines"), [""; 0]);
        assert_eq!(completed("SELECT o.| FROM shop.orders AS o"), ["o.o_orderkey", "o.o_total"]);
        assert_eq!(completed("SELECT x.o| FROM shop.orders AS o"), [""; 0]);
        assert_eq!(
            completed("SELECT * FROM shop.orders o JOIN shop.lines l ON l.l_number = o.O_T"),
            ["o.o_total"]
        );
        assert_eq!(completed("SELECT orders.o_t| FROM shop.orders"), ["orders.o_total"]);
    }

    #[test]
    fn functions_are_completed_with_their_parenthesis_and_not_where_a_table_stands() {
        assert_eq!(completed("SELECT countif"), ["countif("]);
        assert_eq!(completed("SELECT APPROX_COUNT_D"), ["APPROX_COUNT_DISTINCT("]);
        assert_eq!(completed("SELECT * FROM countif"), [""; 0]);
    }

    #[test]
    fn the_tables_of_an_external_schema_are_asked_for_once_and_only_when_somebody_wants_them() {
        let names = Names::default();
        names.set_external(["shop".to_owned()].into());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        let answering = names.clone();
        let ask: Ask = Arc::new(move |wanted: Wanted| {
            heard.lock().expect("not poisoned").push(wanted.clone());
            match wanted {
                Wanted::Tables(schema) => answering.set_remote(&schema, ["shop.orders".to_owned()].into()),
                Wanted::Columns(table) => answering.set_table(&table, vec!["o_total".to_owned()]),
            }
        });
        let completer = SqlCompleter { names: names.clone(), ask };
        let values = |line: &str| completer.values(line, line.len()).1;
        values("SELECT * FROM sho");
        assert!(asked.lock().expect("not poisoned").is_empty());
        assert_eq!(values("SELECT * FROM shop.o"), ["shop.orders"]);
        names.set_external(["shop".to_owned()].into());
        values("SELECT * FROM shop.x");
        assert_eq!(values("SELECT * FROM shop.orders WHERE o_"), ["o_total"]);
        assert_eq!(values("SELECT * FROM shop.orders AS x WHERE x."), ["x.o_total"]);
        let (tables, columns) = (Wanted::Tables("shop".into()), Wanted::Columns("shop.orders".into()));
        assert_eq!(*asked.lock().expect("not poisoned"), [tables, columns]);
    }

    #[test]
    fn names_and_keywords_are_completed_in_the_case_that_was_begun() {
        assert_eq!(completed("SELECT * FROM sho"), ["shop", "shop.orders", "show"]);
        assert_eq!(completed("SELECT o_o"), ["o_orderkey"]);
        assert_eq!(completed("SELEC"), ["SELECT"]);
        assert_eq!(completed("selec"), ["select"]);
        assert_eq!(completed("SELECT 'sho"), [""; 0]);
        assert_eq!(completed("SELECT "), [""; 0]);
        assert_eq!(completed("SELECT é"), [""; 0]);
    }

    #[test]
    fn options_settings_and_commands_are_completed_where_they_stand() {
        assert!(completed("SET push").contains(&"pushdown".to_owned()));
        assert!(
            completed("CREATE MATERIALIZED VIEW v OPTIONS (max_st").contains(&"max_staleness".to_owned())
        );
        assert!(
            completed("CREATE CONNECTION c OPTIONS (connection_t").contains(&"connection_type".to_owned())
        );
        assert!(completed("EXPORT DATA OPTIONS (overw").contains(&"overwrite".to_owned()));
        assert_eq!(completed(".tab"), [".tables"]);
    }
}
