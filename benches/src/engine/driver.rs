//! An engine that is a Python file of `benches/engines`.
//!
//! It reads one JSON object a line and answers with one a line. `{"do": "version"}` is answered by
//! `{"version": "…"}`; `{"do": "set_up", …}` with [`SetUp`] by `{}`; `{"do": "query", "sql": "…"}` by
//! `{"rows": n}`, and so `export` (`sql`, `format`, `to`) and `write_rows` (`sql`, `path`). Whatever fails
//! is answered by `{"error": "…"}`. Queries are GoogleSQL: the file turns them into its engine's words.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::{Answer, Engine, PATIENCE, conversation::Conversation};
use crate::{Result, case::Work, place::SetUp};

/// A running Python file.
pub(super) struct Driver {
    conversation: Conversation,
    /// What it writes to standard error; its last words tell why it ended.
    log: Option<PathBuf>,
}

pub(super) fn version(python: &Path, script: &Path) -> Result<String> {
    let mut driver = Driver::spawn(python, script, Stdio::null(), None)?;
    let answer = driver.ask(&json!({ "do": "version" }))?;
    Ok(answer["version"].as_str().unwrap_or_default().to_string())
}

impl Driver {
    pub(super) fn start(python: &Path, script: &Path, set_up: &SetUp, folder: &Path) -> Result<Self> {
        let log = folder.join("stderr.log");
        let errors = File::create(&log).map_err(|error| error.to_string())?;
        let mut driver = Driver::spawn(python, script, errors.into(), Some(log))?;
        let mut request = serde_json::to_value(set_up).map_err(|error| error.to_string())?;
        request["do"] = "set_up".into();
        driver.ask(&request)?;
        Ok(driver)
    }

    fn spawn(python: &Path, script: &Path, errors: Stdio, log: Option<PathBuf>) -> Result<Self> {
        let mut command = Command::new(python);
        command.arg("-u").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", python.display()))?;
        let answers = child.stdout.take().ok_or("its standard output is not piped")?;
        Ok(Driver { conversation: Conversation::begin(child, answers), log })
    }

    fn ask(&mut self, request: &Value) -> Result<Value> {
        let conversation = &mut self.conversation;
        let line = conversation.say(&format!("{request}\n")).and_then(|()| conversation.hear(PATIENCE));
        let line = line.map_err(|failure| {
            let log = self.log.as_ref().and_then(|log| fs::read_to_string(log).ok()).unwrap_or_default();
            let last = log.lines().last().map(|last| format!(": {last}")).unwrap_or_default();
            format!("{failure}{last}")
        })?;
        let answer: Value = serde_json::from_str(&line).map_err(|error| format!("{line}: {error}"))?;
        match answer["error"].as_str() {
            Some(error) => Err(error.to_string()),
            None => Ok(answer),
        }
    }
}

impl Engine for Driver {
    fn process(&self) -> u32 {
        self.conversation.process()
    }

    fn run(&mut self, work: &Work) -> Result<Answer> {
        let answer = self.ask(&match work {
            Work::Query(sql) | Work::StartUp(sql) | Work::Clients { sql, .. } => {
                json!({ "do": "query", "sql": sql })
            }
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
