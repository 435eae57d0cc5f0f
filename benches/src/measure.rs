//! Runs a suite: first whether all engines answer the same rows, then what the answers cost.
//!
//! *Cold* is the first piece of work of a new process that knows its tables: nothing of an engine's own is
//! warm, the operating system's page cache and the servers are. *Warm* is a process that was given the same
//! work once before. Engines take turns, and another one begins each round.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Instant};

use firth_testkit::servers::Servers;
use serde::{Deserialize, Serialize};

use crate::{
    Result,
    arguments::Arguments,
    case::{Case, Work},
    clients,
    compare::Answered,
    data::Data,
    engine::{Engine, EngineSpec},
    machine,
    place::SetUp,
    process,
    suite::Suite,
};

/// A suite's figures.
#[derive(Serialize, Deserialize)]
pub(crate) struct MeasuredSuite {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) cases: Vec<MeasuredCase>,
}

/// A case's figures.
#[derive(Serialize, Deserialize)]
pub(crate) struct MeasuredCase {
    pub(crate) name: String,
    /// The rows that all engines agree on, if they do.
    pub(crate) rows: Option<u64>,
    /// By the engine's name.
    pub(crate) engines: BTreeMap<String, MeasuredEngine>,
}

/// One engine's figures of a case.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct MeasuredEngine {
    /// Why there are no figures, or no more.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) failure: Option<String>,
    pub(crate) cold: Vec<Sample>,
    pub(crate) warm: Vec<Sample>,
}

/// What one piece of work cost.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// From the question to the answer, as the harness saw it; of several clients, to the last one's last answer.
    pub(crate) wall_ms: f64,
    /// Processor time of the engine's process. The servers' is not in it.
    pub(crate) processor_ms: Option<f64>,
    /// The engine's largest resident memory meanwhile.
    pub(crate) peak_bytes: Option<u64>,
    /// As the engine says.
    pub(crate) requests: Option<u64>,
    /// As the engine says.
    pub(crate) bytes: Option<u64>,
    /// The machine's load when it ended.
    pub(crate) load: f64,
    /// Of several clients: how long each answer took.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(crate) latencies_ms: Vec<f64>,
}

/// What a client has done before the clock begins.
#[derive(Clone, Copy, PartialEq)]
enum Begin {
    /// Nothing.
    Cold,
    /// The same work, once.
    Warm,
}

/// An engine within a suite.
struct Contender<'a> {
    spec: &'a EngineSpec,
    folder: PathBuf,
    set_up: &'a SetUp,
    /// The warm process; started when it is first wanted and again when it has failed.
    process: Option<Box<dyn Engine>>,
}

