//! `PRIMARY KEY`, `FOREIGN KEY` and `REFERENCES` of tables: told apart from columns, and refused. Nothing keeps them yet.

use firth_diagnostic::{Code, Diagnostic, Result};

use super::cursor::Cursor;

/// Stands where a table's next column would.
pub(super) fn refuse_of_table(cursor: &Cursor<'_>) -> Result<()> {
    for words in [&["PRIMARY", "KEY"], &["FOREIGN", "KEY"]] {
        if cursor.at_keywords(words) {
            return Err(unsupported(cursor, &words.join(" ")));
        }
    }
    // A column may be called so: `constraint STRING`.
    if cursor.at_keyword("CONSTRAINT") && constrains(cursor) {
        return Err(unsupported(cursor, "CONSTRAINT"));
    }
    Ok(())
}

/// Whether the next is CONSTRAINT, its name, and what it is.
fn constrains(cursor: &Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    ahead.advance();
    ahead.take_keywords(&["IF", "NOT", "EXISTS"]);
    ahead.advance();
    ahead.at_keywords(&["PRIMARY", "KEY"]) || ahead.at_keywords(&["FOREIGN", "KEY"])
}

/// Stands after a column.
pub(super) fn refuse_of_column(cursor: &Cursor<'_>) -> Result<()> {
    for words in [&["PRIMARY", "KEY"][..], &["REFERENCES"], &["CONSTRAINT"]] {
        if cursor.at_keywords(words) {
            return Err(unsupported(cursor, &words.join(" ")));
        }
    }
    Ok(())
}

/// Stands after the table's name in ALTER TABLE.
pub(super) fn refuse_altered(cursor: &Cursor<'_>) -> Result<()> {
    for words in [["ADD", "CONSTRAINT"], ["ADD", "PRIMARY"], ["ADD", "FOREIGN"]] {
        if cursor.at_keywords(&words) {
            return Err(unsupported(cursor, &format!("ALTER TABLE … {}", words.join(" "))));
        }
    }
    for words in [["DROP", "CONSTRAINT"], ["DROP", "PRIMARY"]] {
        if cursor.at_keywords(&words) {
            let message = format!("ALTER TABLE … {} is not in this version", words.join(" "));
            return Err(Diagnostic::error(Code::Unsupported, message)
                .at(cursor.here())
                .hint("Tables have no keys: there is nothing to drop."));
        }
    }
    Ok(())
}

fn unsupported(cursor: &Cursor<'_>, what: &str) -> Diagnostic {
    Diagnostic::error(Code::Unsupported, format!("{what} is not in this version: tables have no keys"))
        .at(cursor.here())
        .hint("Leave it out. GoogleSQL's keys are NOT ENFORCED: no row is refused for one, there or here.")
}
