//! The bytes of what `any` and `all` ask of each value.

use super::{DecodeResult, Names, term};
use crate::engine::condition::Condition;
use crate::engine::probe::Probe;
use crate::limits::MAX_NESTING;
use blobwatch_wire::{DecodeError, Reader, put_all};

pub(super) fn put(out: &mut Vec<u8>, condition: &Condition<Probe>) {
    let put_items = |out: &mut Vec<u8>, tag: u8, items: &[Condition<Probe>]| {
        out.push(tag);
        put_all(out, items.iter(), put);
    };
    match condition {
        Condition::One(term, probe, negated) => {
            out.push(0);
            put_one(out, term, probe, *negated);
        }
        Condition::All(items) => put_items(out, 1, items),
        Condition::Any(items) => put_items(out, 2, items),
        Condition::Odd(items, negated) => put_items(out, 3 + u8::from(*negated), items),
    }
}

/// One comparison, which is all that earlier builds have.
pub(super) fn put_one(out: &mut Vec<u8>, term: &crate::term::Term, probe: &Probe, negated: bool) {
    term::put(out, term);
    probe.put(out);
    out.push(u8::from(negated));
}

pub(super) fn read(reader: &mut Reader<'_>, names: &Names) -> DecodeResult<Condition<Probe>> {
    within(reader, names, MAX_NESTING + 1)
}

/// `depth`: how many more may be within each other.
fn within(reader: &mut Reader<'_>, names: &Names, depth: usize) -> DecodeResult<Condition<Probe>> {
    let depth = depth.checked_sub(1).ok_or(DecodeError::Invalid("nesting"))?;
    let items = |reader: &mut Reader<'_>| reader.all(|reader| within(reader, names, depth));
    Ok(match reader.byte()? {
        0 => read_one(reader, names)?,
        1 => Condition::All(items(reader)?),
        2 => Condition::Any(items(reader)?),
        tag @ (3 | 4) => Condition::Odd(items(reader)?, tag == 4),
        _ => return Err(DecodeError::Invalid("condition")),
    })
}

pub(super) fn read_one(reader: &mut Reader<'_>, names: &Names) -> DecodeResult<Condition<Probe>> {
    Ok(Condition::One(
        term::read(reader, names)?,
        Probe::read(reader, names)?,
        reader.flag()?,
    ))
}
