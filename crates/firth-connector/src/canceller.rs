//! The process's canceller: work that must outlive a dropped stream, for a second at most.
//!
//! Dropping a stream cancels the work at the source, but cancelling takes a message and an answer,
//! and a destructor cannot wait. So it hands both to the canceller, which is the one task owner that
//! does not die with its stream. Whoever ends the process waits for it.

use std::{future::Future, pin::pin, sync::LazyLock, time::Duration};

use tokio::{
    sync::{oneshot, watch},
    task::JoinError,
};

static RUNNING: LazyLock<watch::Sender<usize>> = LazyLock::new(|| watch::Sender::new(0));

/// Owns the cancellations under way in this process.
#[derive(Clone, Copy, Debug)]
pub struct Canceller;

impl Canceller {
    /// How long a cancellation may take, and how long an exit waits for all of them.
    pub const PATIENCE: Duration = Duration::from_secs(1);

    /// Runs `work` to its end or for [`Self::PATIENCE`], whichever is first; then drops it.
    ///
    /// Outside a tokio runtime `work` is dropped at once, which closes its socket: sources notice
    /// that later than a cancel request, but they do.
    pub fn spawn(work: impl Future<Output = ()> + Send + 'static) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let running = Running::begin();
        runtime.spawn(async move {
            let _ = tokio::time::timeout(Self::PATIENCE, work).await;
            drop(running);
        });
    }

    /// Runs `work` to its end also if nobody waits for it any more: then for [`Self::PATIENCE`] at most, and what
    /// comes of it is dropped. For requests whose answer says how to take them back.
    ///
    /// # Errors
    /// If `work` panicked, or the runtime ended.
    pub async fn shield<T: Send + 'static>(
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, JoinError> {
        let (_wanted, unwanted) = oneshot::channel::<()>();
        let running = Running::begin();
        let task = tokio::spawn(async move {
            let mut work = pin!(work);
            let output = tokio::select! {
                biased;
                output = &mut work => Some(output),
                _ = unwanted => tokio::time::timeout(Self::PATIENCE, work).await.ok(),
            };
            // The output is dropped first: what it then hands to the canceller is counted before this is not.
            (output, running)
        });
        match task.await? {
            (Some(output), _) => Ok(output),
            // It is unwanted only once this future is dropped.
            (None, _) => std::future::pending().await,
        }
    }

    /// Waits until nothing is being cancelled, for [`Self::PATIENCE`] at most.
    pub async fn drained() {
        let mut watched = RUNNING.subscribe();
        let _ = tokio::time::timeout(Self::PATIENCE, watched.wait_for(|running| *running == 0)).await;
    }
}

/// Counts one cancellation for as long as it lives.
struct Running;

impl Running {
    fn begin() -> Self {
        RUNNING.send_modify(|running| *running += 1);
        Running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.send_modify(|running| *running -= 1);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// Says that it is dropped, later.
    struct Dropped(Option<oneshot::Sender<()>>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            let sender = self.0.take();
            Canceller::spawn(async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                let _ = sender.map(|sender| sender.send(()));
            });
        }
    }

    #[tokio::test]
    async fn an_answer_that_nobody_waits_for_is_taken_back_before_the_exit() {
        let (sender, mut receiver) = oneshot::channel();
        let request = Canceller::shield(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Dropped(Some(sender))
        });
        let interrupted = tokio::time::timeout(Duration::from_millis(10), request).await;
        assert!(interrupted.is_err(), "it was still running");
        Canceller::drained().await;
        receiver.try_recv().expect("it ran to its end, and its answer was dropped");
        assert_eq!(Canceller::shield(async { 7 }).await.expect("not interrupted"), 7);
    }

    #[tokio::test]
    async fn exit_waits_for_a_cancellation_but_not_for_ever() {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        Canceller::spawn(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let _ = sender.send(());
        });
        Canceller::drained().await;
        receiver.await.expect("the cancellation ran to its end");

        Canceller::spawn(std::future::pending());
        let before = Instant::now();
        Canceller::drained().await;
        assert!(before.elapsed() < 3 * Canceller::PATIENCE);
    }
}
