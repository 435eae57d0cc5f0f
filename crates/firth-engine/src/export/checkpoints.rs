//! The named points of an export, for whoever wants to know when one is reached.

use std::sync::{Arc, OnceLock};

/// Is told the name of each point as it is reached: docs/adr/0020 has the list.
pub type Observer = Arc<dyn Fn(&'static str) + Send + Sync>;

/// Where an export is. Nobody is told unless somebody asked through
/// [`Session::observe_exports`](crate::Session::observe_exports).
#[derive(Default)]
pub(crate) struct Checkpoints(OnceLock<Observer>);

impl Checkpoints {
    /// Asks to be told. The first to ask is told.
    pub(crate) fn observe(&self, observer: Observer) {
        let _ = self.0.set(observer);
    }

    /// Who asked, for points that are reached after a statement's own code.
    pub(crate) fn observer(&self) -> Option<Observer> {
        self.0.get().cloned()
    }

    /// Says that a point is reached.
    pub(crate) fn reach(&self, point: &'static str) {
        if let Some(observer) = self.0.get() {
            observer(point);
        }
    }
}
