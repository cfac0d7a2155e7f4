//! One log: where it begins, and its lines as they come.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::faults::Faults;
use super::format::{Format, Line, Options, Parser};
use super::order::Order;
use super::request::Reader;
use super::source::{Block, Source, text};
use crate::input;
use crate::problem::Problem;
use blobwatch_logs::LogEntry;
use blobwatch_pull::RecordId;

/// A clock that jumps ahead by more than a day is believed when this many lines say so.
const JUMP_MS: u64 = 86_400_000;
const BELIEVED_AFTER: u32 = 100;

pub(super) struct Log {
    path: PathBuf,
    /// Its number among the files; part of the ids of its lines.
    number: u16,
    parser: Parser,
    source: Option<Source>,
    /// A block that was read to tell the format, of an input that cannot be read twice.
    first: Option<Block>,
    /// Time of the first line that has one; 0 where none was found among the first.
    pub(super) begins_ms: u64,
    /// Newest time so far; 0 until the end of a log that is written backwards.
    pub(super) newest_ms: u64,
    /// Newest line first, as our own exports are: it is read whole before anything is passed on.
    is_backwards: bool,
    ahead: u32,
    lines: u64,
    /// Of the beginning; 0 for what cannot be read twice, and for nothing.
    beginning: u64,
}

/// Bytes by which logs are taken for the same until all of them was compared.
const BEGINNING: usize = 4096;

/// Lines and requests of all logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ReadCounts {
    pub(super) lines: u64,
    pub(super) requests: u64,
}

impl Log {
    /// Reads the beginning of a log.
    ///
    /// # Errors
    /// When it cannot be read, or is in no format that is known.
    pub(super) fn open(
        path: &Path,
        number: u16,
        options: &Options,
        read: &Arc<AtomicU64>,
    ) -> Result<Self, Problem> {
        let mut source = Source::open(path, read)?;
        let first = source.next()?;
        let text = match &first {
            Some(Block::Lines(text)) => text.as_slice(),
            Some(Block::TooLong | Block::Cut(_)) | None => b"",
        };
        let file = input::name(path);
        let mut parser = if text.trim_ascii().is_empty() && !options.is_given() {
            // Nothing to tell it by, and nothing to read.
            let format = Some(Format::Combined);
            Parser::new(
                b"",
                &Options {
                    format,
                    ..options.clone()
                },
            )
        } else {
            Parser::new(text, options)
        }
        .map_err(|expected| Problem::File {
            file: file.clone(),
            expected,
        })?;
        let times = times(&mut parser, text);
        let is_backwards = is_backwards(&times);
        let begins_ms = times
            .first()
            .copied()
            .filter(|_| !is_backwards)
            .unwrap_or_default();
        let is_once = path == Path::new("-");
        let beginning = if is_once { 0 } else { hash_of(text) };
        Ok(Self {
            path: path.to_owned(),
            number,
            parser,
            source: is_once.then_some(source),
            first: first.filter(|_| is_once),
            begins_ms,
            newest_ms: begins_ms,
            is_backwards,
            ahead: 0,
            lines: 0,
            beginning,
        })
    }

    pub(super) fn format(&self) -> Format {
        self.parser.format()
    }

    /// What its format is called.
    pub(super) fn title(&self) -> String {
        self.parser.title().to_owned()
    }

    pub(super) fn lacks_years(&self) -> bool {
        self.parser.lacks_years
    }

    pub(super) fn number(&self) -> u16 {
        self.number
    }

    pub(super) fn name(&self) -> String {
        input::name(&self.path)
    }

    /// Whether this log is another one again, or a part from that one's beginning.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        self.beginning != 0
            && self.beginning == other.beginning
            && is_begin_of(&self.path, &other.path).unwrap_or(false)
    }

    /// Reads on by one block; `false` at the end.
    ///
    /// # Errors
    /// When the input fails.
    pub(super) fn advance(
        &mut self,
        read: &Arc<AtomicU64>,
        reader: &mut Reader,
        order: &mut Order,
        faults: &mut Faults,
        totals: &mut ReadCounts,
    ) -> Result<bool, Problem> {
        let block = match self.first.take() {
            Some(block) => Some(block),
            None => {
                let source = match &mut self.source {
                    Some(source) => source,
                    None => self.source.insert(Source::open(&self.path, read)?),
                };
                source.next()?
            }
        };
        match block {
            None => return Ok(false),
            Some(Block::TooLong) => {
                self.lines += 1;
                totals.lines += 1;
                faults.add(&self.path, self.lines, "a shorter line", "…");
            }
            Some(Block::Cut(why)) if self.lines == 0 => {
                return Err(Problem::Read {
                    file: self.name(),
                    source: io::Error::other(why),
                });
            }
            Some(Block::Cut(why)) => faults.cut(&self.path, self.lines, &why),
            Some(Block::Lines(text)) => self.read_lines(&text, reader, order, faults, totals),
        }
        Ok(true)
    }

    fn read_lines(
        &mut self,
        text: &[u8],
        reader: &mut Reader,
        order: &mut Order,
        faults: &mut Faults,
        totals: &mut ReadCounts,
    ) {
        let mut rest = text;
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            self.lines += 1;
            totals.lines += 1;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let lossy;
            let line = match std::str::from_utf8(line) {
                Ok(line) => line,
                Err(_) => {
                    lossy = String::from_utf8_lossy(line);
                    &*lossy
                }
            };
            match self.read_line(line, reader, order) {
                Ok(is_request) => totals.requests += u64::from(is_request),
                Err(expected) => faults.add(&self.path, self.lines, expected, line),
            }
        }
    }

    fn read_line(
        &mut self,
        line: &str,
        reader: &mut Reader,
        order: &mut Order,
    ) -> Result<bool, &'static str> {
        let line = if self.lines == 1 {
            line.trim_start_matches('\u{feff}')
        } else {
            line
        };
        let stripped = self.parser.strip(line);
        let line = &*stripped.line;
        let mut entry = LogEntry::default();
        if line.trim_ascii().is_empty()
            || self.parser.read(line, stripped.time_ms, &mut entry)? == Line::Other
        {
            return Ok(false);
        }
        let (number, place) = (self.number, self.lines);
        let is_export = self.parser.format() == Format::Blobwatch;
        let id = |time_ms: u64, id: &str| match id.parse() {
            Ok(id) if is_export => id,
            _ => id_of(time_ms, number, place),
        };
        let Some(request) = reader.read(&mut entry, id)? else {
            return Ok(false);
        };
        self.see(request.id.time_ms());
        order.push(request);
        Ok(true)
    }

    /// Keeps the newest time; one line with a time far ahead is not believed.
    fn see(&mut self, time_ms: u64) {
        if self.is_backwards {
            return;
        }
        if self.newest_ms > 0 && time_ms > self.newest_ms + JUMP_MS {
            self.ahead += 1;
            if self.ahead < BELIEVED_AFTER {
                return;
            }
        }
        self.ahead = 0;
        self.newest_ms = self.newest_ms.max(time_ms);
    }
}

