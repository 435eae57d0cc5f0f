//! Reading one file, or a part of it: pieces of text go to a decoder, batches come out.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow::array::RecordBatch;
use datafusion::error::{DataFusionError, Result};
use firth_diagnostic::{Code, Diagnostic};
use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use object_store::path::Path;

use super::{
    Decoder, Problem,
    encoding::{Encoding, Transcoder},
    input::{self, Compression, Pieces},
    records::LONGEST,
};
use crate::{
    error::{InFile as _, from_datafusion},
    rejected::{Place, RejectedRows, Rejection, shortened},
    store::StatementStore,
};

/// So much new text is collected before it is decoded.
const ENOUGH: usize = 256 << 10;
/// A row is not longer than this (BigQuery's limit).
const LONGEST_ROW: usize = 100 << 20;
/// So many of the rows that were left out before are told with the one that is too many.
const SHOWN_EARLIER: usize = 5;
const _: () = assert!(LONGEST_ROW + (16 << 20) < LONGEST);

/// How many bad rows a scan may leave out, and has left out.
#[derive(Debug)]
pub(super) struct BadRows {
    allowed: u64,
    found: AtomicU64,
    /// Of the whole statement.
    rejected: Arc<RejectedRows>,
}

impl BadRows {
    pub(super) fn new(allowed: u64, rejected: Arc<RejectedRows>) -> Self {
        BadRows { allowed, found: AtomicU64::new(0), rejected }
    }

    /// Whether one more may be left out.
    fn allow(&self) -> bool {
        self.found.fetch_add(1, Ordering::Relaxed) < self.allowed
    }

    /// Some of those that were left out, for the message about the one that is too many.
    fn some(&self) -> String {
        let report = self.rejected.report();
        let rows = report.iter().flat_map(|report| &report.first).take(SHOWN_EARLIER);
        rows.map(|row| {
            let line = row.line.map_or_else(String::new, |line| format!(", line {line}"));
            format!("\n{}{line}: {}", row.file, row.reason)
        })
        .collect()
    }
}

/// The file that is read.
#[derive(Clone)]
pub(super) struct TextFile {
    pub(super) store: Arc<StatementStore>,
    pub(super) location: Path,
    pub(super) compression: Compression,
    pub(super) encoding: Encoding,
}

impl TextFile {
    /// The text of the whole file.
    pub(super) async fn whole(&self) -> Result<Pieces> {
        input::whole(&self.store, &self.location, self.compression).await.map_err(|error| self.named(error))
    }

    /// An error about this file.
    pub(super) fn named(&self, error: DataFusionError) -> DataFusionError {
        DataFusionError::External(Box::new(from_datafusion(error).in_file(&self.uri())))
    }

    /// What it is called.
    fn uri(&self) -> String {
        self.store.uri(&self.location)
    }
}

/// Reads `pieces` of `file` to their end: of the whole file, or of a part of it.
pub(super) fn batches(
    file: TextFile,
    pieces: Pieces,
    part: Option<Range<u64>>,
    decoder: Box<dyn Decoder>,
    bad: Arc<BadRows>,
) -> BoxStream<'static, Result<RecordBatch>> {
    if bad.allowed > 0 {
        bad.rejected.expect();
    }
    let reading = Reading {
        transcoder: None,
        file,
        pieces,
        part,
        decoder,
        bad,
        start: 0,
        text: Vec::new(),
        at: 0,
        lines: 0,
        ended: false,
        done: false,
    };
    stream::try_unfold(reading, |mut reading| async move {
        Ok(reading.next().await?.map(|batch| (batch, reading)))
    })
    .boxed()
}

