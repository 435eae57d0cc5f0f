//! The bytes of a text file, or of the lines that begin in a part of it.

use std::{fs::File, io::ErrorKind, io::Read as _, io::Seek as _, io::SeekFrom, ops::Range, sync::Arc};

use bytes::Bytes;
use datafusion::{
    datasource::file_format::file_compression_type::FileCompressionType,
    error::{DataFusionError, Result},
};
use firth_diagnostic::{Code, Diagnostic};
use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use object_store::{GetOptions, GetResultPayload, ObjectStore as _, path::Path};

use super::snappy::Unsnappy;
use crate::store::StatementStore;

/// How much of a local file is read at once.
const BLOCK: usize = 1 << 20;
/// How much is fetched at once to find the end of a part's last line.
const LINE: u64 = 64 << 10;

/// Pieces of a text, each with its place in the file. Places count bytes after decompression.
pub(super) type Pieces = BoxStream<'static, Result<(u64, Bytes)>>;

/// How a text file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
    Bzip2,
    Xz,
    Snappy,
}

/// The spellings of the option `compression`, and the endings of files' names.
const COMPRESSIONS: &[(&str, &[&str], Compression)] = &[
    ("NONE", &[], Compression::None),
    ("GZIP", &["gz", "gzip"], Compression::Gzip),
    ("ZSTD", &["zst", "zstd"], Compression::Zstd),
    ("BZIP2", &["bz2"], Compression::Bzip2),
    ("XZ", &["xz"], Compression::Xz),
    ("SNAPPY", &["sz", "snappy"], Compression::Snappy),
];

impl Compression {
    /// The compression that an option names.
    pub(super) fn named(name: &str) -> Option<Self> {
        COMPRESSIONS.iter().find(|(word, _, _)| *word == name).map(|(_, _, compression)| *compression)
    }

    /// The option's word for what a file is compressed by, as its first bytes say. No text begins so.
    fn seen_in(beginning: &[u8]) -> Option<&'static str> {
        let begins: [(&[u8], &str); 5] = [
            (b"\x1f\x8b\x08", "GZIP"),
            (b"\x28\xb5\x2f\xfd", "ZSTD"),
            (b"BZh", "BZIP2"),
            (b"\xfd7zXZ\x00", "XZ"),
            (b"\xff\x06\x00\x00sNaPpY", "SNAPPY"),
        ];
        let (_, word) = begins.into_iter().find(|(magic, _)| beginning.starts_with(magic))?;
        // A text may well begin with three letters: its first block does so with pi.
        let is_bzip2 = || beginning.get(4..10) == Some(b"\x31\x41\x59\x26\x53\x59".as_slice());
        (word != "BZIP2" || is_bzip2()).then_some(word)
    }

    /// What the ending of a file's name says.
    pub(crate) fn of_name(key: &str) -> Self {
        let ending = key.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        let found = COMPRESSIONS.iter().find(|(_, endings, _)| endings.contains(&ending.as_str()));
        found.map_or(Compression::None, |(_, _, compression)| *compression)
    }
}

/// The text of a whole file.
pub(super) async fn whole(
    store: &Arc<StatementStore>,
    location: &Path,
    compression: Compression,
) -> Result<Pieces> {
    let bytes = bytes(store, location, None).await?;
    let plain = match compression {
        Compression::None => refuse_compressed(bytes),
        Compression::Gzip => FileCompressionType::GZIP.convert_stream(bytes)?,
        Compression::Zstd => FileCompressionType::ZSTD.convert_stream(bytes)?,
        Compression::Bzip2 => FileCompressionType::BZIP2.convert_stream(bytes)?,
        Compression::Xz => FileCompressionType::XZ.convert_stream(bytes)?,
        Compression::Snappy => unsnappy(bytes),
    };
    let mut at = 0;
    let placed = plain.map_err(of_decompressor).map_ok(move |bytes| {
        let start = at;
        at += bytes.len() as u64;
        (start, bytes)
    });
    Ok(placed.boxed())
}

