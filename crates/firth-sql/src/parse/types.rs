//! Data types in column lists.

use firth_diagnostic::{Code, Diagnostic, Result, Span, Spanned, did_you_mean};

use super::cursor::Cursor;
use super::{keys, names, options};
use crate::column_type::{self, ColumnType};
use crate::{ColumnDefinition, TokenKind};

/// Types nest at most this deep. BigQuery allows 15.
const DEEPEST: usize = 15;

/// `(name type [NOT NULL] [OPTIONS (…)], …)`, if a parenthesis comes next. Columns' options are read
/// and left aside: nothing of Firth uses them.
pub(super) fn columns(cursor: &mut Cursor<'_>) -> Result<Option<Vec<ColumnDefinition>>> {
    if !cursor.take_operator("(") {
        return Ok(None);
    }
    let mut columns: Vec<ColumnDefinition> = Vec::new();
    while !cursor.at_operator(")") {
        keys::refuse_of_table(cursor)?;
        let column = column(cursor)?;
        if cursor.at_keyword("DEFAULT") {
            return Err(Diagnostic::error(Code::Unsupported, "DEFAULT of columns is not in this version")
                .at(cursor.here())
                .hint("Write the value in INSERT."));
        }
        if let Some(earlier) = columns.iter().find(|c| c.name.value.eq_ignore_ascii_case(&column.name.value))
        {
            let message = format!("column {:?} is listed twice", column.name.value);
            let detail = format!("column names do not differ by case; the first is {:?}", earlier.name.value);
            return Err(Diagnostic::error(Code::Invalid, message).at(column.name.span).detail(detail));
        }
        columns.push(column);
        if !cursor.take_operator(",") {
            break;
        }
    }
    cursor.expect_operator(")")?;
    Ok(Some(columns))
}

pub(super) fn column(cursor: &mut Cursor<'_>) -> Result<ColumnDefinition> {
    let name = names::identifier(cursor, "the name of a column")?;
    let start = cursor.here();
    let column_type = data_type(cursor, 0)?;
    let column_type = Spanned::new(column_type, cursor.since(start));
    let not_null = cursor.take_keywords(&["NOT", "NULL"]);
    keys::refuse_of_column(cursor)?;
    options::optional(cursor)?;
    keys::refuse_of_column(cursor)?;
    Ok(ColumnDefinition { name, column_type, not_null })
}

pub(super) fn data_type(cursor: &mut Cursor<'_>, depth: usize) -> Result<ColumnType> {
    let Some(token) = cursor.peek().filter(|token| token.kind == TokenKind::Word) else {
        return Err(cursor.expected("a type"));
    };
    if depth > DEEPEST {
        return Err(
            Diagnostic::error(Code::Invalid, format!("types nest deeper than {DEEPEST}")).at(token.span)
        );
    }
    cursor.advance();
    let word = token.text(cursor.text);
    if word.eq_ignore_ascii_case("ARRAY") {
        cursor.expect_operator("<")?;
        let item = data_type(cursor, depth + 1)?;
        cursor.expect_operator(">")?;
        return match item {
            ColumnType::Array(_) => Err(Diagnostic::error(Code::Invalid, "an array cannot hold arrays")
                .at(cursor.since(token.span))
                .hint("Put the inner array into a struct: ARRAY<STRUCT<items ARRAY<…>>>.")),
            item => Ok(ColumnType::Array(Box::new(item))),
        };
    }
    if word.eq_ignore_ascii_case("STRUCT") {
        return structure(cursor, depth);
    }
    let numbers = type_parameters(cursor)?;
    column_type::named(word, &numbers).ok_or_else(|| unknown_type(word, &numbers, cursor.since(token.span)))
}

fn structure(cursor: &mut Cursor<'_>, depth: usize) -> Result<ColumnType> {
    cursor.expect_operator("<")?;
    let mut fields = Vec::new();
    loop {
        let name = names::identifier(cursor, "the name of a field")?;
        fields.push((name.value, data_type(cursor, depth + 1)?));
        if !cursor.take_operator(",") {
            break;
        }
    }
    cursor.expect_operator(">")?;
    Ok(ColumnType::Struct(fields))
}

/// `(10, 2)`, `(MAX)` or nothing.
fn type_parameters(cursor: &mut Cursor<'_>) -> Result<Vec<u64>> {
    let mut numbers = Vec::new();
    if !cursor.take_operator("(") {
        return Ok(numbers);
    }
    loop {
        let number = cursor.peek().filter(|token| token.kind == TokenKind::Number);
        let Some(number) = number.and_then(|token| token.text(cursor.text).parse().ok()) else {
            return Err(cursor.expected("a whole number"));
        };
        cursor.advance();
        numbers.push(number);
        if !cursor.take_operator(",") {
            break;
        }
    }
    cursor.expect_operator(")")?;
    Ok(numbers)
}

/// The error for a type name, or for parameters that it does not take.
pub(crate) fn unknown_type(word: &str, numbers: &[u64], span: Span) -> Diagnostic {
    let upper = word.to_ascii_uppercase();
    if column_type::named(word, &[]).is_some() {
        let shown: Vec<String> = numbers.iter().map(u64::to_string).collect();
        return Diagnostic::error(Code::Invalid, format!("type {upper} does not take ({})", shown.join(", ")))
            .at(span)
            .hint("NUMERIC(p, s) has s from 0 to 9 and p from s to s + 29; BIGNUMERIC(p, s) s to 38 and p to s + 38.");
    }
    if ["GEOGRAPHY", "INTERVAL", "RANGE"].contains(&upper.as_str()) {
        return Diagnostic::error(Code::Unsupported, format!("type {upper} is not in this version")).at(span);
    }
    let hint = match upper.as_str() {
        "VARCHAR" | "TEXT" | "CHAR" | "NVARCHAR" => Some("Write STRING."),
        "FLOAT" | "DOUBLE" | "REAL" | "FLOAT32" => Some("Write FLOAT64."),
        "INT32" | "INT16" | "INT8" | "LONG" | "UINT64" => Some("Write INT64."),
        "BYTEA" | "BINARY" | "BLOB" | "VARBINARY" => Some("Write BYTES."),
        "TIMESTAMPTZ" => Some("Write TIMESTAMP."),
        _ => None,
    };
    let near =
        || did_you_mean(word, column_type::NAMES.iter().copied()).map(|near| format!("Did you mean {near}?"));
    Diagnostic::error(Code::NotFound, format!("type {word:?} does not exist"))
        .at(span)
        .hint_if(hint.map(str::to_string).or_else(near))
}
