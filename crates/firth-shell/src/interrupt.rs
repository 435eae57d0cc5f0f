//! Ctrl-C, and requests to end.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use firth_connector::Canceller;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use crate::Exit;

/// Tells when the user wants the statement to end.
pub(crate) struct Interrupt {
    signals: watch::Receiver<u64>,
}

/// What else listening means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    /// A run without anybody to go on with: requests to end count as Ctrl-C, and the process does not
    /// outlive one for long, even if it hangs in a write that nobody reads.
    Batch,
    /// The shell outlives Ctrl-C.
    Shell,
}

impl Interrupt {
    /// Begins to listen. Must be called within a runtime.
    pub(crate) fn listen(listen: Listen) -> io::Result<Self> {
        let (sender, signals) = watch::channel(0);
        let kinds = match listen {
            Listen::Batch => vec![SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()],
            Listen::Shell => vec![SignalKind::interrupt()],
        };
        for kind in kinds {
            tokio::spawn(pass_on(signal(kind)?, sender.clone(), listen));
        }
        Ok(Interrupt { signals })
    }

    /// Forgets signals that came while nothing ran.
    pub(crate) fn reset(&mut self) {
        self.signals.mark_unchanged();
    }

    /// Waits for the next signal.
    pub(crate) async fn wait(&mut self) {
        if self.signals.changed().await.is_err() {
            // Nobody listens any more.
            std::future::pending::<()>().await;
        }
    }
}

async fn pass_on(mut signal: Signal, sender: watch::Sender<u64>, listen: Listen) {
    while signal.recv().await.is_some() {
        sender.send_modify(|count| *count += 1);
        if listen == Listen::Batch {
            tokio::spawn(async {
                tokio::time::sleep(Canceller::PATIENCE + Duration::from_secs(1)).await;
                // Nobody said so yet: the thread that would have is still busy.
                let _ = io::stderr().write_all(b"error[cancelled]: the run was interrupted\n");
                std::process::exit(Exit::Interrupted.code().into());
            });
        }
    }
}