/// The bytes of a file, from its beginning, that fail where they are no text but a compressed one.
fn refuse_compressed(bytes: BoxStream<'static, Result<Bytes>>) -> BoxStream<'static, Result<Bytes>> {
    let mut is_first = true;
    let checked = bytes.and_then(move |bytes| {
        let seen = if std::mem::take(&mut is_first) { Compression::seen_in(&bytes) } else { None };
        std::future::ready(match seen {
            None => Ok(bytes),
            Some(word) => {
                let diagnostic = Diagnostic::error(
                    Code::BadData,
                    format!("the file is compressed as {word}, and is read as plain text"),
                );
                let hint = format!("Set compression = '{word}', or give the file a name that ends so.");
                Err(DataFusionError::External(Box::new(diagnostic.hint(hint))))
            }
        })
    });
    checked.boxed()
}

/// Some decompressors do not say of what kind their error is. What the store said passes through them.
fn of_decompressor(error: DataFusionError) -> DataFusionError {
    match error {
        DataFusionError::IoError(error)
            if error.kind() == ErrorKind::Other
                && error.get_ref().is_none_or(|inner| !inner.is::<DataFusionError>()) =>
        {
            DataFusionError::IoError(std::io::Error::new(ErrorKind::InvalidData, error))
        }
        other => other,
    }
}

/// The lines of a plain file that begin in a part of it: the last one to its end, which may lie behind the
/// part, and not the one that began before it.
pub(super) async fn part(
    store: &Arc<StatementStore>,
    location: &Path,
    size: u64,
    part: Range<u64>,
) -> Result<Pieces> {
    // With the byte before it the part shows whether it begins with a line.
    let start = part.start.saturating_sub(1);
    let first = bytes(store, location, Some(start..part.end)).await?;
    let first = if start == 0 { refuse_compressed(first) } else { first };
    let tail = stream::try_unfold(part.end, {
        let (store, location) = (Arc::clone(store), location.clone());
        move |at| {
            let (store, location) = (Arc::clone(&store), location.clone());
            async move {
                if at >= size {
                    return Ok::<_, DataFusionError>(None);
                }
                let end = (at + LINE).min(size);
                let piece: Vec<Bytes> = bytes(&store, &location, Some(at..end)).await?.try_collect().await?;
                Ok(Some((Bytes::from(piece.concat()), end)))
            }
        }
    });
    let mut at = start;
    let placed = first.chain(tail).map_ok(move |bytes| {
        let start = at;
        at += bytes.len() as u64;
        (start, bytes)
    });
    let mut lines = Lines { skipping: part.start > 0, last: part.end.saturating_sub(1), ended: false };
    let cut = placed.try_filter_map(move |(start, bytes)| {
        let kept = lines.cut(start, bytes);
        async move { Ok(Some(kept)) }
    });
    let whole_lines = cut
        .try_take_while(|(_, kept)| futures::future::ready(Ok(kept.is_some())))
        .try_filter_map(|(start, kept)| async move { Ok(kept.map(|kept| (start, kept))) });
    Ok(whole_lines.boxed())
}

/// Cuts pieces to whole lines.
struct Lines {
    /// Whether the beginning of a line is still to be found.
    skipping: bool,
    /// Where the last byte of the part is: the first line end from there on ends the part.
    last: u64,
    ended: bool,
}

impl Lines {
    /// What of a piece is to be read, and where it is. `None` when nothing more is.
    fn cut(&mut self, start: u64, bytes: Bytes) -> (u64, Option<Bytes>) {
        if self.ended {
            return (start, None);
        }
        let mut from = 0;
        if self.skipping {
            match memchr::memchr(b'\n', &bytes) {
                Some(at) if start + (at as u64) < self.last => {
                    self.skipping = false;
                    from = at + 1;
                }
                None if start + bytes.len() as u64 <= self.last => return (start, Some(Bytes::new())),
                // The line that began before the part goes on to its end or further.
                Some(_) | None => {
                    self.ended = true;
                    return (start, None);
                }
            }
        }
        let search = usize::try_from(self.last.saturating_sub(start)).unwrap_or(usize::MAX).max(from);
        if let Some(rest) = bytes.get(search..)
            && let Some(length) = memchr::memchr(b'\n', rest)
        {
            self.ended = true;
            return (start + from as u64, Some(bytes.slice(from..=search + length)));
        }
        (start + from as u64, Some(bytes.slice(from..)))
    }
}

/// The bytes of an object, or of a range of it.
async fn bytes(
    store: &Arc<StatementStore>,
    location: &Path,
    range: Option<Range<u64>>,
) -> Result<BoxStream<'static, Result<Bytes>>> {
    let failed = |error| DataFusionError::ObjectStore(Box::new(error));
    let options = GetOptions { range: range.map(Into::into), ..GetOptions::default() };
    let result = store.get_opts(location, options).await.map_err(failed)?;
    match result.payload {
        GetResultPayload::Stream(stream) => Ok(stream.map_err(failed).boxed()),
        GetResultPayload::File(mut file, _) => {
            file.seek(SeekFrom::Start(result.range.start))?;
            let left = result.range.end - result.range.start;
            Ok(stream::try_unfold((file, left), |state| async move { Ok(block(state)?) }).boxed())
        }
    }
}

