//! Completion: keywords, datasets, tables, columns, connections, option names, settings and commands.
//!
//! Names come from a list that is filled in the background after each statement; typing never waits.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use firth_engine::{EXPORT_OPTIONS, EXTERNAL_TABLE_OPTIONS, SETTINGS};
use firth_sql::keyword;
use reedline::{Completer, CompletionResult, Span, Suggestion};

use super::command;

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
}

/// Asks for the tables of an external schema, in the background.
pub(super) type Ask = Arc<dyn Fn(&str) + Send + Sync>;

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

    /// The external schema that a word names before its last dot, if nobody asked for its tables yet. Whoever is
    /// told so asks.
    fn to_ask(&self, word: &str) -> Option<String> {
        let (schema, _) = word.rsplit_once('.')?;
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tables = lists.remote.get_mut(schema).filter(|tables| tables.is_none())?;
        *tables = Some(BTreeSet::new());
        Some(schema.to_owned())
    }

    fn beginning_with(&self, word: &str) -> Vec<String> {
        let lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let remote = lists.remote.values().flatten().flatten();
        lists
            .catalog
            .iter()
            .chain(remote)
            .chain(&lists.columns)
            .filter(|name| begins(name, word))
            .cloned()
            .collect()
    }
}

/// Completes the word before the cursor.
pub(super) struct SqlCompleter {
    pub(super) names: Names,
    pub(super) ask: Ask,
}

impl Completer for SqlCompleter {
    fn complete(&mut self, line: &str, position: usize) -> CompletionResult {
        let before = line.get(..position).unwrap_or_default();
        let (start, values) = self.values(before);
        let suggestion = |value: String| Suggestion {
            value,
            span: Span::new(start, position),
            append_whitespace: true,
            ..Suggestion::default()
        };
        CompletionResult::fresh(values.into_iter().map(suggestion).collect::<Vec<_>>())
    }
}

impl SqlCompleter {
    /// Where the word under way begins, and what it may become.
    fn values(&self, before: &str) -> (usize, Vec<String>) {
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
            (self.ask)(&schema);
        }
        let mut values = self.names.beginning_with(word);
        if words.last().is_some_and(|last| last == "SET" || last == "RESET") {
            values.extend(
                SETTINGS.iter().map(|spec| spec.name).filter(|name| begins(name, word)).map(str::to_owned),
            );
        }
        if words.iter().any(|word| word.starts_with("OPTIONS")) {
            values.extend(option_names(&words).filter(|name| begins(name, word)).map(str::to_owned));
        }
        let typed_small = word.chars().next().is_some_and(char::is_lowercase);
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
    let own: Vec<&'static str> = match (export, table) {
        (true, _) => EXPORT_OPTIONS.iter().map(|spec| spec.name).collect(),
        (false, true) => EXTERNAL_TABLE_OPTIONS.iter().map(|spec| spec.name).collect(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(line: &str) -> Vec<String> {
        let names = Names::default();
        names.set_catalog(["shop", "shop.orders", "us.lake"].map(str::to_owned).into());
        names.add_columns(["o_orderkey".to_owned()]);
        SqlCompleter { names, ask: Arc::new(|_| {}) }.values(line).1
    }

    #[test]
    fn the_tables_of_an_external_schema_are_asked_for_once_and_only_when_somebody_wants_them() {
        let names = Names::default();
        names.set_external(["shop".to_owned()].into());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        let answering = names.clone();
        let ask: Ask = Arc::new(move |schema: &str| {
            heard.lock().expect("not poisoned").push(schema.to_owned());
            answering.set_remote(schema, ["shop.orders".to_owned()].into());
        });
        let completer = SqlCompleter { names: names.clone(), ask };
        completer.values("SELECT * FROM sho");
        assert!(asked.lock().expect("not poisoned").is_empty());
        assert_eq!(completer.values("SELECT * FROM shop.o").1, ["shop.orders"]);
        names.set_external(["shop".to_owned()].into());
        completer.values("SELECT * FROM shop.x");
        assert_eq!(*asked.lock().expect("not poisoned"), ["shop"]);
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
            completed("CREATE CONNECTION c OPTIONS (connection_t").contains(&"connection_type".to_owned())
        );
        assert!(completed("EXPORT DATA OPTIONS (overw").contains(&"overwrite".to_owned()));
        assert_eq!(completed(".tab"), [".tables"]);
    }
}
