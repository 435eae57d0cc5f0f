//! SET, RESET, SHOW SETTINGS, SHOW AUDIT.

use firth_diagnostic::{Code, Diagnostic, Result, Spanned};
use firth_sql::{OptionLiteral, SetSetting};

use crate::{Outcome, SETTINGS, Session, report::Report};

/// How many records SHOW AUDIT shows, newest first.
const AUDIT_ROWS: usize = 1000;

pub(super) fn show(session: &Session) -> Result<Outcome> {
    let settings = session.settings();
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Ok(Report::new()
        .texts("name", SETTINGS.iter().map(|spec| spec.name))
        .strings("value", SETTINGS.iter().map(|spec| given(settings.text(spec.name))))
        .texts("source", SETTINGS.iter().map(|spec| settings.origin(spec.name)))
        .strings("default", SETTINGS.iter().map(|spec| given(spec.default)))
        .texts("description", SETTINGS.iter().map(|spec| spec.doc))
        .outcome())
}

pub(super) fn set(session: &Session, statement: &SetSetting) -> Result<Outcome> {
    let text = match &statement.value.value {
        OptionLiteral::Bool(value) => value.to_string(),
        OptionLiteral::Int64(number) => number.to_string(),
        OptionLiteral::Float64(number) => number.to_string(),
        OptionLiteral::String(text) => text.expose_secret().to_owned(),
        OptionLiteral::Null
        | OptionLiteral::Array(_)
        | OptionLiteral::Env(_)
        | OptionLiteral::File(_)
        | OptionLiteral::Prompt
        | OptionLiteral::Other(..) => {
            return Err(Diagnostic::error(Code::Invalid, "a setting takes a word, a number or a text")
                .at(statement.value.span)
                .hint("`RESET name` brings the default back."));
        }
    };
    session.change_settings(|settings| settings.set(&statement.name.value, &text)).map_err(|error| {
        match error.code() {
            Code::NotFound => error.at(statement.name.span),
            _ => error.at(statement.value.span),
        }
    })?;
    Ok(Outcome::nothing())
}

pub(super) fn reset(session: &Session, name: &Spanned<String>) -> Result<Outcome> {
    let start = &session.options.settings;
    if name.value.eq_ignore_ascii_case("all") {
        session.change_settings(|settings| {
            *settings = start.clone();
            Ok(())
        })?;
        return Ok(Outcome::nothing());
    }
    session
        .change_settings(|settings| settings.reset(&name.value, start))
        .map_err(|error| error.at(name.span))?;
    Ok(Outcome::nothing())
}

pub(super) fn audit(session: &Session) -> Result<Outcome> {
    let records = session.catalog()?.audit(AUDIT_ROWS)?;
    Ok(Report::new()
        .timestamps("time", records.iter().map(|record| record.time))
        .texts("principal", records.iter().map(|record| record.principal.as_str()))
        .texts("method", records.iter().map(|record| record.method.as_str()))
        .texts("resource", records.iter().map(|record| record.resource.as_str()))
        .texts("outcome", records.iter().map(|record| record.outcome.as_str()))
        .outcome())
}
