//! An opened PostgreSQL connection.

use async_trait::async_trait;
use firth_connector::{CheckReport, Remote};
use firth_diagnostic::{Diagnostic, Result};

use super::options::Settings;

/// An opened connection. Sends nothing until asked.
pub(super) struct PostgresRemote {
    settings: Settings,
}

impl PostgresRemote {
    pub(super) fn new(settings: Settings) -> Self {
        PostgresRemote { settings }
    }
}

#[async_trait]
impl Remote for PostgresRemote {
    async fn check(&self) -> Result<CheckReport> {
        Err(Diagnostic::internal(self.settings.server()))
    }
}
