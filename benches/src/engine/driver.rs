//! An engine that is a Python file of `benches/engines`.
//!
//! It reads one JSON object a line and answers with one a line. `{"do": "version"}` is answered by
//! `{"version": "…"}`; `{"do": "set_up", …}` with [`SetUp`] by `{}`; `{"do": "query", "sql": "…"}` by
//! `{"rows": n}`, and so `export` (`sql`, `format`, `to`) and `write_rows` (`sql`, `path`). Whatever fails
//! is answered by `{"error": "…"}`. Queries are GoogleSQL: the file turns them into its engine's words.

use std::{
    fs::File,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::{Answer, Engine, PATIENCE, conversation::Conversation};
use crate::{Result, case::Work, place::SetUp};

/// A running Python file.
pub(super) struct Driver(Conversation);

pub(super) fn version(python: &Path, script: &Path) -> Result<String> {
    let mut driver = Driver::spawn(python, script, Stdio::null())?;
    let answer = driver.ask(&json!({ "do": "version" }))?;
    Ok(answer["version"].as_str().unwrap_or_default().to_string())
}

impl Driver {
    pub(super) fn start(python: &Path, script: &Path, set_up: &SetUp, folder: &Path) -> Result<Self> {
        let log = File::create(folder.join("stderr.log")).map_err(|error| error.to_string())?;
        let mut driver = Driver::spawn(python, script, log.into())?;
        let mut request = serde_json::to_value(set_up).map_err(|error| error.to_string())?;
        request["do"] = "set_up".into();
        driver.ask(&request)?;
        Ok(driver)
    }

    fn spawn(python: &Path, script: &Path, errors: Stdio) -> Result<Self> {
        let mut command = Command::new(python);
        command.arg("-u").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", python.display()))?;
        let answers = child.stdout.take().ok_or("its standard output is not piped")?;
        Ok(Driver(Conversation::begin(child, answers)))
    }

    fn ask(&mut self, request: &Value) -> Result<Value> {
        self.0.say(&format!("{request}\n"))?;
        let line = self.0.hear(PATIENCE)?;
        let answer: Value = serde_json::from_str(&line).map_err(|error| format!("{line}: {error}"))?;
        match answer["error"].as_str() {
            Some(error) => Err(error.to_string()),
            None => Ok(answer),
        }
    }
}

impl Engine for Driver {
    fn process(&self) -> u32 {
        self.0.process()
    }

    fn run(&mut self, work: &Work) -> Result<Answer> {
        let answer = self.ask(&match work {
            Work::Query(sql) | Work::StartUp(sql) => json!({ "do": "query", "sql": sql }),
            Work::Export { sql, format, to } => {
                json!({ "do": "export", "sql": sql, "format": format, "to": to })
            }
        })?;
        let count = |name: &str| answer[name].as_u64();
        Ok(Answer { rows: count("rows").unwrap_or(0), requests: count("requests"), bytes: count("bytes") })
    }

    fn write_rows(&mut self, sql: &str, path: &Path) -> Result<()> {
        self.ask(&json!({ "do": "write_rows", "sql": sql, "path": path })).map(drop)
    }
}
