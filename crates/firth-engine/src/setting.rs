//! Settings: one list from which SET, SHOW SETTINGS, `--set` and the reference page derive.

use std::collections::BTreeMap;

use firth_diagnostic::{Code, Diagnostic, Result, did_you_mean};
use firth_pushdown::Pushdown;

/// What type of value a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingKind {
    /// TRUE or FALSE, also on and off.
    Bool,
    /// A positive integer.
    Count,
    /// A number of bytes, such as 4G or 512M.
    Bytes,
    /// The same, or 0.
    BytesOrNone,
    /// One of these words, or a BOOL: TRUE is the first word, FALSE the last.
    Switch(&'static [&'static str]),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any text.
    Text,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct SettingSpec {
    /// The name, in lower case.
    pub name: &'static str,
    /// What it takes.
    pub kind: SettingKind,
    /// The value until it is set, as text. Empty: decided when used.
    pub default: &'static str,
    /// One sentence.
    pub doc: &'static str,
}

/// Every setting.
pub const SETTINGS: &[SettingSpec] = &[
    SettingSpec {
        name: "pushdown",
        kind: SettingKind::Switch(&["on", "safe", "off"]),
        default: "on",
        doc: "What SQL sources do: on, whole queries where they mean the same there; safe, filters, limits and the keys of joins; off, nothing but choosing columns.",
    },
    SettingSpec {
        name: "memory_limit",
        kind: SettingKind::Bytes,
        default: "",
        doc: "How much memory sorts, joins and aggregates may hold before they spill to disk; by default 3/4 of the machine's.",
    },
    SettingSpec {
        name: "cache_memory",
        kind: SettingKind::Bytes,
        default: "",
        doc: "How much memory what was read of files may hold for later statements, as long as no query needs it; by default 1/4 of the limit.",
    },
    SettingSpec {
        name: "cache_disk",
        kind: SettingKind::BytesOrNone,
        default: "0",
        doc: "How many bytes of what was read of remote Parquet files the home keeps on disk, for later processes; 0 keeps none.",
    },
    SettingSpec {
        name: "threads",
        kind: SettingKind::Count,
        default: "",
        doc: "How many partitions a query is worked on at once; by default one for each core.",
    },
    SettingSpec {
        name: "batch_size",
        kind: SettingKind::Count,
        default: "8192",
        doc: "How many rows a batch holds at most.",
    },
    SettingSpec {
        name: "time_zone",
        kind: SettingKind::Text,
        default: "UTC",
        doc: "The zone that civil times are read in where a TIMESTAMP is wanted.",
    },
    SettingSpec {
        name: "keys",
        kind: SettingKind::Choice(&["emacs", "vi"]),
        default: "emacs",
        doc: "How the shell's line editor reads keys.",
    },
];

/// The values set, over the defaults. Every value was checked when set.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    values: BTreeMap<&'static str, Given>,
}

/// A value, and where it was given.
#[derive(Clone, Debug)]
struct Given {
    value: String,
    origin: String,
}

/// Where values come from that nobody gave.
const DEFAULT: &str = "default";
/// Where the values of SET come from.
const STATEMENT: &str = "SET";

impl Settings {
    /// The spec of this name; the error offers the nearest.
    pub fn spec(name: &str) -> Result<&'static SettingSpec> {
        SETTINGS.iter().find(|spec| spec.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
            let hint = match did_you_mean(name, SETTINGS.iter().map(|spec| spec.name)) {
                Some(near) => format!("Did you mean {near:?}? `SHOW SETTINGS` lists all."),
                None => "`SHOW SETTINGS` lists them.".to_owned(),
            };
            Diagnostic::error(Code::NotFound, format!("there is no setting {name:?}")).hint(hint)
        })
    }

    /// Sets a setting from its text, as SET does.
    pub fn set(&mut self, name: &str, text: &str) -> Result<()> {
        self.set_from(STATEMENT, name, text)
    }

    /// Sets a setting from its text. `origin` is what SHOW SETTINGS says of where it was given: a file, a variable,
    /// a flag.
    pub fn set_from(&mut self, origin: &str, name: &str, text: &str) -> Result<()> {
        let spec = Self::spec(name)?;
        let value = spec.kind.normalize(text).ok_or_else(|| {
            Diagnostic::error(Code::Invalid, format!("{text:?} is not a value of setting {:?}", spec.name))
                .hint(format!("It takes {}.", spec.kind.describe()))
        })?;
        self.values.insert(spec.name, Given { value, origin: origin.to_owned() });
        Ok(())
    }

    /// Back to what it is in `start`, such as what a file gave, or to the default.
    pub fn reset(&mut self, name: &str, start: &Settings) -> Result<()> {
        let name = Self::spec(name)?.name;
        match start.values.get(name) {
            Some(given) => self.values.insert(name, given.clone()),
            None => self.values.remove(name),
        };
        Ok(())
    }

    /// Where the value was given.
    pub fn origin(&self, name: &str) -> &str {
        self.values.get(name).map_or(DEFAULT, |given| &given.origin)
    }

    /// The value's text, or the default's. Empty: decided when used.
    pub fn text(&self, name: &str) -> &str {
        match self.values.get(name) {
            Some(given) => &given.value,
            None => SETTINGS.iter().find(|spec| spec.name == name).map_or("", |spec| spec.default),
        }
    }

    /// A BOOL setting.
    pub fn bool(&self, name: &str) -> bool {
        self.text(name) == "true"
    }

    /// What SQL sources do.
    pub(crate) fn pushdown(&self) -> Pushdown {
        match self.text("pushdown") {
            "off" => Pushdown::Off,
            "safe" => Pushdown::Safe,
            _ => Pushdown::On,
        }
    }

    /// A number; `None` if it is decided when used.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.text(name).parse().ok()
    }
}

