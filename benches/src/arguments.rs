//! What `cargo xtask bench` says on the command line.

use std::path::PathBuf;

use crate::{
    Result,
    engine::EngineSpec,
    suite::{SUITES, Suite},
};

/// What is to be measured, and with what.
pub(crate) struct Arguments {
    pub(crate) suites: Vec<&'static Suite>,
    pub(crate) engines: Vec<EngineSpec>,
    /// TPC-H's scale factor.
    pub(crate) scale: f64,
    /// How often each case is run warm.
    pub(crate) repeats: usize,
    /// How often each case is run cold.
    pub(crate) cold_repeats: usize,
    /// Only cases whose name contains one of these.
    pub(crate) only: Vec<String>,
    /// TPC-H's tables as Parquet files, in a folder each; made if they are not there.
    pub(crate) data: PathBuf,
    /// Homes, exports and answers; emptied before use.
    pub(crate) work: PathBuf,
    /// Where the report goes.
    pub(crate) out: PathBuf,
    /// The `report.json` of an earlier run to compare with.
    pub(crate) baseline: Option<PathBuf>,
    /// By how much a median may grow against the baseline, in percent; without it nothing fails.
    pub(crate) threshold: Option<f64>,
    /// Whether an engine's failure is one of the run.
    pub(crate) strict: bool,
}

impl Arguments {
    /// Reads `--name value` pairs; `--engine` may be repeated.
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Arguments> {
        let mut arguments = Arguments {
            suites: Vec::new(),
            engines: Vec::new(),
            scale: 1.0,
            repeats: 5,
            cold_repeats: 1,
            only: Vec::new(),
            data: PathBuf::new(),
            work: PathBuf::new(),
            out: PathBuf::new(),
            baseline: None,
            threshold: None,
            strict: false,
        };
        let mut words = words.peekable();
        while let Some(name) = words.next() {
            if name == "--strict" {
                arguments.strict = true;
                continue;
            }
            let value = words.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--suites" => arguments.suites = suites(&value)?,
                "--engine" => arguments.engines.push(EngineSpec::parse(&value)?),
                "--scale" => arguments.scale = number(&name, &value)?,
                "--repeats" => arguments.repeats = number(&name, &value)?,
                "--cold-repeats" => arguments.cold_repeats = number(&name, &value)?,
                "--only" => arguments.only = value.split(',').map(str::to_string).collect(),
                "--data" => arguments.data = value.into(),
                "--work" => arguments.work = value.into(),
                "--out" => arguments.out = value.into(),
                "--baseline" => arguments.baseline = Some(value.into()),
                "--threshold" => arguments.threshold = Some(number(&name, &value)?),
                _ => return Err(format!("unknown argument {name:?}")),
            }
        }
        if arguments.suites.is_empty() || arguments.engines.is_empty() {
            return Err("give --suites and at least one --engine".to_string());
        }
        for (name, path) in
            [("--data", &arguments.data), ("--work", &arguments.work), ("--out", &arguments.out)]
        {
            if path.as_os_str().is_empty() {
                return Err(format!("give {name}"));
            }
        }
        Ok(arguments)
    }
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T> {
    value.parse().map_err(|_| format!("{name}: {value:?} is no number"))
}

/// The suites with these names; `all` is all of them, and a name stands for those that begin with it
/// and a hyphen, too: `tpch-federated` is all placements.
pub(crate) fn suites(names: &str) -> Result<Vec<&'static Suite>> {
    let mut found = Vec::new();
    for name in names.split(',').filter(|name| !name.is_empty()) {
        let prefix = format!("{name}-");
        let before = found.len();
        found.extend(
            SUITES
                .iter()
                .filter(|suite| name == "all" || suite.name == name || suite.name.starts_with(&prefix)),
        );
        if found.len() == before {
            let known: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
            return Err(format!("there is no suite {name:?}; there are {}", known.join(", ")));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<Vec<&'static str>> {
        Ok(suites(text)?.iter().map(|suite| suite.name).collect())
    }

    #[test]
    fn a_name_stands_for_the_placements_below_it() {
        assert_eq!(names("tpch-local,start-up"), Ok(vec!["tpch-local", "start-up"]));
        let federated = names("tpch-federated").unwrap();
        assert!(federated.len() > 1 && federated.iter().all(|name| name.starts_with("tpch-federated-")));
        assert_eq!(names("all").unwrap().len(), SUITES.len());
        assert!(
            names("tpch-moon")
                .unwrap_err()
                .starts_with("there is no suite \"tpch-moon\"; there are tpch-local")
        );
    }
}
