//! Which tables the statement under the cursor reads, and what it calls them: for completing their columns.
//!
//! Read from tokens, since a statement under way seldom parses. A name that is missed is not completed, no more.

use firth_sql::{Token, TokenKind};

/// A table of a FROM clause, or the target of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TableInScope {
    /// As written, without back-quotes: `shop.orders`.
    pub(super) table: String,
    /// What its columns may be called by, apart from its own name.
    pub(super) alias: Option<String>,
}

impl TableInScope {
    /// Whether `qualifier.column` may be a column of it.
    pub(super) fn is_called(&self, qualifier: &str) -> bool {
        match &self.alias {
            Some(alias) => alias.eq_ignore_ascii_case(qualifier),
            None => {
                let own = self.table.rsplit('.').next().unwrap_or(&self.table);
                own.eq_ignore_ascii_case(qualifier) || self.table.eq_ignore_ascii_case(qualifier)
            }
        }
    }
}

/// Words after which a table is named.
const BEFORE_A_TABLE: [&str; 5] = ["FROM", "JOIN", "UPDATE", "INTO", "DESCRIBE"];
/// Words that go on after a table and so are no alias.
const AFTER_A_TABLE: [&str; 19] = [
    "WHERE", "JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "ON", "USING", "GROUP", "ORDER", "HAVING",
    "LIMIT", "UNION", "WINDOW", "QUALIFY", "SET", "FOR", "SELECT",
];

/// The tables of the statement at `position`, also those that stand behind it.
pub(super) fn tables_in_scope(text: &str, position: usize) -> Vec<TableInScope> {
    let mut reader = Reader { text, tokens: statement_at(text, position), next: 0 };
    let mut tables = Vec::new();
    while let Some(word) = reader.take() {
        if BEFORE_A_TABLE.iter().any(|before| before.eq_ignore_ascii_case(word)) {
            reader.list(&mut tables);
        }
    }
    tables
}

/// Whether a table is what comes next, after these words.
pub(super) fn wants_a_table(before: &str) -> bool {
    let last = firth_sql::lex(before).into_iter().rfind(|token| token.kind != TokenKind::Comment);
    last.is_some_and(|token| BEFORE_A_TABLE.iter().any(|word| word.eq_ignore_ascii_case(token.text(before))))
}

/// The tokens between the semicolons around a position.
fn statement_at(text: &str, position: usize) -> Vec<Token> {
    let mut tokens = firth_sql::lex(text);
    tokens.retain(|token| token.kind != TokenKind::Comment);
    let is_end = |token: &Token| token.kind == TokenKind::Semicolon;
    let begin = tokens.iter().rposition(|token| is_end(token) && token.span.end <= position);
    let mut tokens = tokens.split_off(begin.map_or(0, |at| at + 1));
    if let Some(end) = tokens.iter().position(is_end) {
        tokens.truncate(end);
    }
    tokens
}

struct Reader<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    next: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<(TokenKind, &'a str)> {
        self.tokens.get(self.next).map(|token| (token.kind, token.text(self.text)))
    }

    fn take(&mut self) -> Option<&'a str> {
        let (_, text) = self.peek()?;
        self.next += 1;
        Some(text)
    }

    /// `a.b AS c, d`: as far as it goes on like this.
    fn list(&mut self, tables: &mut Vec<TableInScope>) {
        while let Some(table) = self.path() {
            let alias = self.alias();
            tables.push(TableInScope { table, alias });
            if self.peek().is_none_or(|(_, text)| text != ",") {
                return;
            }
            self.next += 1;
        }
    }

    /// `a.b`, `` `a.b` ``. A subquery and a function are none.
    fn path(&mut self) -> Option<String> {
        let mut path = self.name()?;
        while self.peek().is_some_and(|(_, text)| text == ".") {
            self.next += 1;
            path = format!("{path}.{}", self.name()?);
        }
        self.peek().is_none_or(|(_, text)| text != "(").then_some(path)
    }

    fn alias(&mut self) -> Option<String> {
        if self.peek().is_some_and(|(_, text)| text.eq_ignore_ascii_case("AS")) {
            self.next += 1;
        }
        self.name()
    }

    fn name(&mut self) -> Option<String> {
        let (kind, text) = self.peek()?;
        let is_name = match kind {
            TokenKind::Word => !AFTER_A_TABLE.iter().any(|word| word.eq_ignore_ascii_case(text)),
            TokenKind::QuotedIdentifier => true,
            TokenKind::String
            | TokenKind::Bytes
            | TokenKind::Number
            | TokenKind::Parameter
            | TokenKind::SystemVariable
            | TokenKind::Comment
            | TokenKind::Semicolon
            | TokenKind::Operator
            | TokenKind::Unknown => false,
        };
        if !is_name {
            return None;
        }
        self.next += 1;
        Some(text.trim_matches('`').to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tables at the bar, as `table` or `table=alias`.
    fn tables(text: &str) -> String {
        let position = text.find('|').expect("a bar where the cursor is");
        let found = tables_in_scope(&text.replace('|', ""), position).into_iter();
        let shown = found.map(|table| match table.alias {
            Some(alias) => format!("{}={alias}", table.table),
            None => table.table,
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn tables_are_found_before_and_behind_the_cursor() {
        assert_eq!(tables("SELECT | FROM shop.orders AS o"), "shop.orders=o");
        assert_eq!(tables("SELECT * FROM a JOIN b.c d ON d.|"), "a b.c=d");
        assert_eq!(tables("SELECT * FROM `a.b`, c WHERE |"), "a.b c");
        assert_eq!(tables("UPDATE a.b SET |"), "a.b");
        assert_eq!(tables("SELECT (SELECT | FROM x) FROM y LEFT JOIN z USING (k)"), "x y z");
        assert_eq!(tables("SELECT | FROM UNNEST([1])"), "");
        assert_eq!(tables("SELECT '|"), "");
    }

    #[test]
    fn other_statements_of_the_text_are_others() {
        assert_eq!(tables("SELECT 1 FROM a; SELECT | FROM b; SELECT 1 FROM c"), "b");
        assert_eq!(tables("SELECT 1 FROM a;|"), "");
    }

    #[test]
    fn a_table_with_an_alias_is_called_by_it_alone() {
        let table = |alias: Option<&str>| TableInScope {
            table: "shop.orders".into(),
            alias: alias.map(str::to_owned),
        };
        assert!(table(None).is_called("ORDERS") && table(None).is_called("shop.orders"));
        assert!(table(Some("o")).is_called("O") && !table(Some("o")).is_called("orders"));
    }

    #[test]
    fn after_from_and_its_like_a_table_is_wanted() {
        assert!(wants_a_table("SELECT * FROM ") && wants_a_table("a join -- b\n"));
        assert!(!wants_a_table("SELECT ") && !wants_a_table("SELECT * FROM a "));
    }
}
