//! Colours for SQL as it is typed, by the tokens that the parser sees.

use firth_sql::{TokenKind, keyword, lex};
use reedline::{Color, Highlighter, StyledText};

pub(super) struct SqlHighlighter;

impl Highlighter for SqlHighlighter {
    fn highlight(&self, line: &str, _cursor: usize) -> StyledText {
        let mut styled = StyledText::new();
        let plain = Color::Default.normal();
        let mut end = 0;
        for token in lex(line) {
            styled.push((plain, line[end..token.span.start].to_owned()));
            let word = token.text(line);
            let style = match token.kind {
                TokenKind::Word if keyword::is_keyword(word) => Color::Blue.bold(),
                TokenKind::String | TokenKind::Bytes => Color::Green.normal(),
                TokenKind::Number => Color::Cyan.normal(),
                TokenKind::Parameter | TokenKind::SystemVariable => Color::Purple.normal(),
                TokenKind::Comment => Color::DarkGray.normal(),
                TokenKind::Unknown => Color::Red.normal(),
                TokenKind::Word
                | TokenKind::QuotedIdentifier
                | TokenKind::Semicolon
                | TokenKind::Operator => plain,
            };
            styled.push((style, word.to_owned()));
            end = token.span.end;
        }
        styled.push((plain, line[end..].to_owned()));
        styled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn highlighting_keeps_every_byte() {
        for line in ["SELECT 'é', `x` -- ü\n FROM t;", "", "'''open", "\u{0}§ 1e"] {
            let styled = SqlHighlighter.highlight(line, 0);
            let text: String = styled.buffer.iter().map(|(_, text)| text.as_str()).collect();
            assert_eq!(text, line);
        }
    }
}