/// The next block of a local file.
fn block((mut file, left): (File, u64)) -> std::io::Result<Option<(Bytes, (File, u64))>> {
    if left == 0 {
        return Ok(None);
    }
    let wanted = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
    let mut buffer = Vec::with_capacity(wanted);
    let read = file.by_ref().take(wanted as u64).read_to_end(&mut buffer)?;
    if read == 0 {
        return Err(std::io::Error::new(ErrorKind::UnexpectedEof, "the file became shorter"));
    }
    Ok(Some((Bytes::from(buffer), (file, left - read as u64))))
}

fn unsnappy(bytes: BoxStream<'static, Result<Bytes>>) -> BoxStream<'static, Result<Bytes>> {
    let state = Some((bytes, Unsnappy::default()));
    stream::try_unfold(state, |state| async move {
        let Some((mut bytes, mut snappy)) = state else { return Ok(None) };
        match bytes.try_next().await? {
            Some(piece) => {
                let text = snappy.push(&piece)?;
                Ok(Some((Bytes::from(text), Some((bytes, snappy)))))
            }
            None => {
                snappy.finish()?;
                Ok(Some((Bytes::new(), None)))
            }
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that each part of a text gives, read in pieces of a size.
    fn lines(text: &str, parts: &[Range<u64>], size: usize) -> Vec<String> {
        let read = |part: &Range<u64>| {
            let start = part.start.saturating_sub(1);
            let mut lines = Lines { skipping: part.start > 0, last: part.end - 1, ended: false };
            let mut shown = String::new();
            let mut at = start;
            for piece in text.as_bytes()[usize::try_from(start).expect("small")..].chunks(size) {
                let (_, kept) = lines.cut(at, Bytes::copy_from_slice(piece));
                let Some(kept) = kept else { break };
                shown.push_str(std::str::from_utf8(&kept).expect("ASCII"));
                at += piece.len() as u64;
            }
            shown
        };
        parts.iter().map(read).collect()
    }

    #[test]
    fn every_line_is_of_one_part() {
        let text = "ab\n\ncdefgh\ni\njkl";
        let length = text.len() as u64;
        for first in 1..length {
            for second in first..length {
                let parts: Vec<Range<u64>> = [0..first, first..second, second..length]
                    .into_iter()
                    .filter(|part| !part.is_empty())
                    .collect();
                for size in 1..=text.len() {
                    assert_eq!(lines(text, &parts, size).concat(), text, "{parts:?} in pieces of {size}");
                }
            }
        }
    }
}
