//! Logs in Parquet: CloudFront's (standard logging v2), and our own archive's, as one JSON object a line.
//!
//! In scope: rows as JSON, whatever columns they have. Not in scope: what the columns say, which the reader of JSON knows.

mod guarded;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use blobwatch_wire::rfc3339;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};

use self::guarded::guarded;
use crate::input;
use crate::problem::Problem;

/// How every file of Parquet begins.
const BEGIN: [u8; 4] = *b"PAR1";

/// What is there to read before the next line is made.
const BUFFERED: usize = 64 << 10;

/// The lines of a file, `None` where it is none of Parquet. `read` counts its bytes as they are read, about.
///
/// # Errors
/// When the file cannot be read, or is broken where its columns are described.
pub(super) fn rows(path: &Path, read: &Arc<AtomicU64>) -> Result<Option<impl Read + Send + use<>>, Problem> {
    let problem = |source| Problem::Read {
        file: input::name(path),
        source,
    };
    if path == Path::new("-") || path.is_dir() {
        return Ok(None);
    }
    let mut file = File::open(path).map_err(problem)?;
    let mut begin = [0; BEGIN.len()];
    if file.read_exact(&mut begin).is_err() || begin != BEGIN {
        return Ok(None);
    }
    let bytes = file.metadata().map_err(problem)?.len();
    let reader = guarded(|| SerializedFileReader::new(file)).map_err(|error| Problem::File {
        file: input::name(path),
        expected: format!("Parquet, found a file that is cut or broken: {error}"),
    })?;
    let rows = u64::try_from(reader.metadata().file_metadata().num_rows()).unwrap_or_default();
    Ok(Some(Rows {
        rows: reader.into_iter(),
        line: Vec::new(),
        given: 0,
        broken: None,
        bytes_a_row: bytes / rows.max(1),
        read: Arc::clone(read),
    }))
}

struct Rows {
    rows: RowIter<'static>,
    /// Lines that were made, and how much of them was given.
    line: Vec<u8>,
    given: usize,
    /// Why there are no more, until that is said.
    broken: Option<ParquetError>,
    bytes_a_row: u64,
    read: Arc<AtomicU64>,
}

impl Read for Rows {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.line.len() {
            self.fill()?;
        }
        let mut rest = self.line.get(self.given..).unwrap_or_default();
        let given = rest.read(buffer)?;
        self.given += given;
        Ok(given)
    }
}

impl Rows {
    /// What was read before something broken is given first; the reader of lines says where they end.
    fn fill(&mut self) -> io::Result<()> {
        self.line.clear();
        self.given = 0;
        while self.line.len() < BUFFERED && self.broken.is_none() {
            match guarded(|| self.rows.next().transpose()) {
                Ok(None) => return Ok(()),
                Err(error) => self.broken = Some(error),
                Ok(Some(row)) => {
                    write_row(&mut self.line, &row)?;
                    self.line.push(b'\n');
                    self.read.fetch_add(self.bytes_a_row, Ordering::Relaxed);
                }
            }
        }
        match self.broken.take_if(|_| self.line.is_empty()) {
            Some(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            None => Ok(()),
        }
    }
}

fn write_row(out: &mut Vec<u8>, row: &Row) -> io::Result<()> {
    out.push(b'{');
    let mut is_first = true;
    for (name, value) in row.get_column_iter() {
        if matches!(value, Field::Null) {
            continue;
        }
        if !is_first {
            out.push(b',');
        }
        is_first = false;
        serde_json::to_writer(&mut *out, name)?;
        out.push(b':');
        write_value(out, value)?;
    }
    out.push(b'}');
    Ok(())
}

/// A number, a text, or what is made of them; what logs have no use for is `null`.
fn write_value(out: &mut Vec<u8>, value: &Field) -> io::Result<()> {
    match value {
        Field::Bool(value) => write!(out, "{value}"),
        Field::Byte(value) => write!(out, "{value}"),
        Field::Short(value) => write!(out, "{value}"),
        Field::Int(value) => write!(out, "{value}"),
        Field::Long(value) => write!(out, "{value}"),
        Field::UByte(value) => write!(out, "{value}"),
        Field::UShort(value) => write!(out, "{value}"),
        Field::UInt(value) => write!(out, "{value}"),
        Field::ULong(value) => write!(out, "{value}"),
        // JSON has no infinity.
        Field::Float(value) => Ok(serde_json::to_writer(out, value)?),
        Field::Double(value) => Ok(serde_json::to_writer(out, value)?),
        Field::Str(value) => Ok(serde_json::to_writer(out, value)?),
        // Writers that do not say that it is text, as Impala and old ones of Hive.
        Field::Bytes(value) => Ok(serde_json::to_writer(
            out,
            &String::from_utf8_lossy(value.data()),
        )?),
        Field::Date(days) => write_date(out, *days),
        Field::TimestampMillis(ms) => write_time(out, *ms),
        Field::TimestampMicros(us) => write_time(out, us.div_euclid(1000)),
        Field::Group(row) => write_row(out, row),
        Field::ListInternal(list) => {
            out.push(b'[');
            for (place, element) in list.elements().iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write_value(out, element)?;
            }
            out.push(b']');
            Ok(())
        }
        _ => out.write_all(b"null"),
    }
}

