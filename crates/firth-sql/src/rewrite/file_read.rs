//! Files in FROM that no table stands for: `FROM 'people.csv'`, `FROM READ('s3://…', connection => 'us.c')`.

use firth_diagnostic::{Code, Diagnostic, Result, Secret, Span, Spanned};
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArgOperator, ObjectName, TableAlias, TableFactor,
    TableFunctionArgs, Value,
};

use super::{Rewriter, build, tables::idents};
use crate::{FileRead, OptionLiteral, SqlOption, TokenKind, lexer::decode_string};

/// The table function whose arguments are uris and options of CREATE EXTERNAL TABLE.
const READ: &str = "READ";
/// What its error messages say to write.
const FORM: &str =
    "Write READ('uri'), READ(['uri', …]) or READ('uri', connection => 'us.name', format => 'CSV', …).";

/// The path of a file that stands where a table's name would.
pub(super) fn named_file(name: &ObjectName) -> Option<String> {
    // sqlparser takes quoted names apart at points.
    let parts = idents(name);
    let is_text = parts.iter().all(|part| part.quote_style == Some('\''));
    let texts: Vec<&str> = parts.iter().map(|part| part.value.as_str()).collect();
    (is_text && !texts.is_empty()).then(|| texts.join("."))
}

pub(super) fn is_read(name: &ObjectName) -> bool {
    matches!(idents(name).as_slice(), [single] if single.value.eq_ignore_ascii_case(READ))
}

impl Rewriter<'_> {
    /// `FROM 'uri'`. It is called as the file is, up to the first point.
    pub(super) fn file(&mut self, uri: String, alias: Option<TableAlias>) -> Result<TableFactor> {
        // The tree has no place for it.
        let span = self.place_of_string(&uri);
        let called = called(&uri);
        self.files(Spanned::new(vec![uri], span), None, Vec::new(), alias, called, span)
    }

    /// `FROM READ(…)`.
    pub(super) fn read(
        &mut self,
        args: &TableFunctionArgs,
        alias: Option<TableAlias>,
        span: Span,
    ) -> Result<TableFactor> {
        let invalid = |message: &str, span| Diagnostic::error(Code::Invalid, message).at(span).hint(FORM);
        let (mut uris, mut connection, mut options) = (None, None, Vec::new());
        for argument in &args.args {
            let place = self.span_of(argument);
            let (name, value) = match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) if uris.is_none() => {
                    let texts = match value {
                        Expr::Array(array) => {
                            let items = array.elem.iter().map(|item| self.string_of(item));
                            items.collect::<Result<Option<Vec<String>>>>()?
                        }
                        single => self.string_of(single)?.map(|text| vec![text]),
                    };
                    let texts =
                        texts.ok_or_else(|| invalid("what READ reads is not a string literal", place))?;
                    uris = Some(Spanned::new(texts, place));
                    continue;
                }
                FunctionArg::Named {
                    name,
                    arg: FunctionArgExpr::Expr(value),
                    operator: FunctionArgOperator::RightArrow,
                } => (name.value.clone(), value),
                FunctionArg::ExprNamed {
                    name: Expr::Identifier(name),
                    arg: FunctionArgExpr::Expr(value),
                    operator: FunctionArgOperator::RightArrow,
                } => (name.value.clone(), value),
                _ => return Err(invalid("READ does not take this argument", place)),
            };
            let at = crate::parse::place(sqlparser::ast::Spanned::span(value)).unwrap_or(place);
            if name.eq_ignore_ascii_case("connection") {
                let text = self.string_of(value)?;
                let text =
                    text.ok_or_else(|| invalid("the connection of READ is not a string literal", at))?;
                connection = Some(Spanned::new(text, at));
                continue;
            }
            let literal = self.option_literal(value)?;
            let literal =
                literal.ok_or_else(|| invalid(&format!("option {name:?} of READ is not a literal"), at))?;
            options.push(SqlOption { name: Spanned::new(name, place), value: Spanned::new(literal, at) });
        }
        let Some(uris) = uris else { return Err(invalid("READ is not told what to read", span)) };
        let called = uris.value.first().and_then(|uri| called(uri));
        self.files(uris, connection, options, alias, called, span)
    }

    fn files(
        &mut self,
        uris: Spanned<Vec<String>>,
        connection: Option<Spanned<String>>,
        options: Vec<SqlOption>,
        alias: Option<TableAlias>,
        called: Option<String>,
        span: Span,
    ) -> Result<TableFactor> {
        let key = format!("file_read_{}", self.file_reads.len() + 1);
        let default = called.unwrap_or_else(|| key.clone());
        let name = alias.as_ref().map_or(default.as_str(), |alias| alias.name.value.as_str());
        let file_name = self.file_name.of_table(name).file_name;
        self.file_reads.push(FileRead { key: key.clone(), uris, connection, options, file_name, span });
        self.named_table(&key, alias, &default, Vec::new(), span)
    }

    /// The text of a string literal, or of a parameter that is one.
    fn string_of(&self, expr: &Expr) -> Result<Option<String>> {
        if let Expr::Value(value) = expr
            && let Value::Placeholder(name) = &value.value
        {
            let parameter = self.parameter(name, self.span_of(expr))?;
            return Ok(build::literal_string(&parameter).map(str::to_owned));
        }
        Ok(build::literal_string(expr).map(str::to_owned))
    }

    fn option_literal(&self, expr: &Expr) -> Result<Option<OptionLiteral>> {
        if let Some(text) = self.string_of(expr)? {
            return Ok(Some(OptionLiteral::String(Secret::new(text))));
        }
        if let Some(number) = build::literal_integer(expr) {
            return Ok(Some(OptionLiteral::Int64(number)));
        }
        Ok(match expr {
            Expr::Array(array) => {
                let items = array.elem.iter().map(|item| self.option_literal(item));
                items.collect::<Result<Option<Vec<_>>>>()?.map(OptionLiteral::Array)
            }
            Expr::Value(value) => match &value.value {
                Value::Boolean(value) => Some(OptionLiteral::Bool(*value)),
                Value::Null => Some(OptionLiteral::Null),
                _ => None,
            },
            _ => None,
        })
    }

    /// Where the query says this text first.
    fn place_of_string(&self, wanted: &str) -> Span {
        let found = crate::lex(self.text).into_iter().find(|token| {
            token.kind == TokenKind::String
                && decode_string(self.text, token).is_ok_and(|text| text == wanted)
        });
        found.map_or(self.whole, |token| token.span.shifted(self.whole.start))
    }
}

/// What a file is called, if that can be a name: `people` for `file:///data/people.csv.gz`.
fn called(uri: &str) -> Option<String> {
    let file = uri.rsplit(['/', '\\']).next()?;
    let name = file.split('.').next()?;
    let mut letters = name.chars();
    let begins = letters.next().is_some_and(|letter| letter.is_ascii_alphabetic() || letter == '_');
    (begins && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')).then(|| name.to_owned())
}
