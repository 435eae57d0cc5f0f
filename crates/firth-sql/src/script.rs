//! Scripts: where one statement ends and the next begins.

use firth_diagnostic::Span;

use crate::{TokenKind, lex};

/// The places of the statements in a script, without their semicolons. Pieces that hold only
/// whitespace and comments are left out. Never fails: a broken string runs to the end.
pub fn split(script: &str) -> Vec<Span> {
    let mut statements = Vec::new();
    let mut current: Option<Span> = None;
    for token in lex(script) {
        match token.kind {
            TokenKind::Semicolon => statements.extend(current.take()),
            TokenKind::Comment => {}
            _ => current = Some(current.map_or(token.span, |span| span.to(token.span))),
        }
    }
    statements.extend(current);
    statements
}

/// Whether a text typed so far can be run: its last statement ends in a semicolon, and no string,
/// comment or parenthesis is open.
///
/// A string in single quotes that has run over the end of its line is broken and no further line can
/// mend it: it counts as complete, so that its author is told.
pub fn is_complete(text: &str) -> bool {
    let mut ended = false;
    let mut depth = 0_usize;
    for token in lex(text) {
        if !token.closed {
            let one_line = !matches!(token.kind, TokenKind::Comment)
                && !["'''", "\"\"\""].iter().any(|quotes| {
                    token.text(text).trim_start_matches(['r', 'R', 'b', 'B']).starts_with(quotes)
                });
            return one_line && token.text(text).contains('\n');
        }
        match token.kind {
            TokenKind::Comment => continue,
            TokenKind::Operator => match token.text(text) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                _ => {}
            },
            _ => {}
        }
        ended = token.kind == TokenKind::Semicolon && depth == 0;
    }
    ended
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(script: &str) -> Vec<&str> {
        split(script).into_iter().map(|span| &script[span.start..span.end]).collect()
    }

    #[test]
    fn semicolons_in_strings_names_and_comments_do_not_split() {
        assert_eq!(
            pieces("SELECT ';' -- ; no\n; # ; no\n;; /* ; */ SELECT `;`, '''a\n;''' ; -- end"),
            ["SELECT ';'", "SELECT `;`, '''a\n;'''"]
        );
        assert_eq!(pieces("SELECT r'\\';' ; x"), ["SELECT r'\\';'", "x"]);
        assert_eq!(pieces("SELECT 'broken; SELECT 2"), ["SELECT 'broken; SELECT 2"]);
        assert!(pieces(" -- nothing\n ; ").is_empty());
    }

    #[test]
    fn comments_stay_inside_a_statement_and_are_left_off_around_it() {
        assert_eq!(pieces("/* a */ SELECT /* b */ 1 /* c */; -- d"), ["SELECT /* b */ 1"]);
    }

    #[test]
    fn a_statement_is_complete_at_its_semicolon() {
        for text in ["SELECT 1;", "SELECT ';';  -- done", "a;b;", "SELECT 'x\n;", ";"] {
            assert!(is_complete(text), "{text}");
        }
        for text in [
            "",
            "SELECT 1",
            "SELECT (1;",
            "SELECT '''a;",
            "SELECT 'a;",
            "SELECT 1; /* ",
            "a; b",
            "SELECT 1 -- ;",
        ] {
            assert!(!is_complete(text), "{text}");
        }
    }
}
