//! Options as given, and as validated against a table of specs.

use std::collections::BTreeMap;

use firth_diagnostic::{Code, Diagnostic, Result, Secret, Span, Spanned, did_you_mean};

use crate::{OptionKind, OptionSpec};

/// One `name = value` of a statement, before anything is known about it.
#[derive(Clone, Debug)]
pub struct GivenOption {
    /// The name as written.
    pub name: Spanned<String>,
    /// The value as written, with `ENV(…)`, `FILE(…)` and `PROMPT()` already replaced by their text.
    pub value: Spanned<GivenValue>,
}

/// A value before it is known whether it is a secret; so every text is one until then.
#[derive(Clone, Debug)]
pub enum GivenValue {
    /// NULL: unsets the option.
    Null,
    /// TRUE or FALSE.
    Bool(bool),
    /// An integer.
    Int64(i64),
    /// A number with a fraction or an exponent.
    Float64(f64),
    /// A text.
    Text(Secret),
    /// A text that was read from the environment, a file or the terminal: it takes the option's type.
    Read(Secret),
    /// `[…]`
    Array(Vec<GivenValue>),
    /// What follows the word INTERVAL: `4 HOUR`.
    Interval(String),
    /// A literal of another type, whose GoogleSQL type name this is.
    Other(&'static str),
}

impl GivenValue {
    fn type_name(&self) -> &'static str {
        match self {
            GivenValue::Null => "NULL",
            GivenValue::Bool(_) => "BOOL",
            GivenValue::Int64(_) => "INT64",
            GivenValue::Float64(_) => "FLOAT64",
            GivenValue::Text(_) | GivenValue::Read(_) => "STRING",
            GivenValue::Array(_) => "ARRAY",
            GivenValue::Interval(_) => "INTERVAL",
            GivenValue::Other(name) => name,
        }
    }
}

/// A validated value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionValue {
    /// STRING.
    String(String),
    /// INT64.
    Int64(i64),
    /// BOOL.
    Bool(bool),
    /// ARRAY<STRING>.
    Strings(Vec<String>),
    /// A STRING that is a secret.
    Secret(Secret),
}

/// Validated options: every name known, every value of its type, every required one there.
///
/// Can only be made by validation, so a reader of options has nothing left to check. Defaults are
/// filled in on reading and are not part of [`Options::given`].
#[derive(Clone, Debug)]
pub struct Options {
    specs: &'static [OptionSpec],
    values: BTreeMap<&'static str, OptionValue>,
}

impl Options {
    /// Checks `given` against `specs`.
    ///
    /// `object` says in the plural what the options are of, such as "POSTGRES connections"; `whole`
    /// is where to point when an option is missing.
    pub fn validate(
        object: &str,
        specs: &'static [OptionSpec],
        given: &[GivenOption],
        whole: Span,
    ) -> Result<Self> {
        let mut options = Options { specs, values: BTreeMap::new() };
        let mut seen: Vec<&str> = Vec::new();
        for option in given {
            let spec = find(object, specs, option)?;
            if seen.contains(&spec.name) {
                return Err(duplicate(option));
            }
            seen.push(spec.name);
            if let Some(value) = convert(spec, option)? {
                options.values.insert(spec.name, value);
            }
        }
        for spec in specs.iter().filter(|spec| spec.required) {
            if !options.values.contains_key(spec.name) {
                return Err(missing(object, spec, whole));
            }
        }
        Ok(options)
    }

    /// The options after `ALTER … SET OPTIONS (given)`, and the names of secrets that were dropped.
    ///
    /// A changed endpoint drops every stored secret that is not given again in the same statement:
    /// a secret goes only where it was meant for.
    pub fn altered(
        &self,
        object: &str,
        given: &[GivenOption],
        whole: Span,
    ) -> Result<(Self, Vec<&'static str>)> {
        let mut altered = self.clone();
        let mut named: Vec<&str> = Vec::new();
        let mut moved = false;
        for option in given {
            let spec = find(object, self.specs, option)?;
            if named.contains(&spec.name) {
                return Err(duplicate(option));
            }
            named.push(spec.name);
            let value = convert(spec, option)?;
            moved |= spec.endpoint && value.as_ref() != self.values.get(spec.name);
            match value {
                Some(value) => altered.values.insert(spec.name, value),
                None => altered.values.remove(spec.name),
            };
        }
        for spec in self.specs.iter().filter(|spec| spec.required) {
            if !altered.values.contains_key(spec.name) {
                return Err(missing(object, spec, whole));
            }
        }
        let mut dropped = Vec::new();
        for spec in self.specs.iter().filter(|spec| moved && spec.secret && !named.contains(&spec.name)) {
            if altered.values.remove(spec.name).is_some() {
                dropped.push(spec.name);
            }
        }
        Ok((altered, dropped))
    }

    /// Options that were validated when they were stored. Names no longer known are left out.
    pub fn from_stored(
        specs: &'static [OptionSpec],
        stored: impl IntoIterator<Item = (String, OptionValue)>,
    ) -> Self {
        let mut options = Options { specs, values: BTreeMap::new() };
        for (name, value) in stored {
            if let Some(spec) = specs.iter().find(|spec| spec.name == name) {
                options.values.insert(spec.name, value);
            }
        }
        options
    }

