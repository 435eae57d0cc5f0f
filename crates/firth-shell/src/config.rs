//! Settings from files and the environment: `firth.toml` in the home folder, then that of the project, then
//! `FIRTH_NAME` variables. Flags come after them, and SET last.
//!
//! A file is TOML: a line `name = value` for each setting. Nothing else is configured by it, so a project's file
//! can make queries slower and not reach anything. Mistakes in it are told with their line.

use std::{
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use firth_diagnostic::{Code, Diagnostic, Source, Span};
use firth_engine::{SETTINGS, Settings};
use toml_edit::{Document, Item, Value};

/// What the files are called.
pub(crate) const FILE: &str = "firth.toml";

/// Sets what files and the environment say. The error is a text, ready to print.
pub(crate) fn load(home: &Path, settings: &mut Settings) -> Result<(), String> {
    for path in files(home) {
        match fs::read_to_string(&path) {
            Ok(text) => read(&path.display().to_string(), &text, settings)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                let shown = path.display().to_string();
                return Err(crate::script::unreadable(&shown, &error).render(None, false));
            }
        }
    }
    for spec in SETTINGS {
        let name = format!("FIRTH_{}", spec.name.to_ascii_uppercase());
        if let Some(value) = env::var_os(&name).filter(|value| !value.is_empty()) {
            settings.set_from(&format!("${name}"), spec.name, &value.to_string_lossy()).map_err(|error| {
                error.detail(format!("{name} is set in the environment")).render(None, false)
            })?;
        }
    }
    Ok(())
}

/// The home's file, and the nearest one from the current folder upwards.
fn files(home: &Path) -> Vec<PathBuf> {
    let own = home.join(FILE);
    let here = env::current_dir().unwrap_or_default();
    let project = here.ancestors().map(|folder| folder.join(FILE)).find(|path| path.is_file());
    let same = |path: &PathBuf| matches!((fs::canonicalize(path), fs::canonicalize(&own)), (Ok(path), Ok(own)) if path == own);
    let project = project.filter(|path| !same(path));
    [own].into_iter().chain(project).collect()
}

fn read(name: &str, text: &str, settings: &mut Settings) -> Result<(), String> {
    let failed = |error: Diagnostic| error.render(Some(Source { name, text }), false);
    let place = |range: Option<std::ops::Range<usize>>| {
        let range = range.unwrap_or(0..0);
        Span::new(range.start, range.end.max(range.start))
    };
    let document = Document::parse(text).map_err(|error| {
        let line = error.message().lines().next().unwrap_or_default().to_owned();
        failed(
            Diagnostic::error(Code::Invalid, format!("{name} is no TOML"))
                .at(place(error.span()))
                .detail(line)
                .hint("A line is `name = value`, and texts stand in quotes."),
        )
    })?;
    for (key, item) in document.iter() {
        let at = place(document.key(key).and_then(|key| key.span()));
        let value = match item {
            Item::Value(Value::String(text)) => text.value().clone(),
            Item::Value(Value::Integer(number)) => number.value().to_string(),
            Item::Value(Value::Float(number)) => number.value().to_string(),
            Item::Value(Value::Boolean(value)) => value.value().to_string(),
            _ => {
                return Err(failed(
                    Diagnostic::error(
                        Code::Invalid,
                        format!("{key:?} is not given a word, a number or a text"),
                    )
                    .at(at)
                    .hint("A line is `name = value`; there are no tables."),
                ));
            }
        };
        settings.set_from(name, key, &value).map_err(|error| match error.code() {
            Code::NotFound => failed(error.at(at)),
            _ => failed(error.at(place(item.span()))),
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn refused(text: &str) -> String {
        read("firth.toml", text, &mut Settings::default()).expect_err(text)
    }

    #[test]
    fn values_of_every_type_are_taken() {
        let mut settings = Settings::default();
        read("a/firth.toml", "# mine\nthreads = 3\npushdown = false\nmemory_limit = \"2G\"\n", &mut settings)
            .expect("fine");
        assert_eq!((settings.text("threads"), settings.text("pushdown")), ("3", "off"));
        assert_eq!(
            (settings.number("memory_limit"), settings.origin("threads")),
            (Some(2 << 30), "a/firth.toml")
        );
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        assert_snapshot!(refused("threads = 3\ntreads = 4\n"), @r#"
        error[not_found]: there is no setting "treads"
         --> firth.toml:2:1
        2 | treads = 4
          | ^^^^^^
        hint: Did you mean "threads"? `SHOW SETTINGS` lists all.
        "#);
        assert_snapshot!(refused("threads = 0"), @r#"
        error[invalid]: "0" is not a value of setting "threads"
         --> firth.toml:1:11
        1 | threads = 0
          |           ^
        hint: It takes a positive whole number.
        "#);
        assert!(refused("threads = = 3").contains("firth.toml is no TOML"));
        assert!(refused("[threads]\na = 1").contains("there are no tables"));
    }
}
