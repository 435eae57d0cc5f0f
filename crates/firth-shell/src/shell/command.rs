//! The shell's own commands: `.help`, `.mode csv`, and the few of psql's that fingers know.

use std::path::PathBuf;

use firth_diagnostic::{Code, Diagnostic, Result, did_you_mean};

use crate::format::{Between, FORMATS, Format};

/// What a line that is not SQL asks for.
pub(super) enum Command {
    Help,
    Quit,
    /// A statement that it is short for.
    Statement(&'static str),
    Mode(&'static Format),
    Timer(bool),
    Read(PathBuf),
}

/// A command as typed.
struct CommandSpec {
    names: &'static [&'static str],
    argument: &'static str,
    doc: &'static str,
    read: fn(&str) -> Result<Command>,
}

const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        names: &[".help", "\\?", "help"],
        argument: "",
        doc: "this list",
        read: |_| Ok(Command::Help),
    },
    CommandSpec {
        names: &[".quit", "\\q", "quit", "exit"],
        argument: "",
        doc: "leave, as Ctrl-D does",
        read: |_| Ok(Command::Quit),
    },
    CommandSpec {
        names: &[".tables", "\\dt"],
        argument: "",
        doc: "the tables",
        read: |_| Ok(Command::Statement("SHOW TABLES")),
    },
    CommandSpec {
        names: &[".schemas", "\\dn"],
        argument: "",
        doc: "the datasets",
        read: |_| Ok(Command::Statement("SHOW SCHEMAS")),
    },
    CommandSpec {
        names: &[".connections"],
        argument: "",
        doc: "the connections",
        read: |_| Ok(Command::Statement("SHOW CONNECTIONS")),
    },
    CommandSpec { names: &[".mode"], argument: "FORMAT", doc: "how results are written", read: mode },
    CommandSpec { names: &[".timer"], argument: "on|off", doc: "whether times are shown", read: timer },
    CommandSpec { names: &[".read"], argument: "FILE", doc: "run a file of statements", read },
];

/// Reads a line as a command. `None`: it is SQL, or nothing.
pub(super) fn parse(line: &str) -> Option<Result<Command>> {
    let line = line.trim();
    let bare = line.trim_end_matches(';').trim_end();
    let (name, argument) = bare.split_once(char::is_whitespace).unwrap_or((bare, ""));
    let spec = COMMANDS.iter().find(|spec| spec.names.iter().any(|known| known.eq_ignore_ascii_case(name)));
    let looks_like_one = line.starts_with(['.', '\\']);
    match spec {
        // `help` and `quit` are commands alone; with more behind them they are SQL gone wrong.
        Some(spec) if looks_like_one || argument.is_empty() => Some((spec.read)(argument.trim())),
        None if looks_like_one => Some(Err(unknown(name))),
        Some(_) | None => None,
    }
}

/// Whether a line is complete without a semicolon.
pub(super) fn is_command(line: &str) -> bool {
    line.trim_start().starts_with(['.', '\\']) || parse(line).is_some()
}

/// The list of commands.
pub(super) fn help() -> String {
    let mut text = String::from("Statements end with `;`. Ctrl-C stops a statement, Ctrl-D leaves.\n");
    for spec in COMMANDS {
        let head = format!("{} {}", spec.names.join(" "), spec.argument);
        text.push_str(&format!("  {head:<26} {}\n", spec.doc));
    }
    text
}

fn mode(argument: &str) -> Result<Command> {
    let suitable =
        || FORMATS.iter().filter(|format| format.between != Between::OnlyOneInAFile && format.is_text);
    let names = suitable().map(|format| format.name).collect::<Vec<_>>().join(", ");
    suitable()
        .find(|format| format.name.eq_ignore_ascii_case(argument))
        .map(Command::Mode)
        .ok_or_else(|| invalid(format!("there is no mode {argument:?}"), format!("Choose one of {names}.")))
}

fn timer(argument: &str) -> Result<Command> {
    match argument.to_ascii_lowercase().as_str() {
        "on" => Ok(Command::Timer(true)),
        "off" => Ok(Command::Timer(false)),
        _ => Err(invalid(format!("{argument:?} is neither on nor off"), "Type `.timer on` or `.timer off`.")),
    }
}

fn read(argument: &str) -> Result<Command> {
    if argument.is_empty() {
        return Err(invalid("no file is named", "Type `.read FILE`."));
    }
    Ok(Command::Read(PathBuf::from(argument)))
}

fn unknown(name: &str) -> Diagnostic {
    let names = COMMANDS.iter().flat_map(|spec| spec.names.iter().copied());
    let hint = match did_you_mean(name, names) {
        Some(near) => format!("Did you mean `{near}`? `.help` lists all."),
        None => "`.help` lists those there are.".to_owned(),
    };
    invalid(format!("there is no command {name:?}"), hint)
}

fn invalid(message: impl Into<String>, hint: impl Into<String>) -> Diagnostic {
    Diagnostic::error(Code::Invalid, message).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_sql() {
        assert!(matches!(parse(" .quit; "), Some(Ok(Command::Quit))));
        assert!(matches!(parse("\\dt"), Some(Ok(Command::Statement("SHOW TABLES")))));
        assert!(matches!(parse(".mode JSON"), Some(Ok(Command::Mode(format))) if format.name == "json"));
        assert!(matches!(parse(".timer off"), Some(Ok(Command::Timer(false)))));
        assert!(parse("exit").is_some());
        assert!(parse("SELECT 1;").is_none());
        assert!(parse("quit smoking;").is_none());
        assert!(parse("").is_none());
    }

    #[test]
    fn mistakes_come_with_advice() {
        for (line, expected) in [
            (".tabels", "there is no command \".tabels\""),
            (".mode parquet", "there is no mode \"parquet\""),
            (".timer", "\"\" is neither on nor off"),
            (".read", "no file is named"),
        ] {
            let Some(Err(error)) = parse(line) else { panic!("{line} was taken") };
            assert_eq!(error.message(), expected);
            assert_eq!(error.hints().len(), 1);
        }
    }
}
