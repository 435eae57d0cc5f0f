//! Options of statements: from what was written to what validation takes.

use std::{env, fs};

use firth_connector::{GivenOption, GivenValue};
use firth_diagnostic::{Code, Diagnostic, Result, Secret, Spanned};
use firth_sql::{OptionLiteral, SqlOption};

use crate::Session;

/// A file with a secret in it is not larger than this.
const LARGEST_FILE: u64 = 1 << 20;

/// The options with ENV, FILE and PROMPT replaced by the texts they stand for now.
pub(crate) fn given(session: &Session, options: &[SqlOption]) -> Result<Vec<GivenOption>> {
    options
        .iter()
        .map(|option| {
            let value = value(session, &option.name.value, &option.value.value)
                .map_err(|error| error.or_at(option.value.span))?;
            Ok(GivenOption { name: option.name.clone(), value: Spanned::new(value, option.value.span) })
        })
        .collect()
}

fn value(session: &Session, name: &str, literal: &OptionLiteral) -> Result<GivenValue> {
    Ok(match literal {
        OptionLiteral::Null => GivenValue::Null,
        OptionLiteral::Bool(value) => GivenValue::Bool(*value),
        OptionLiteral::Int64(number) => GivenValue::Int64(*number),
        OptionLiteral::Float64(number) => GivenValue::Float64(*number),
        OptionLiteral::String(text) => GivenValue::Text(text.clone()),
        OptionLiteral::Array(items) => {
            GivenValue::Array(items.iter().map(|item| value(session, name, item)).collect::<Result<_>>()?)
        }
        OptionLiteral::Env(variable) => GivenValue::Read(from_environment(variable)?),
        OptionLiteral::File(path) => GivenValue::Read(from_file(path)?),
        OptionLiteral::Prompt => GivenValue::Read(from_person(session, name)?),
        OptionLiteral::Other("INTERVAL", text) => GivenValue::Interval(text.clone()),
        OptionLiteral::Other(type_name, _) => GivenValue::Other(type_name),
    })
}

fn from_environment(variable: &str) -> Result<Secret> {
    match env::var(variable) {
        Ok(value) => Ok(Secret::new(value)),
        Err(env::VarError::NotPresent) => {
            Err(Diagnostic::error(Code::NotFound, format!("environment variable {variable:?} is not set"))
                .hint(format!("Set it before Firth starts: `{variable}=… firth`.")))
        }
        Err(env::VarError::NotUnicode(_)) => {
            Err(Diagnostic::error(Code::Invalid, format!("environment variable {variable:?} is not UTF-8")))
        }
    }
}

fn from_file(path: &str) -> Result<Secret> {
    let failed = |error: std::io::Error| {
        Diagnostic::error(Code::Io, format!("file {path:?} could not be read")).detail(error.to_string())
    };
    if fs::metadata(path).map_err(failed)?.len() > LARGEST_FILE {
        return Err(Diagnostic::error(Code::Invalid, format!("file {path:?} is too large for an option")));
    }
    let mut text = fs::read_to_string(path).map_err(failed)?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(Secret::new(text))
}

fn from_person(session: &Session, name: &str) -> Result<Secret> {
    let Some(prompt) = &session.options.prompt else {
        return Err(Diagnostic::error(Code::Invalid, "PROMPT() needs a terminal")
            .hint("In a script, use ENV('NAME') or FILE('path')."));
    };
    prompt.secret(&format!("{name}: ")).map_err(|error| {
        Diagnostic::error(Code::Io, "the terminal could not be read").detail(error.to_string())
    })
}
