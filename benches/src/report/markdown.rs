//! The report for people: one table for each suite, losses included.

use super::Report;
use crate::{
    figures::{geometric_mean, median, paired_ratio, percentile},
    measure::{MeasuredCase, MeasuredEngine, MeasuredSuite, Sample},
};

/// How the figures came about, for whoever doubts them.
const METHOD: &str = "\
*Warm*: the median of the repeats, in brackets the smallest and the largest; every engine is one process that was given
the same work once before. *Cold*: the first work of a new process that knows its tables; the page cache of the operating
system and the servers stay warm. *Ratio*: the median of the ratios of runs next to each other; below 1 the first engine is
the faster. Engines take turns, and another one begins each round. *CPU* is of the engine's process alone, without the
servers, *peak* its largest resident memory during the work: both medians of the warm runs. Rows are compared before anything
is timed, and an engine with other rows has no times. Queries end with rows as Arrow batches, which are thrown away.
Requests and bytes are as the engine says. Of several clients the time is that of all of them, CPU and memory their sum.
";

pub(super) fn render(report: &Report) -> String {
    let machine = &report.machine;
    let mut text = String::from("# Benchmarks\n\n");
    let engines: Vec<String> =
        report.engines.iter().map(|engine| format!("{} {}", engine.name, engine.version)).collect();
    text.push_str(&format!(
        "{}; TPC-H at scale factor {}; {} warm repeats, {} cold.\n",
        engines.join(", "),
        report.scale,
        report.repeats,
        report.cold_repeats
    ));
    text.push_str(&format!(
        "Machine: {}, {} threads, {:.0} GiB, {}. Load before the run: {:.1}; during it: {}.\n",
        machine.processor,
        machine.threads,
        machine.memory_bytes as f64 / (1 << 30) as f64,
        machine.system,
        machine.load_before,
        loads(report)
    ));
    if let Some(commit) = &report.commit {
        text.push_str(&format!("Commit {commit}, Unix time {}.\n", report.begun));
    }
    text.push('\n');
    text.push_str(METHOD);
    for suite in &report.suites {
        text.push_str(&format!("\n## {}\n\n{}.\n\n![{0}]({0}.svg)\n\n", suite.name, sentence(&suite.doc)));
        table(report, suite, &mut text);
    }
    text
}

fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// The smallest and the largest load of any sample.
fn loads(report: &Report) -> String {
    let engines = report.suites.iter().flat_map(|suite| &suite.cases).flat_map(|case| case.engines.values());
    let loads = engines.flat_map(|engine| engine.cold.iter().chain(&engine.warm)).map(|sample| sample.load);
    let (least, most) =
        loads.fold((f64::MAX, 0.0_f64), |(least, most), load| (least.min(load), most.max(load)));
    if least > most { "unknown".to_string() } else { format!("{least:.1} to {most:.1}") }
}

fn table(report: &Report, suite: &MeasuredSuite, text: &mut String) {
    let Some((first, others)) = report.engines.split_first() else { return };
    let mut header = format!("| case | rows | {} ms |", first.name);
    for other in others {
        header.push_str(&format!(" {} ms | ratio |", other.name));
    }
    let figures: Vec<&Figure> =
        FIGURES.iter().filter(|figure| figure.always || known(suite, figure)).collect();
    for figure in &figures {
        let names: Vec<&str> = report.engines.iter().map(|engine| engine.name.as_str()).collect();
        header.push_str(&format!(" {} {} |", figure.name, names.join(" / ")));
    }
    let columns = header.matches('|').count() - 1;
    text.push_str(&format!("{header}\n|{}\n", " --- |".repeat(columns)));
    for case in &suite.cases {
        row(report, case, &figures, text);
    }
    clients(report, suite, text);
    totals(report, suite, text);
    failures(report, suite, text);
}

/// A column in which every engine has a number.
struct Figure {
    name: &'static str,
    /// Whether the column is there even if nobody knows the number.
    always: bool,
    decimals: usize,
    of: fn(&MeasuredEngine) -> Option<f64>,
}

