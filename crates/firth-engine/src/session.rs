//! A session: settings, open connections, and the way in.

use std::{path::PathBuf, sync::Arc};

use firth_connector::{Connectors, Remotes};
use firth_diagnostic::{Diagnostic, Result, Secret};
use firth_sql::{Parameters, Statement};

use crate::{Outcome, Settings};

/// Asks the person at the terminal. Given by the shell; absent in batch.
pub trait Prompt: Send + Sync {
    /// Shows `question` and reads a line without echo.
    fn secret(&self, question: &str) -> std::io::Result<Secret>;
}

/// What a session starts from.
pub struct SessionOptions {
    /// The folder of the catalog and keys. Made when first needed.
    pub home: PathBuf,
    /// What the session can connect to.
    pub connectors: Connectors,
    /// Who asks, for the audit trail: the operating system's user.
    pub principal: String,
    /// The values of `@name`.
    pub parameters: Parameters,
    /// The settings to start with.
    pub settings: Settings,
    /// How PROMPT() asks. `None`: PROMPT() is an error.
    pub prompt: Option<Arc<dyn Prompt>>,
}

/// The only way in. Cheap to make: opens the catalog when a statement first needs it.
pub struct Session {
    options: SessionOptions,
}

impl Session {
    /// A session. Does no I/O.
    pub fn new(options: SessionOptions) -> Self {
        Session { options }
    }

    /// An empty set of remotes for one statement: the caller keeps it, and reads from it what the
    /// statement asked of each source, also after a failure.
    pub fn remotes(&self) -> Arc<Remotes> {
        Arc::new(Remotes::new(firth_connector::StatementId::random()))
    }

    /// Executes one statement. Rows come from the outcome's stream; nothing but them is left to do.
    ///
    /// Dropping the future cancels the statement. Spans in errors are bytes into the statement's text.
    pub async fn execute(&self, statement: &Statement, remotes: &Arc<Remotes>) -> Result<Outcome> {
        let _ = (statement, remotes, &self.options);
        Err(Diagnostic::internal("not written"))
    }
}
