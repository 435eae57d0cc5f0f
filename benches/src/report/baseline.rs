//! A run against an earlier one.

use std::fmt::Write as _;

use super::Report;
use crate::{figures::median, measure::MeasuredSuite};

/// What changed.
pub(super) struct Comparison {
    /// One line for each case that both runs have.
    pub(super) text: String,
    /// The cases that became slower by more than the threshold; none without a threshold.
    pub(super) too_slow: Vec<String>,
}

/// Compares the first engine's warm medians.
pub(super) fn compare(now: &Report, earlier: &Report, threshold: Option<f64>) -> Comparison {
    let mut comparison = Comparison { text: String::new(), too_slow: Vec::new() };
    let Some(engine) = now.engines.first().map(|engine| engine.name.as_str()) else { return comparison };
    let unlike = |what: &str, now: &str, earlier: &str| {
        if now == earlier { String::new() } else { format!("note: {what} is {now}, was {earlier}\n") }
    };
    comparison.text += &unlike("the scale", &now.scale.to_string(), &earlier.scale.to_string());
    comparison.text += &unlike("the processor", &now.machine.processor, &earlier.machine.processor);
    for suite in &now.suites {
        let Some(before) = earlier.suites.iter().find(|other| other.name == suite.name) else { continue };
        for case in &suite.cases {
            let times = (time(suite, &case.name, engine), time(before, &case.name, engine));
            let (Some(time), Some(before)) = times else { continue };
            let change = (time / before - 1.0) * 100.0;
            let too_slow = threshold.is_some_and(|threshold| change > threshold);
            let mark = if too_slow { "  TOO SLOW" } else { "" };
            let name = format!("{} {}", suite.name, case.name);
            // Writing to a String cannot fail.
            let _ =
                writeln!(comparison.text, "{name}: {before:.1} ms, now {time:.1} ms ({change:+.0} %){mark}");
            if too_slow {
                comparison.too_slow.push(name);
            }
        }
    }
    comparison
}

fn time(suite: &MeasuredSuite, case: &str, engine: &str) -> Option<f64> {
    let case = suite.cases.iter().find(|other| other.name == case)?;
    let engine = case.engines.get(engine).filter(|engine| engine.failure.is_none())?;
    median(engine.warm.iter().map(|sample| sample.wall_ms))
}