/// Measures a suite.
pub(crate) fn suite(
    suite: &Suite,
    engines: &[EngineSpec],
    data: &Data,
    arguments: &Arguments,
) -> Result<MeasuredSuite> {
    let set_up = SetUp::of(suite, data, &Servers::from_env(), machine::threads());
    let work = arguments.work.join(suite.name);
    let mut contenders = Vec::new();
    for spec in engines {
        let folder = work.join(&spec.name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        spec.prepare(&set_up, &folder).map_err(|error| format!("{}: {error}", spec.name))?;
        contenders.push(Contender { spec, folder, set_up: &set_up, process: None });
    }
    let wanted = |case: &Case| {
        arguments.only.is_empty() || arguments.only.iter().any(|part| case.name.contains(part.as_str()))
    };
    let mut cases = Vec::new();
    for case in (suite.cases)(data)?.iter().filter(|case| wanted(case)) {
        let measured = measure(case, &mut contenders, arguments);
        eprintln!("{}", summary(&measured));
        cases.push(measured);
    }
    drop(contenders);
    let _ = fs::remove_dir_all(&work);
    let _ = fs::remove_dir_all(&data.exports);
    Ok(MeasuredSuite { name: suite.name.to_string(), doc: suite.doc.to_string(), cases })
}

fn measure(case: &Case, contenders: &mut [Contender<'_>], arguments: &Arguments) -> MeasuredCase {
    let mut measured = vec![MeasuredEngine::default(); contenders.len()];
    let rows = check_rows(case, contenders, &mut measured);
    for round in 0..arguments.cold_repeats {
        each_in_turn(round, contenders, &mut measured, |contender, measured| {
            measured.cold.push(contender.cold(&case.work)?);
            Ok(())
        });
    }
    if matches!(case.work, Work::Query(_) | Work::Export { .. }) {
        each_in_turn(0, contenders, &mut measured, |contender, _| contender.warm(&case.work).map(drop));
    }
    for round in 0..arguments.repeats {
        each_in_turn(round, contenders, &mut measured, |contender, measured| {
            let sample = match case.work {
                Work::StartUp(_) => contender.cold(&case.work)?,
                Work::Clients { clients, each, .. } => {
                    contender.together(&case.work, clients, each, Begin::Warm)?
                }
                Work::Query(_) | Work::Export { .. } => contender.warm(&case.work)?,
            };
            measured.warm.push(sample);
            Ok(())
        });
    }
    let names = contenders.iter().map(|contender| contender.spec.name.clone());
    MeasuredCase { name: case.name.clone(), rows, engines: names.zip(measured).collect() }
}

/// Does something with every engine that has not failed, beginning with another one each round. An engine
/// that fails is left out from then on.
fn each_in_turn(
    round: usize,
    contenders: &mut [Contender<'_>],
    measured: &mut [MeasuredEngine],
    mut step: impl FnMut(&mut Contender<'_>, &mut MeasuredEngine) -> Result<()>,
) {
    for turn in 0..contenders.len() {
        let index = (round + turn) % contenders.len();
        let (contender, measured) = (&mut contenders[index], &mut measured[index]);
        if measured.failure.is_some() {
            continue;
        }
        if let Err(failure) = step(contender, measured) {
            contender.process = None;
            measured.failure = Some(failure);
        }
    }
}

/// Has every engine write its rows, and compares them with the first that could. An engine with other rows
/// has failed: its times say nothing. The answer is the number of rows.
fn check_rows(case: &Case, contenders: &mut [Contender<'_>], measured: &mut [MeasuredEngine]) -> Option<u64> {
    let mut reference: Option<(String, Answered)> = None;
    each_in_turn(0, contenders, measured, |contender, _| {
        let path = contender.folder.join("rows.csv");
        contender.process()?.write_rows(case.work.sql(), &path)?;
        let answered = Answered::read(&path);
        let _ = fs::remove_file(&path);
        let answered = answered?;
        match &reference {
            None => reference = Some((contender.spec.name.clone(), answered)),
            Some((name, expected)) => {
                if let Some(difference) = answered.difference(expected) {
                    return Err(format!("other rows than {name}: {difference}"));
                }
            }
        }
        Ok(())
    });
    reference.map(|(_, answered)| answered.count)
}

impl Contender<'_> {
    fn process(&mut self) -> Result<&mut Box<dyn Engine>> {
        if self.process.is_none() {
            self.process = Some(self.spec.start(self.set_up, &self.folder)?);
        }
        self.process.as_mut().ok_or_else(|| "it was not started".to_string())
    }

    fn warm(&mut self, work: &Work) -> Result<Sample> {
        let work = self.own(work);
        sample(self.process()?.as_mut(), &work)
    }

    fn cold(&self, work: &Work) -> Result<Sample> {
        if let Work::StartUp(sql) = work {
            let (wall, processor) = self.spec.start_up(sql, self.set_up, &self.folder)?;
            return Ok(Sample {
                wall_ms: wall.as_secs_f64() * 1e3,
                processor_ms: processor.map(|time| time.as_secs_f64() * 1e3),
                peak_bytes: None,
                requests: None,
                bytes: None,
                load: machine::load(),
                latencies_ms: Vec::new(),
            });
        }
        if let Work::Clients { clients, each, .. } = *work {
            return self.together(work, clients, each, Begin::Cold);
        }
        sample(self.begun()?.as_mut(), &self.own(work))
    }

    /// A new process, which has begun before the clock has: it was asked something that costs nothing.
    fn begun(&self) -> Result<Box<dyn Engine>> {
        let mut process = self.spec.start(self.set_up, &self.folder)?;
        process.run(&Work::Query("SELECT 1 AS one".to_string()))?;
        Ok(process)
    }

    /// Several new processes at once.
    fn together(&self, work: &Work, clients: usize, each: usize, begin: Begin) -> Result<Sample> {
        let mut processes = (0..clients).map(|_| self.begun()).collect::<Result<Vec<_>>>()?;
        if begin == Begin::Warm {
            for process in &mut processes {
                process.run(work)?;
            }
        }
        clients::sample(processes, work, each)
    }

    /// The same work; exports go to places of the engine's own.
    fn own(&self, work: &Work) -> Work {
        match work {
            Work::Export { sql, format, to } => {
                Work::Export { sql: sql.clone(), format, to: format!("{to}{}/", self.spec.name) }
            }
            Work::Query(_) | Work::StartUp(_) | Work::Clients { .. } => work.clone(),
        }
    }
}

fn sample(engine: &mut dyn Engine, work: &Work) -> Result<Sample> {
    let process = engine.process();
    process::forget_peak(process);
    let before = process::processor_time(process);
    let begin = Instant::now();
    let answer = engine.run(work)?;
    let wall = begin.elapsed();
    let after = process::processor_time(process);
    let processor = after.zip(before).map(|(after, before)| after.saturating_sub(before));
    Ok(Sample {
        wall_ms: wall.as_secs_f64() * 1e3,
        processor_ms: processor.map(|time| time.as_secs_f64() * 1e3),
        peak_bytes: process::peak_bytes(process),
        requests: answer.requests,
        bytes: answer.bytes,
        load: machine::load(),
        latencies_ms: Vec::new(),
    })
}

/// A line for whoever watches.
fn summary(case: &MeasuredCase) -> String {
    let mut line = format!("{:<22}", case.name);
    for (name, measured) in &case.engines {
        let time = crate::figures::median(measured.warm.iter().map(|sample| sample.wall_ms));
        line.push_str(&match (time, &measured.failure) {
            (Some(time), None) => format!("  {name} {time:>8.1} ms"),
            (_, Some(failure)) => {
                format!("  {name} failed: {}", failure.lines().next().unwrap_or_default())
            }
            (None, None) => format!("  {name} not timed"),
        });
    }
    line
}