const FIGURES: [Figure; 5] = [
    Figure { name: "cold ms", always: true, decimals: 0, of: |engine| median(wall_times(&engine.cold)) },
    Figure {
        name: "CPU ms",
        always: true,
        decimals: 0,
        of: |engine| median(engine.warm.iter().filter_map(|sample| sample.processor_ms)),
    },
    Figure {
        name: "peak MB",
        always: true,
        decimals: 0,
        of: |engine| median(megabytes(&engine.warm, |sample| sample.peak_bytes)),
    },
    Figure {
        name: "requests",
        always: false,
        decimals: 0,
        of: |engine| {
            median(engine.warm.iter().filter_map(|sample| sample.requests).map(|count| count as f64))
        },
    },
    Figure {
        name: "MB read",
        always: false,
        decimals: 1,
        of: |engine| median(megabytes(&engine.warm, |sample| sample.bytes)),
    },
];

fn megabytes(samples: &[Sample], bytes: fn(&Sample) -> Option<u64>) -> impl Iterator<Item = f64> {
    samples.iter().filter_map(bytes).map(|bytes| bytes as f64 / 1e6)
}

/// Whether any engine has this number in any case.
fn known(suite: &MeasuredSuite, figure: &Figure) -> bool {
    suite.cases.iter().flat_map(|case| case.engines.values()).any(|engine| (figure.of)(engine).is_some())
}

fn row(report: &Report, case: &MeasuredCase, figures: &[&Figure], text: &mut String) {
    let rows = case.rows.map_or_else(|| "–".to_string(), |rows| rows.to_string());
    text.push_str(&format!("| {} | {rows} |", case.name));
    let engine = |name: &str| case.engines.get(name);
    for (index, version) in report.engines.iter().enumerate() {
        text.push_str(&format!(" {} |", engine(&version.name).map_or_else(String::new, times)));
        if index > 0 {
            text.push_str(&format!(" {} |", ratio_text(ratio(report, case, &version.name))));
        }
    }
    for figure in figures {
        let cells = report.engines.iter().map(|version| {
            let value = engine(&version.name).filter(|engine| engine.failure.is_none()).and_then(figure.of);
            value.map_or_else(|| "–".to_string(), |value| format!("{value:.*}", figure.decimals))
        });
        text.push_str(&format!(" {} |", cells.collect::<Vec<_>>().join(" / ")));
    }
    text.push('\n');
}

/// Where several clients asked: how many answers a second they got together, and how long single answers took.
fn clients(report: &Report, suite: &MeasuredSuite, text: &mut String) {
    let asked = |case: &&MeasuredCase| {
        let mut samples = case.engines.values().flat_map(|engine| &engine.warm);
        samples.any(|sample| !sample.latencies_ms.is_empty())
    };
    let cases: Vec<&MeasuredCase> = suite.cases.iter().filter(asked).collect();
    if cases.is_empty() {
        return;
    }
    let mut header = "| case |".to_string();
    for engine in &report.engines {
        header.push_str(&format!(" {} answers/s | p50 ms | p99 ms |", engine.name));
    }
    let columns = header.matches('|').count() - 1;
    text.push_str(&format!("\n{header}\n|{}\n", " --- |".repeat(columns)));
    for case in cases {
        text.push_str(&format!("| {} |", case.name));
        for version in &report.engines {
            let engine = case.engines.get(&version.name).filter(|engine| engine.failure.is_none());
            let samples = engine.map_or(&[][..], |engine| &engine.warm);
            let rates = samples.iter().map(|sample| sample.latencies_ms.len() as f64 / sample.wall_ms * 1e3);
            let latencies = || samples.iter().flat_map(|sample| sample.latencies_ms.iter().copied());
            let cells = [median(rates), percentile(latencies(), 50.0), percentile(latencies(), 99.0)];
            for cell in cells {
                text.push_str(&cell.map_or_else(|| " – |".to_string(), |value| format!(" {value:.1} |")));
            }
        }
        text.push('\n');
    }
}

