//! `OPTIONS (name = value, …)`, and the literals that settings take too.

use firth_diagnostic::{Code, Diagnostic, Result, Secret, Spanned};

use super::cursor::Cursor;
use super::names;
use crate::lexer::decode_string;
use crate::{OptionList, OptionLiteral, SqlOption, TokenKind};

/// Arrays nest at most this deep. None of the options has an array of arrays.
const DEEPEST: usize = 8;

/// Types whose literals are `TYPE 'text'`.
const TYPED_LITERALS: &[&str] =
    &["BIGNUMERIC", "DATE", "DATETIME", "JSON", "NUMERIC", "RANGE", "TIME", "TIMESTAMP"];

/// `OPTIONS (…)`, which has to be there. `statement` is named in the error.
pub(super) fn required(cursor: &mut Cursor<'_>, statement: &str) -> Result<OptionList> {
    match optional(cursor)? {
        Some(options) => Ok(options),
        None => {
            Err(cursor.expected("OPTIONS").hint(format!("{statement} ends in OPTIONS (name = value, …).")))
        }
    }
}

/// `OPTIONS (…)`, or nothing.
pub(super) fn optional(cursor: &mut Cursor<'_>) -> Result<Option<OptionList>> {
    after(cursor, "OPTIONS")
}

/// `word (…)` with options in the parentheses, or nothing.
pub(super) fn after(cursor: &mut Cursor<'_>, word: &str) -> Result<Option<OptionList>> {
    let start = cursor.here();
    if !cursor.take_keyword(word) {
        return Ok(None);
    }
    cursor.expect_operator("(")?;
    let mut options: Vec<SqlOption> = Vec::new();
    while !cursor.at_operator(")") {
        let name = names::identifier(cursor, "the name of an option")?;
        cursor.expect_operator("=")?;
        let value = literal(cursor)?;
        if options.iter().any(|option| option.name.value.eq_ignore_ascii_case(&name.value)) {
            return Err(Diagnostic::error(Code::Invalid, format!("option {:?} is given twice", name.value))
                .at(name.span)
                .hint("Keep one of them."));
        }
        options.push(SqlOption { name, value });
        if !cursor.take_operator(",") {
            break;
        }
    }
    if !cursor.take_operator(")") {
        return Err(unnamed(cursor, "`,` or `)` after the option")
            .hint("Options are separated by commas, and texts stand in quotes."));
    }
    Ok(Some(Spanned::new(options, cursor.since(start))))
}

/// No options, at the end of what has been read.
pub(super) fn none(cursor: &Cursor<'_>) -> OptionList {
    Spanned::new(Vec::new(), cursor.here())
}

/// A value.
pub(super) fn literal(cursor: &mut Cursor<'_>) -> Result<Spanned<OptionLiteral>> {
    let start = cursor.here();
    let value = nested_literal(cursor, 0)?;
    Ok(Spanned::new(value, cursor.since(start)))
}

fn nested_literal(cursor: &mut Cursor<'_>, depth: usize) -> Result<OptionLiteral> {
    if cursor.at_operator("[") {
        return array(cursor, depth);
    }
    let negative = cursor.take_operator("-");
    if !negative {
        cursor.take_operator("+");
    }
    let Some(token) = cursor.peek() else { return Err(cursor.expected("a value")) };
    let text = token.text(cursor.text);
    match token.kind {
        TokenKind::Number => {
            cursor.advance();
            number(text, negative).ok_or_else(|| {
                Diagnostic::error(Code::Invalid, format!("number {text} is out of range")).at(token.span)
            })
        }
        _ if negative => Err(cursor.expected("a number")),
        TokenKind::String => {
            cursor.advance();
            Ok(OptionLiteral::String(Secret::new(decode_string(cursor.text, &token)?)))
        }
        TokenKind::Word => word(cursor, text),
        _ => Err(unnamed(cursor, "a value")),
    }
}

/// The error that `what` should stand here, without the words that stand here instead: they may be a
/// secret without quotes, or the rest of one with a quote in it.
fn unnamed(cursor: &Cursor<'_>, what: &str) -> Diagnostic {
    let found = match cursor.peek().map(|token| token.kind) {
        Some(TokenKind::Word | TokenKind::QuotedIdentifier) => "a word",
        Some(TokenKind::Number) => "a number",
        Some(TokenKind::Parameter | TokenKind::SystemVariable) => "a parameter",
        _ => return cursor.expected(what),
    };
    Diagnostic::error(Code::Syntax, format!("expected {what}, found {found}")).at(cursor.here())
}

