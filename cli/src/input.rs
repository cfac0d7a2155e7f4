//! Where input comes from: a file, or standard input as `-`; plain, packed or UTF-16 by the first bytes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;

use crate::problem::Problem;
use foreign::foreign;
use utf16::Utf16;

mod foreign;
mod utf16;

/// Opens `path`, or standard input for `-`, and unpacks it.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read + Send>, Problem> {
    let problem = |source| Problem::Read {
        file: name(path),
        source,
    };
    unpacked(raw(path)?).map_err(problem)
}

/// The text of `path`, unpacked and without a byte order mark.
///
/// # Errors
/// When it cannot be read, or has more than `most` bytes.
pub(crate) fn text(path: &Path, most: u64) -> Result<String, Problem> {
    let read = bounded(open(path)?, most).map_err(|source| Problem::Read {
        file: name(path),
        source,
    })?;
    read.ok_or_else(|| Problem::File {
        file: name(path),
        expected: at_most(most),
    })
}

/// What can be read, without a byte order mark; `None` if it has more than `most` bytes.
pub(crate) fn bounded(unpacked: impl Read, most: u64) -> io::Result<Option<String>> {
    let mut text = String::new();
    unpacked.take(most + 1).read_to_string(&mut text)?;
    let fits = text.len() as u64 <= most;
    Ok(fits.then(|| text.trim_start_matches('\u{feff}').to_owned()))
}

/// What is expected of what has more.
pub(crate) fn at_most(bytes: u64) -> String {
    format!("at most {bytes} bytes")
}

/// The bytes of `path` as they are.
pub(crate) fn raw(path: &Path) -> Result<Box<dyn Read + Send>, Problem> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    let opened = File::open(path).map_err(|source| Problem::Read {
        file: name(path),
        source,
    })?;
    Ok(Box::new(opened))
}

/// Packings of one input, one in the other: what is downloaded packed may have been packed before.
const MAX_LAYERS: usize = 2;

/// What is packed in it, as UTF-8.
///
/// # Errors
/// When it cannot be read, or is no text.
pub(crate) fn unpacked(raw: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    layer(Box::new(raw), MAX_LAYERS)
}

fn layer(raw: Box<dyn Read + Send>, further: usize) -> io::Result<Box<dyn Read + Send>> {
    let mut raw = BufReader::with_capacity(1 << 17, raw);
    let first = raw.fill_buf()?;
    let Some(next) = further.checked_sub(1) else {
        return Ok(Box::new(raw));
    };
    Ok(match first {
        [0x1f, 0x8b, ..] => layer(Box::new(MultiGzDecoder::new(raw)), next)?,
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31 | 0x17, ..] => layer(Box::new(MultiBzDecoder::new(raw)), next)?,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => layer(Box::new(XzReader::new(raw, true)), next)?,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => layer(Box::new(zstd::Decoder::with_buffer(raw)?), next)?,
        [mark @ (0xff | 0xfe), other, ..] if mark ^ other == 1 => {
            let is_big_endian = *mark == 0xfe;
            raw.consume(2);
            Box::new(Utf16::new(raw, is_big_endian))
        }
        // Without its mark, as a part of a file has it: letters of ASCII have a zero beside them.
        [1..=0x7f, 0, 1..=0x7f, 0, ..] => Box::new(Utf16::new(raw, false)),
        [0, 1..=0x7f, 0, 1..=0x7f, ..] => Box::new(Utf16::new(raw, true)),
        first => match foreign(first) {
            Some(what) => return Err(io::Error::new(io::ErrorKind::InvalidData, what)),
            None => Box::new(raw),
        },
    })
}

/// What to call `path` in messages.
pub(crate) fn name(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}
