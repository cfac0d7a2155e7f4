//! Columns of a block: codes of fixed width for scanning, ids, and values of variable length.

use std::collections::HashMap;

use blobwatch_pull::RecordId;
use blobwatch_wire::{DecodeError, Reader, put_varint, unzigzag, zigzag};

/// The entry of a dictionary that each record has; as many bytes a record as the dictionary needs, none where it has
/// one entry.
#[derive(Debug, Clone, Copy)]
pub struct Codes<'a> {
    width: usize,
    bytes: &'a [u8],
}

pub(super) fn put_codes(out: &mut Vec<u8>, entries: usize, codes: impl Iterator<Item = u32>) {
    let width = match entries {
        0 | 1 => 0,
        2..=0x100 => 1,
        0x101..=0x1_0000 => 2,
        _ => 4,
    };
    out.push(width);
    for code in codes {
        out.extend(code.to_le_bytes().iter().take(usize::from(width)));
    }
}

impl<'a> Codes<'a> {
    pub(super) fn read(bytes: &'a [u8], records: usize) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let width = usize::from(reader.byte()?);
        if !matches!(width, 0 | 1 | 2 | 4) {
            return Err(DecodeError::Invalid("code width"));
        }
        let bytes = reader.take(width * records)?;
        reader.finish()?;
        Ok(Self { width, bytes })
    }

    /// The code of each of `records` records.
    pub(super) fn each(self, records: usize) -> impl Iterator<Item = u32> + 'a {
        let zeros = if self.width == 0 { records } else { 0 };
        let codes = self.bytes.chunks_exact(self.width.max(1)).map(little_endian);
        std::iter::repeat_n(0, zeros).chain(codes)
    }

    /// Puts out every record whose entry is not wanted.
    pub fn keep(&self, wanted: &[bool], alive: &mut [bool]) {
        let is_wanted = |code: u32| wanted.get(code as usize).copied().unwrap_or(false);
        match self.width {
            0 if !is_wanted(0) => alive.fill(false),
            0 => {}
            1 => self.keep_bytes(wanted, alive),
            _ => {
                for (alive, bytes) in alive.iter_mut().zip(self.bytes.chunks_exact(self.width)) {
                    *alive &= is_wanted(little_endian(bytes));
                }
            }
        }
    }

    /// A table of every byte needs no bounds check in the loop.
    fn keep_bytes(&self, wanted: &[bool], alive: &mut [bool]) {
        let mut table = [false; 256];
        for (slot, wanted) in table.iter_mut().zip(wanted) {
            *slot = *wanted;
        }
        for (alive, code) in alive.iter_mut().zip(self.bytes) {
            *alive &= table.get(usize::from(*code)).copied().unwrap_or(false);
        }
    }
}

fn little_endian(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .rev()
        .fold(0, |code, byte| code << 8 | u32::from(*byte))
}

/// Ids in ascending order: milliseconds since the one before, the isolate's place, the counter's step.
pub(super) fn put_ids(out: &mut Vec<u8>, ids: &[RecordId]) {
    let mut isolates: Vec<u64> = Vec::new();
    let mut places: HashMap<u64, u32> = HashMap::new();
    for id in ids {
        places.entry(id.isolate()).or_insert_with(|| {
            isolates.push(id.isolate());
            isolates.len() as u32 - 1
        });
    }
    put_varint(out, isolates.len() as u64);
    for isolate in &isolates {
        out.extend(isolate.to_le_bytes().iter().take(6));
    }
    let mut codes = Vec::new();
    put_codes(
        &mut codes,
        isolates.len(),
        ids.iter()
            .map(|id| places.get(&id.isolate()).copied().unwrap_or(0)),
    );
    out.append(&mut codes);
    put_times(out, ids);
    put_counters(out, ids);
}

fn put_times(out: &mut Vec<u8>, ids: &[RecordId]) {
    let mut before = 0;
    for id in ids {
        put_varint(out, id.time_ms().saturating_sub(before));
        before = id.time_ms();
    }
}

fn put_counters(out: &mut Vec<u8>, ids: &[RecordId]) {
    let mut last: HashMap<u64, u32> = HashMap::new();
    for id in ids {
        let before = last.insert(id.isolate(), id.counter()).unwrap_or(0);
        put_varint(out, zigzag(i64::from(id.counter()) - i64::from(before)));
    }
}

pub(super) fn read_ids(bytes: &[u8], records: usize) -> Result<Vec<RecordId>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let count = reader.count(6)?;
    let mut isolates = Vec::with_capacity(count);
    for _ in 0..count {
        isolates.push((little_endian_48(reader.take(6)?), 0i64));
    }
    let width = match reader.byte()? {
        width @ (0 | 1 | 2 | 4) => usize::from(width),
        _ => return Err(DecodeError::Invalid("code width")),
    };
    let codes = Codes {
        width,
        bytes: reader.take(width * records)?,
    };
    let times = read_times(&mut reader, records)?;
    let mut ids = Vec::with_capacity(records);
    for (time, code) in times.into_iter().zip(codes.each(records)) {
        let (isolate, counter) = isolates
            .get_mut(code as usize)
            .ok_or(DecodeError::Invalid("isolate"))?;
        let next = counter.checked_add(unzigzag(reader.varint()?)).map(u32::try_from);
        let Some(Ok(next)) = next else {
            return Err(DecodeError::Invalid("counter"));
        };
        *counter = i64::from(next);
        ids.push(RecordId::from_parts(time, *isolate, next));
    }
    reader.finish()?;
    if ids.is_sorted() {
        Ok(ids)
    } else {
        Err(DecodeError::Invalid("order of ids"))
    }
}

fn read_times(reader: &mut Reader<'_>, records: usize) -> Result<Vec<u64>, DecodeError> {
    let mut time = 0u64;
    let mut times = Vec::with_capacity(records);
    for _ in 0..records {
        time = time
            .checked_add(reader.varint()?)
            .filter(|t| *t < 1 << 48)
            .ok_or(DecodeError::Invalid("time"))?;
        times.push(time);
    }
    Ok(times)
}

fn little_endian_48(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}
