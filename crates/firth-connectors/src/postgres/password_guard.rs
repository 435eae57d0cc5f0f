//! No password in the clear: refuses a server that asks for one on a connection without TLS.
//!
//! The driver answers whatever the server asks for. Asked for the plaintext, or for its MD5 hash
//! (which is as good as the plaintext to whoever sees it), it would send it. So without TLS we read
//! along until the server has let us in, and break the connection before the driver sees such a
//! request. SCRAM shows nothing of the password and is let through.

use std::{
    error, fmt, io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The server asked for a password in the clear. The inner text says how.
#[derive(Debug)]
pub(super) struct PlaintextPassword(pub(super) &'static str);

impl fmt::Display for PlaintextPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server asked for the password {} on a connection without TLS", self.0)
    }
}

impl error::Error for PlaintextPassword {}

/// A stream whose first messages from the server are looked at.
pub(super) struct PasswordGuard<S> {
    stream: S,
    watch: Option<Watch>,
}

impl<S> PasswordGuard<S> {
    /// Looks at the messages of a stream without TLS.
    pub(super) fn watching(stream: S) -> Self {
        PasswordGuard { stream, watch: Some(Watch::default()) }
    }

    /// Passes everything, for a stream that TLS will run on.
    pub(super) fn passing(stream: S) -> Self {
        PasswordGuard { stream, watch: None }
    }
}

/// Where we are in the server's messages: a tag, a length that counts itself, a body.
#[derive(Default)]
struct Watch {
    /// The tag, the length and the first word of the body, as far as they have come.
    head: Vec<u8>,
    /// How much of the body is still to be skipped.
    skip: usize,
}

impl Watch {
    const HEAD: usize = 9;
    const AUTHENTICATION: u8 = b'R';

    /// Whether to go on looking after these bytes.
    fn read(&mut self, mut bytes: &[u8]) -> Result<bool, PlaintextPassword> {
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            let Some((&byte, rest)) = bytes.split_first() else { return Ok(true) };
            self.head.push(byte);
            bytes = rest;

            let word = |at: usize| {
                self.head
                    .get(at..at + 4)
                    .map_or(0, |word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]))
            };
            let tag = self.head[0];
            if tag != Self::AUTHENTICATION && self.head.len() == 5 {
                self.skip = (word(1) as usize).saturating_sub(4);
                self.head.clear();
            } else if self.head.len() == Self::HEAD {
                match word(5) {
                    0 => return Ok(false),
                    3 => return Err(PlaintextPassword("itself")),
                    5 => return Err(PlaintextPassword("as an MD5 hash")),
                    _ => self.skip = (word(1) as usize).saturating_sub(8),
                }
                self.head.clear();
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PasswordGuard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let (Poll::Ready(Ok(())), Some(watch)) = (&polled, &mut self.watch) {
            match watch.read(&buffer.filled()[before..]) {
                Ok(true) => {}
                Ok(false) => self.watch = None,
                Err(refused) => {
                    buffer.set_filled(before);
                    return Poll::Ready(Err(io::Error::other(refused)));
                }
            }
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PasswordGuard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let mut message = vec![tag];
        message.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
        message.extend_from_slice(body);
        message
    }

    /// What comes of these messages, however they are cut into packets.
    fn verdict(messages: &[Vec<u8>]) -> String {
        let bytes = messages.concat();
        let mut verdicts: Vec<String> = (1..=bytes.len())
            .map(|size| {
                let mut watch = Watch::default();
                for packet in bytes.chunks(size) {
                    match watch.read(packet) {
                        Ok(true) => {}
                        Ok(false) => return "let in".to_owned(),
                        Err(refused) => return refused.to_string(),
                    }
                }
                "waiting".to_owned()
            })
            .collect();
        verdicts.dedup();
        verdicts.join(" | ")
    }

    #[test]
    fn requests_for_a_password_in_the_clear_are_refused() {
        let notice = || message(b'v', &[0; 30]);
        assert_eq!(
            verdict(&[message(b'R', &[0, 0, 0, 3])]),
            "the server asked for the password itself on a connection without TLS"
        );
        assert_eq!(
            verdict(&[notice(), message(b'R', &[0, 0, 0, 5, 1, 2, 3, 4])]),
            "the server asked for the password as an MD5 hash on a connection without TLS"
        );
    }

    #[test]
    fn scram_is_let_through() {
        let sasl = message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0");
        assert_eq!(verdict(std::slice::from_ref(&sasl)), "waiting");
        assert_eq!(verdict(&[sasl, message(b'R', &[0, 0, 0, 0])]), "let in");
        assert_eq!(verdict(&[message(b'E', b"SFATAL\0\0")]), "waiting");
    }
}
