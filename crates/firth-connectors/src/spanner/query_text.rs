//! A query's text as a user wrote it: is it one statement, and one that only reads?

use datafusion::sql::sqlparser::{
    dialect::BigQueryDialect,
    keywords::Keyword,
    tokenizer::{Location, Token, TokenWithSpan, Tokenizer},
};
use firth_diagnostic::{Code, Diagnostic, Result};

/// The statement without a trailing semicolon, if it is one that can stand in parentheses.
///
/// Looks at tokens only. What the statement means is for the database to say; here it matters that
/// nothing in it can end the parenthesis that will stand around it.
pub(super) fn single_select(sql: &str) -> Result<&str> {
    let refuse = |message: &str| {
        Diagnostic::error(Code::Invalid, message).hint("EXTERNAL_QUERY takes one SELECT statement.")
    };
    let tokens = Tokenizer::new(&BigQueryDialect, sql)
        .tokenize_with_location()
        .map_err(|error| refuse("the text is not SQL").detail(error.to_string()))?;
    let mut meaningful: Vec<&TokenWithSpan> =
        tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF)).collect();
    let mut end = sql.len();
    while let Some(last) = meaningful.last().filter(|token| token.token == Token::SemiColon) {
        end = offset(sql, last.span.start);
        meaningful.pop();
    }
    let Some(first) = meaningful.iter().find(|token| token.token != Token::LParen) else {
        return Err(refuse("the text holds no statement"));
    };
    match &first.token {
        Token::Word(word) if matches!(word.keyword, Keyword::SELECT | Keyword::WITH | Keyword::FROM) => {}
        // A hint, such as `@{force_index=x} SELECT …`.
        Token::AtSign => {}
        _ => return Err(refuse("the statement is not a SELECT")),
    }
    let mut depth = 0usize;
    for token in meaningful {
        match token.token {
            Token::SemiColon => return Err(refuse("the text holds more than one statement")),
            Token::LParen => depth += 1,
            Token::RParen => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return Err(refuse("a parenthesis is closed that was not opened")),
            },
            _ => {}
        }
    }
    match depth {
        0 => Ok(&sql[..end]),
        _ => Err(refuse("a parenthesis is not closed")),
    }
}

/// The byte at a line and column, which count characters from one.
fn offset(text: &str, at: Location) -> usize {
    let line_start = match at.line.saturating_sub(2) {
        _ if at.line <= 1 => 0,
        breaks => {
            let index = usize::try_from(breaks).unwrap_or(usize::MAX);
            text.match_indices('\n').nth(index).map_or(text.len(), |(byte, _)| byte + 1)
        }
    };
    let column = usize::try_from(at.column.saturating_sub(1)).unwrap_or(usize::MAX);
    text[line_start..].char_indices().nth(column).map_or(text.len(), |(byte, _)| line_start + byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sql: &str) -> Result<&str, String> {
        single_select(sql).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_trailing_semicolon_is_cut_off() {
        assert_eq!(read("SELECT 1"), Ok("SELECT 1"));
        assert_eq!(read("SELECT 1 ; -- done;\n ;"), Ok("SELECT 1 "));
        assert_eq!(read("SELECT 'é;'\n, `a;b`\n;"), Ok("SELECT 'é;'\n, `a;b`\n"));
        assert_eq!(read("SELECT 1 -- ;"), Ok("SELECT 1 -- ;"));
        assert_eq!(read("WITH a AS (SELECT 1) SELECT * FROM a"), Ok("WITH a AS (SELECT 1) SELECT * FROM a"));
        assert_eq!(read("(SELECT 1) UNION ALL (SELECT 2)"), Ok("(SELECT 1) UNION ALL (SELECT 2)"));
        assert_eq!(read("SELECT '''a)'''"), Ok("SELECT '''a)'''"));
    }

    #[test]
    fn whatever_could_leave_its_parentheses_is_refused() {
        let refused = |sql: &str| read(sql).expect_err("refused");
        assert_eq!(refused("SELECT 1; SELECT 2"), "the text holds more than one statement");
        assert_eq!(refused("SELECT 1) TO PROGRAM 'x'"), "a parenthesis is closed that was not opened");
        assert_eq!(refused("SELECT (1"), "a parenthesis is not closed");
        assert_eq!(refused("DELETE FROM t WHERE TRUE"), "the statement is not a SELECT");
        assert_eq!(refused(" -- nothing"), "the text holds no statement");
        assert_eq!(refused("SELECT 'a"), "the text is not SQL");
        assert_eq!(refused("SELECT /* a"), "the text is not SQL");
    }
}
