//! How long and how deep a query may be, judged by its tokens before any tree is built.
//!
//! A tree too deep for the stack could not even be dropped. sqlparser limits how deep parentheses and
//! prefixes nest; it does not limit chains of operators, which nest to the left, nor types.

use firth_diagnostic::{Code, Diagnostic, Result};

use crate::{Token, TokenKind};

/// Types nest at most this deep. BigQuery's limit is 15.
const DEEPEST_TYPE: usize = 20;
/// Parentheses, brackets and CASEs nest at most this deep.
const DEEPEST: usize = 100;
/// Those of them that begin with a word that sqlparser first takes for a keyword, then for a function:
/// on an error it tries both at every level, so each level doubles its time.
const DEEPEST_RETRIED: usize = 12;
const RETRIED: &[&str] = &[
    "ARRAY",
    "CAST",
    "CEIL",
    "EXISTS",
    "EXTRACT",
    "FLOOR",
    "IF",
    "INTERVAL",
    "NOT",
    "OVERLAY",
    "POSITION",
    "SAFE_CAST",
    "STRUCT",
    "SUBSTR",
    "SUBSTRING",
    "TRIM",
    "TRY_CAST",
];
/// How many ANDs and ORs stand in a row: they are balanced as soon as they are parsed.
const LONGEST_LOGICAL: usize = 2_000;
/// How many other operators stand in a row, and how many UNIONs.
const LONGEST_CHAIN: usize = 200;

/// What one pair of parentheses has seen so far.
#[derive(Clone, Copy, Default)]
struct Level {
    operators: usize,
    logical: usize,
    set_operations: usize,
    /// One, if it stands after one of `RETRIED`.
    retried: usize,
    /// BETWEENs that wait for their AND.
    betweens: usize,
}

/// Refuses what is too long or too deep.
pub(super) fn check(text: &str, tokens: &[Token]) -> Result<()> {
    let mut levels = vec![Level::default()];
    let mut angles = 0_usize;
    let mut previous = String::new();
    for token in tokens {
        let own = token.text(text).to_ascii_uppercase();
        match (token.kind, own.as_str()) {
            (TokenKind::Operator, "(" | "[") | (TokenKind::Word, "CASE") => {
                let retried = usize::from(RETRIED.contains(&previous.as_str()));
                levels.push(Level { retried, ..Level::default() });
            }
            (TokenKind::Operator, ")" | "]") | (TokenKind::Word, "END") if levels.len() > 1 => {
                levels.pop();
            }
            (TokenKind::Operator, "<") if matches!(previous.as_str(), "ARRAY" | "STRUCT") => angles += 1,
            (TokenKind::Operator, ">") if angles > 0 => angles -= 1,
            _ => {
                if let Some(level) = levels.last_mut() {
                    level.see(token.kind, &own);
                }
            }
        }
        let level = levels.last().copied().unwrap_or_default();
        let retried: usize = levels.iter().map(|level| level.retried).sum();
        if levels.len() > DEEPEST || angles > DEEPEST_TYPE || retried > DEEPEST_RETRIED {
            return Err(Diagnostic::error(Code::Exhausted, "this nests too deep")
                .at(token.span)
                .hint("Move inner expressions to a WITH clause."));
        }
        for (count, most) in [
            (level.operators, LONGEST_CHAIN),
            (level.set_operations, LONGEST_CHAIN),
            (level.logical, LONGEST_LOGICAL),
        ] {
            if count > most {
                return Err(Diagnostic::error(
                    Code::Exhausted,
                    format!("more than {most} operators in a row"),
                )
                .at(token.span)
                .hint(
                    "Write x IN (…) in place of many comparisons, or UNNEST([…]) in place of many UNIONs.",
                ));
            }
        }
        previous = own;
    }
    Ok(())
}

impl Level {
    fn see(&mut self, kind: TokenKind, own: &str) {
        match (kind, own) {
            (TokenKind::Operator, ",") => (self.operators, self.logical) = (0, 0),
            (TokenKind::Operator, ".") => {}
            (TokenKind::Operator, _) => self.operators += 1,
            (TokenKind::Word, "AND") if self.betweens > 0 => self.betweens -= 1,
            (TokenKind::Word, "AND" | "OR") => {
                self.logical += 1;
                self.operators = 0;
            }
            (TokenKind::Word, "BETWEEN") => {
                self.betweens += 1;
                self.operators += 1;
            }
            (TokenKind::Word, "LIKE" | "IN" | "IS" | "COLLATE" | "AT") => self.operators += 1,
            (TokenKind::Word, "UNION" | "INTERSECT" | "EXCEPT") => self.set_operations += 1,
            // The words that end one expression and begin another.
            (
                TokenKind::Word,
                "SELECT" | "WHERE" | "HAVING" | "QUALIFY" | "ON" | "BY" | "WHEN" | "THEN" | "ELSE",
            ) => {
                (self.operators, self.logical) = (0, 0);
            }
            _ => {}
        }
    }
}
