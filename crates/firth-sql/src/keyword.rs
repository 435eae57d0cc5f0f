//! GoogleSQL's reserved words, and the words that begin a statement.

/// The words that are never identifiers without back-quotes, in order.
const RESERVED: &[&str] = &[
    "ALL",
    "AND",
    "ANY",
    "ARRAY",
    "AS",
    "ASC",
    "ASSERT_ROWS_MODIFIED",
    "AT",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "COLLATE",
    "CONTAINS",
    "CREATE",
    "CROSS",
    "CUBE",
    "CURRENT",
    "DEFAULT",
    "DEFINE",
    "DESC",
    "DISTINCT",
    "ELSE",
    "END",
    "ENUM",
    "ESCAPE",
    "EXCEPT",
    "EXCLUDE",
    "EXISTS",
    "EXTRACT",
    "FALSE",
    "FETCH",
    "FOLLOWING",
    "FOR",
    "FROM",
    "FULL",
    "GROUP",
    "GROUPING",
    "GROUPS",
    "HASH",
    "HAVING",
    "IF",
    "IGNORE",
    "IN",
    "INNER",
    "INTERSECT",
    "INTERVAL",
    "INTO",
    "IS",
    "JOIN",
    "LATERAL",
    "LEFT",
    "LIKE",
    "LIMIT",
    "LOOKUP",
    "MERGE",
    "NATURAL",
    "NEW",
    "NO",
    "NOT",
    "NULL",
    "NULLS",
    "OF",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PARTITION",
    "PRECEDING",
    "PROTO",
    "QUALIFY",
    "RANGE",
    "RECURSIVE",
    "RESPECT",
    "RIGHT",
    "ROLLUP",
    "ROWS",
    "SELECT",
    "SET",
    "SOME",
    "STRUCT",
    "TABLESAMPLE",
    "THEN",
    "TO",
    "TREAT",
    "TRUE",
    "UNBOUNDED",
    "UNION",
    "UNNEST",
    "USING",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
    "WITHIN",
];

/// The words that are keywords of a statement of ours, yet may name things.
const STATEMENT: &[&str] = &[
    "ADD",
    "ALTER",
    "ANALYZE",
    "ASSERT",
    "AUDIT",
    "CASCADE",
    "CHECK",
    "COLUMN",
    "COLUMNS",
    "CONNECTION",
    "CONNECTIONS",
    "DATA",
    "DATASETS",
    "DESCRIBE",
    "DROP",
    "ENV",
    "EXPLAIN",
    "EXPORT",
    "EXTERNAL",
    "EXTERNAL_QUERY",
    "FILE",
    "MATERIALIZED",
    "OPTIONS",
    "PROMPT",
    "REFRESH",
    "RENAME",
    "REPLACE",
    "RESET",
    "RESTRICT",
    "SCHEMA",
    "SCHEMAS",
    "SETTINGS",
    "SHOW",
    "TABLE",
    "TABLES",
    "TYPE",
    "TYPES",
    "VALUES",
    "VIEW",
    "VIEWS",
];

/// Whether `word` is a reserved word of GoogleSQL, in any case: it needs back-quotes to be a name.
pub fn is_reserved(word: &str) -> bool {
    contains(RESERVED, word)
}

/// Whether `word` is a keyword anywhere, in any case: for highlighting and completion.
pub fn is_keyword(word: &str) -> bool {
    is_reserved(word) || contains(STATEMENT, word)
}

/// All keywords in upper case: for completion.
pub fn keywords() -> impl Iterator<Item = &'static str> {
    RESERVED.iter().chain(STATEMENT).copied()
}

fn contains(sorted: &[&str], word: &str) -> bool {
    sorted.binary_search(&word.to_ascii_uppercase().as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_in_order() {
        assert!(RESERVED.is_sorted() && STATEMENT.is_sorted());
        assert!(is_reserved("select") && is_keyword("Connection") && !is_reserved("connection"));
    }
}
