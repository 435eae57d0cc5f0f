//! What the lexer makes of texts.

use super::*;

fn kinds(text: &str) -> String {
    let shown: Vec<String> = lex(text)
        .iter()
        .map(|token| format!("{:?}{} {}", token.kind, if token.closed { "" } else { "!" }, token.text(text)))
        .collect();
    shown.join(" · ")
}

#[test]
fn words_names_and_punctuation() {
    insta::assert_snapshot!(
        kinds("SELECT a.b, `x y`||c <> 1.5e-3 + 0x2A |> .5 t.5 >> @p @@s.t => ;"),
        @"Word SELECT · Word a · Operator . · Word b · Operator , · QuotedIdentifier `x y` · Operator || · Word c · Operator <> · Number 1.5e-3 · Operator + · Number 0x2A · Operator |> · Number .5 · Word t · Operator . · Number 5 · Operator > · Operator > · Parameter @p · SystemVariable @@s.t · Operator => · Semicolon ;"
    );
}

#[test]
fn strings_of_every_kind() {
    insta::assert_snapshot!(
        kinds(r#"'a''b' "c\"d" r'\' x' b'z' Rb"q" '''i'j''' 'open"#),
        @r#"String 'a' · String 'b' · String "c\"d" · String r'\' x' · Bytes b'z' · Bytes Rb"q" · String '''i'j''' · String! 'open"#
    );
}

#[test]
fn comments_of_every_kind() {
    insta::assert_snapshot!(kinds("1 -- a ' \n# b\n/* c\n ' */ 2 /* d"), @"
    Number 1 · Comment -- a '  · Comment # b · Comment /* c
     ' */ · Number 2 · Comment! /* d
    ");
}

fn decoded(text: &str) -> String {
    let tokens = lex(text);
    match decode_string(text, &tokens[0]) {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("{error} at {:?}", error.span().map(|span| (span.start, span.end))),
    }
}

#[test]
fn escapes_are_decoded() {
    assert_eq!(decoded(r#"'\n\x41\101\u0041\U0001F600\'\\\`'"#), r#""\nAAA😀'\\`""#);
    assert_eq!(decoded(r#"r'\n\''"#), r#""\\n\\'""#);
    assert_eq!(decoded("'''a\r\nb'''"), r#""a\nb""#);
    assert_eq!(decoded(r#"'''it's'''"#), r#""it's""#);
    assert_eq!(decoded(r"'ab\qc'"), r"`\q` is not an escape sequence at Some((3, 5))");
    assert_eq!(decoded(r"'\uD800'"), r"`\u` is not an escape sequence at Some((1, 3))");
    assert_eq!(decoded("'ab"), "this string has no end at Some((0, 1))");
    let text = r"b'\xff\377é'";
    assert_eq!(decode_bytes(text, &lex(text)[0]).unwrap(), [0xff, 0xff, 0xc3, 0xa9]);
}

#[test]
fn what_is_quoted_reads_back() {
    for value in ["", "it's", "a\\b", "`", "\n\r\t\0\u{7f}", "é😀", "select", "a-b", "INT64 -- `x`"] {
        let text = quote_string(value);
        assert_eq!(decode_string(&text, &lex(&text)[0]).unwrap(), value);
        if !value.is_empty() {
            let text = quote_identifier(value);
            let token = lex(&text)[0];
            let name = if token.kind == TokenKind::Word {
                text.clone()
            } else {
                decode_identifier(&text, &token).unwrap()
            };
            assert_eq!(name, value);
        }
    }
}
