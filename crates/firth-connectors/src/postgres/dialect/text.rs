//! Text: where PostgreSQL compares it as we do, which is byte by byte in UTF-8.

use firth_connector::{Comparison, Operand, Rendered};

/// How a text column takes part in a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparand {
    /// `text` and `varchar` under a deterministic collation: `=` is by bytes, and can use an index.
    Plain,
    /// Equal if its text is: `uuid`, enums, `jsonb`, `name` …, and text whose collation may hold
    /// different texts for equal. The text is compared by bytes.
    AsText,
    /// `character(n)` ignores trailing spaces; `xml` is not written the way it is sent. And in a
    /// database that is not in UTF-8 not every literal can be written, and order is another.
    No,
}

impl Comparand {
    fn of(operand: &Operand<'_>) -> Self {
        let Some(remote_type) = operand.remote_type else { return Comparand::No };
        let is = |name: &str| {
            remote_type.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['(', ' ']))
        };
        if remote_type.contains(" ENCODING ") || is("xml") {
            Comparand::No
        } else if is("character varying") || is("text") {
            if remote_type.contains(" COLLATE ") { Comparand::AsText } else { Comparand::Plain }
        } else if is("character") || is("bpchar") {
            Comparand::No
        } else {
            Comparand::AsText
        }
    }
}

/// The column as text that is compared by bytes. An explicit collation wins over the other side's.
pub(super) fn by_bytes(operand: &Operand<'_>) -> Option<String> {
    if operand.literal.is_some() {
        return Some(operand.sql.to_owned());
    }
    match Comparand::of(operand) {
        Comparand::Plain => Some(format!("{} COLLATE \"C\"", operand.sql)),
        Comparand::AsText => Some(format!("{}::text COLLATE \"C\"", operand.sql)),
        Comparand::No => None,
    }
}

/// What stands beside a type whose own order is that of code points.
pub(in super::super) const BY_CODE_POINT: &str = " BY CODE POINT";

/// The column as text in the order of code points, among values that no other column stands beside: as it
/// is, where that is its own order, so that an index can serve.
pub(super) fn ordered(operand: &Operand<'_>) -> Option<String> {
    let own = operand.remote_type.is_some_and(|remote_type| remote_type.contains(BY_CODE_POINT));
    match Comparand::of(operand) {
        Comparand::Plain if own => Some(operand.sql.to_owned()),
        _ => by_bytes(operand),
    }
}

/// The column as text whose `=` is by bytes.
pub(super) fn comparand(operand: &Operand<'_>) -> Option<String> {
    match Comparand::of(operand) {
        Comparand::Plain => Some(operand.sql.to_owned()),
        Comparand::AsText | Comparand::No => by_bytes(operand),
    }
}

/// Compares two texts.
pub(super) fn compare(comparison: Comparison, left: &Operand<'_>, right: &Operand<'_>) -> Option<Rendered> {
    let equality = matches!(comparison, Comparison::Eq | Comparison::NotEq);
    let (a, b) = match (left.literal.is_some(), right.literal.is_some()) {
        // Without a collation an index on the column can serve.
        (false, true) if equality => (comparand(left)?, right.sql.to_owned()),
        (true, false) if equality => (left.sql.to_owned(), comparand(right)?),
        (false, true) => (ordered(left)?, right.sql.to_owned()),
        (true, false) => (left.sql.to_owned(), ordered(right)?),
        // Two columns' collations may contradict each other, and order depends on them.
        _ => (by_bytes(left)?, by_bytes(right)?),
    };
    Rendered::exact(format!("({a} {} {b})", comparison.sql()))
}

/// `column LIKE 'pattern'`. Under a deterministic collation both go character by character, and take a
/// backslash before any character to mean that character; at the end PostgreSQL raises an error.
pub(super) fn like(operand: &Operand<'_>, pattern: &Operand<'_>) -> Option<Rendered> {
    let text = pattern.literal?.try_as_str()??;
    let trailing = text.len() - text.trim_end_matches('\\').len();
    if trailing % 2 == 1 {
        return None;
    }
    Rendered::exact(format!("({} LIKE {})", comparand(operand)?, pattern.sql))
}
