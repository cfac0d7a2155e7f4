//! The bytes of terms.

use super::{DecodeResult, Names, put_field};
use crate::limits::MAX_NESTING;
use crate::term::Term;
use blobwatch_wire::{
    DecodeError, Reader, put_all, put_bytes, put_long_text, put_option, put_varint, unzigzag, zigzag,
};

/// A wildcard puts a `lower` around what the text nests.
const MAX_DEPTH: usize = MAX_NESTING + 1;

pub(super) fn put(out: &mut Vec<u8>, term: &Term) {
    match term {
        Term::Field(field) => {
            out.push(0);
            put_field(out, *field);
        }
        Term::HeaderAt(name, at) => {
            out.push(1);
            put_long_text(out, name);
            put_varint(out, u64::from(*at));
        }
        Term::HeaderEach(name) => {
            out.push(2);
            put_long_text(out, name);
        }
        Term::HeaderCount(name) => {
            out.push(3);
            put_long_text(out, name);
        }
        Term::Lower(of) => put_of(out, 4, of),
        Term::Upper(of) => put_of(out, 5, of),
        Term::Length(of) => put_of(out, 6, of),
        Term::ToString(of) => put_of(out, 7, of),
        Term::Substring(of, start, end) => {
            put_of(out, 8, of);
            put_varint(out, zigzag(*start));
            put_option(out, *end, |out, end| put_varint(out, zigzag(end)));
        }
        Term::Concat(parts) => {
            out.push(9);
            put_all(out, parts.iter(), put);
        }
        Term::Literal(literal) => {
            out.push(10);
            put_bytes(out, literal);
        }
    }
}

fn put_of(out: &mut Vec<u8>, tag: u8, of: &Term) {
    out.push(tag);
    put(out, of);
}

pub(super) fn read(reader: &mut Reader<'_>, names: &Names) -> DecodeResult<Term> {
    within(reader, names, MAX_DEPTH)
}

/// `depth`: how many more terms may be within each other.
fn within(reader: &mut Reader<'_>, names: &Names, depth: usize) -> DecodeResult<Term> {
    let depth = depth.checked_sub(1).ok_or(DecodeError::Invalid("nesting"))?;
    let of = |reader: &mut Reader<'_>| within(reader, names, depth).map(Box::new);
    Ok(match reader.byte()? {
        0 => Term::Field(names.field(reader)?),
        1 => Term::HeaderAt(reader.long_text()?.into(), reader.narrow("position")?),
        2 => Term::HeaderEach(reader.long_text()?.into()),
        3 => Term::HeaderCount(reader.long_text()?.into()),
        4 => Term::Lower(of(reader)?),
        5 => Term::Upper(of(reader)?),
        6 => Term::Length(of(reader)?),
        7 => Term::ToString(of(reader)?),
        8 => Term::Substring(
            of(reader)?,
            unzigzag(reader.varint()?),
            reader.option(|reader| reader.varint().map(unzigzag))?,
        ),
        9 => Term::Concat(reader.all(|reader| within(reader, names, depth))?),
        10 => Term::Literal(reader.bytes()?.into()),
        _ => return Err(DecodeError::Invalid("term")),
    })
}
