//! Where result sets go: standard output, or the one file of `-o`.

use std::{
    fs::{self, File},
    io::{self, IsTerminal as _},
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use arrow::datatypes::SchemaRef;
use firth_diagnostic::{Code, Diagnostic, Result};

use crate::{
    execution::Execution,
    format::{Between, Fit, Format, Sink, Style, WriteError},
    pending_file::PendingFile,
    progress::Progress,
    reporter::colors_allowed,
    screen::{Pager, Screen},
};

/// The result sets of a run, in order.
pub(crate) struct Output {
    destination: Destination,
    /// May change between two result sets.
    pub(crate) format: &'static Format,
    style: Style,
    /// How many rows of a result a terminal is shown; `None` for all.
    pub(crate) shown_rows: Option<usize>,
    /// Taken away before rows are written to a terminal.
    pub(crate) progress: Progress,
    /// How many result sets were begun.
    sets: u64,
    /// Where the one under way begins: for taking it back.
    mark: Option<Mark>,
}

/// As many rows of a result as a screen holds are shown on a terminal.
const SHOWN_ROWS: usize = 40;

enum Destination {
    /// Standard output, or a device or named pipe: what is written has gone.
    Stream(Screen),
    File(PathBuf, PendingFile),
}

#[derive(Clone, Copy)]
struct Mark {
    position: u64,
    sets: u64,
}

impl Output {
    /// Standard output.
    pub(crate) fn stdout(format: &'static Format, no_color: bool) -> Result<Self> {
        let stdout = io::stdout();
        let color = !no_color && colors_allowed() && stdout.is_terminal();
        let descriptor = stdout.as_fd().try_clone_to_owned().map_err(|error| {
            Diagnostic::error(Code::Io, "could not use standard output").detail(error.to_string())
        })?;
        // Past std's line buffer: a format knows when its bytes should go.
        let destination = Destination::Stream(Screen::new(File::from(descriptor)));
        let style = Style { color, fit: None };
        Ok(Output { style, ..Output::new(destination, format) })
    }

    /// A file. It is there under its name after [`Self::commit`], save for devices and named pipes.
    pub(crate) fn file(path: &Path, format: &'static Format) -> Result<Self> {
        let is_special = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
        let destination = if is_special {
            File::options().write(true).open(path).map(|file| Destination::Stream(Screen::new(file)))
        } else if path.is_dir() {
            Err(io::ErrorKind::IsADirectory.into())
        } else {
            PendingFile::create(path).map(|file| Destination::File(path.to_owned(), file))
        };
        let destination = destination.map_err(|error| unwritable(path, &error))?;
        Ok(Output::new(destination, format))
    }

    fn new(destination: Destination, format: &'static Format) -> Self {
        Output {
            destination,
            format,
            style: Style::default(),
            shown_rows: Some(SHOWN_ROWS),
            progress: Progress::default(),
            sets: 0,
            mark: None,
        }
    }

    /// Writes a result set as its batches arrive, and adds its rows to `count` as they are written.
    ///
    /// Nothing is written before the first batch has come, so that a query that fails at once leaves
    /// no trace. If this fails or is dropped half-way, [`Self::take_back`] cleans up.
    pub(crate) async fn write(
        &mut self,
        schema: &SchemaRef,
        execution: &mut Execution,
        count: &mut u64,
    ) -> Result<(), WriteError> {
        let mut batch = execution.batch().await.map_err(WriteError::Failed)?;
        self.begin()?;
        let format = self.format;
        let style = Style { fit: self.fit(), ..self.style };
        let progress = self.progress.clone();
        // A fitted table is written when its last row has come, a file is not where the lines are.
        let streams = style.fit.is_none() && matches!(self.destination, Destination::Stream(_));
        self.hold_for_pager();
        let mut set = (format.open)(schema, self.sink(), style)?;
        while let Some(some) = batch {
            if streams {
                progress.erase();
            }
            set.write(&some)?;
            *count += some.num_rows() as u64;
            batch = execution.batch().await.map_err(WriteError::Failed)?;
        }
        progress.erase();
        set.finish()?;
        drop(set);
        self.mark = None;
        if let Destination::Stream(screen) = &mut self.destination {
            screen.end()?;
        }
        Ok(())
    }

    /// Begins another answer to a person: the prompt stands between it and the one before. A file goes
    /// on as it is.
    pub(crate) fn begin_answer(&mut self) {
        if matches!(self.destination, Destination::Stream(_)) {
            self.sets = 0;
        }
    }

    /// Takes back a result set that did not come to its end, where that is possible.
    pub(crate) fn take_back(&mut self) -> Result<(), WriteError> {
        let Some(mark) = self.mark.take() else { return Ok(()) };
        match &mut self.destination {
            Destination::Stream(screen) => screen.end()?,
            Destination::File(_, file) => {
                file.rewind_to(mark.position)?;
                self.sets = mark.sets;
            }
        }
        Ok(())
    }

    /// Puts the file in its place. Without a result set there is nothing to put: the answer is false.
    pub(crate) fn commit(self) -> Result<bool> {
        match self.destination {
            Destination::Stream(_) => Ok(true),
            Destination::File(_, _) if self.sets == 0 => Ok(false),
            Destination::File(path, file) => {
                file.commit().map(|()| true).map_err(|error| unwritable(&path, &error))
            }
        }
    }

    fn begin(&mut self) -> Result<(), WriteError> {
        let position = match &mut self.destination {
            Destination::Stream(_) => 0,
            Destination::File(_, file) => file.position()?,
        };
        if self.sets > 0 {
            match self.format.between {
                Between::EmptyLine => self.sink().write_all(b"\n")?,
                Between::Nothing => {}
                Between::OnlyOneInAFile => return Err(WriteError::Failed(second_set(self.format.name))),
            }
        }
        self.mark = Some(Mark { position, sets: self.sets });
        self.sets += 1;
        Ok(())
    }

    /// What shows long results page by page; `None` if nothing does, or rows go to a file.
    pub(crate) fn pager(&mut self) -> Option<&mut Option<Pager>> {
        match &mut self.destination {
            Destination::Stream(screen) => Some(&mut screen.pager),
            Destination::File(..) => None,
        }
    }

    /// Waits until the user has left the pager, if one shows something. The answer is whether that was before it had all.
    pub(crate) fn wait_for_pager(&mut self) -> bool {
        match &mut self.destination {
            Destination::Stream(screen) => screen.wait(),
            Destination::File(..) => false,
        }
    }

    /// Where a result may be longer than the screen, it is held until that is known.
    fn hold_for_pager(&mut self) {
        let is_text = self.format.is_text;
        if let Destination::Stream(screen) = &mut self.destination
            && is_text
            && io::stdin().is_terminal()
            && let Some(lines) = terminal_lines(screen.file())
        {
            // The last line is the prompt's.
            screen.begin(lines.saturating_sub(1));
        }
    }

    /// The size of the terminal that tables must fit, as it is now.
    fn fit(&self) -> Option<Fit> {
        let (Destination::Stream(stream), Some(rows)) = (&self.destination, self.shown_rows) else {
            return None;
        };
        terminal_columns(stream.file()).map(|columns| Fit { columns, rows })
    }

    fn sink(&mut self) -> Sink<'_> {
        match &mut self.destination {
            Destination::Stream(stream) => stream,
            Destination::File(_, file) => file,
        }
    }
}

/// The width of a terminal; `None` if it is none, or says none.
pub(crate) fn terminal_columns(descriptor: impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(descriptor).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// The height of a terminal, likewise.
fn terminal_lines(descriptor: impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(descriptor).ok()?;
    Some(usize::from(size.ws_row)).filter(|lines| *lines > 0)
}

fn second_set(format: &str) -> Diagnostic {
    Diagnostic::error(Code::Invalid, format!("a {format} file holds one result set, and this is the second"))
        .hint("Write each statement's result to a file of its own, or choose another `--format`.")
}

fn unwritable(path: &Path, error: &io::Error) -> Diagnostic {
    let diagnostic = Diagnostic::error(Code::Io, format!("could not write {:?}", path.display().to_string()))
        .detail(error.to_string());
    match error.kind() {
        io::ErrorKind::NotFound => diagnostic.hint("The folder must exist."),
        io::ErrorKind::IsADirectory => diagnostic.hint("Name a file in that folder."),
        io::ErrorKind::PermissionDenied => diagnostic.hint("Check who may write to that folder."),
        io::ErrorKind::StorageFull => diagnostic.hint("Free some space, or name another place."),
        _ => diagnostic,
    }
}
