//! Text: where PostgreSQL compares it as we do, which is byte by byte in UTF-8.

use arrow::datatypes::DataType;
use firth_connector::{Comparison, Operand, Reason, Rendered};

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

/// A text as the argument of a function that looks at characters.
pub(super) fn argument(operand: &Operand<'_>) -> Option<String> {
    if *operand.data_type != DataType::Utf8 {
        return None;
    }
    if operand.literal.is_some() { Some(operand.sql.to_owned()) } else { comparand(operand) }
}

/// A text that is made of others, `write` says how, with its type there: as if it were a column of it, so
/// that it compares by bytes.
///
/// Made of one column it has that column's collation, and an index on it may serve. Of several, or of none,
/// it is of the collation "C", on which they cannot disagree.
pub(super) fn made_of(
    operands: &[&Operand<'_>],
    write: impl FnOnce(&[String]) -> String,
) -> Option<Rendered> {
    if operands.iter().any(|operand| *operand.data_type != DataType::Utf8) {
        return None;
    }
    let columns: Vec<_> = operands.iter().filter(|operand| operand.literal.is_none()).collect();
    let [column] = columns.as_slice() else {
        // No column vouches for what the database can hold: letters beyond ASCII may be none in its encoding.
        if columns.is_empty() && !operands.iter().all(|operand| is_ascii(operand)) {
            return None;
        }
        let texts = operands.iter().map(|operand| match operand.literal {
            Some(_) if columns.is_empty() => Some(format!("{} COLLATE \"C\"", operand.sql)),
            _ => by_bytes(operand),
        });
        return Rendered::typed(write(&texts.collect::<Option<Vec<_>>>()?), made_type());
    };
    let type_ = match Comparand::of(column) {
        Comparand::Plain if column.remote_type.is_some_and(|type_| type_.contains(BY_CODE_POINT)) => {
            made_type()
        }
        Comparand::Plain => "text".to_owned(),
        Comparand::AsText => made_type(),
        Comparand::No => return None,
    };
    let texts: Option<Vec<String>> = operands.iter().map(|operand| argument(operand)).collect();
    Rendered::typed(write(&texts?), type_)
}

/// The type of a text of the collation "C".
pub(super) fn made_type() -> String {
    format!("text{BY_CODE_POINT}")
}

/// Whether a literal text can be written in every encoding.
pub(super) fn is_ascii(operand: &Operand<'_>) -> bool {
    operand.sql.is_ascii()
}

/// What is otherwise about a text column, if its text can be neither compared nor made anything of.
pub(super) fn differs(operand: &Operand<'_>) -> Option<Reason> {
    let remote_type = operand.remote_type.filter(|_| *operand.data_type == DataType::Utf8)?;
    if Comparand::of(operand) != Comparand::No {
        return None;
    }
    let why = match remote_type.split_once(" ENCODING ") {
        Some((_, encoding)) => return Some(format!("the database is in {encoding}, not in UTF-8")),
        None if remote_type.starts_with("xml") => "whose text is not written the way it is sent",
        None => "whose trailing spaces PostgreSQL ignores",
    };
    Some(format!("{} is of type {remote_type}, {why}", operand.sql))
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
