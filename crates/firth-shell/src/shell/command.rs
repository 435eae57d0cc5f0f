//! The shell's own commands: `.help`, `.mode csv`, and the few of psql's that fingers know.

use std::path::PathBuf;

use firth_diagnostic::{Code, Diagnostic, Result, did_you_mean};

use crate::format::{Between, FORMATS, Format};

/// What a line that is not SQL asks for.
pub(super) enum Command {
    Help,
    Quit,
    /// A statement that it is short for.
    Statement(String),
    /// The text that ran last, again.
    Last,
    /// The text that ran last, in the user's editor.
    Edit,
    /// What the last statement read from where.
    Sources,
    /// Figures after each statement.
    Stats(Switch),
    Mode(&'static Format),
    /// Between `vertical` and `table`.
    Expanded,
    Timer(Switch),
    /// How many rows of a result are shown; `None` for all.
    Rows(Option<usize>),
    Read(PathBuf),
    /// What shows long results.
    Pager(PagerChoice),
    /// Results go to a file; `None`: to the terminal again.
    Output(Option<PathBuf>),
}

/// What is to show results that are longer than the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PagerChoice {
    /// The user's own, or `less`.
    On,
    Off,
    /// A command.
    Named(String),
}

/// What becomes of something that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Switch {
    On,
    Off,
    Turn,
}

impl Switch {
    /// The state after it.
    pub(super) fn of(self, now: bool) -> bool {
        match self {
            Switch::On => true,
            Switch::Off => false,
            Switch::Turn => !now,
        }
    }
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
        names: &[".tables", "\\dt", "\\dv"],
        argument: "[DATASET]",
        doc: "the tables and views",
        read: |argument| Ok(statement("SHOW TABLES", " FROM ", argument)),
    },
    CommandSpec {
        names: &[".schemas", "\\dn", "\\l"],
        argument: "",
        doc: "the datasets",
        read: |_| Ok(Command::Statement("SHOW SCHEMAS".to_owned())),
    },
    CommandSpec {
        names: &[".describe", "\\d"],
        argument: "[TABLE]",
        doc: "a table's columns; without a name, the tables",
        read: |argument| {
            Ok(match argument {
                "" => statement("SHOW TABLES", "", ""),
                table => statement("DESCRIBE", " ", table),
            })
        },
    },
    CommandSpec {
        names: &[".schema"],
        argument: "TABLE",
        doc: "the statement that makes a table",
        read: |argument| {
            named(argument, "table", ".schema TABLE").map(|table| statement("SHOW CREATE TABLE", " ", table))
        },
    },
    CommandSpec {
        names: &[".connections", "\\conninfo"],
        argument: "",
        doc: "the connections",
        read: |_| Ok(Command::Statement("SHOW CONNECTIONS".to_owned())),
    },
    CommandSpec {
        names: &[".settings"],
        argument: "",
        doc: "the settings, for SET",
        read: |_| Ok(Command::Statement("SHOW SETTINGS".to_owned())),
    },
    CommandSpec {
        names: &[".explain"],
        argument: "QUERY",
        doc: "the plan of a query, and what would be sent to databases",
        read: |argument| {
            named(argument, "query", ".explain QUERY").map(|query| statement("EXPLAIN", " ", query))
        },
    },
    CommandSpec {
        names: &[".last", "\\g"],
        argument: "",
        doc: "run the last text again",
        read: |_| Ok(Command::Last),
    },
    CommandSpec {
        names: &[".edit", "\\e"],
        argument: "",
        doc: "edit the last text in $EDITOR, and run it",
        read: |_| Ok(Command::Edit),
    },
    CommandSpec {
        names: &[".cache"],
        argument: "",
        doc: "what is kept of files for later statements",
        read: |_| Ok(Command::Statement("SHOW CACHES".to_owned())),
    },
    CommandSpec {
        names: &[".keys"],
        argument: "emacs|vi",
        doc: "how the line editor reads keys",
        read: |argument| {
            named(argument, "kind of keys", ".keys vi").map(|keys| statement("SET keys", " = ", keys))
        },
    },
    CommandSpec {
        names: &[".sources"],
        argument: "",
        doc: "what the last statement read from where",
        read: |_| Ok(Command::Sources),
    },
    CommandSpec {
        names: &[".stats"],
        argument: "[on|off]",
        doc: "whether figures follow each statement",
        read: |argument| switch(argument, ".stats").map(Command::Stats),
    },
    CommandSpec {
        names: &[".timer", "\\timing"],
        argument: "[on|off]",
        doc: "whether times are shown",
        read: |argument| switch(argument, ".timer").map(Command::Timer),
    },
    CommandSpec { names: &[".mode"], argument: "FORMAT", doc: "how results are written", read: mode },
    CommandSpec {
        names: &["\\x"],
        argument: "",
        doc: "one value a line, and back",
        read: |_| Ok(Command::Expanded),
    },
    CommandSpec {
        names: &[".rows"],
        argument: "N|all",
        doc: "how many rows of a result are shown",
        read: rows,
    },
    CommandSpec {
        names: &[".pager"],
        argument: "on|off|COMMAND",
        doc: "what shows results that are longer than the screen",
        read: |argument| {
            named(argument, "pager", ".pager on").map(|argument| Command::Pager(pager_choice(argument)))
        },
    },
    CommandSpec {
        names: &[".output", "\\o"],
        argument: "[FILE]",
        doc: "write results to a file; without one, show them again",
        read: |argument| Ok(Command::Output((!argument.is_empty()).then(|| PathBuf::from(argument)))),
    },
    CommandSpec { names: &[".read", "\\i"], argument: "FILE", doc: "run a file of statements", read },
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

