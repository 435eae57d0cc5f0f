//! Our tokens as sqlparser's.
//!
//! Literals are decoded here, so that sqlparser never sees an escape. Each token's place is kept as a
//! location on line one whose column is the byte offset plus one: every span in sqlparser's tree, and
//! every place in its errors, is then a place in our text without a table of lines.

use firth_diagnostic::{Code, Diagnostic, Result, Span};
use sqlparser::tokenizer::{self, Location, TokenWithSpan};

use crate::lexer::{decode_bytes, decode_identifier, decode_string};
use crate::{Token, TokenKind};

/// Converts the tokens of a query.
pub(super) fn convert(text: &str, tokens: &[Token]) -> Result<Vec<TokenWithSpan>> {
    let mut out = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if let Some((length, name, ends_in_dot)) = dashed_name(text, tokens, at) {
            let end = tokens[at + length - 1].span.end;
            let span = Span::new(token.span.start, end - usize::from(ends_in_dot));
            out.push(located(tokenizer::Token::make_word(&name, Some('`')), span));
            if ends_in_dot {
                out.push(located(tokenizer::Token::Period, Span::new(end - 1, end)));
            }
            at += length;
            continue;
        }
        let next = tokens.get(at + 1);
        let closes_two = |next: &&Token| {
            token.text(text) == ">" && next.text(text) == ">" && next.span.start == token.span.end
        };
        if let Some(next) = next.filter(closes_two) {
            out.push(located(tokenizer::Token::ShiftRight, token.span.to(next.span)));
            at += 2;
            continue;
        }
        out.push(located(converted(text, token)?, token.span));
        at += 1;
    }
    Ok(out)
}

/// The place that a location made here stands for. `None` for the empty location.
pub(crate) fn offset(location: Location) -> Option<usize> {
    usize::try_from(location.column).ok()?.checked_sub(1)
}

/// The place that a span made here stands for.
pub(crate) fn span(span: tokenizer::Span) -> Option<Span> {
    Some(Span::new(offset(span.start)?, offset(span.end)?))
}

fn located(token: tokenizer::Token, span: Span) -> TokenWithSpan {
    let location = |offset: usize| Location::new(1, offset as u64 + 1);
    TokenWithSpan::new(token, tokenizer::Span::new(location(span.start), location(span.end)))
}

fn converted(text: &str, token: &Token) -> Result<tokenizer::Token> {
    use tokenizer::Token as Sql;
    let own = token.text(text);
    Ok(match token.kind {
        TokenKind::Word => Sql::make_word(own, None),
        TokenKind::QuotedIdentifier => Sql::make_word(&decode_identifier(text, token)?, Some('`')),
        TokenKind::String => Sql::SingleQuotedString(decode_string(text, token)?),
        TokenKind::Bytes => {
            let bytes = decode_bytes(text, token)?;
            Sql::HexStringLiteral(bytes.iter().map(|byte| format!("{byte:02X}")).collect())
        }
        TokenKind::Number => Sql::Number(decimal_digits(own, token.span)?, false),
        TokenKind::Parameter | TokenKind::SystemVariable => Sql::Placeholder(own.to_string()),
        TokenKind::Semicolon => Sql::SemiColon,
        TokenKind::Operator => return operator(own).ok_or_else(|| not_of_the_language(own, token.span)),
        TokenKind::Comment | TokenKind::Unknown => return Err(not_of_the_language(own, token.span)),
    })
}

/// A number without `0x`.
fn decimal_digits(own: &str, span: Span) -> Result<String> {
    match own.get(..2) {
        Some("0x" | "0X") => {
            i64::from_str_radix(&own[2..], 16).map(|value| value.to_string()).map_err(|_| {
                Diagnostic::error(Code::Invalid, format!("number {own} is out of range of INT64")).at(span)
            })
        }
        _ => Ok(own.to_string()),
    }
}

