//! Reports of made-up figures.

use std::collections::BTreeMap;

use insta::assert_snapshot;

use super::*;
use crate::measure::{MeasuredCase, MeasuredEngine, Sample};

fn engine(times: &[f64]) -> MeasuredEngine {
    let sample = |time: &f64| Sample {
        wall_ms: *time,
        processor_ms: Some(2.0 * time),
        peak_bytes: Some(5_000_000),
        requests: None,
        bytes: None,
        load: 1.5,
        latencies_ms: Vec::new(),
    };
    MeasuredEngine { failure: None, cold: vec![sample(&50.0)], warm: times.iter().map(sample).collect() }
}

fn failed(why: &str) -> MeasuredEngine {
    MeasuredEngine { failure: Some(why.to_string()), ..engine(&[]) }
}

fn report(cases: Vec<(&str, MeasuredEngine, MeasuredEngine)>) -> Report {
    let version =
        |name: &str, version: &str| EngineVersion { name: name.to_string(), version: version.to_string() };
    let cases = cases.into_iter().map(|(name, ours, theirs)| MeasuredCase {
        name: name.to_string(),
        rows: Some(4),
        engines: BTreeMap::from([("firth".to_string(), ours), ("other".to_string(), theirs)]),
    });
    Report {
        machine: Machine {
            processor: "A processor".to_string(),
            threads: 2,
            memory_bytes: 8 << 30,
            system: "A system".to_string(),
            load_before: 0.1,
        },
        begun: 1,
        commit: Some("abc".to_string()),
        scale: 1.0,
        repeats: 3,
        cold_repeats: 1,
        engines: vec![version("firth", "0.1.0"), version("other", "9")],
        suites: vec![MeasuredSuite {
            name: "made-up".to_string(),
            doc: "figures of nothing".to_string(),
            cases: cases.collect(),
        }],
    }
}

#[test]
fn losses_and_failures_are_shown() {
    let report = report(vec![
        ("won", engine(&[10.0, 12.0, 11.0]), engine(&[20.0, 24.0, 22.0])),
        ("lost", engine(&[30.0]), engine(&[20.0])),
        ("failed", engine(&[30.0]), failed("no such\nfunction `f`")),
    ]);
    let text = markdown::render(&report);
    assert_snapshot!(text[text.find("## made-up").unwrap()..], @r"
    ## made-up

    Figures of nothing.

    ![made-up](made-up.svg)

    | case | rows | firth ms | other ms | ratio | cold ms firth / other | CPU ms firth / other | peak MB firth / other |
    | --- | --- | --- | --- | --- | --- | --- | --- |
    | won | 4 | 11.0 (10.0–12.0) | 22.0 (20.0–24.0) | 0.50 | 50 / 50 | 22 / 44 | 5 / 5 |
    | lost | 4 | 30.0 (30.0–30.0) | 20.0 (20.0–20.0) | **1.50** | 50 / 50 | 60 / 40 | 5 / 5 |
    | failed | 4 | 30.0 (30.0–30.0) | **failed** | – | 50 / – | 60 / – | 5 / – |

    Sum of the cold runs: firth 0.10 s, other 0.10 s (1.00). Sum of the medians: firth 0.04 s, other 0.04 s (0.98). Geometric mean of the ratios: 0.87. 1 of 2 cases are faster with firth.

    - failed, other: `no such function 'f'`
    ");
}

#[test]
fn a_baseline_fails_only_above_a_threshold_and_only_by_request() {
    let earlier =
        report(vec![("a", engine(&[10.0]), engine(&[1.0])), ("b", engine(&[10.0]), engine(&[1.0]))]);
    let now = report(vec![("a", engine(&[10.5]), engine(&[9.0])), ("b", engine(&[20.0]), engine(&[1.0]))]);
    assert!(baseline::compare(&now, &earlier, None).too_slow.is_empty());
    let comparison = baseline::compare(&now, &earlier, Some(10.0));
    assert_eq!(comparison.too_slow, ["made-up b"]);
    assert_snapshot!(comparison.text, @r"
    made-up a: 10.0 ms, now 10.5 ms (+5 %)
    made-up b: 10.0 ms, now 20.0 ms (+100 %)  TOO SLOW
    ");
}

#[test]
fn a_plot_has_a_bar_for_each_time_and_escapes_names() {
    let mut report = report(vec![("a<b", engine(&[10.0]), engine(&[20.0]))]);
    report.suites[0].name = "made & up".to_string();
    let svg = plot::render(&report.suites[0], &report.engines);
    assert_eq!(svg.matches("height=\"8\"").count(), 2);
    assert!(svg.contains("a&lt;b") && svg.contains("made &amp; up"));
    assert!(svg.contains("width=\"280.0\"") && svg.contains("width=\"560.0\""));
}

#[test]
fn several_clients_have_answers_a_second_and_slow_answers() {
    let clients = |slowest: f64| {
        let mut engine = engine(&[200.0]);
        engine.warm[0].latencies_ms = vec![10.0, 20.0, 30.0, slowest];
        engine
    };
    let text = markdown::render(&report(vec![("look-up-2", clients(40.0), clients(90.0))]));
    assert_snapshot!(text[text.find("| case | firth answers").unwrap()..], @r"
    | case | firth answers/s | p50 ms | p99 ms | other answers/s | p50 ms | p99 ms |
    | --- | --- | --- | --- | --- | --- | --- |
    | look-up-2 | 20.0 | 20.0 | 40.0 | 20.0 | 20.0 | 90.0 |
    ");
}

#[test]
fn what_was_read_is_shown_where_somebody_counted() {
    let mut counted = engine(&[10.0]);
    counted.warm[0].requests = Some(3);
    counted.warm[0].bytes = Some(4_200_000);
    let text = markdown::render(&report(vec![("a", counted, engine(&[10.0]))]));
    assert!(text.contains("| requests firth / other | MB read firth / other |"), "{text}");
    assert!(text.contains("| 3 / – | 4.2 / – |"), "{text}");
}

#[test]
fn a_report_reads_back() {
    let report = report(vec![("a", engine(&[1.0]), failed("why"))]);
    let text = serde_json::to_string(&report).unwrap();
    let again: Report = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), text);
}
