//! What was typed, kept in the home folder without secrets.
//!
//! Statements about connections are kept as the parser prints them, which hides their texts. What does
//! not parse is kept only if it can hold no option: nobody knows what a mistyped statement holds.

use std::{
    fs::{DirBuilder, OpenOptions},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use firth_sql::Statement;
use reedline::{
    FileBackedHistory, History, HistoryItem, HistoryItemId, HistorySessionId, Result, SearchQuery,
};

/// How many lines are kept.
const LINES: usize = 10_000;

/// A history file that no secret reaches.
pub(super) struct SafeHistory(FileBackedHistory);

impl SafeHistory {
    /// The history in this home. `None` if it cannot be used: the shell does without.
    pub(super) fn open(home: &Path) -> Option<Self> {
        // Both for this user alone, before anything is in them.
        DirBuilder::new().recursive(true).mode(0o700).create(home).ok()?;
        let file = home.join("history");
        OpenOptions::new().create(true).append(true).mode(0o600).open(&file).ok()?;
        FileBackedHistory::with_file(LINES, file).ok().map(SafeHistory)
    }
}

/// The text as it may be kept; `None` if it may not.
fn kept(text: &str) -> Option<String> {
    let mut pieces = Vec::new();
    let mut altered = false;
    for span in firth_sql::split(text) {
        let piece = text.get(span.start..span.end)?;
        match firth_sql::parse(piece) {
            Ok(statement @ (Statement::CreateConnection(_) | Statement::AlterConnection(_))) => {
                altered = true;
                pieces.push(statement.to_string());
            }
            Ok(_) => pieces.push(piece.to_owned()),
            Err(_) if may_hold_options(piece) => return None,
            Err(_) => pieces.push(piece.to_owned()),
        }
    }
    if !altered {
        // Comments may hold anything, also a statement that was commented out.
        let has_secret_comment = firth_sql::lex(text)
            .iter()
            .any(|token| token.kind == firth_sql::TokenKind::Comment && may_hold_options(token.text(text)));
        return (!has_secret_comment).then(|| text.to_owned());
    }
    Some(pieces.join("; ") + ";")
}

/// Whether a text that does not parse could be a statement with options. A query could not, unless a
/// quote that was left open swallowed one.
fn may_hold_options(piece: &str) -> bool {
    let upper = piece.to_uppercase();
    let begins_as_query =
        ["SELECT", "WITH", "FROM", "SHOW", "DESC", "EXPLAIN", "(", ".", "\\", "--", "#", "/*"]
            .iter()
            .any(|word| upper.starts_with(word));
    !begins_as_query
        || ["CONNECTION", "OPTIONS", "PASSWORD", "SECRET"].iter().any(|word| upper.contains(word))
}

impl History for SafeHistory {
    fn save(&mut self, mut item: HistoryItem) -> Result<HistoryItem> {
        // An empty line is not kept.
        item.command_line = kept(&item.command_line).unwrap_or_default();
        self.0.save(item)
    }

    fn load(&self, id: HistoryItemId) -> Result<HistoryItem> {
        self.0.load(id)
    }

    fn count(&self, query: SearchQuery) -> Result<i64> {
        self.0.count(query)
    }

    fn search(&self, query: SearchQuery) -> Result<Vec<HistoryItem>> {
        self.0.search(query)
    }

    fn update(&mut self, id: HistoryItemId, updater: &dyn Fn(HistoryItem) -> HistoryItem) -> Result<()> {
        self.0.update(id, updater)
    }

    fn clear(&mut self) -> Result<()> {
        self.0.clear()
    }

    fn delete(&mut self, id: HistoryItemId) -> Result<()> {
        self.0.delete(id)
    }

    fn sync(&mut self) -> std::io::Result<()> {
        self.0.sync()
    }

    fn session(&self) -> Option<HistorySessionId> {
        self.0.session()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_kept() {
        for text in [
            "CREATE CONNECTION c OPTIONS (connection_type = 'POSTGRES', password = 'canary');",
            "ALTER CONNECTION c SET OPTIONS (password = '''canary''');",
            "SELECT 1; CREATE CONNECTION c OPTIONS (connection_type = 'X', password = 'canary');",
            "CREATE CONECTION c OPTIONS (password = 'canary');",
            "CREATE CONNECTION c OPTIONS (password = 'canary'",
            "PASSWORD = 'canary';",
            "SELECT 'open; CREATE CONNECTION c OPTIONS (password = 'canary');",
            "SELECT 1; -- CREATE CONNECTION c OPTIONS (password = 'canary')\n",
        ] {
            let kept = kept(text).unwrap_or_default();
            assert!(!kept.contains("canary"), "{text}: {kept}");
        }
    }

    #[test]
    fn queries_are_kept_as_typed_even_with_a_mistake() {
        for text in ["SELECT 'a'\n  FROM t;", "SELECT FROM WHERE;", ".mode csv", "SHOW TABLES; -- all"] {
            assert_eq!(kept(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn the_file_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().join("home");
        drop(SafeHistory::open(&home).expect("opened"));
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&home), mode(&home.join("history"))), (0o700, 0o600));
    }
}
