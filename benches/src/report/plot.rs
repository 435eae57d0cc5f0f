//! A suite as bars: SVG written by hand, since a plot of bars is rectangles and words.

use std::fmt::Write as _;

use super::EngineVersion;
use crate::{figures::median, measure::MeasuredSuite};

const BAR: f64 = 9.0;
const GAP: f64 = 7.0;
const LEFT: f64 = 190.0;
const WIDTH: f64 = 560.0;
const TOP: f64 = 44.0;
/// Told apart by people who see no red or no green, too.
const COLOURS: [&str; 6] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#999999"];

/// One group of bars for each case, one bar for each engine, in milliseconds.
pub(super) fn render(suite: &MeasuredSuite, engines: &[EngineVersion]) -> String {
    let time = |case: usize, engine: &EngineVersion| {
        let engine = suite.cases[case].engines.get(&engine.name).filter(|engine| engine.failure.is_none())?;
        median(engine.warm.iter().map(|sample| sample.wall_ms))
    };
    let longest = (0..suite.cases.len())
        .flat_map(|case| engines.iter().filter_map(move |engine| time(case, engine)))
        .fold(1.0, f64::max);
    let group = BAR * engines.len() as f64 + GAP;
    let height = TOP + group * suite.cases.len() as f64 + 10.0;
    let mut svg = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"10\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"8\" y=\"16\" font-size=\"13\">{}: warm medians, milliseconds</text>",
        LEFT + WIDTH + 80.0,
        escaped(&suite.name)
    );
    for (index, engine) in engines.iter().enumerate() {
        let x = 8.0 + 150.0 * index as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"24\" width=\"9\" height=\"9\" fill=\"{}\"/><text x=\"{}\" y=\"32\">{}</text>",
            COLOURS[index % COLOURS.len()],
            x + 13.0,
            escaped(&format!("{} {}", engine.name, engine.version))
        );
    }
    for (index, case) in suite.cases.iter().enumerate() {
        let top = TOP + group * index as f64;
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            top + group / 2.0,
            escaped(&case.name)
        );
        for (number, engine) in engines.iter().enumerate() {
            let y = top + BAR * number as f64;
            let (width, label) = match time(index, engine) {
                Some(time) => (time / longest * WIDTH, format!("{time:.1}")),
                None => (0.0, "–".to_string()),
            };
            let _ = writeln!(
                svg,
                "<rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{}\" fill=\"{}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"8\">{label}</text>",
                BAR - 1.0,
                COLOURS[number % COLOURS.len()],
                LEFT + width + 3.0,
                y + BAR - 2.0
            );
        }
    }
    svg + "</svg>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