/// Times before 1970 are none of a log's.
fn write_time(out: &mut Vec<u8>, ms: i64) -> io::Result<()> {
    match u64::try_from(ms) {
        Ok(ms) => write!(out, "\"{}\"", rfc3339(ms)),
        Err(_) => out.write_all(b"null"),
    }
}

fn write_date(out: &mut Vec<u8>, days: i32) -> io::Result<()> {
    const DAY_MS: u64 = 86_400_000;
    match u64::try_from(days) {
        Ok(days) => write!(out, "\"{:.10}\"", rfc3339(days * DAY_MS)),
        Err(_) => out.write_all(b"null"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use parquet::data_type::{ByteArrayType, Int32Type, Int64Type};
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    /// A file of two rows.
    fn file() -> tempfile::NamedTempFile {
        let schema = "message m { optional binary path (STRING); required binary raw; required int64 time (TIMESTAMP(MICROS,true));
            required int32 day (DATE); }";
        let file = tempfile::NamedTempFile::new().unwrap();
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut writer = SerializedFileWriter::new(file.reopen().unwrap(), schema, Arc::default()).unwrap();
        let mut rows = writer.next_row_group().unwrap();
        let mut path = rows.next_column().unwrap().unwrap();
        path.typed::<ByteArrayType>()
            .write_batch(&["/v2/\"a\"".into()], Some(&[0, 1]), None)
            .unwrap();
        path.close().unwrap();
        let mut raw = rows.next_column().unwrap().unwrap();
        raw.typed::<ByteArrayType>()
            .write_batch(&["x".into(), vec![b'y', 0xff].into()], None, None)
            .unwrap();
        raw.close().unwrap();
        let mut time = rows.next_column().unwrap().unwrap();
        time.typed::<Int64Type>()
            .write_batch(&[1_593_975_600_123_456, i64::MAX], None, None)
            .unwrap();
        time.close().unwrap();
        let mut day = rows.next_column().unwrap().unwrap();
        day.typed::<Int32Type>()
            .write_batch(&[18_448, -1], None, None)
            .unwrap();
        day.close().unwrap();
        rows.close().unwrap();
        writer.close().unwrap();
        file
    }

    fn lines(path: &Path) -> Result<String, Problem> {
        let mut text = String::new();
        let rows = rows(path, &Arc::default())?;
        // What is broken ends the lines, and is said where they are cut.
        let _ = rows.unwrap().read_to_string(&mut text);
        Ok(text)
    }

    #[test]
    fn a_row_is_an_object_without_what_it_lacks() {
        let file = file();
        let expected = "{\"raw\":\"x\",\"time\":\"2020-07-05T19:00:00.123Z\",\"day\":\"2020-07-05\"}
{\"path\":\"/v2/\\\"a\\\"\",\"raw\":\"y\u{fffd}\",\"time\":\"9999-12-31T23:59:59.999Z\",\"day\":null}
";
        assert_eq!(lines(file.path()).unwrap(), expected);
    }

    #[test]
    fn what_is_no_parquet_is_left_to_others() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "PAR").unwrap();
        assert!(rows(file.path(), &Arc::default()).unwrap().is_none());
        fs::write(file.path(), "{\"a\":1}\n").unwrap();
        assert!(rows(file.path(), &Arc::default()).unwrap().is_none());
    }

    #[test]
    fn a_broken_file_is_an_error_and_no_panic() {
        let whole = fs::read(file().path()).unwrap();
        let broken = tempfile::NamedTempFile::new().unwrap();
        bolero::check!()
            .with_type::<(u16, u8, u16)>()
            .for_each(|(at, bit, length)| {
                let mut bytes = whole.clone();
                let at = usize::from(*at) % bytes.len();
                bytes[at] ^= bit;
                bytes.truncate(BEGIN.len().max(usize::from(*length) % (2 * whole.len())));
                fs::write(broken.path(), &bytes).unwrap();
                let _ = if bytes.starts_with(&BEGIN) {
                    lines(broken.path())
                } else {
                    Ok(String::new())
                };
            });
    }
}