fn array(cursor: &mut Cursor<'_>, depth: usize) -> Result<OptionLiteral> {
    if depth >= DEEPEST {
        return Err(
            Diagnostic::error(Code::Invalid, format!("arrays nest deeper than {DEEPEST}")).at(cursor.here())
        );
    }
    cursor.expect_operator("[")?;
    let mut items = Vec::new();
    while !cursor.at_operator("]") {
        items.push(nested_literal(cursor, depth + 1)?);
        if !cursor.take_operator(",") {
            break;
        }
    }
    cursor.expect_operator("]")?;
    Ok(OptionLiteral::Array(items))
}

/// A value that begins with a word.
fn word(cursor: &mut Cursor<'_>, text: &str) -> Result<OptionLiteral> {
    let start = cursor.here();
    let upper = text.to_ascii_uppercase();
    match upper.as_str() {
        "NULL" | "TRUE" | "FALSE" => {
            cursor.advance();
            Ok(match upper.as_str() {
                "NULL" => OptionLiteral::Null,
                word => OptionLiteral::Bool(word == "TRUE"),
            })
        }
        "ENV" | "FILE" => {
            cursor.advance();
            cursor.expect_operator("(")?;
            let argument = string(cursor, "a string")?;
            cursor.expect_operator(")")?;
            Ok(if upper == "ENV" { OptionLiteral::Env(argument) } else { OptionLiteral::File(argument) })
        }
        "PROMPT" => {
            cursor.advance();
            cursor.expect_operator("(")?;
            cursor.expect_operator(")")?;
            Ok(OptionLiteral::Prompt)
        }
        "INTERVAL" => {
            cursor.advance();
            interval(cursor)
        }
        _ => match TYPED_LITERALS.iter().find(|name| **name == upper) {
            Some(name) => {
                cursor.advance();
                Ok(OptionLiteral::Other(name, string(cursor, &format!("a string after {name}"))?))
            }
            None => Err(unnamed(cursor, "a value")
                .at(start)
                .hint("Values are literals: 'text', 42, 1.5, TRUE, NULL, ['a', 'b'], ENV('NAME'), FILE('path') or PROMPT().")),
        },
    }
}

/// `4 HOUR`, `'1-2' YEAR TO MONTH`: kept as text in one spelling.
fn interval(cursor: &mut Cursor<'_>) -> Result<OptionLiteral> {
    let amount = match cursor.peek().map(|token| token.kind) {
        Some(TokenKind::String) => crate::lexer::quote_string(&string(cursor, "a string")?),
        _ => {
            let sign = if cursor.take_operator("-") { "-" } else { "" };
            let Some(token) = cursor.peek().filter(|token| token.kind == TokenKind::Number) else {
                return Err(cursor.expected("a number or a string after INTERVAL"));
            };
            cursor.advance();
            format!("{sign}{}", token.text(cursor.text))
        }
    };
    let mut text = format!("{amount} {}", date_part(cursor)?);
    if cursor.take_keyword("TO") {
        text = format!("{text} TO {}", date_part(cursor)?);
    }
    Ok(OptionLiteral::Other("INTERVAL", text))
}

fn date_part(cursor: &mut Cursor<'_>) -> Result<String> {
    match cursor.peek() {
        Some(token) if token.kind == TokenKind::Word => {
            cursor.advance();
            Ok(token.text(cursor.text).to_ascii_uppercase())
        }
        _ => Err(cursor.expected("a unit such as HOUR or DAY")),
    }
}

fn string(cursor: &mut Cursor<'_>, what: &str) -> Result<String> {
    match cursor.peek() {
        Some(token) if token.kind == TokenKind::String => {
            cursor.advance();
            decode_string(cursor.text, &token)
        }
        _ => Err(cursor.expected(what)),
    }
}

/// A whole number that fits INT64, or a finite FLOAT64.
fn number(text: &str, negative: bool) -> Option<OptionLiteral> {
    let whole = match text.get(..2) {
        Some("0x" | "0X") => Some(u64::from_str_radix(&text[2..], 16).ok()?),
        _ if text.bytes().all(|byte| byte.is_ascii_digit()) => Some(text.parse().ok()?),
        _ => None,
    };
    match whole {
        Some(magnitude) => {
            let signed = if negative { -i128::from(magnitude) } else { i128::from(magnitude) };
            i64::try_from(signed).ok().map(OptionLiteral::Int64)
        }
        None => {
            let value: f64 = text.parse().ok().filter(|value: &f64| value.is_finite())?;
            Some(OptionLiteral::Float64(if negative { -value } else { value }))
        }
    }
}
