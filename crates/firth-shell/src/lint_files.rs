//! `firth lint FILE…`: what is seldom meant in SQL files, and secrets that stand in them.
//!
//! A comment `-- lint: allow NAME` in a statement, or before it, allows what the rule of that name finds there.

use std::path::PathBuf;

use firth_diagnostic::{Code, Diagnostic, Span};
use firth_sql::{OptionList, OptionLiteral, OptionSecrecy, Statement};

use crate::{
    Exit,
    format_files::sql_files,
    reporter::Reporter,
    script::{Script, secrecy},
};

/// The one rule about connections.
const LITERAL_SECRET: &str = "literal_secret";

/// Looks at files, and at all `.sql` files of folders. Fails where anything is found.
pub(crate) fn run(reporter: Reporter, paths: &[PathBuf]) -> Exit {
    let mut found = 0;
    for path in sql_files(paths) {
        match path.and_then(|path| Script::read(&path)) {
            Ok(script) => {
                for problem in problems(&script) {
                    reporter.error(&problem, Some(script.source()));
                    found += 1;
                }
            }
            Err(error) => {
                reporter.error(&error, None);
                found += 1;
            }
        }
    }
    match found {
        0 => Exit::Fine,
        1 => {
            reporter.note("1 problem found");
            Exit::Failed
        }
        _ => {
            reporter.note(&format!("{found} problems found"));
            Exit::Failed
        }
    }
}

/// What is found in a script, with places in it.
fn problems(script: &Script) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let mut before = 0;
    for span in script.statements() {
        let text = &script.text[span.start..span.end];
        match firth_sql::parse(text) {
            Err(error) => problems.push(error.or_at(Span::new(0, 1)).shifted(span.start)),
            Ok(statement) => {
                let line_end =
                    script.text[span.end..].find('\n').map_or(script.text.len(), |at| span.end + at);
                let allowed = allowed(&script.text[before..line_end]);
                let queries = firth_sql::lint(&statement)
                    .into_iter()
                    .map(|finding| (finding.rule.name, finding.warning));
                let all = queries.chain(secrets(&statement));
                problems.extend(
                    all.filter(|(rule, _)| !allowed.iter().any(|name| name == rule))
                        .map(|(_, warning)| warning.shifted(span.start)),
                );
            }
        }
        before = span.end;
    }
    problems
}

/// The rules that comments allow.
fn allowed(text: &str) -> Vec<String> {
    let tokens = firth_sql::lex(text);
    let comments = tokens.iter().filter(|token| token.kind == firth_sql::TokenKind::Comment);
    let mut names = Vec::new();
    for comment in comments {
        if let Some((_, list)) = comment.text(text).split_once("lint: allow ") {
            let words = list.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            names.extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
        }
    }
    names
}

/// Options that are secrets and stand in the script as texts.
fn secrets(statement: &Statement) -> Vec<(&'static str, Diagnostic)> {
    let options: &OptionList = match statement {
        Statement::CreateConnection(create) => &create.options,
        Statement::AlterConnection(alter) => &alter.options,
        _ => return Vec::new(),
    };
    let mut found = Vec::new();
    for option in &options.value {
        let is_text = matches!(option.value.value, OptionLiteral::String(_));
        if is_text && secrecy(&option.name.value) == OptionSecrecy::Secret {
            let message =
                format!("the secret {:?} stands in the script ({LITERAL_SECRET})", option.name.value);
            let warning = Diagnostic::warning(Code::Invalid, message)
                .at(option.value.span)
                .hint("Take it from ENV('NAME'), FILE('path') or PROMPT().");
            found.push((LITERAL_SECRET, warning));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let script = Script::new("a.sql", text);
        problems(&script).iter().map(|problem| problem.message().to_owned()).collect()
    }

    #[test]
    fn a_secret_in_a_script_is_found_and_not_shown() {
        let script = Script::new(
            "a.sql",
            "CREATE CONNECTION c OPTIONS (connection_type = 'POSTGRES', host = 'h', password = 'canary', user = ENV('U'))",
        );
        let problems = problems(&script);
        assert_eq!(problems.len(), 1);
        let shown = problems[0].render(Some(script.source()), false);
        assert!(shown.contains("the secret \"password\" stands in the script"), "{shown}");
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn a_comment_allows_what_is_meant() {
        assert_eq!(found("SELECT a FROM t LIMIT 1").len(), 1);
        assert_eq!(found("SELECT a FROM t LIMIT 1; -- lint: allow limit_without_order\n"), [""; 0]);
        assert_eq!(
            found("-- lint: allow select_star, limit_without_order\nSELECT * FROM t LIMIT 1;"),
            [""; 0]
        );
        assert_eq!(found("-- lint: allow select_star\nSELECT * FROM t; SELECT * FROM t").len(), 1);
        assert_eq!(found("SELEKT 1; SELECT 2").len(), 1);
    }
}
