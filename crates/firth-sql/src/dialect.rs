//! GoogleSQL as sqlparser is to parse it.

use std::any::TypeId;

use sqlparser::dialect::{BigQueryDialect, Dialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;

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

    fn is_column_alias(&self, keyword: &Keyword, _parser: &mut Parser) -> bool {
        may_be_alias(keyword)
    }

    fn is_table_alias(&self, keyword: &Keyword, parser: &mut Parser) -> bool {
        // `t TABLESAMPLE`, `t FOR SYSTEM_TIME` and the like begin with reserved words; these do not.
        let clause = matches!(keyword, Keyword::PIVOT | Keyword::UNPIVOT)
            && parser.peek_token_ref().token == sqlparser::tokenizer::Token::LParen;
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

    fn allow_extract_custom(&self) -> bool {
        true
    }
}

fn may_be_alias(keyword: &Keyword) -> bool {
    let index = Keyword::NoKeyword;
    if *keyword == index {
        return true;
    }
    !keyword::is_reserved(&format!("{keyword:?}"))
}
