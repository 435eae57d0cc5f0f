//! Standard input as a script: statements run as they arrive, so that another program can hold a
//! conversation with this one.

use std::{
    io::{self, BufRead as _},
    thread,
};

use firth_diagnostic::Result;
use tokio::sync::mpsc;

use crate::script::{self, Script};

/// What messages call it.
pub(crate) const NAME: &str = "<stdin>";

/// How many lines are read ahead of the statement under way.
const WAITING_LINES: usize = 1024;

/// Standard input under way.
pub(crate) struct StdinScript {
    lines: mpsc::Receiver<io::Result<Vec<u8>>>,
    /// Lines that were handed out.
    lines_before: usize,
    /// Bytes that were handed out.
    bytes_before: usize,
}

impl StdinScript {
    /// Begins to read, on a thread of its own. It ends with the process: a read cannot be called back.
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, lines) = mpsc::channel(WAITING_LINES);
        thread::Builder::new().name("stdin".to_owned()).spawn(move || {
            let mut input = io::stdin().lock();
            loop {
                let mut line = Vec::new();
                let read = input.read_until(b'\n', &mut line);
                let goes_on = matches!(read, Ok(count) if count > 0);
                let item = match read {
                    Ok(0) => return,
                    Ok(_) => Ok(line),
                    Err(error) => Err(error),
                };
                if sender.blocking_send(item).is_err() || !goes_on {
                    return;
                }
            }
        })?;
        Ok(StdinScript { lines, lines_before: 0, bytes_before: 0 })
    }

    /// Waits for the next statements: whole lines up to the first that ends one, or what is left at the
    /// end of the input. `None` after that. May be dropped while it waits for the first of them only.
    ///
    /// The script has an empty line for each line that came before it, so that places in messages are
    /// those of the whole input.
    pub(crate) async fn next(&mut self) -> Result<Option<Script>> {
        let mut bytes = Vec::new();
        while let Some(line) = self.lines.recv().await {
            let line = line.map_err(|error| script::unreadable(NAME, &error))?;
            let may_end = line.contains(&b';');
            bytes.extend(line);
            if may_end && std::str::from_utf8(&bytes).map_or(true, firth_sql::is_complete) {
                break;
            }
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let (lines_before, bytes_before) = (self.lines_before, self.bytes_before);
        self.lines_before += bytes.iter().filter(|byte| **byte == b'\n').count();
        self.bytes_before += bytes.len();
        let text = script::text(NAME, bytes, lines_before, bytes_before)?;
        Ok(Some(Script::new(NAME, "\n".repeat(lines_before) + &text)))
    }
}
