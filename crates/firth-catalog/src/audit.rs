//! The audit trail: who did what to which object, and how it ended.

use chrono::{DateTime, Utc};

/// Who asks for a change.
#[derive(Clone, Copy, Debug)]
pub struct Actor<'a> {
    /// The principal: the operating system's user.
    pub principal: &'a str,
}

impl<'a> Actor<'a> {
    /// This principal.
    pub fn new(principal: &'a str) -> Self {
        Actor { principal }
    }
}

/// One management statement. Rows are only ever added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Counts up, without regard to the clock.
    pub id: i64,
    /// When.
    pub time: DateTime<Utc>,
    /// Who.
    pub principal: String,
    /// What, such as `CREATE_CONNECTION`.
    pub method: String,
    /// To which object, by name.
    pub resource: String,
    /// `ok`, or the word of the error's code.
    pub outcome: String,
}
