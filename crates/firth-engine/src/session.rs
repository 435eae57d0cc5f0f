//! A session: settings, open connections, and the way in.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use datafusion::execution::memory_pool::MemoryPool;
use firth_catalog::{Actor, Catalog};
use firth_connector::{Connectors, Remotes, StatementId};
use firth_diagnostic::{Result, Secret};
use firth_sql::{Parameters, Statement};

use crate::{
    Outcome, Settings,
    context::memory_pool,
    export::{Checkpoints, Observer},
    resolve::{RemotePool, Resolver, TemporaryCatalog},
    statement,
    store::{Caches, YieldingPool},
};

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
    /// Whether statements are rehearsed: definitions are made in a copy of the catalog that ends with the session,
    /// queries are planned, and nothing is read or written.
    pub rehearsal: bool,
    /// How PROMPT() asks. `None`: PROMPT() is an error.
    pub prompt: Option<Arc<dyn Prompt>>,
}

/// A pool, and the limits it was made for: of all memory, and of what caches keep of it.
type LimitedMemory = ((Option<usize>, Option<usize>), Arc<dyn MemoryPool>);

/// The part of the memory that caches may hold while no query needs it.
const CACHE_SHARE: usize = 4;

/// The only way in. Cheap to make: opens the catalog when a statement first needs it.
pub struct Session {
    pub(crate) options: SessionOptions,
    pub(crate) remotes: RemotePool,
    pub(crate) caches: Arc<Caches>,
    settings: Mutex<Settings>,
    catalog: OnceLock<Catalog>,
    /// The temporary tables, once there is one.
    temporary: OnceLock<TemporaryCatalog>,
    memory: Mutex<Option<LimitedMemory>>,
    pub(crate) checkpoints: Checkpoints,
}

impl Session {
    /// A session. Does no I/O.
    pub fn new(options: SessionOptions) -> Self {
        let settings = Mutex::new(options.settings.clone());
        Session {
            options,
            remotes: RemotePool::default(),
            caches: Arc::default(),
            settings,
            catalog: OnceLock::new(),
            temporary: OnceLock::new(),
            memory: Mutex::default(),
            checkpoints: Checkpoints::default(),
        }
    }

    /// Tells `observer` where each export is: for tests that end the process there. The first call counts.
    pub fn observe_exports(&self, observer: Observer) {
        self.checkpoints.observe(observer);
    }

    /// An empty set of remotes for one statement: the caller keeps it, and reads from it what the
    /// statement asked of each source, also after a failure.
    pub fn remotes(&self) -> Arc<Remotes> {
        Arc::new(Remotes::new(StatementId::random()))
    }

    /// Executes one statement. Rows come from the outcome's stream; nothing but them is left to do.
    ///
    /// Dropping the future cancels the statement. Spans in errors are bytes into the statement's text.
    pub async fn execute(&self, statement: &Statement, remotes: &Arc<Remotes>) -> Result<Outcome> {
        let resolver = Resolver::try_new(self, Arc::clone(remotes))?;
        let outcome = statement::execute(self, &resolver, statement).await?;
        Ok(Outcome { rejected: Some(resolver.rejected_rows()), ..outcome })
    }

    /// The settings as they stand.
    pub fn settings(&self) -> Settings {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the settings.
    pub fn change_settings(&self, change: impl FnOnce(&mut Settings) -> Result<()>) -> Result<()> {
        change(&mut self.settings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The catalog, opened when first asked for.
    pub(crate) fn catalog(&self) -> Result<&Catalog> {
        if let Some(catalog) = self.catalog.get() {
            return Ok(catalog);
        }
        let opened = match self.options.rehearsal {
            true => Catalog::rehearse(&self.options.home)?,
            false => Catalog::open(&self.options.home)?,
        };
        Ok(self.catalog.get_or_init(|| opened))
    }

    /// The catalog of temporary tables, made in the home by `open` when first asked for.
    pub(crate) fn temporary(
        &self,
        open: impl FnOnce(&Path) -> Result<TemporaryCatalog>,
    ) -> Result<&TemporaryCatalog> {
        if let Some(made) = self.temporary.get() {
            return Ok(made);
        }
        // The home is made with its own permissions before a folder in it.
        let made = open(self.catalog()?.folder())?;
        Ok(self.temporary.get_or_init(|| made))
    }

    /// The same if there is one.
    pub(crate) fn temporary_if_any(&self) -> Option<&TemporaryCatalog> {
        self.temporary.get()
    }

    /// Who asks.
    pub(crate) fn actor(&self) -> Actor<'_> {
        Actor::new(&self.options.principal)
    }

    /// The memory that all statements of the session share; made anew when the limit changes.
    pub(crate) fn memory(&self) -> Arc<dyn MemoryPool> {
        let settings = self.settings();
        // A rehearsal writes nothing.
        let on_disk = if self.options.rehearsal { None } else { settings.number("cache_disk") };
        self.caches.keep_on_disk(&self.options.home, on_disk.unwrap_or_default() as u64);
        let limit = (settings.number("memory_limit"), settings.number("cache_memory"));
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        match memory.as_ref() {
            Some((known, pool)) if *known == limit => Arc::clone(pool),
            _ => {
                let (pool, size) = memory_pool(limit.0);
                self.caches.charge(&pool, limit.1.unwrap_or(size / CACHE_SHARE).min(size));
                let pool = Arc::new(YieldingPool::new(pool, Arc::clone(&self.caches))) as _;
                *memory = Some((limit, Arc::clone(&pool)));
                pool
            }
        }
    }
}

/// A server runs statements on any thread. Fails to compile if that is no longer so.
#[cfg(test)]
fn _execution_can_move_between_threads(session: &Session, statement: &Statement, remotes: &Arc<Remotes>) {
    fn is_send(_: impl Send) {}
    is_send(session.execute(statement, remotes));
}