impl SettingKind {
    /// The one spelling of a valid text.
    fn normalize(self, text: &str) -> Option<String> {
        let text = text.trim();
        match self {
            SettingKind::Bool => match text.to_ascii_lowercase().as_str() {
                "true" | "on" | "1" => Some("true".to_owned()),
                "false" | "off" | "0" => Some("false".to_owned()),
                _ => None,
            },
            SettingKind::Count => {
                text.parse().ok().filter(|count: &usize| *count > 0).map(|count| count.to_string())
            }
            SettingKind::Bytes => bytes(text).map(|count| count.to_string()),
            SettingKind::BytesOrNone if text == "0" => Some("0".to_owned()),
            SettingKind::BytesOrNone => bytes(text).map(|count| count.to_string()),
            SettingKind::Switch(words) => {
                let word = match SettingKind::Bool.normalize(text).as_deref() {
                    Some("true") => words.first().copied(),
                    Some(_) => words.last().copied(),
                    None => words.iter().find(|word| word.eq_ignore_ascii_case(text)).copied(),
                };
                word.map(str::to_owned)
            }
            SettingKind::Choice(words) => {
                words.iter().find(|word| word.eq_ignore_ascii_case(text)).map(|word| (*word).to_owned())
            }
            SettingKind::Text => Some(text.to_owned()),
        }
    }

    /// For messages.
    pub fn describe(self) -> String {
        match self {
            SettingKind::Bool => "true or false".to_owned(),
            SettingKind::Count => "a positive whole number".to_owned(),
            SettingKind::Bytes => "a number of bytes, such as 512M or 4G".to_owned(),
            SettingKind::BytesOrNone => "a number of bytes, such as 512M or 4G, or 0".to_owned(),
            SettingKind::Switch(words) | SettingKind::Choice(words) => format!("one of {}", words.join(", ")),
            SettingKind::Text => "a text".to_owned(),
        }
    }
}

/// `4G` → 4 · 2³⁰. Units are powers of 1024; `K`, `KB` and `KiB` mean the same.
fn bytes(text: &str) -> Option<usize> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let power = match text[digits..].trim().to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        "T" | "TB" | "TIB" => 40,
        _ => return None,
    };
    let count = number * f64::from(2u32).powi(power);
    (count >= 1.0 && count < 2f64.powi(60)).then_some(count as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_and_spelled_one_way() {
        let mut settings = Settings::default();
        settings.set("PUSHDOWN", "off").expect("valid");
        assert_eq!(settings.text("pushdown"), "off");
        settings.set("pushdown", "TRUE").expect("valid");
        assert_eq!(settings.text("pushdown"), "on");
        settings.set("pushdown", "Safe").expect("valid");
        assert_eq!(settings.text("pushdown"), "safe");
        settings.set("memory_limit", "1.5G").expect("valid");
        assert_eq!(settings.number("memory_limit"), Some(3 << 29));
        assert_eq!(settings.set("threads", "0").expect_err("zero").code(), Code::Invalid);
        assert_eq!((settings.origin("pushdown"), settings.origin("threads")), ("SET", "default"));
        let start = settings.clone();
        settings.set_from("--threads", "threads", "3").expect("valid");
        settings.set("pushdown", "off").expect("valid");
        assert_eq!(settings.origin("threads"), "--threads");
        settings.reset("pushdown", &start).expect("known");
        settings.reset("threads", &start).expect("known");
        assert_eq!((settings.text("pushdown"), settings.text("threads")), ("safe", ""));
        assert_eq!(settings.set("pushdwon", "on").expect_err("typo").hints().len(), 1);
    }
}
