//! Standard output as a person sees it: what is longer than the screen goes through a pager.
//!
//! Only the shell has one, and only where both ends are terminals. A result is held back until it is longer than the
//! screen or has ended, so that short ones stand there as without a pager.

use std::{
    env,
    fs::File,
    io::{self, BufWriter, Write},
    process::{Child, Command, Stdio},
};

/// A command that shows text page by page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pager {
    /// As `sh` takes it.
    command: String,
}

impl Pager {
    /// The user's own, which PAGER names, else `less`; `None` where there is none, or the terminal cannot move its cursor.
    pub(crate) fn of_environment() -> Option<Self> {
        if env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb") {
            return None;
        }
        let own = env::var("PAGER").ok().filter(|command| !command.trim().is_empty());
        Self::named(&own.unwrap_or_else(|| "less".to_owned()))
    }

    /// The pager of this command, if its program is there.
    pub(crate) fn named(command: &str) -> Option<Self> {
        let program = command.split_whitespace().next()?;
        let is_there = if program.contains('/') {
            env::current_dir().is_ok_and(|folder| folder.join(program).is_file())
        } else {
            let path = env::var_os("PATH").unwrap_or_default();
            env::split_paths(&path).any(|folder| folder.join(program).is_file())
        };
        is_there.then(|| Pager { command: command.to_owned() })
    }

    /// Its command.
    pub(crate) fn command(&self) -> &str {
        &self.command
    }

    fn start(&self) -> io::Result<Child> {
        let mut command = Command::new("sh");
        command.args(["-c", &self.command]).stdin(Stdio::piped());
        if env::var_os("LESS").is_none() {
            // Colours, whole lines, no pages for what fits, and the text stays when it ends.
            command.env("LESS", "RSFX");
        }
        command.spawn()
    }
}

/// Standard output, and the pager in front of it.
pub(crate) struct Screen {
    out: BufWriter<File>,
    pub(crate) pager: Option<Pager>,
    state: State,
}

enum State {
    /// What is written goes out.
    Direct,
    /// What is written waits, until it is more lines than these.
    Held { text: Vec<u8>, lines: usize },
    /// What is written goes to a pager. Without an input the pager has got all.
    Paged { child: Child, left: bool },
}

impl Screen {
    pub(crate) fn new(out: File) -> Self {
        Screen { out: BufWriter::new(out), pager: None, state: State::Direct }
    }

    /// The file or terminal itself.
    pub(crate) fn file(&self) -> &File {
        self.out.get_ref()
    }

    /// A result begins, for a screen of so many lines.
    pub(crate) fn begin(&mut self, lines: usize) {
        if self.pager.is_some() && matches!(self.state, State::Direct) {
            self.state = State::Held { text: Vec::new(), lines };
        }
    }

    /// A result has ended, or will not go on: what is held is shown, and a pager learns that this is all.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        match &mut self.state {
            State::Direct => {}
            State::Held { text, .. } => {
                let text = std::mem::take(text);
                self.state = State::Direct;
                self.out.write_all(&text)?;
            }
            State::Paged { child, .. } => drop(child.stdin.take()),
        }
        self.out.flush()
    }

    /// Waits until the user has left the pager. The answer is whether that was before it had got all.
    pub(crate) fn wait(&mut self) -> bool {
        let State::Paged { mut child, left } = std::mem::replace(&mut self.state, State::Direct) else {
            return false;
        };
        drop(child.stdin.take());
        // However it ended, the terminal is ours again.
        let _ = child.wait();
        left
    }

    /// Hands what is held to a pager, or out if none starts.
    fn turn_pages(&mut self) -> io::Result<()> {
        let State::Held { text, .. } = &mut self.state else { return Ok(()) };
        let text = std::mem::take(text);
        self.state = match self.pager.as_ref().map(Pager::start) {
            Some(Ok(child)) => State::Paged { child, left: false },
            Some(Err(_)) | None => State::Direct,
        };
        self.write_all(&text)
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.state {
            State::Direct => self.out.write(bytes),
            State::Held { text, lines } => {
                text.extend_from_slice(bytes);
                let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
                match lines.checked_sub(ends) {
                    Some(rest) => *lines = rest,
                    None => self.turn_pages()?,
                }
                Ok(bytes.len())
            }
            State::Paged { child, left } => {
                let Some(input) = &mut child.stdin else { return Ok(bytes.len()) };
                let written = input.write(bytes);
                *left |= written.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
                written
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.state {
            State::Direct => self.out.flush(),
            State::Held { .. } => Ok(()),
            State::Paged { child, .. } => child.stdin.as_mut().map_or(Ok(()), Write::flush),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn screen(folder: &tempfile::TempDir, command: &str) -> Screen {
        let out = File::create(folder.path().join("out")).expect("created");
        let mut screen = Screen::new(out);
        screen.pager = Pager::named(command);
        screen
    }

    #[test]
    fn what_fits_the_screen_is_shown_without_a_pager() {
        let folder = tempfile::tempdir().expect("a folder");
        let paged = folder.path().join("paged");
        let mut screen = screen(&folder, &format!("cat > '{}'", paged.display()));
        screen.begin(3);
        screen.write_all(b"1\n2\n3\n").expect("written");
        screen.end().expect("ended");
        assert!(!screen.wait());
        assert_eq!(fs::read_to_string(folder.path().join("out")).expect("there"), "1\n2\n3\n");
        assert!(!paged.exists());
    }

    #[test]
    fn what_is_longer_goes_to_the_pager_as_a_whole_and_the_next_result_begins_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let paged = folder.path().join("paged");
        let mut screen = screen(&folder, &format!("cat > '{}'", paged.display()));
        screen.begin(3);
        for line in ["1\n2\n", "3\n4\n", "5\n"] {
            screen.write_all(line.as_bytes()).expect("written");
            screen.flush().expect("flushed");
        }
        screen.end().expect("ended");
        assert!(!screen.wait(), "it was given everything");
        assert_eq!(fs::read_to_string(&paged).expect("there"), "1\n2\n3\n4\n5\n");
        screen.begin(3);
        screen.write_all(b"short\n").expect("written");
        screen.end().expect("ended");
        assert_eq!(fs::read_to_string(folder.path().join("out")).expect("there"), "short\n");
    }

    #[test]
    fn a_pager_that_is_left_early_is_told_from_a_reader_that_has_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut screen = screen(&folder, "true");
        screen.begin(0);
        // A pipe holds a few of these, and nobody reads: one of them fails when `true` has ended.
        let failed = (0..10_000).find_map(|_| screen.write_all(&[b'\n'; 1024]).err());
        assert_eq!(failed.map(|error| error.kind()), Some(io::ErrorKind::BrokenPipe));
        assert!(screen.wait());
        assert!(!screen.wait());
    }

    #[test]
    fn a_pager_that_is_not_there_is_none() {
        assert_eq!(Pager::named("no-such-pager-as-this --flag"), None);
        assert_eq!(Pager::named(" "), None);
        assert!(Pager::named("sh").is_some());
    }
}