/// Median, least and most of the warm runs.
fn times(engine: &MeasuredEngine) -> String {
    if engine.failure.is_some() {
        return "**failed**".to_string();
    }
    let walls = wall_times(&engine.warm);
    let Some(middle) = median(walls.iter().copied()) else { return "–".to_string() };
    let least = walls.iter().copied().fold(f64::MAX, f64::min);
    let most = walls.iter().copied().fold(0.0, f64::max);
    format!("{middle:.1} ({least:.1}–{most:.1})")
}

fn wall_times(samples: &[Sample]) -> Vec<f64> {
    samples.iter().map(|sample| sample.wall_ms).collect()
}

/// The first engine's time as a part of another's, if both answered.
pub(super) fn ratio(report: &Report, case: &MeasuredCase, other: &str) -> Option<f64> {
    let times = |name: &str| {
        let engine = case.engines.get(name).filter(|engine| engine.failure.is_none())?;
        Some(wall_times(&engine.warm))
    };
    paired_ratio(&times(&report.engines.first()?.name)?, &times(other)?)
}

fn ratio_text(ratio: Option<f64>) -> String {
    match ratio {
        None => "–".to_string(),
        // A loss is to be seen.
        Some(ratio) if ratio > 1.0 => format!("**{ratio:.2}**"),
        Some(ratio) => format!("{ratio:.2}"),
    }
}

/// Sums of the cases that both engines answered, and how many each won.
fn totals(report: &Report, suite: &MeasuredSuite, text: &mut String) {
    let Some((first, others)) = report.engines.split_first() else { return };
    if suite.cases.len() < 2 {
        return;
    }
    text.push('\n');
    for other in others {
        let both: Vec<(&MeasuredCase, f64)> = suite
            .cases
            .iter()
            .filter_map(|case| ratio(report, case, &other.name).map(|ratio| (case, ratio)))
            .collect();
        let sum = |name: &str| -> f64 {
            both.iter().filter_map(|(case, _)| median(wall_times(&case.engines.get(name)?.warm))).sum()
        };
        let (ours, theirs) = (sum(&first.name), sum(&other.name));
        let ratios: Vec<f64> = both.iter().map(|(_, ratio)| *ratio).collect();
        let Some(mean) = geometric_mean(&ratios) else { continue };
        let cold = |name: &str| -> f64 {
            let engines = both.iter().filter_map(|(case, _)| case.engines.get(name));
            engines.filter_map(|engine| median(wall_times(&engine.cold))).sum()
        };
        let (our_cold, their_cold) = (cold(&first.name), cold(&other.name));
        if our_cold > 0.0 && their_cold > 0.0 {
            text.push_str(&format!(
                "Sum of the cold runs: {} {:.2} s, {} {:.2} s ({:.2}). ",
                first.name,
                our_cold / 1e3,
                other.name,
                their_cold / 1e3,
                our_cold / their_cold
            ));
        }
        text.push_str(&format!(
            "Sum of the medians: {} {:.2} s, {} {:.2} s ({:.2}). Geometric mean of the ratios: {mean:.2}. {} of {} cases are \
             faster with {}.\n",
            first.name,
            ours / 1e3,
            other.name,
            theirs / 1e3,
            ours / theirs,
            ratios.iter().filter(|ratio| **ratio < 1.0).count(),
            ratios.len(),
            first.name,
        ));
    }
}

fn failures(report: &Report, suite: &MeasuredSuite, text: &mut String) {
    for case in &suite.cases {
        for version in &report.engines {
            let failure = case.engines.get(&version.name).and_then(|engine| engine.failure.as_ref());
            if let Some(failure) = failure {
                let failure: String = failure.split_whitespace().collect::<Vec<_>>().join(" ");
                let failure: String = failure.chars().take(300).collect();
                text.push_str(&format!(
                    "\n- {}, {}: `{}`",
                    case.name,
                    version.name,
                    failure.replace('`', "'")
                ));
            }
        }
    }
    text.push('\n');
}