fn hash_of(text: &[u8]) -> u64 {
    let beginning = text.get(..BEGINNING).unwrap_or(text);
    let mut hasher = DefaultHasher::new();
    beginning.hash(&mut hasher);
    if beginning.is_empty() { 0 } else { hasher.finish() }
}

/// Whether a file has nothing that another does not begin with.
fn is_begin_of(path: &Path, other: &Path) -> Result<bool, Problem> {
    let unread = Arc::default();
    let (mut ours, mut theirs) = (text(path, &unread)?, text(other, &unread)?);
    let (mut our_block, mut their_block) = (Vec::new(), Vec::new());
    loop {
        our_block.clear();
        their_block.clear();
        let problem = |source| Problem::Read {
            file: input::name(path),
            source,
        };
        let read = ours
            .by_ref()
            .take(1 << 20)
            .read_to_end(&mut our_block)
            .map_err(problem)?;
        theirs
            .by_ref()
            .take(1 << 20)
            .read_to_end(&mut their_block)
            .map_err(problem)?;
        if !their_block.starts_with(&our_block) {
            return Ok(false);
        }
        if read < 1 << 20 {
            return Ok(true);
        }
    }
}

/// An id that holds time, file and line: what sorts by it sorts by these.
pub(super) fn id_of(time_ms: u64, file: u16, line: u64) -> RecordId {
    RecordId::from_parts(time_ms, u64::from(file) << 32 | line >> 32, line as u32)
}

/// File and line of such an id.
pub(super) fn place_of(id: RecordId) -> (u16, u64) {
    let isolate = id.isolate();
    let line = (isolate & 0xffff_ffff) << 32 | u64::from(id.counter());
    ((isolate >> 32) as u16, line)
}

/// Times of the first lines.
fn times(parser: &mut Parser, text: &[u8]) -> Vec<u64> {
    let first = text.get(..64 << 10).unwrap_or(text);
    let text = String::from_utf8_lossy(first);
    let time = |line: &str| {
        let stripped = parser.strip(line.trim_start_matches('\u{feff}'));
        let mut entry = LogEntry::default();
        parser.read(&stripped.line, stripped.time_ms, &mut entry).ok()?;
        entry.finish().ok()
    };
    text.lines().map(str::trim_end).filter_map(time).collect()
}

/// Whether nearly every line is older than the one before.
fn is_backwards(times: &[u64]) -> bool {
    let steps = || times.iter().zip(times.iter().skip(1));
    let back = steps().filter(|(earlier, later)| later < earlier).count();
    let forth = steps().filter(|(earlier, later)| later > earlier).count();
    back > 4 * forth
}

#[cfg(test)]
mod tests {
    use super::{id_of, is_backwards, place_of};

    #[test]
    fn an_id_is_a_time_and_a_place() {
        for (file, line) in [(0, 1), (7, u64::from(u32::MAX) + 5), (u16::MAX, 1 << 40)] {
            let id = id_of(1_593_975_600_007, file, line);
            assert_eq!((id.time_ms(), place_of(id)), (1_593_975_600_007, (file, line)));
        }
        assert!(
            id_of(5, 0, 9) < id_of(5, 0, 10)
                && id_of(5, 0, 10) < id_of(5, 1, 1)
                && id_of(5, 1, 1) < id_of(6, 0, 1)
        );
    }

    #[test]
    fn a_log_is_backwards_when_nearly_every_line_is_older() {
        for (times, expected) in [
            (&[5, 4, 4, 3, 1][..], true),
            (&[9, 8, 7, 6, 5, 6, 4], true),
            (&[1, 2, 3, 2, 4], false),
            (&[2, 1, 2, 1, 2], false),
            (&[1, 1], false),
            (&[1], false),
            (&[], false),
        ] {
            assert_eq!(is_backwards(times), expected, "{times:?}");
        }
    }
}
