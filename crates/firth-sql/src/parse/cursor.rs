//! A place in the tokens of one statement, and the small questions a parser asks there.

use firth_diagnostic::{Code, Diagnostic, Result, Span};

use crate::{Token, TokenKind, lex};

/// Walks over a statement's tokens. Comments and the final semicolon are not among them.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    /// The statement's text, which every span is about.
    pub(super) text: &'a str,
    tokens: Vec<Token>,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Stands before the first token. Fails if the text holds more than one statement, or a token
    /// that is none of the language's.
    pub(super) fn try_new(text: &'a str) -> Result<Self> {
        let mut tokens = lex(text);
        if let Some(open) = tokens.iter().find(|token| token.kind == TokenKind::Comment && !token.closed) {
            return Err(Diagnostic::error(Code::Syntax, "this comment has no end")
                .at(Span::new(open.span.start, open.span.start + 2))
                .hint("Close it with */."));
        }
        tokens.retain(|token| token.kind != TokenKind::Comment);
        while tokens.last().is_some_and(|token| token.kind == TokenKind::Semicolon) {
            tokens.pop();
        }
        if let Some(semicolon) = tokens.iter().find(|token| token.kind == TokenKind::Semicolon) {
            return Err(
                Diagnostic::error(Code::Syntax, "expected one statement, found several").at(semicolon.span)
            );
        }
        Ok(Cursor { text, tokens, at: 0 })
    }

    /// The tokens not yet read.
    pub(super) fn rest(&self) -> &[Token] {
        &self.tokens[self.at..]
    }

    /// Reads everything that is left.
    pub(super) fn take_rest(&mut self) {
        self.at = self.tokens.len();
    }

    /// The next token.
    pub(super) fn peek(&self) -> Option<Token> {
        self.peek_ahead(0)
    }

    /// The token `ahead` places after the next.
    pub(super) fn peek_ahead(&self, ahead: usize) -> Option<Token> {
        self.tokens.get(self.at + ahead).copied()
    }

    /// Reads the next token.
    pub(super) fn advance(&mut self) -> Option<Token> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    /// Where the next token is: the end of the text, if there is none.
    pub(super) fn here(&self) -> Span {
        match (self.peek(), self.tokens.last()) {
            (Some(token), _) => token.span,
            (None, Some(last)) => Span::new(last.span.end, last.span.end),
            (None, None) => Span::new(self.text.len(), self.text.len()),
        }
    }

    /// Where the statement's first token is.
    pub(super) fn first(&self) -> Span {
        self.tokens.first().map_or(Span::default(), |token| token.span)
    }

    /// Where what was read since `start` lies.
    pub(super) fn since(&self, start: Span) -> Span {
        let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        last.map_or(start, |last| start.to(last.span))
    }

    /// Whether the next token is this keyword, in any case.
    pub(super) fn at_keyword(&self, keyword: &str) -> bool {
        self.at_keywords(&[keyword])
    }

    /// Whether the next tokens are these keywords, in any case.
    pub(super) fn at_keywords(&self, keywords: &[&str]) -> bool {
        keywords.iter().enumerate().all(|(ahead, keyword)| {
            self.peek_ahead(ahead).is_some_and(|token| {
                token.kind == TokenKind::Word && token.text(self.text).eq_ignore_ascii_case(keyword)
            })
        })
    }

    /// Reads these keywords if they come next.
    pub(super) fn take_keywords(&mut self, keywords: &[&str]) -> bool {
        let found = self.at_keywords(keywords);
        if found {
            self.at += keywords.len();
        }
        found
    }

    /// Reads this keyword if it comes next.
    pub(super) fn take_keyword(&mut self, keyword: &str) -> bool {
        self.take_keywords(&[keyword])
    }

    /// Reads this keyword, which has to come next.
    pub(super) fn expect_keyword(&mut self, keyword: &str) -> Result<()> {
        if self.take_keyword(keyword) { Ok(()) } else { Err(self.expected(keyword)) }
    }

    /// Whether the next token is this operator.
    pub(super) fn at_operator(&self, operator: &str) -> bool {
        self.peek()
            .is_some_and(|token| token.kind == TokenKind::Operator && token.text(self.text) == operator)
    }

    /// Reads this operator if it comes next.
    pub(super) fn take_operator(&mut self, operator: &str) -> bool {
        let found = self.at_operator(operator);
        if found {
            self.at += 1;
        }
        found
    }

    /// Reads this operator, which has to come next.
    pub(super) fn expect_operator(&mut self, operator: &str) -> Result<()> {
        if self.take_operator(operator) { Ok(()) } else { Err(self.expected(&format!("`{operator}`"))) }
    }

    /// Fails unless everything has been read.
    pub(super) fn expect_end(&self) -> Result<()> {
        if self.peek().is_none() { Ok(()) } else { Err(self.expected("the end of the statement")) }
    }

    /// The error that something else should stand here.
    pub(super) fn expected(&self, what: &str) -> Diagnostic {
        expected(self.text, self.peek(), self.here(), what)
    }
}

/// The error that `what` should stand at `here` instead of `found`.
pub(super) fn expected(text: &str, found: Option<Token>, here: Span, what: &str) -> Diagnostic {
    let found = match found {
        None => "the end of the statement".to_string(),
        // A string may be a secret, and may be long.
        Some(token) => match token.kind {
            TokenKind::String => "a string".to_string(),
            TokenKind::Bytes => "a bytes literal".to_string(),
            _ if !token.closed => "a back-quoted name without end".to_string(),
            _ => format!("`{}`", token.text(text)),
        },
    };
    Diagnostic::error(Code::Syntax, format!("expected {what}, found {found}")).at(here)
}
