//! What was measured, as JSON for programs, Markdown for people and a plot for each suite.

mod baseline;
mod markdown;
mod plot;

use std::{
    fs,
    path::Path,
    process::{Command, ExitCode},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use crate::{Result, arguments::Arguments, engine::EngineSpec, machine::Machine, measure::MeasuredSuite};

/// A run and all it found. This is `report.json`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    /// Seconds since 1970 at the beginning.
    pub(crate) begun: u64,
    /// The commit of the checkout, where there is one.
    pub(crate) commit: Option<String>,
    pub(crate) scale: f64,
    pub(crate) repeats: usize,
    pub(crate) cold_repeats: usize,
    /// In the order of the command line: the first is the one that others are compared with.
    pub(crate) engines: Vec<EngineVersion>,
    pub(crate) suites: Vec<MeasuredSuite>,
}

/// An engine's name and version.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct EngineVersion {
    pub(crate) name: String,
    pub(crate) version: String,
}

impl Report {
    /// A report without suites yet.
    pub(crate) fn begin(arguments: &Arguments, engines: &[EngineSpec]) -> Report {
        let begun = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let of = |spec: &EngineSpec| EngineVersion { name: spec.name.clone(), version: spec.version.clone() };
        Report {
            machine: Machine::this(),
            begun,
            commit: commit(),
            scale: arguments.scale,
            repeats: arguments.repeats,
            cold_repeats: arguments.cold_repeats,
            engines: engines.iter().map(of).collect(),
            suites: Vec::new(),
        }
    }

    /// Writes `report.json`, `report.md` and a `SUITE.svg` for each suite.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
        };
        let json = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        write("report.json", json + "\n")?;
        write("report.md", markdown::render(self))?;
        for suite in &self.suites {
            write(&format!("{}.svg", suite.name), plot::render(suite, &self.engines))?;
        }
        Ok(())
    }

    /// Refuses a run in which an engine failed, or that measured nothing.
    pub(crate) fn every_case_has_times(&self) -> Result<()> {
        let mut count = 0;
        for suite in &self.suites {
            for case in &suite.cases {
                for (name, engine) in &case.engines {
                    if let Some(failure) = &engine.failure {
                        return Err(format!("{}, {}, {name}: {failure}", suite.name, case.name));
                    }
                    count += 1;
                }
            }
        }
        if count == 0 { Err("no case was measured".to_string()) } else { Ok(()) }
    }

    /// Says what became faster or slower than in an earlier report. With a threshold in percent, the exit
    /// code is one if a case of the first engine became slower by more.
    pub(crate) fn compare(&self, earlier: &Path, threshold: Option<f64>) -> Result<ExitCode> {
        let text = fs::read_to_string(earlier).map_err(|error| format!("{}: {error}", earlier.display()))?;
        let earlier: Report =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", earlier.display()))?;
        let comparison = baseline::compare(self, &earlier, threshold);
        print!("{}", comparison.text);
        Ok(if comparison.too_slow.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn commit() -> Option<String> {
    let mut git = Command::new("git");
    git.args(["-C", env!("CARGO_MANIFEST_DIR"), "rev-parse", "--short", "HEAD"]);
    let output = git.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_string())
}

#[cfg(test)]
mod tests;