fn not_of_the_language(own: &str, span: Span) -> Diagnostic {
    let hint = match own {
        "“" | "”" | "‘" | "’" => Some("Write plain quotes: '…'.".to_string()),
        "::" => Some("Write CAST(x AS TYPE).".to_string()),
        "?" => Some("Name the parameter: @name.".to_string()),
        "{" | "}" => None,
        _ if own.chars().any(char::is_alphabetic) => {
            Some("Put back-quotes around names with letters beyond a to z.".into())
        }
        _ => None,
    };
    Diagnostic::error(Code::Syntax, format!("`{}` has no meaning here", own.escape_debug()))
        .at(span)
        .hint_if(hint)
}

fn operator(own: &str) -> Option<tokenizer::Token> {
    use tokenizer::Token as Sql;
    Some(match own {
        "," => Sql::Comma,
        "." => Sql::Period,
        "(" => Sql::LParen,
        ")" => Sql::RParen,
        "[" => Sql::LBracket,
        "]" => Sql::RBracket,
        "=" => Sql::Eq,
        "<>" | "!=" => Sql::Neq,
        "<" => Sql::Lt,
        ">" => Sql::Gt,
        "<=" => Sql::LtEq,
        ">=" => Sql::GtEq,
        "+" => Sql::Plus,
        "-" => Sql::Minus,
        "*" => Sql::Mul,
        "/" => Sql::Div,
        "%" => Sql::Mod,
        "||" => Sql::StringConcat,
        "|" => Sql::Pipe,
        "&" => Sql::Ampersand,
        "^" => Sql::Caret,
        "~" => Sql::Tilde,
        "<<" => Sql::ShiftLeft,
        "=>" => Sql::RArrow,
        "->" => Sql::Arrow,
        "|>" => Sql::VerticalBarRightAngleBracket,
        ":" => Sql::Colon,
        _ => return None,
    })
}

/// `my-project.` right after FROM or JOIN: how many tokens, the name, and whether its last token has
/// swallowed the dot, as the number `1.` in `my-project-1.sales` does. Elsewhere a dash is a minus.
fn dashed_name(text: &str, tokens: &[Token], at: usize) -> Option<(usize, String, bool)> {
    let is_word = |at: usize, words: &[&str]| {
        let token = tokens.get(at).filter(|token| token.kind == TokenKind::Word);
        token.is_some_and(|token| words.iter().any(|word| token.text(text).eq_ignore_ascii_case(word)))
    };
    let before = at.checked_sub(1)?;
    if tokens[at].kind != TokenKind::Word
        || !is_word(before, &["FROM", "JOIN"])
        || in_extract(text, tokens, before)
    {
        return None;
    }
    // IS DISTINCT FROM a-b is a subtraction.
    if before.checked_sub(1).is_some_and(|at| is_word(at, &["DISTINCT"])) {
        return None;
    }
    let mut end = at + 1;
    let joins =
        |end: usize| tokens.get(end).is_some_and(|token| token.span.start == tokens[end - 1].span.end);
    let mut dashes = 0;
    while joins(end) && !tokens[end - 1].text(text).ends_with('.') {
        match tokens[end].kind {
            TokenKind::Operator if tokens[end].text(text) == "-" => dashes += 1,
            TokenKind::Word | TokenKind::Number => {}
            _ => break,
        }
        end += 1;
    }
    let name = text.get(tokens[at].span.start..tokens[end - 1].span.end)?;
    let plain = name.trim_end_matches('.');
    (dashes > 0 && !plain.contains('.')).then(|| (end - at, plain.to_string(), plain != name))
}

/// Whether the FROM at `from` is that of EXTRACT(part FROM …).
fn in_extract(text: &str, tokens: &[Token], from: usize) -> bool {
    from.checked_sub(3).is_some() && {
        let mut depth = 0_usize;
        for at in (1..from).rev() {
            match tokens[at].text(text) {
                ")" => depth += 1,
                "(" if depth == 0 => return tokens[at - 1].text(text).eq_ignore_ascii_case("EXTRACT"),
                "(" => depth -= 1,
                _ => {}
            }
        }
        false
    }
}
