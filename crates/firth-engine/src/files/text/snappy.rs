//! Snappy's framing format, as it comes: <https://github.com/google/snappy/blob/main/framing_format.txt>.

use std::io::Read as _;

use snap::read::FrameDecoder;

/// What every file begins with.
const IDENTIFIER: &[u8] = b"\xff\x06\x00\x00sNaPpY";

/// Decompresses chunk after chunk.
#[derive(Default)]
pub(super) struct Unsnappy {
    pending: Vec<u8>,
    begun: bool,
}

impl Unsnappy {
    /// The text of all chunks that are whole by now.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<u8>, std::io::Error> {
        self.pending.extend_from_slice(bytes);
        let first = self.pending.len().min(IDENTIFIER.len());
        if !self.begun && self.pending[..first] != IDENTIFIER[..first] {
            return Err(std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                "it is not Snappy's framing format",
            ));
        }
        let mut whole = 0;
        while let [_, a, b, c, rest @ ..] = &self.pending[whole..] {
            let length = usize::from(*a) | usize::from(*b) << 8 | usize::from(*c) << 16;
            if rest.len() < length {
                break;
            }
            whole += 4 + length;
        }
        if whole == 0 {
            return Ok(Vec::new());
        }
        let chunks: Vec<u8> = self.pending.drain(..whole).collect();
        // The decoder wants the identifier first, and may see it again in the middle.
        let identifier: &[u8] = if self.begun { IDENTIFIER } else { &[] };
        self.begun = true;
        let mut text = Vec::new();
        FrameDecoder::new(identifier.chain(chunks.as_slice())).read_to_end(&mut text)?;
        Ok(text)
    }

    /// Fails if the file ended within a chunk, or was empty.
    pub(super) fn finish(&self) -> Result<(), std::io::Error> {
        if self.pending.is_empty() && self.begun {
            return Ok(());
        }
        Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the file ends within a chunk of Snappy"))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn chunks_are_read_wherever_the_bytes_are_cut() {
        let text: Vec<u8> = (0..200_000_u32).flat_map(|number| number.to_string().into_bytes()).collect();
        let mut encoder = snap::write::FrameEncoder::new(Vec::new());
        encoder.write_all(&text).expect("memory takes all");
        let packed = encoder.into_inner().expect("memory takes all");
        for size in [1, 7, 1000, packed.len()] {
            let mut snappy = Unsnappy::default();
            let mut read = Vec::new();
            for bytes in packed.chunks(size) {
                read.extend(snappy.push(bytes).expect("it is Snappy"));
            }
            snappy.finish().expect("it is whole");
            assert!(read == text, "in pieces of {size}");
        }
        let mut cut = Unsnappy::default();
        cut.push(&packed[..packed.len() - 1]).expect("so far it is Snappy");
        assert!(cut.finish().is_err());
        assert!(Unsnappy::default().push(b"plain text").is_err());
    }
}
