//! `ASSERT condition [AS 'what is claimed']`.

use firth_diagnostic::{Result, Spanned};

use super::cursor::Cursor;
use super::query;
use crate::lexer::decode_string;
use crate::{Assert, Statement, TokenKind};

/// Stands after ASSERT.
pub(super) fn assert(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let condition = query::condition(cursor)?;
    let description = if cursor.take_keyword("AS") { Some(text(cursor)?) } else { None };
    Ok(Statement::Assert(Assert { condition, description }))
}

fn text(cursor: &mut Cursor<'_>) -> Result<Spanned<String>> {
    match cursor.peek() {
        Some(token) if token.kind == TokenKind::String => {
            cursor.advance();
            Ok(Spanned::new(decode_string(cursor.text, &token)?, token.span))
        }
        _ => Err(cursor.expected("the text of the assertion").hint("ASSERT ends in AS 'what is claimed'.")),
    }
}
