//! The kinds of failure a caller can tell apart.

/// What went wrong, as a program sees it: the word in `error[not_found]` and in `--stats json`.
///
/// The list is short on purpose. A code says what the caller may do differently; the message says
/// the rest to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The text is not a statement.
    Syntax,
    /// The statement is well-formed but asks for something that does not fit.
    Invalid,
    /// A named thing does not exist.
    NotFound,
    /// A named thing exists already.
    AlreadyExists,
    /// Firth, or the source, does not have this feature.
    Unsupported,
    /// The source could not be reached.
    Unreachable,
    /// The source does not accept the credential.
    Unauthenticated,
    /// The source knows who asks, and refuses.
    PermissionDenied,
    /// The source answered with an error of its own.
    Remote,
    /// A file or a value in it is not what it claims to be.
    BadData,
    /// Something changed or is in use by another writer.
    Conflict,
    /// Memory, disk or another limit ran out.
    Exhausted,
    /// The user, or a time limit, ended it.
    Cancelled,
    /// A local file or the terminal failed.
    Io,
    /// An ASSERT did not hold.
    Assertion,
    /// A defect of Firth.
    Internal,
}

impl Code {
    /// The word printed for this code. Scripts match on it, so it never changes.
    pub const fn word(self) -> &'static str {
        match self {
            Code::Syntax => "syntax",
            Code::Invalid => "invalid",
            Code::NotFound => "not_found",
            Code::AlreadyExists => "already_exists",
            Code::Unsupported => "unsupported",
            Code::Unreachable => "unreachable",
            Code::Unauthenticated => "unauthenticated",
            Code::PermissionDenied => "permission_denied",
            Code::Remote => "remote",
            Code::BadData => "bad_data",
            Code::Conflict => "conflict",
            Code::Exhausted => "exhausted",
            Code::Cancelled => "cancelled",
            Code::Io => "io",
            Code::Assertion => "assertion",
            Code::Internal => "internal",
        }
    }
}
