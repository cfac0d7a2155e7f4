//! The bytes of a log: a file or standard input, plain or packed by the first bytes, read ahead by a thread in blocks of
//! whole lines.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::parquet_rows::rows;
use super::unrolled::unrolled;
use crate::input;
use crate::problem::Problem;

/// Bytes of a block.
const BLOCK: usize = 1 << 20;

/// Blocks that wait to be parsed: 4 MiB a file.
const BLOCKS_AHEAD: usize = 4;

/// Bytes of a line; a longer one is malformed. Logpush lines with all fields are below 8 KiB.
pub(super) const MAX_LINE: usize = 256 << 10;

/// Whole lines, each with its end but perhaps the last of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Block {
    Lines(Vec<u8>),
    /// One line that is longer than [`MAX_LINE`] was left out.
    TooLong,
    /// A packed log ends before its end, or is broken from here on, and why; it is the last block.
    Cut(String),
}

/// A log that is being read.
pub(super) struct Source {
    blocks: Receiver<io::Result<Block>>,
    file: String,
}

impl Source {
    /// Opens a file, or standard input for `-`. `read` counts bytes as they are read, before they are unpacked.
    pub(super) fn open(path: &Path, read: &Arc<AtomicU64>) -> Result<Self, Problem> {
        let file = input::name(path);
        let problem = |source| Problem::Read {
            file: input::name(path),
            source,
        };
        let mut text = text(path, read)?;
        let (sender, blocks) = sync_channel(BLOCKS_AHEAD);
        thread::Builder::new()
            .name("read".to_owned())
            .spawn(move || send_blocks(&mut *text, &sender))
            .map_err(problem)?;
        Ok(Self { blocks, file })
    }

    /// The next block, `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Block>, Problem> {
        match self.blocks.recv() {
            Ok(Ok(block)) => Ok(Some(block)),
            Ok(Err(source)) => Err(Problem::Read {
                file: self.file.clone(),
                source,
            }),
            Err(_) => Ok(None),
        }
    }
}

/// The lines of a file: of Parquet, of JSON that is no line for each request, or as they are.
///
/// # Errors
/// When it cannot be read, or is no text.
pub(super) fn text(path: &Path, read: &Arc<AtomicU64>) -> Result<Box<dyn Read + Send>, Problem> {
    if let Some(rows) = rows(path, read)? {
        return Ok(Box::new(rows));
    }
    let counted = CountingReader {
        raw: input::raw(path)?,
        read: Arc::clone(read),
    };
    let unpacked = input::unpacked(counted).and_then(unrolled);
    unpacked.map_err(|source| Problem::Read {
        file: input::name(path),
        source,
    })
}

struct CountingReader<R> {
    raw: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.raw.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Until the end, the first error, or nobody listening.
fn send_blocks(input: &mut dyn Read, sender: &SyncSender<io::Result<Block>>) {
    let mut lines = Lines::default();
    loop {
        let (block, ended) = match lines.next(input) {
            Ok(Some(block)) => (Ok(block), false),
            Ok(None) => return,
            Err(error) => (Err(error), true),
        };
        if sender.send(block).is_err() || ended {
            return;
        }
    }
}

/// Cuts what is read at line ends.
#[derive(Default)]
struct Lines {
    /// The beginning of a line whose end is not read yet.
    rest: Vec<u8>,
    /// Inside of a line that is left out.
    skipping: bool,
    ended: bool,
    /// Why it ended early, until that is said.
    cut: Option<String>,
}

impl Lines {
    fn next(&mut self, input: &mut dyn Read) -> io::Result<Option<Block>> {
        while !self.ended {
            let mut block = Vec::with_capacity(BLOCK + self.rest.len());
            block.append(&mut self.rest);
            let before = block.len();
            let mut limited = input.take(BLOCK as u64);
            let read = match limited.read_to_end(&mut block) {
                Ok(read) => read,
                Err(error) if is_of_packing(&error) => {
                    self.cut = Some(why(&error));
                    // Of the line that was cut, nothing can be said.
                    block.truncate(memchr::memrchr(b'\n', &block).map_or(0, |at| at + 1));
                    0
                }
                Err(error) => return Err(error),
            };
            self.ended = read < BLOCK;
            if self.skipping {
                // `rest` is empty while a line is skipped.
                let Some(end) = memchr::memchr(b'\n', &block) else {
                    continue;
                };
                block.drain(..=end);
                self.skipping = false;
            }
            if !self.ended {
                let fresh = block.get(before.min(block.len())..).unwrap_or_default();
                match memchr::memrchr(b'\n', fresh) {
                    Some(_) => {
                        let end = memchr::memrchr(b'\n', &block).map_or(0, |at| at + 1);
                        self.rest = block.split_off(end);
                    }
                    None if block.len() > MAX_LINE => {
                        self.skipping = true;
                        return Ok(Some(Block::TooLong));
                    }
                    None => {
                        self.rest = block;
                        continue;
                    }
                }
            }
            if !block.is_empty() {
                return Ok(Some(Block::Lines(block)));
            }
        }
        Ok(self.cut.take().map(Block::Cut))
    }
}

/// Libraries say of a file that ends early what they wanted to do.
fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the packed file is not complete".to_owned(),
        _ => error.to_string(),
    }
}