    /// The table they were validated against.
    pub fn specs(&self) -> &'static [OptionSpec] {
        self.specs
    }

    /// The options that were given, by name, without defaults.
    pub fn given(&self) -> impl Iterator<Item = (&'static str, &OptionValue)> {
        self.values.iter().map(|(name, value)| (*name, value))
    }

    /// Whether the option was given.
    pub fn is_given(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Whether any secret was given.
    pub fn has_secret(&self) -> bool {
        self.values.values().any(|value| matches!(value, OptionValue::Secret(_)))
    }

    /// A STRING option, or its default.
    pub fn string(&self, name: &str) -> Option<&str> {
        match self.values.get(name) {
            Some(OptionValue::String(text)) => Some(text),
            Some(_) => None,
            None => self.default_text(name),
        }
    }

    /// An INT64 option, or its default.
    pub fn int64(&self, name: &str) -> Option<i64> {
        match self.values.get(name) {
            Some(OptionValue::Int64(number)) => Some(*number),
            Some(_) => None,
            None => self.default_text(name).and_then(|text| text.parse().ok()),
        }
    }

    /// A BOOL option, or its default.
    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.values.get(name) {
            Some(OptionValue::Bool(value)) => Some(*value),
            Some(_) => None,
            None => self.default_text(name).and_then(|text| text.parse().ok()),
        }
    }

    /// An ARRAY<STRING> option. Has no default.
    pub fn strings(&self, name: &str) -> Option<&[String]> {
        match self.values.get(name) {
            Some(OptionValue::Strings(texts)) => Some(texts),
            _ => None,
        }
    }

    /// A secret option. Has no default.
    pub fn secret(&self, name: &str) -> Option<&Secret> {
        match self.values.get(name) {
            Some(OptionValue::Secret(secret)) => Some(secret),
            _ => None,
        }
    }

    fn default_text(&self, name: &str) -> Option<&'static str> {
        self.specs.iter().find(|spec| spec.name == name).and_then(|spec| spec.default)
    }
}

fn find(object: &str, specs: &'static [OptionSpec], option: &GivenOption) -> Result<&'static OptionSpec> {
    let name = option.name.value.as_str();
    specs.iter().find(|spec| spec.is_named(name)).ok_or_else(|| {
        let known = specs.iter().map(|spec| spec.name);
        let hint = match did_you_mean(name, known.clone()) {
            Some(near) => format!("Did you mean {near:?}?"),
            None => format!("The options of {object} are {}.", known.collect::<Vec<_>>().join(", ")),
        };
        Diagnostic::error(Code::Invalid, format!("{object} have no option {name:?}"))
            .at(option.name.span)
            .hint(hint)
    })
}

fn convert(spec: &OptionSpec, option: &GivenOption) -> Result<Option<OptionValue>> {
    let wrong_type = || {
        Diagnostic::error(
            Code::Invalid,
            format!(
                "option {:?} takes {}, not {}",
                spec.name,
                spec.kind.sql_type(),
                option.value.value.type_name()
            ),
        )
        .at(option.value.span)
        .hint(how_to_write(spec.kind))
    };
    let value = match (&option.value.value, spec.kind) {
        (GivenValue::Null, _) => return Ok(None),
        (GivenValue::Bool(value), OptionKind::Bool) => OptionValue::Bool(*value),
        (GivenValue::Interval(text), OptionKind::Interval) => OptionValue::String(text.clone()),
        (GivenValue::Int64(number), OptionKind::Int64) => OptionValue::Int64(*number),
        (GivenValue::Text(text) | GivenValue::Read(text), OptionKind::String) if spec.secret => {
            OptionValue::Secret(text.clone())
        }
        (GivenValue::Text(text) | GivenValue::Read(text), OptionKind::String) => {
            OptionValue::String(choice(spec, text.expose_secret(), option)?)
        }
        (GivenValue::Text(text) | GivenValue::Read(text), OptionKind::Strings) => {
            OptionValue::Strings(vec![text.expose_secret().to_owned()])
        }
        (GivenValue::Read(text), OptionKind::Int64) => {
            OptionValue::Int64(text.expose_secret().trim().parse().map_err(|_| not_read(spec, option))?)
        }
        (GivenValue::Read(text), OptionKind::Bool) => {
            let text = text.expose_secret().trim().to_ascii_lowercase();
            OptionValue::Bool(text.parse().map_err(|_| not_read(spec, option))?)
        }
        (GivenValue::Array(items), OptionKind::Strings) => {
            let texts = items.iter().map(|item| match item {
                GivenValue::Text(text) | GivenValue::Read(text) => Some(text.expose_secret().to_owned()),
                _ => None,
            });
            OptionValue::Strings(texts.collect::<Option<_>>().ok_or_else(wrong_type)?)
        }
        _ => return Err(wrong_type()),
    };
    Ok(Some(value))
}

/// The text itself is not shown: it may be a secret that was read into the wrong option.
fn not_read(spec: &OptionSpec, option: &GivenOption) -> Diagnostic {
    let message =
        format!("option {:?} takes {}, and what was read is not one", spec.name, spec.kind.sql_type());
    Diagnostic::error(Code::Invalid, message)
        .at(option.value.span)
        .hint("Look at what the variable or the file holds.")
}

fn how_to_write(kind: OptionKind) -> &'static str {
    match kind {
        OptionKind::String => "Write a text in quotes: 'text'.",
        OptionKind::Int64 => "Write a whole number, without quotes.",
        OptionKind::Bool => "Write TRUE or FALSE, without quotes.",
        OptionKind::Strings => "Write a list of texts: ['one', 'two'].",
        OptionKind::Interval => "Write INTERVAL, a number and a unit: INTERVAL 4 HOUR.",
    }
}

