//! A child process, and the lines it says.

use std::{
    io::{BufRead as _, BufReader, Read, Write as _},
    process::{Child, ChildStdin},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

use crate::Result;

/// A process that is written to and that answers in lines. Dropping it kills the process.
pub(super) struct Conversation {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Conversation {
    /// Takes a child whose standard input is piped, and the end of the pipe that it answers on.
    pub(super) fn begin(mut child: Child, answers: impl Read + Send + 'static) -> Self {
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(answers).lines() {
                let Ok(line) = line else { return };
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Conversation { stdin: child.stdin.take(), child, lines }
    }

    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Says something, which ends with a line's end.
    pub(super) fn say(&mut self, text: &str) -> Result<()> {
        let Some(stdin) = &mut self.stdin else { return Err("its input is closed".to_string()) };
        let said = stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush());
        said.map_err(|error| format!("it takes no more work: {error}"))
    }

    /// Waits for its next line.
    pub(super) fn hear(&mut self, patience: Duration) -> Result<String> {
        self.lines.recv_timeout(patience).map_err(|error| match error {
            RecvTimeoutError::Timeout => {
                // It would answer the next question with this one's answer.
                let _ = self.child.kill();
                format!("no answer after {} s", patience.as_secs())
            }
            RecvTimeoutError::Disconnected => match self.child.wait() {
                Ok(status) => format!("the process has ended ({status})"),
                Err(error) => format!("the process has ended ({error})"),
            },
        })
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // Most end by themselves when their input does; what hangs is not waited for.
        self.stdin = None;
        for _ in 0..100 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(Duration::from_millis(2));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
