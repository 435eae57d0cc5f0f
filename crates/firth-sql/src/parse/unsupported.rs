//! GoogleSQL's statements that this version does not have: told apart from what is no statement.

use firth_diagnostic::{Code, Diagnostic, Result};

use super::cursor::Cursor;

/// Words that begin such statements, and what to do instead.
const STATEMENTS: &[(&[&str], &str)] = &[
    (&["EXPORT", "MODEL"], ""),
    (&["EXPORT", "TABLE"], "Use EXPORT DATA."),
    (&["GRANT"], ""),
    (&["REVOKE"], ""),
    (&["ALTER"], "ALTER takes CONNECTION and TABLE. Other things are changed by CREATE OR REPLACE."),
    (&["DROP"], "DROP takes CONNECTION, EXTERNAL TABLE, MATERIALIZED VIEW, SCHEMA, TABLE and VIEW."),
    (&["CALL"], ""),
    (&["EXECUTE", "IMMEDIATE"], ""),
    (&["BEGIN"], ""),
    (&["COMMIT"], ""),
    (&["ROLLBACK"], ""),
    (&["DECLARE"], "Use --param and @name."),
    (&["UNDROP"], ""),
];

/// Things that cannot be created yet, and what to do instead.
const CREATED: &[(&[&str], &str)] = &[
    (&["SNAPSHOT", "TABLE"], ""),
    (&["FUNCTION"], ""),
    (&["AGGREGATE", "FUNCTION"], ""),
    (&["TABLE", "FUNCTION"], ""),
    (&["PROCEDURE"], ""),
    (&["MODEL"], ""),
    (&["ROW", "ACCESS", "POLICY"], ""),
    (&["DATA_POLICY"], ""),
    (&["SEARCH", "INDEX"], ""),
    (&["VECTOR", "INDEX"], ""),
    (&["CAPACITY"], ""),
    (&["RESERVATION"], ""),
    (&["ASSIGNMENT"], ""),
];

/// Fails if the next words begin such a statement.
pub(super) fn statement(cursor: &Cursor<'_>) -> Result<()> {
    refuse(cursor, STATEMENTS, "")
}

/// Fails if such a thing is to be created.
pub(super) fn created(cursor: &Cursor<'_>) -> Result<()> {
    refuse(cursor, CREATED, "CREATE ")
}

fn refuse(cursor: &Cursor<'_>, list: &[(&[&str], &str)], before: &str) -> Result<()> {
    for (words, hint) in list {
        // ALTER and DROP alone are here for whatever follows them; alone, they are half a statement.
        let something_follows =
            words.len() > 1 || !["ALTER", "DROP"].contains(&words[0]) || names_a_thing(cursor);
        if cursor.at_keywords(words) && something_follows {
            let mut phrase = words.join(" ");
            if let ("ALTER" | "DROP", Some(next)) = (words[0], cursor.peek_ahead(1)) {
                phrase = format!("{} {}", words[0], next.text(cursor.text).to_ascii_uppercase());
            }
            let hint = (!hint.is_empty()).then(|| (*hint).to_string());
            return Err(Diagnostic::error(
                Code::Unsupported,
                format!("{before}{phrase} is not in this version"),
            )
            .at(cursor.here())
            .hint_if(hint));
        }
    }
    Ok(())
}

/// Whether the word after the next is a kind of thing that GoogleSQL has.
fn names_a_thing(cursor: &Cursor<'_>) -> bool {
    const THINGS: &[&str] = &[
        "ALL",
        "ASSIGNMENT",
        "BI_CAPACITY",
        "CAPACITY",
        "COLUMN",
        "DATA_POLICY",
        "EXTERNAL",
        "FUNCTION",
        "MATERIALIZED",
        "MODEL",
        "ORGANIZATION",
        "PROCEDURE",
        "PROJECT",
        "RESERVATION",
        "ROW",
        "SCHEMA",
        "SEARCH",
        "SNAPSHOT",
        "TABLE",
        "VECTOR",
        "VIEW",
    ];
    cursor
        .peek_ahead(1)
        .is_some_and(|token| THINGS.contains(&token.text(cursor.text).to_ascii_uppercase().as_str()))
}
