//! How the program ends: a contract with scripts.

use std::process::ExitCode;

/// The four ways to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything ran. Also when the reader of standard output went away (`| head`).
    Fine,
    /// A statement failed, or a file could not be read or written.
    Failed,
    /// The command line does not make sense. Nothing ran.
    Usage,
    /// Ctrl-C, or a request to end, while a statement ran.
    Interrupted,
}

impl Exit {
    /// The number that the parent process sees.
    pub const fn code(self) -> u8 {
        match self {
            Exit::Fine => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}
