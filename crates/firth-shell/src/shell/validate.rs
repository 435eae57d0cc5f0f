//! When Enter runs what was typed, and when it begins another line.

use reedline::{ValidationResult, Validator};

use super::command;

/// A statement is complete with its semicolon; a command, and nothing at all, always.
pub(super) struct EndsWithSemicolon;

impl Validator for EndsWithSemicolon {
    fn validate(&self, text: &str) -> ValidationResult {
        if text.trim().is_empty() || command::is_command(text) || firth_sql::is_complete(text) {
            ValidationResult::Complete
        } else {
            ValidationResult::Incomplete
        }
    }
}
