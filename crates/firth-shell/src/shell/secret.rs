//! PROMPT(): a secret asked of the person at the terminal, without echo.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read as _, Write as _},
    sync::Arc,
};

use firth_diagnostic::Secret;
use firth_engine::Prompt;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// The terminal to ask at; `None` if nobody sits there.
pub(crate) fn terminal_prompt() -> Option<Arc<dyn Prompt>> {
    let attended = io::stdin().is_terminal() || io::stderr().is_terminal();
    attended.then(|| Arc::new(Terminal) as Arc<dyn Prompt>)
}

/// The process's terminal, wherever its standard streams lead.
struct Terminal;

impl Prompt for Terminal {
    fn secret(&self, question: &str) -> io::Result<Secret> {
        let mut terminal = File::options().read(true).write(true).open("/dev/tty")?;
        // Before the question: whoever answers at once must not see the answer on the screen.
        let silence = Silence::begin(terminal.try_clone()?)?;
        write!(terminal, "{} ", question.trim_end())?;
        terminal.flush()?;
        let mut typed = Typed::default();
        let mut byte = [0];
        let answer = loop {
            if terminal.read(&mut byte)? == 0 {
                break Err(io::ErrorKind::UnexpectedEof.into());
            }
            match typed.push(byte[0]) {
                None => {}
                Some(answer) => break answer,
            }
        };
        drop(silence);
        writeln!(terminal)?;
        answer
    }
}

/// Keys pressed so far. Keys arrive one by one and without meaning, so that Ctrl-C can be told even
/// while the thread that would hear its signal waits here.
#[derive(Default)]
struct Typed(Vec<u8>);

impl Typed {
    /// Takes a key. Answers when the line has ended.
    fn push(&mut self, byte: u8) -> Option<io::Result<Secret>> {
        const INTERRUPT: u8 = 0x03;
        const END: u8 = 0x04;
        const BACKSPACE: u8 = 0x08;
        const KILL: u8 = 0x15;
        const DELETE: u8 = 0x7f;
        match byte {
            b'\r' | b'\n' => return Some(self.take()),
            END if self.0.is_empty() => return Some(Err(io::ErrorKind::UnexpectedEof.into())),
            END => return Some(self.take()),
            INTERRUPT => return Some(Err(io::ErrorKind::Interrupted.into())),
            KILL => self.wipe(),
            BACKSPACE | DELETE => {
                // A whole character: its last byte, and those before that only continue one.
                while self.0.pop().is_some_and(|last| last & 0b1100_0000 == 0b1000_0000) {}
            }
            other => self.0.push(other),
        }
        None
    }

    fn take(&mut self) -> io::Result<Secret> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => Ok(Secret::new(text)),
            Err(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "what was typed is not UTF-8")),
        }
    }

    fn wipe(&mut self) {
        self.0.fill(0);
        self.0.clear();
    }
}

impl Drop for Typed {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// A terminal without echo; as before when dropped.
struct Silence {
    terminal: File,
    before: Termios,
}

impl Silence {
    fn begin(terminal: File) -> io::Result<Self> {
        let before = tcgetattr(&terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
        Ok(Silence { terminal, before })
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> io::Result<String> {
        let mut typed = Typed::default();
        let answer = keys.iter().find_map(|key| typed.push(*key)).expect("the line ends");
        answer.map(|secret| secret.expose_secret().to_owned())
    }

    #[test]
    fn keys_edit_the_line() {
        assert_eq!(typed(b"abc\n").expect("typed"), "abc");
        assert_eq!(typed("aé\u{7f}b\r".as_bytes()).expect("typed"), "ab");
        assert_eq!(typed(b"\x7fwrong\x15right\n").expect("typed"), "right");
        assert_eq!(typed(b"ab\x03").expect_err("Ctrl-C").kind(), io::ErrorKind::Interrupted);
        assert_eq!(typed(b"\x04").expect_err("Ctrl-D").kind(), io::ErrorKind::UnexpectedEof);
    }
}