/// Whether bytes were read that cannot be unpacked; what the system refuses is another matter.
fn is_of_packing(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | Other | UnexpectedEof)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use lzma_rust2::{XzOptions, XzWriter};

    use super::{BLOCK, Block, Lines, MAX_LINE};
    use crate::input::unpacked;

    fn blocks(mut text: &[u8]) -> Vec<Block> {
        let mut lines = Lines::default();
        std::iter::from_fn(|| lines.next(&mut text).unwrap()).collect()
    }

    #[test]
    fn blocks_hold_whole_lines_and_lose_none() {
        let text: Vec<u8> = (0..200_000_u32)
            .flat_map(|at| format!("line {at}\n").into_bytes())
            .collect();
        let mut joined = Vec::new();
        for block in blocks(&text) {
            let Block::Lines(lines) = block else {
                panic!("no line is too long")
            };
            assert!(lines.ends_with(b"\n"));
            joined.extend(lines);
        }
        assert!(joined == text);
    }

    #[test]
    fn the_last_line_needs_no_end() {
        assert_eq!(blocks(b"a\nb"), [Block::Lines(b"a\nb".to_vec())]);
        assert_eq!(blocks(b""), []);
    }

    #[test]
    fn a_line_that_is_too_long_is_left_out_alone() {
        let mut text = b"before\n".to_vec();
        text.extend(std::iter::repeat_n(b'x', 3 * BLOCK + MAX_LINE));
        text.extend(b"\nafter\n");
        let found = blocks(&text);
        assert_eq!(found.first(), Some(&Block::Lines(b"before\n".to_vec())));
        assert_eq!(found.iter().filter(|block| **block == Block::TooLong).count(), 1);
        assert_eq!(found.last(), Some(&Block::Lines(b"after\n".to_vec())));
    }

    fn xz(text: &[u8]) -> Vec<u8> {
        let mut xz = XzWriter::new(Vec::new(), XzOptions::with_preset(1)).unwrap();
        xz.write_all(text).unwrap();
        xz.finish().unwrap()
    }

    fn bzip2(text: &[u8]) -> Vec<u8> {
        let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bzip2.write_all(text).unwrap();
        bzip2.finish().unwrap()
    }

    #[test]
    fn of_a_packed_log_that_is_cut_whole_lines_are_read() {
        let text: String = (0..60_000_u32)
            .map(|at| format!("line {at} {}\n", at.wrapping_mul(2_654_435_761)))
            .collect();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        for packed in [
            gzip.finish().unwrap(),
            zstd::encode_all(text.as_bytes(), 1).unwrap(),
            xz(text.as_bytes()),
            bzip2(text.as_bytes()),
        ] {
            let cut = packed[..packed.len() / 2].to_vec();
            let mut reader = unpacked(std::io::Cursor::new(cut)).unwrap();
            let mut lines = Lines::default();
            let blocks: Vec<Block> = std::iter::from_fn(|| lines.next(&mut *reader).unwrap()).collect();
            let (last, whole) = blocks.split_last().unwrap();
            assert!(matches!(last, Block::Cut(_)), "{last:?}");
            let joined: Vec<u8> = whole
                .iter()
                .flat_map(|block| match block {
                    Block::Lines(lines) => lines.clone(),
                    _ => Vec::new(),
                })
                .collect();
            assert!(!joined.is_empty() && joined.ends_with(b"\n") && text.as_bytes().starts_with(&joined));
        }
    }

    #[test]
    fn packed_logs_are_told_by_their_first_bytes() {
        #[track_caller]
        fn case(packed: Vec<u8>) {
            let mut text = String::new();
            let reader: Box<dyn Read + Send> = unpacked(std::io::Cursor::new(packed)).unwrap();
            { reader }.read_to_string(&mut text).unwrap();
            assert_eq!(text, "a line\n");
        }
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"a line\n").unwrap();
        case(gzip.finish().unwrap());
        case(zstd::encode_all(&b"a line\n"[..], 1).unwrap());
        case(xz(b"a line\n"));
        case(bzip2(b"a line\n"));
        // Two that were put together.
        case([xz(b"a "), xz(b"line\n")].concat());
        case([bzip2(b"a "), bzip2(b"line\n")].concat());
        case(b"a line\n".to_vec());
    }
}
