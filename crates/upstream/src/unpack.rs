//! A body unpacked as it comes, plain or gzip, told by its first bytes: whatever a header says.
//!
//! In scope: unpacking, and the bounds of a body before and after it. Not in scope: what the bytes say (`lines`).

use std::io::Write;

use blobwatch_wire::{Problem, grouped};
use flate2::write::MultiGzDecoder;

use crate::intake::{MAX_EVENTS, MAX_LINES};

/// Bytes of a body as it is sent. Logpush sends 5 MB of text at most unless its job says more, some 0.5 MB packed.
pub(crate) const MAX_PACKED: usize = 16 << 20;

/// Bytes after unpacking: what goes by, not what is held. At 50 MB a second of text this is a second of CPU.
pub(crate) const MAX_UNPACKED: u64 = 64 << 20;

/// 413: more than one body may hold. Nothing of it is stored.
#[must_use]
pub fn too_large() -> Problem {
    let (unpacked_mib, lines, events) = (MAX_UNPACKED >> 20, grouped(MAX_LINES), grouped(MAX_EVENTS));
    let detail = format!(
        "expected at most {MAX_PACKED} bytes, {unpacked_mib} MiB unpacked, {lines} lines and {events} events of blobs in one body; \
         nothing of it is stored: let the source send less at a time (max_upload_records of Logpush)"
    );
    Problem::new(413, "too-large", "The body is too large", detail)
}

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Why a body is not read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnpackError {
    /// The gzip is damaged, or ends too early.
    NotGzip,
    TooLarge,
}

/// Unpacks a body into a sink.
#[derive(Debug)]
pub struct Unpack<S: FnMut(&[u8])> {
    state: State<S>,
    packed: u64,
}

#[derive(Debug)]
enum State<S: FnMut(&[u8])> {
    /// Fewer bytes than tell.
    Begin(Vec<u8>, Bounded<S>),
    Plain(Bounded<S>),
    Gzip(Box<MultiGzDecoder<Bounded<S>>>),
    Over,
}

/// Counts what goes by.
#[derive(Debug)]
struct Bounded<S> {
    sink: S,
    bytes: u64,
}

impl<S: FnMut(&[u8])> Write for Bounded<S> {
    fn write(&mut self, piece: &[u8]) -> std::io::Result<usize> {
        self.bytes += piece.len() as u64;
        if self.bytes > MAX_UNPACKED {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        (self.sink)(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<S: FnMut(&[u8])> Unpack<S> {
    pub fn new(sink: S) -> Self {
        let bounded = Bounded { sink, bytes: 0 };
        Self {
            state: State::Begin(Vec::new(), bounded),
            packed: 0,
        }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// When it is no gzip after all, or too large.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), UnpackError> {
        self.packed += piece.len() as u64;
        if self.packed > MAX_PACKED as u64 {
            return Err(UnpackError::TooLarge);
        }
        self.begin(piece, false)
    }

    /// The end of the body; answers how many bytes it had after unpacking.
    ///
    /// # Errors
    /// When the gzip is not over.
    pub fn finish(mut self) -> Result<u64, UnpackError> {
        self.begin(&[], true)?;
        match self.state {
            State::Gzip(decoder) => decoder.finish().map(|bounded| bounded.bytes).map_err(error_of),
            State::Plain(bounded) => Ok(bounded.bytes),
            State::Begin(..) | State::Over => Ok(0),
        }
    }

    fn begin(&mut self, piece: &[u8], is_end: bool) -> Result<(), UnpackError> {
        let State::Begin(first, _) = &mut self.state else {
            return self.write(piece);
        };
        first.extend_from_slice(piece);
        if first.len() < GZIP.len() && !is_end {
            return Ok(());
        }
        if let State::Begin(first, bounded) = std::mem::replace(&mut self.state, State::Over) {
            self.state = if first.starts_with(&GZIP) {
                State::Gzip(Box::new(MultiGzDecoder::new(bounded)))
            } else {
                State::Plain(bounded)
            };
            return self.write(&first);
        }
        Ok(())
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), UnpackError> {
        match &mut self.state {
            State::Plain(bounded) => bounded.write_all(piece),
            State::Gzip(decoder) => decoder.write_all(piece),
            State::Begin(..) | State::Over => Ok(()),
        }
        .map_err(error_of)
    }
}

fn error_of(error: std::io::Error) -> UnpackError {
    match error.kind() {
        std::io::ErrorKind::FileTooLarge => UnpackError::TooLarge,
        _ => UnpackError::NotGzip,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::{MAX_PACKED, MAX_UNPACKED, Unpack, UnpackError, too_large};

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(text).unwrap();
        gzip.finish().unwrap()
    }

    fn unpacked(body: &[u8], size: usize) -> Result<Vec<u8>, UnpackError> {
        let mut text = Vec::new();
        let mut unpack = Unpack::new(|piece: &[u8]| text.extend_from_slice(piece));
        body.chunks(size).try_for_each(|piece| unpack.push(piece))?;
        let bytes = unpack.finish()?;
        assert_eq!(bytes, text.len() as u64);
        Ok(text)
    }

    #[test]
    fn a_source_is_told_every_bound() {
        let problem = too_large();
        assert_eq!((problem.status, problem.is("too-large")), (413, true));
        assert_eq!(
            problem.detail,
            "expected at most 16777216 bytes, 64 MiB unpacked, 200,000 lines and 50,000 events of blobs in one body; nothing of \
             it is stored: let the source send less at a time (max_upload_records of Logpush)"
        );
    }

    #[test]
    fn a_body_is_unpacked_however_it_is_cut() {
        let text = b"{\"content\":\"tests\"}\n".repeat(50);
        let twice = [gzip(&text), gzip(&text)].concat();
        for size in [1, 2, 3, 100, 10_000] {
            assert_eq!(unpacked(&text, size), Ok(text.clone()));
            assert_eq!(unpacked(&gzip(&text), size), Ok(text.clone()));
            assert_eq!(unpacked(&twice, size), Ok(text.repeat(2)));
            assert_eq!(unpacked(b"{", size), Ok(b"{".to_vec()));
            assert_eq!(unpacked(b"", size), Ok(Vec::new()));
        }
    }

    #[test]
    fn what_is_cut_short_or_damaged_is_refused() {
        let whole = gzip(b"text");
        for end in 2..whole.len() {
            assert_eq!(unpacked(&whole[..end], 5), Err(UnpackError::NotGzip), "{end}");
        }
        let mut damaged = whole;
        damaged[12] ^= 0xff;
        assert_eq!(unpacked(&damaged, 100), Err(UnpackError::NotGzip));
    }

    #[test]
    fn a_body_is_bounded_before_and_after_it_is_unpacked() {
        let bomb = gzip(&vec![b' '; MAX_UNPACKED as usize + 1]);
        assert!(bomb.len() < 1 << 20);
        let mut unpack = Unpack::new(|_: &[u8]| {});
        let read = bomb.chunks(4096).try_for_each(|piece| unpack.push(piece));
        assert_eq!(read.and_then(|()| unpack.finish()), Err(UnpackError::TooLarge));
        assert_eq!(
            unpacked(&vec![b' '; MAX_PACKED + 1], 1 << 16),
            Err(UnpackError::TooLarge)
        );
    }
}
