//! Where result sets go: standard output, or the one file of `-o`.

use std::{
    fs::{self, File},
    io::{self, BufWriter, IsTerminal as _, Write as _},
    os::fd::AsFd as _,
    path::{Path, PathBuf},
};

use arrow::datatypes::SchemaRef;
use firth_diagnostic::{Code, Diagnostic, Result};

use crate::{
    execution::Execution,
    format::{Between, Format, Sink, Style, WriteError},
    pending_file::PendingFile,
    reporter::colors_allowed,
};

/// The result sets of a run, in order.
pub(crate) struct Output {
    destination: Destination,
    /// May change between two result sets.
    pub(crate) format: &'static Format,
    style: Style,
    /// How many result sets were begun.
    sets: u64,
    /// Where the one under way begins: for taking it back.
    mark: Option<Mark>,
}

enum Destination {
    /// Standard output, or a device or named pipe: what is written has gone.
    Stream(BufWriter<File>),
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
        let destination = Destination::Stream(BufWriter::new(File::from(descriptor)));
        Ok(Output { destination, format, style: Style { color }, sets: 0, mark: None })
    }

    /// A file. It is there under its name after [`Self::commit`], save for devices and named pipes.
    pub(crate) fn file(path: &Path, format: &'static Format) -> Result<Self> {
        let is_special = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
        let destination = if is_special {
            File::options().write(true).open(path).map(|file| Destination::Stream(BufWriter::new(file)))
        } else if path.is_dir() {
            Err(io::ErrorKind::IsADirectory.into())
        } else {
            PendingFile::create(path).map(|file| Destination::File(path.to_owned(), file))
        };
        let destination = destination.map_err(|error| unwritable(path, &error))?;
        Ok(Output { destination, format, style: Style::default(), sets: 0, mark: None })
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
        let (format, style) = (self.format, self.style);
        let mut set = (format.open)(schema, self.sink(), style)?;
        while let Some(some) = batch {
            set.write(&some)?;
            *count += some.num_rows() as u64;
            batch = execution.batch().await.map_err(WriteError::Failed)?;
        }
        set.finish()?;
        drop(set);
        self.mark = None;
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
            Destination::Stream(stream) => stream.flush()?,
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

    fn sink(&mut self) -> Sink<'_> {
        match &mut self.destination {
            Destination::Stream(stream) => stream,
            Destination::File(_, file) => file,
        }
    }
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
