//! `@name`: the values of parameters, as literals.

use firth_diagnostic::{Code, Diagnostic, Result, Span, did_you_mean};
use sqlparser::ast::{DataType, Expr, Value};

use super::{Rewriter, build, types};
use crate::Parameter;

impl Rewriter<'_> {
    /// The literal for `@name`, as the token was written.
    pub(super) fn parameter(&self, written: &str, span: Span) -> Result<Expr> {
        if written.starts_with("@@") {
            return Err(Diagnostic::error(
                Code::Unsupported,
                format!("system variable {written} is not in this version"),
            )
            .at(span));
        }
        let name = written.trim_start_matches('@').trim_matches('`').to_lowercase();
        match self.parameters.get(&name) {
            Some(parameter) => Ok(literal(parameter)),
            None => Err(Diagnostic::error(Code::NotFound, format!("parameter {written} has no value"))
                .at(span)
                .hint(match did_you_mean(&name, self.parameters.keys().map(String::as_str)) {
                    Some(near) => format!("Did you mean @{near}?"),
                    None => format!("Give it one with --param {name}=VALUE."),
                })),
        }
    }
}

fn literal(parameter: &Parameter) -> Expr {
    match parameter {
        Parameter::Null => build::null(),
        Parameter::Int64(value) => build::number(value),
        // The name of a non-finite number is no literal.
        Parameter::Float64(value) if !value.is_finite() => {
            build::cast(build::string(value.to_string()), types::float64())
        }
        Parameter::Float64(value) => build::cast(build::number(format!("{value:?}")), types::float64()),
        Parameter::Bool(value) => build::value(Value::Boolean(*value)),
        Parameter::String(text) => build::string(text),
        Parameter::Typed(column_type, text) => match types::planned(column_type) {
            DataType::Varchar(_) => build::string(text),
            data_type => build::cast(build::string(text), data_type),
        },
    }
}