struct Reading {
    file: TextFile,
    pieces: Pieces,
    part: Option<Range<u64>>,
    decoder: Box<dyn Decoder>,
    bad: Arc<BadRows>,
    /// Made with the first piece, which says whether it is the file's beginning.
    transcoder: Option<Transcoder>,
    /// Where in the file the first piece begins.
    start: u64,
    /// Text, of which the part before `at` is decoded.
    text: Vec<u8>,
    at: usize,
    /// Line ends before `at`, from `start` on.
    lines: u64,
    ended: bool,
    done: bool,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        if self.done {
            return Ok(None);
        }
        loop {
            let rest = &self.text[self.at..];
            if !rest.is_empty() {
                let (bad, file, part) = (&self.bad, &self.file, self.part.as_ref());
                // Problems come in the order of their rows, so that each line end is counted once.
                let (mut counted, mut line) = (0, self.lines);
                let decoded = self.decoder.decode(rest, self.ended, &mut |problem| {
                    if !bad.allow() {
                        return Err(problem);
                    }
                    let row = &rest[problem.offset..problem.offset + problem.length];
                    line += line_ends(&rest[counted.min(problem.offset)..problem.offset]);
                    counted = counted.max(problem.offset);
                    let place = Place { file: file.uri(), part: part.map_or(0, |part| part.start), line };
                    let Problem { reason, column, .. } = problem.problem;
                    bad.rejected.add(place, || Rejection { column, reason, text: shortened(row) });
                    Ok(())
                });
                let consumed = match decoded {
                    Ok(consumed) => consumed,
                    Err(problem) => return Err(self.told(problem.offset, problem.problem).await),
                };
                self.lines += line_ends(&rest[..consumed]);
                self.at += consumed;
                if self.decoder.is_full() {
                    return Ok(self.decoder.take()?);
                }
                if consumed > 0 {
                    continue;
                }
                if rest.len() > LONGEST_ROW {
                    let problem = Problem::new("a row is longer than 100 MiB".to_owned())
                        .with_hint("A quote that is never closed makes the rest of a file one row.");
                    return Err(self.told(0, problem).await);
                }
            }
            if self.ended {
                self.done = true;
                if let Some(part) = self.part.clone() {
                    if let Some(problem) = self.decoder.unfinished() {
                        return Err(self.told(0, problem).await);
                    }
                    if self.bad.allowed > 0 {
                        let lines = self.lines + line_ends(&self.text[self.at..]);
                        self.bad.rejected.part_read(&self.file.uri(), part, lines);
                    }
                }
                return Ok(self.decoder.take()?);
            }
            if let Err(problem) = self.fill().await? {
                return Err(self.told(self.text.len() - self.at, problem).await);
            }
        }
    }

    /// Puts more text behind what is not decoded yet.
    async fn fill(&mut self) -> Result<Result<(), Problem>> {
        self.text.drain(..self.at);
        self.at = 0;
        let enough = self.text.len() + ENOUGH;
        while self.text.len() < enough {
            let piece = self.pieces.try_next().await.map_err(|error| self.file.named(error))?;
            let Some((start, bytes)) = piece else {
                self.ended = true;
                let finished = self.transcoder.as_mut().map_or(Ok(()), |coder| coder.finish(&mut self.text));
                return Ok(finished);
            };
            if bytes.is_empty() {
                continue;
            }
            let transcoder = self.transcoder.get_or_insert_with(|| {
                self.start = start;
                Transcoder::new(self.file.encoding, start == 0)
            });
            if let Err(problem) = transcoder.push(&bytes, &mut self.text) {
                return Ok(Err(problem));
            }
        }
        Ok(Ok(()))
    }

    /// The error for a row that begins at an offset of the text that is not decoded.
    fn told(&self, offset: usize, problem: Problem) -> impl Future<Output = DataFusionError> + Send + use<> {
        let here = self.lines + line_ends(&self.text[self.at..self.at + offset]);
        let (file, start, allowed) = (self.file.clone(), self.start, self.bad.allowed);
        let earlier = if allowed > 0 { self.bad.some() } else { String::new() };
        async move {
            let uri = file.uri();
            // Only a plain file is read in parts, so its bytes are the text's.
            let before = if start == 0 { Some(0) } else { lines_before(&file, start).await };
            let place = match before {
                Some(before) => format!("{uri}, line {}", before + here + 1),
                None => uri,
            };
            let mut error = Diagnostic::error(Code::BadData, format!("{place}: {}", problem.reason))
                .hint_if(problem.hint.map(str::to_owned));
            if allowed > 0 {
                error = error.detail(format!("more rows than max_bad_records = {allowed} are bad{earlier}"));
            }
            DataFusionError::External(Box::new(error))
        }
    }
}

fn line_ends(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

/// How many lines of a file end before a place. Reads what is before it, but only of a query that has failed.
async fn lines_before(file: &TextFile, place: u64) -> Option<u64> {
    let mut pieces = file.whole().await.ok()?;
    let mut lines = 0;
    while let Some((at, bytes)) = pieces.try_next().await.ok()? {
        let length = usize::try_from(place.saturating_sub(at)).unwrap_or(usize::MAX).min(bytes.len());
        lines += line_ends(&bytes[..length]);
        if at + bytes.len() as u64 >= place {
            break;
        }
    }
    Some(lines)
}
