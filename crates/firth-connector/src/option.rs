//! Option tables: one `const` list from which validation, help, completion and docs derive.

/// What type of value an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionKind {
    /// STRING.
    String,
    /// INT64.
    Int64,
    /// BOOL.
    Bool,
    /// ARRAY<STRING>.
    Strings,
    /// INTERVAL: kept as what follows the word, such as `4 HOUR`.
    Interval,
}

impl OptionKind {
    /// The GoogleSQL name of the type.
    pub const fn sql_type(self) -> &'static str {
        match self {
            OptionKind::String => "STRING",
            OptionKind::Int64 => "INT64",
            OptionKind::Bool => "BOOL",
            OptionKind::Strings => "ARRAY<STRING>",
            OptionKind::Interval => "INTERVAL",
        }
    }
}

/// One option: its name, type, rules and one sentence of help.
///
/// Made in `const` tables: `OptionSpec::string("host").required().endpoint().doc("…")`.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// The name, in lower case. Names are matched without regard to case.
    pub name: &'static str,
    /// Other names that mean the same.
    pub aliases: &'static [&'static str],
    /// The type of its value.
    pub kind: OptionKind,
    /// Whether it must be given.
    pub required: bool,
    /// Whether its value is a secret: sealed when stored, never shown.
    pub secret: bool,
    /// Whether changing it sends the connection's secrets somewhere else (host, port, TLS mode …).
    pub endpoint: bool,
    /// The value when it is not given, as its text.
    pub default: Option<&'static str>,
    /// The values allowed, if they are few. Matched without regard to case; stored as spelled here.
    pub choices: &'static [&'static str],
    /// One sentence.
    pub doc: &'static str,
}

impl OptionSpec {
    const fn new(name: &'static str, kind: OptionKind) -> Self {
        OptionSpec {
            name,
            aliases: &[],
            kind,
            required: false,
            secret: false,
            endpoint: false,
            default: None,
            choices: &[],
            doc: "",
        }
    }

    /// A STRING option.
    pub const fn string(name: &'static str) -> Self {
        Self::new(name, OptionKind::String)
    }

    /// An INT64 option.
    pub const fn int64(name: &'static str) -> Self {
        Self::new(name, OptionKind::Int64)
    }

    /// A BOOL option.
    pub const fn bool(name: &'static str) -> Self {
        Self::new(name, OptionKind::Bool)
    }

    /// An ARRAY<STRING> option.
    pub const fn strings(name: &'static str) -> Self {
        Self::new(name, OptionKind::Strings)
    }

    /// An INTERVAL option.
    pub const fn interval(name: &'static str) -> Self {
        Self::new(name, OptionKind::Interval)
    }

    /// Other names that mean the same.
    #[must_use]
    pub const fn alias(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// It must be given.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Its value is a secret.
    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// Changing it sends the connection's secrets somewhere else.
    #[must_use]
    pub const fn endpoint(mut self) -> Self {
        self.endpoint = true;
        self
    }

    /// The value when it is not given.
    #[must_use]
    pub const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }

    /// The values allowed.
    #[must_use]
    pub const fn choice(mut self, choices: &'static [&'static str]) -> Self {
        self.choices = choices;
        self
    }

    /// One sentence of help.
    #[must_use]
    pub const fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// Whether `name` means this option.
    pub fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
            || self.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))
    }
}
