//! Failures of a command: one line for a person.

/// The result of a command or of a step of it.
pub(crate) type Result<T> = std::result::Result<T, String>;

/// Says what was being done when something failed.
pub(crate) trait Context<T> {
    /// Puts `what` before the cause.
    fn context(self, what: impl std::fmt::Display) -> Result<T>;
}

impl<T, E: std::fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl std::fmt::Display) -> Result<T> {
        self.map_err(|cause| format!("{what}: {cause}"))
    }
}
