//! The one error type: a message for a person, with a code for a program.

use std::{error, fmt};

use crate::{Code, Span, Spanned, userinfo::without_userinfo};

/// The result of anything that can fail in front of a user.
pub type Result<T, E = Diagnostic> = std::result::Result<T, E>;

/// How serious a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The statement failed.
    Error,
    /// The statement did its work, and there is something to know.
    Warning,
}

/// One message: what happened, where in the user's text, the details, and what to do next.
///
/// - `message`: the primary line. Lower case, no full stop, names the kind of object and which one.
/// - `span`: where in the statement's text, if there is such a place.
/// - `detail`: more facts, such as a source's own words in quotes.
/// - `hint`: a full sentence that says what to do next.
///
/// It never holds a secret: whoever makes one from a source's words is who must see to that.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic(Box<Parts>);

#[derive(Clone, Debug, PartialEq)]
struct Parts {
    severity: Severity,
    code: Code,
    message: String,
    span: Option<Span>,
    label: Option<String>,
    detail: Option<String>,
    hints: Vec<String>,
}

impl Diagnostic {
    /// An error without a place.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// A warning without a place.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// A defect of Firth. `what` says which expectation did not hold.
    pub fn internal(what: impl fmt::Display) -> Self {
        Self::error(Code::Internal, format!("internal error: {what}"))
            .hint("This is a defect in Firth. Please report it with the statement that caused it.")
    }

    fn new(severity: Severity, code: Code, message: impl Into<String>) -> Self {
        Diagnostic(Box::new(Parts {
            severity,
            code,
            message: without_userinfo(message.into()),
            span: None,
            label: None,
            detail: None,
            hints: Vec::new(),
        }))
    }

    /// Points at `span`.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.0.span = Some(span);
        self
    }

    /// Points at `span` unless it points somewhere already: the innermost place wins.
    #[must_use]
    pub fn or_at(mut self, span: Span) -> Self {
        self.0.span.get_or_insert(span);
        self
    }

    /// Points at where `spanned` was written.
    #[must_use]
    pub fn at_spanned<T>(self, spanned: &Spanned<T>) -> Self {
        self.at(spanned.span)
    }

    /// Moves the place by `offset` bytes: from a statement's text to the script it stands in.
    #[must_use]
    pub fn shifted(mut self, offset: usize) -> Self {
        self.0.span = self.0.span.map(|span| span.shifted(offset));
        self
    }

    /// Forgets the place: for a message about a text that the user did not write just now.
    #[must_use]
    pub fn without_span(mut self) -> Self {
        self.0.span = None;
        self
    }

    /// Says it in other words, from where the place means nothing: detail and hints stay.
    #[must_use]
    pub fn reworded(mut self, message: impl Into<String>) -> Self {
        self.0.message = without_userinfo(message.into());
        self.0.label = None;
        self.without_span()
    }

    /// Puts a few words beside the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.0.label = Some(label.into());
        self
    }

    /// Adds facts below the primary line.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(without_userinfo(detail.into()));
        self
    }

    /// Adds a sentence that says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hints.push(without_userinfo(hint.into()));
        self
    }

    /// Adds the sentence, if there is one.
    #[must_use]
    pub fn hint_if(self, hint: Option<String>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// How serious it is.
    pub fn severity(&self) -> Severity {
        self.0.severity
    }

    /// What went wrong, for a program.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The primary line.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where in the statement's text.
    pub fn span(&self) -> Option<Span> {
        self.0.span
    }

    /// The words beside the caret.
    pub fn label_text(&self) -> Option<&str> {
        self.0.label.as_deref()
    }

    /// More facts.
    pub fn detail_text(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// What to do next.
    pub fn hints(&self) -> &[String] {
        &self.0.hints
    }
}

/// The message without its place: for logs and for wrapping.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if let Some(detail) = &self.0.detail {
            write!(f, ": {detail}")?;
        }
        Ok(())
    }
}

impl error::Error for Diagnostic {}
