//! Standard error: errors, warnings, notes, and the lines of figures.

use std::io::{self, IsTerminal as _, Write as _};

use firth_diagnostic::{Diagnostic, Source};

/// Writes to standard error. Whoever closed it is not written to; that is never a reason to fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reporter {
    color: bool,
    quiet: bool,
    /// Whether figures follow each statement.
    pub(crate) verbose: bool,
}

impl Reporter {
    /// A reporter that uses colours if standard error is a terminal that has them.
    pub(crate) fn new(no_color: bool, quiet: bool, verbose: bool) -> Self {
        Reporter { color: !no_color && colors_allowed() && io::stderr().is_terminal(), quiet, verbose }
    }

    /// An error.
    pub(crate) fn error(&self, error: &Diagnostic, source: Option<Source<'_>>) {
        self.text(&error.render(source, self.color));
    }

    /// A warning, unless the user wants none.
    pub(crate) fn warning(&self, warning: &Diagnostic, source: Option<Source<'_>>) {
        if !self.quiet {
            self.text(&warning.render(source, self.color));
        }
    }

    /// A line of interest to a person, unless the user wants none.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.text(&format!("{text}\n"));
        }
    }

    /// A line for those who asked for more.
    pub(crate) fn detail(&self, text: &str) {
        if self.verbose {
            self.text(&format!("{text}\n"));
        }
    }

    /// A line for a program: the only ones that begin with `{`.
    pub(crate) fn machine_line(&self, json: &str) {
        let _ = io::stderr().lock().write_all(format!("{json}\n").as_bytes());
    }

    fn text(&self, text: &str) {
        let _ = io::stderr().lock().write_all(without_leading_braces(text).as_bytes());
    }
}

/// Whether the user's environment lets programs use colours.
pub(crate) fn colors_allowed() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
}

/// The same lines, indented where one begins like a line of figures: a program that looks for those
/// must not find the words of a source.
pub(crate) fn without_leading_braces(text: &str) -> String {
    let indented = text.replace("\n{", "\n {");
    if indented.starts_with('{') { format!(" {indented}") } else { indented }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_begins_like_a_line_of_figures() {
        assert_eq!(without_leading_braces("{a\n{b\n\n{\nc{"), " {a\n {b\n\n {\nc{");
    }
}
