//! GoogleSQL as sqlparser is to parse it.

use std::any::TypeId;

use sqlparser::ast::{Array, CastKind, Expr};
use sqlparser::dialect::{BigQueryDialect, Dialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use crate::keyword;

/// sqlparser's BigQuery, with GoogleSQL's own list of reserved words.
#[derive(Debug)]
pub(crate) struct GoogleSqlDialect;

impl Dialect for GoogleSqlDialect {
    /// Parts of sqlparser ask which dialect it is: it is BigQuery's.
    fn dialect(&self) -> TypeId {
        TypeId::of::<BigQueryDialect>()
    }

    // Texts are never tokenized by sqlparser; these two are required.
    fn is_identifier_start(&self, ch: char) -> bool {
        BigQueryDialect.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        BigQueryDialect.is_identifier_part(ch)
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        BigQueryDialect.is_delimited_identifier_start(ch)
    }

    /// sqlparser asks this after a comma, to know whether the select list ends there. A reserved word
    /// may begin an expression, so only those of clauses end it.
    fn is_column_alias(&self, keyword: &Keyword, _parser: &mut Parser) -> bool {
        !CLAUSES.contains(keyword)
    }

    fn is_select_item_alias(&self, explicit: bool, keyword: &Keyword, _parser: &mut Parser) -> bool {
        explicit || may_be_alias(keyword)
    }

    fn is_table_alias(&self, keyword: &Keyword, parser: &mut Parser) -> bool {
        // `t TABLESAMPLE`, `t FOR SYSTEM_TIME` and the like begin with reserved words; these do not.
        let clause = matches!(keyword, Keyword::PIVOT | Keyword::UNPIVOT)
            && parser.peek_token_ref().token == Token::LParen;
        may_be_alias(keyword) && !clause
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        false
    }

    fn supports_projection_trailing_commas(&self) -> bool {
        true
    }

    fn supports_triple_quoted_string(&self) -> bool {
        true
    }

    fn supports_string_literal_backslash_escape(&self) -> bool {
        true
    }

    fn supports_window_function_null_treatment_arg(&self) -> bool {
        true
    }

    fn supports_window_clause_named_window_reference(&self) -> bool {
        true
    }

    fn supports_select_wildcard_except(&self) -> bool {
        true
    }

    fn supports_select_wildcard_replace(&self) -> bool {
        true
    }

    fn require_interval_qualifier(&self) -> bool {
        true
    }

    fn supports_struct_literal(&self) -> bool {
        true
    }

    fn supports_select_expr_star(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_table_versioning(&self) -> bool {
        true
    }

    fn supports_pipe_operator(&self) -> bool {
        true
    }

    fn supports_from_first_select(&self) -> bool {
        true
    }

    fn supports_comma_separated_trim(&self) -> bool {
        true
    }

    fn supports_boolean_literals(&self) -> bool {
        true
    }

    fn supports_subquery_as_function_arg(&self) -> bool {
        true
    }

    fn supports_limit_comma(&self) -> bool {
        false
    }

    fn supports_bitwise_shift_operators(&self) -> bool {
        true
    }

    /// `ARRAY<INT64>[1, 2]`, which sqlparser does not know: a cast of the array.
    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        let [first, second] = parser.peek_tokens();
        let typed_array =
            matches!(&first, Token::Word(word) if word.keyword == Keyword::ARRAY) && second == Token::Lt;
        typed_array.then(|| typed_array_literal(parser))
    }

    fn allow_extract_custom(&self) -> bool {
        true
    }
}

fn typed_array_literal(parser: &mut Parser) -> Result<Expr, ParserError> {
    let data_type = parser.parse_data_type()?;
    parser.expect_token(&Token::LBracket)?;
    let elem = parser.parse_comma_separated0(Parser::parse_expr, Token::RBracket)?;
    parser.expect_token(&Token::RBracket)?;
    let array = Box::new(Expr::Array(Array { elem, named: false }));
    Ok(Expr::Cast { kind: CastKind::Cast, expr: array, data_type, array: false, format: None })
}

/// The words that follow a select list.
const CLAUSES: &[Keyword] = &[
    Keyword::EXCEPT,
    Keyword::FROM,
    Keyword::GROUP,
    Keyword::HAVING,
    Keyword::INTERSECT,
    Keyword::LIMIT,
    Keyword::ORDER,
    Keyword::QUALIFY,
    Keyword::UNION,
    Keyword::WHERE,
    Keyword::WINDOW,
];

fn may_be_alias(keyword: &Keyword) -> bool {
    *keyword == Keyword::NoKeyword || !keyword::is_reserved(&format!("{keyword:?}"))
}
