//! The bytes of one read: from the server, or from where they were put to free its backend.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    pin::Pin,
};

use bytes::Bytes;
use firth_diagnostic::{Code, Diagnostic, Result};
use futures::StreamExt;
use tokio_postgres::CopyOutStream;

use super::{error, members::Member};

/// The bytes of one `COPY`, in order.
///
/// Every method can be dropped while it waits, without losing a byte.
pub(super) struct Reading {
    live: Option<(Member, Pin<Box<CopyOutStream>>)>,
    ahead: Option<ReadAhead>,
    failure: Option<Diagnostic>,
    sql: String,
}

impl Reading {
    pub(super) fn new(member: Member, copy: CopyOutStream, sql: String) -> Self {
        Reading { live: Some((member, Box::pin(copy))), ahead: None, failure: None, sql }
    }

    /// Whether a backend is at work for this read.
    pub(super) fn holds_backend(&self) -> bool {
        self.live.is_some()
    }

    /// The next bytes; `None` after the last ones.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        if let Some(ahead) = &mut self.ahead
            && let Some(bytes) = ahead.next().map_err(|error| on_disk(&error))?
        {
            return Ok(Some(bytes));
        }
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => self.receive().await,
        }
    }

    /// Takes what the server still has to say, and frees the backend. Failures are for the reader.
    pub(super) async fn read_ahead(&mut self) {
        loop {
            let kept = match self.receive().await {
                Ok(None) => return,
                Ok(Some(bytes)) => self.keep(&bytes).map_err(|error| on_disk(&error)),
                Err(failure) => Err(failure),
            };
            if let Err(failure) = kept {
                self.live = None;
                self.failure = Some(failure);
                return;
            }
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        let ahead = match &mut self.ahead {
            Some(ahead) => ahead,
            none => none.insert(ReadAhead::try_new()?),
        };
        ahead.push(bytes)
    }

    async fn receive(&mut self) -> Result<Option<Bytes>> {
        let Some((member, copy)) = &mut self.live else { return Ok(None) };
        match copy.next().await {
            Some(Ok(bytes)) => Ok(Some(bytes)),
            Some(Err(failure)) => {
                let sent = error::Sent { sql: &self.sql, prefix: COPY };
                let failure = error::request(member.settings(), &failure, Some(sent));
                if let Some((member, copy)) = self.live.take() {
                    drop(copy);
                    member.give_back();
                }
                Err(failure)
            }
            None => {
                self.end();
                Ok(None)
            }
        }
    }

    /// Gives the backend back to the statement.
    fn end(&mut self) {
        if let Some((member, copy)) = self.live.take() {
            drop(copy);
            member.park();
        }
    }
}

impl Drop for Reading {
    /// Cancels the read, unless the statement's snapshot would end with it: then it is read to its end.
    fn drop(&mut self) {
        if let Some((member, mut copy)) = self.live.take()
            && member.is_needed()
        {
            member.drain(async move { while let Some(Ok(_)) = copy.next().await {} });
        }
    }
}

/// What stands before the text of a read, and after it. The line feed ends a comment in the text.
pub(super) const COPY: &str = "COPY (";
pub(super) const TO_STDOUT: &str = "\n) TO STDOUT (FORMAT binary)";

fn on_disk(error: &io::Error) -> Diagnostic {
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let code = if full { Code::Exhausted } else { Code::Io };
    Diagnostic::error(code, "could not keep rows of PostgreSQL in a temporary file")
        .detail(error.to_string())
        .hint("The rows wait there because every backend is in use: raise option max_backends of the connection.")
}

/// Bytes in a temporary file without a name, which vanishes with this.
struct ReadAhead {
    file: File,
    /// Not yet in the file.
    pending: Vec<u8>,
    written: u64,
    read: u64,
}

impl ReadAhead {
    const PIECE: usize = 1 << 20;

    fn try_new() -> io::Result<Self> {
        Ok(ReadAhead { file: tempfile::tempfile()?, pending: Vec::new(), written: 0, read: 0 })
    }

    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= Self::PIECE {
            self.file.seek(SeekFrom::Start(self.written))?;
            self.file.write_all(&self.pending)?;
            self.written += self.pending.len() as u64;
            self.pending.clear();
        }
        Ok(())
    }

    fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.read < self.written {
            let length = usize::try_from(self.written - self.read).unwrap_or(usize::MAX).min(Self::PIECE);
            let mut piece = vec![0; length];
            self.file.seek(SeekFrom::Start(self.read))?;
            self.file.read_exact(&mut piece)?;
            self.read += length as u64;
            return Ok(Some(piece.into()));
        }
        let pending = std::mem::take(&mut self.pending);
        Ok((!pending.is_empty()).then(|| pending.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_in_order_while_more_are_kept() {
        let mut ahead = ReadAhead::try_new().expect("a temporary file");
        let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
        let mut back = Vec::new();
        for (index, piece) in bytes.chunks(700_001).enumerate() {
            ahead.push(piece).expect("space");
            if index % 2 == 1 {
                back.extend(ahead.next().expect("readable").expect("something"));
            }
        }
        while let Some(piece) = ahead.next().expect("readable") {
            back.extend(piece);
        }
        assert!(back == bytes);
    }
}