/// Every name, for completion.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().flat_map(|spec| spec.names.iter().copied())
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
        text.push_str(&format!("  {head:<28} {}\n", spec.doc));
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

fn switch(argument: &str, command: &str) -> Result<Switch> {
    match argument.to_ascii_lowercase().as_str() {
        "on" => Ok(Switch::On),
        "off" => Ok(Switch::Off),
        "" => Ok(Switch::Turn),
        _ => Err(invalid(
            format!("{argument:?} is neither on nor off"),
            format!("Type `{command} on` or `{command} off`."),
        )),
    }
}

fn pager_choice(argument: &str) -> PagerChoice {
    match argument.to_ascii_lowercase().as_str() {
        "on" => PagerChoice::On,
        "off" => PagerChoice::Off,
        _ => PagerChoice::Named(argument.to_owned()),
    }
}

fn rows(argument: &str) -> Result<Command> {
    match (argument.parse(), argument.to_ascii_lowercase().as_str()) {
        (_, "all") => Ok(Command::Rows(None)),
        (Ok(count), _) if count > 0 => Ok(Command::Rows(Some(count))),
        _ => Err(invalid(format!("{argument:?} is no number of rows"), "Type `.rows 100` or `.rows all`.")),
    }
}

fn read(argument: &str) -> Result<Command> {
    named(argument, "file", ".read FILE").map(|file| Command::Read(PathBuf::from(file)))
}

/// The argument, which must be there.
fn named<'a>(argument: &'a str, what: &str, usage: &str) -> Result<&'a str> {
    if argument.is_empty() {
        return Err(invalid(format!("no {what} is named"), format!("Type `{usage}`.")));
    }
    Ok(argument)
}

/// A statement with what it is about, if anything was named.
fn statement(words: &str, between: &str, about: &str) -> Command {
    let rest = if about.is_empty() { String::new() } else { format!("{between}{about}") };
    Command::Statement(format!("{words}{rest}"))
}

fn unknown(name: &str) -> Diagnostic {
    let hint = match did_you_mean(name, names()) {
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
        assert!(matches!(parse("\\dt"), Some(Ok(Command::Statement(sql))) if sql == "SHOW TABLES"));
        assert!(matches!(parse(".mode JSON"), Some(Ok(Command::Mode(format))) if format.name == "json"));
        assert!(matches!(parse(".timer off"), Some(Ok(Command::Timer(Switch::Off)))));
        assert!(matches!(parse("\\timing"), Some(Ok(Command::Timer(Switch::Turn)))));
        assert!(matches!(parse(".rows all"), Some(Ok(Command::Rows(None)))));
        assert!(matches!(parse("\\d a.b"), Some(Ok(Command::Statement(sql))) if sql == "DESCRIBE a.b"));
        assert!(
            matches!(parse(".explain SELECT 1;"), Some(Ok(Command::Statement(sql))) if sql == "EXPLAIN SELECT 1")
        );
        assert!(matches!(parse(".keys vi"), Some(Ok(Command::Statement(sql))) if sql == "SET keys = vi"));
        assert!(matches!(parse("\\e"), Some(Ok(Command::Edit))));
        assert!(matches!(parse(".pager OFF"), Some(Ok(Command::Pager(PagerChoice::Off)))));
        assert!(
            matches!(parse(".pager more -s"), Some(Ok(Command::Pager(PagerChoice::Named(command)))) if command == "more -s")
        );
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
            (".timer maybe", "\"maybe\" is neither on nor off"),
            (".rows 0", "\"0\" is no number of rows"),
            (".schema", "no table is named"),
            (".read", "no file is named"),
        ] {
            let Some(Err(error)) = parse(line) else { panic!("{line} was taken") };
            assert_eq!(error.message(), expected);
            assert_eq!(error.hints().len(), 1);
        }
    }
}
