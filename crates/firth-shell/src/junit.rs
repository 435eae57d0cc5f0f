//! `--junit FILE`: what became of each ASSERT, in the XML that build servers read.
//!
//! An ASSERT is a test case: passed, a failure (it did not hold), or an error (it could not be told). Any other
//! statement that failed is a case with an error, so that no report of a broken run looks fine.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use firth_diagnostic::{Code, Diagnostic, Result};

use crate::{pending_file::PendingFile, script::Script};

/// The report under way.
pub(crate) struct JunitReport {
    path: PathBuf,
    cases: Vec<Case>,
}

struct Case {
    script: String,
    name: String,
    elapsed: Duration,
    problem: Option<Problem>,
}

struct Problem {
    /// The element that says so: `failure` or `error`.
    element: &'static str,
    code: &'static str,
    message: String,
    /// As a person sees it, without colours.
    text: String,
}

impl JunitReport {
    /// A report that will be at `path`.
    pub(crate) fn new(path: &Path) -> Self {
        JunitReport { path: path.to_owned(), cases: Vec::new() }
    }

    /// Adds a case. The error's place is one of the script's.
    pub(crate) fn add(
        &mut self,
        script: &Script,
        name: String,
        elapsed: Duration,
        error: Option<&Diagnostic>,
    ) {
        let problem = error.map(|error| Problem {
            element: if error.code() == Code::Assertion { "failure" } else { "error" },
            code: error.code().word(),
            message: error.message().to_owned(),
            text: error.render(Some(script.source()), false),
        });
        self.cases.push(Case { script: script.name.clone(), name, elapsed, problem });
    }

    /// Writes the file, as a whole or not at all.
    pub(crate) fn write(&self) -> Result<()> {
        let written = PendingFile::create(&self.path).and_then(|mut file| {
            file.write_all(self.xml().as_bytes())?;
            file.commit()
        });
        written.map_err(|error| {
            Diagnostic::error(Code::Io, format!("could not write {:?}", self.path.display().to_string()))
                .detail(error.to_string())
                .hint("The folder must exist.")
        })
    }

    fn xml(&self) -> String {
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
        let mut rest = self.cases.as_slice();
        while let Some(first) = rest.first() {
            let count = rest.iter().take_while(|case| case.script == first.script).count();
            suite(&mut xml, &rest[..count]);
            rest = &rest[count..];
        }
        xml.push_str("</testsuites>\n");
        xml
    }
}

/// The cases of one script.
fn suite(xml: &mut String, cases: &[Case]) {
    let count = |element: &str| {
        cases
            .iter()
            .filter(|case| case.problem.as_ref().is_some_and(|problem| problem.element == element))
            .count()
    };
    let seconds: f64 = cases.iter().map(|case| case.elapsed.as_secs_f64()).sum();
    let script = escaped(cases.first().map_or("", |case| &case.script));
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{script}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{seconds:.3}\">",
        cases.len(),
        count("failure"),
        count("error"),
    );
    for case in cases {
        let name = escaped(&case.name);
        let _ = write!(
            xml,
            "    <testcase classname=\"{script}\" name=\"{name}\" time=\"{:.3}\"",
            case.elapsed.as_secs_f64()
        );
        match &case.problem {
            None => xml.push_str("/>\n"),
            Some(problem) => {
                let (element, message) = (problem.element, escaped(&problem.message));
                let _ = writeln!(
                    xml,
                    ">\n      <{element} type=\"{}\" message=\"{message}\">{}</{element}>\n    </testcase>",
                    problem.code,
                    escaped(problem.text.trim_end()),
                );
            }
        }
    }
    xml.push_str("  </testsuite>\n");
}

/// Text for XML, which has no way at all to write some control characters.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(letter),
            '\r' => out.push_str("&#13;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ if letter.is_control() => out.push('\u{fffd}'),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn a_report_has_a_suite_for_each_script() {
        let mut report = JunitReport::new(Path::new("unused.xml"));
        let script = Script::new("a.sql", "ASSERT 1 < 0");
        let millis = Duration::from_millis(12);
        report.add(&script, "fine".into(), millis, None);
        let failed = Diagnostic::error(Code::Assertion, "the assertion failed: <&>\u{1}");
        report.add(&script, "1 < 0".into(), millis, Some(&failed));
        let broken = Diagnostic::error(Code::NotFound, "table \"t\" does not exist");
        report.add(&Script::new("b.sql", "SELECT"), "statement 3: SELECT".into(), millis, Some(&broken));
        assert_snapshot!(report.xml(), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites>
          <testsuite name="a.sql" tests="2" failures="1" errors="0" time="0.024">
            <testcase classname="a.sql" name="fine" time="0.012"/>
            <testcase classname="a.sql" name="1 &lt; 0" time="0.012">
              <failure type="assertion" message="the assertion failed: &lt;&amp;&gt;�">error[assertion]: the assertion failed: &lt;&amp;&gt;�</failure>
            </testcase>
          </testsuite>
          <testsuite name="b.sql" tests="1" failures="0" errors="1" time="0.012">
            <testcase classname="b.sql" name="statement 3: SELECT" time="0.012">
              <error type="not_found" message="table &quot;t&quot; does not exist">error[not_found]: table &quot;t&quot; does not exist</error>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
    }
}