fn choice(spec: &OptionSpec, text: &str, option: &GivenOption) -> Result<String> {
    if spec.choices.is_empty() {
        return Ok(text.to_owned());
    }
    match spec.choices.iter().find(|choice| choice.eq_ignore_ascii_case(text)) {
        Some(choice) => Ok((*choice).to_owned()),
        None => Err(Diagnostic::error(
            Code::Invalid,
            format!("{text:?} is not a value of option {:?}", spec.name),
        )
        .at(option.value.span)
        .hint(match did_you_mean(text, spec.choices.iter().copied()) {
            Some(near) => format!("Did you mean {near:?}?"),
            None => format!("Its values are {}.", spec.choices.join(", ")),
        })),
    }
}

fn missing(object: &str, spec: &OptionSpec, whole: Span) -> Diagnostic {
    let value = if spec.kind == OptionKind::String { "'…'" } else { "…" };
    Diagnostic::error(Code::Invalid, format!("option {:?} is missing", spec.name)).at(whole).hint(format!(
        "{} need it: add `{} = {value}`.",
        upper_first(object),
        spec.name
    ))
}

fn duplicate(option: &GivenOption) -> Diagnostic {
    Diagnostic::error(Code::Invalid, format!("option {:?} is given twice", option.name.value))
        .at(option.name.span)
        .hint("Keep one of them.")
}

fn upper_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: &[OptionSpec] = &[
        OptionSpec::string("host").required().endpoint().doc("The server's name."),
        OptionSpec::int64("port").endpoint().default("5432").doc("The server's port."),
        OptionSpec::string("password").secret().doc("The password."),
        OptionSpec::string("sslmode").choice(&["disable", "require"]).default("require").doc("TLS."),
        OptionSpec::strings("uris").doc("Where."),
    ];

    fn given(name: &str, value: GivenValue) -> GivenOption {
        GivenOption {
            name: Spanned::new(name.to_owned(), Span::new(0, name.len())),
            value: Spanned::new(value, Span::new(name.len() + 3, name.len() + 4)),
        }
    }

    fn text(text: &str) -> GivenValue {
        GivenValue::Text(Secret::new(text))
    }

    fn validate(options: &[GivenOption]) -> Result<Options> {
        Options::validate("TEST connections", SPECS, options, Span::default())
    }

    #[test]
    fn defaults_are_read_but_not_stored() {
        let options = validate(&[given("HOST", text("h"))]).expect("valid");
        assert_eq!(options.int64("port"), Some(5432));
        assert_eq!(options.given().count(), 1);
    }

    #[test]
    fn messages_name_the_option_and_offer_the_nearest() {
        let error = |options: &[GivenOption]| {
            let error = validate(options).expect_err("not valid");
            format!("{} | {}", error.message(), error.hints().join(" "))
        };
        assert_eq!(
            error(&[given("hots", text("h"))]),
            "TEST connections have no option \"hots\" | Did you mean \"host\"?"
        );
        assert_eq!(error(&[]), "option \"host\" is missing | TEST connections need it: add `host = '…'`.");
        assert_eq!(
            error(&[given("port", text("1"))]),
            "option \"port\" takes INT64, not STRING | Write a whole number, without quotes."
        );
        assert_eq!(
            error(&[given("sslmode", text("requires"))]),
            "\"requires\" is not a value of option \"sslmode\" | Did you mean \"require\"?"
        );
    }

    #[test]
    fn a_changed_endpoint_drops_the_secret_unless_given_again() {
        let stored = validate(&[given("host", text("h")), given("password", text("p"))]).expect("valid");
        let alter = |options: &[GivenOption]| {
            stored.altered("TEST connections", options, Span::default()).expect("valid")
        };

        let (moved, dropped) = alter(&[given("host", text("other"))]);
        assert_eq!((moved.secret("password"), dropped), (None, vec!["password"]));
        let (same, dropped) = alter(&[given("host", text("h"))]);
        assert_eq!((same.has_secret(), dropped), (true, vec![]));
        let (given_again, dropped) =
            alter(&[given("port", GivenValue::Int64(1)), given("password", text("q"))]);
        assert_eq!((given_again.secret("password"), dropped), (Some(&Secret::new("q")), vec![]));
    }
}
