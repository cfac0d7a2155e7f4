//! The bytes of terms.

use super::{DecodeResult, Names, put_field};
use crate::array::{Array, Map, Split};
use crate::field::Field;
use crate::json::Key;
use crate::limits::MAX_NESTING;
use crate::signature::Signed;
use crate::term::{Decoding, Term};
use crate::told::PlatformFact;
use crate::untold::Untold;
use blobwatch_wire::{
    DecodeError, Reader, put_all, put_bytes, put_long_text, put_option, put_text, put_varint, unzigzag,
    zigzag,
};

/// A wildcard puts a `lower` around what the text nests.
const MAX_DEPTH: usize = MAX_NESTING + 1;

pub(super) fn put(out: &mut Vec<u8>, term: &Term) {
    match term {
        Term::Field(field) => {
            out.push(0);
            put_field(out, *field);
        }
        Term::Untold(untold) => {
            out.push(14);
            put_text(out, untold.name());
        }
        Term::At(array, at) => {
            put_array(out, [1, 11], array);
            put_varint(out, u64::from(*at));
        }
        Term::Each(array) => put_array(out, [2, 12], array),
        Term::Count(array) => put_array(out, [3, 13], array),
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
        Term::Coalesce(parts) => {
            out.push(15);
            put_all(out, parts.iter(), put);
        }
        Term::UrlDecode(of, decoding) => {
            put_of(out, 16, of);
            out.extend([u8::from(decoding.again), u8::from(decoding.unicode)]);
        }
        Term::RemoveBytes(of, unwanted) => {
            put_of(out, 17, of);
            put_bytes(out, unwanted);
        }
        Term::Told(fact) => {
            out.push(19);
            put_text(out, fact.name());
        }
        Term::Extension => out.push(20),
        Term::Same(left, right) => {
            put_of(out, 21, left);
            put(out, right);
        }
        Term::Network(of, v4, v6) => {
            put_of(out, 18, of);
            out.extend([*v4, *v6]);
        }
        Term::Join(array, separator) => {
            out.push(22);
            put_any_array(out, array);
            put_bytes(out, separator);
        }
        Term::JsonString(of, keys) => put_json(out, 23, of, keys),
        Term::JsonInteger(of, keys) => put_json(out, 24, of, keys),
        Term::Base64(of) => put_of(out, 25, of),
        Term::Sha256(of) => put_of(out, 26, of),
        Term::Signed(signed) => put_signed(out, signed),
    }
}

fn put_json(out: &mut Vec<u8>, tag: u8, of: &Term, keys: &[Key]) {
    put_of(out, tag, of);
    put_all(out, keys.iter(), |out, key| match key {
        Key::Name(name) => {
            out.push(0);
            put_bytes(out, name);
        }
        Key::Position(at) => {
            out.push(1);
            put_varint(out, u64::from(*at));
        }
    });
}

fn read_key(reader: &mut Reader<'_>) -> DecodeResult<Key> {
    match reader.byte()? {
        0 => Ok(Key::Name(reader.bytes()?.into())),
        1 => Ok(Key::Position(reader.narrow("position")?)),
        _ => Err(DecodeError::Invalid("key")),
    }
}

fn put_signed(out: &mut Vec<u8>, signed: &Signed) {
    put_of(out, 27, &signed.of);
    put(out, &signed.now);
    put_bytes(out, &signed.key);
    put_varint(out, zigzag(signed.ttl));
    put_varint(out, u64::from(signed.separator));
    out.push(u8::from(signed.url_safe));
}

/// The first tag is that of a header's values, which earlier builds have too, the second that of any other array.
fn put_array(out: &mut Vec<u8>, [header, other]: [u8; 2], array: &Array) {
    match array {
        Array::Of(Map::Headers, name) => {
            out.push(header);
            put_long_text(out, name);
        }
        other_array => {
            out.push(other);
            put_any_array(out, other_array);
        }
    }
}

fn put_any_array(out: &mut Vec<u8>, array: &Array) {
    let map = |map: &Map| {
        let place = Map::ALL.iter().position(|known| known == map);
        place.unwrap_or_default() as u8
    };
    match array {
        Array::Of(of, name) => {
            out.extend([0, map(of)]);
            put_long_text(out, name);
        }
        Array::Names(of) => out.extend([1, map(of)]),
        Array::Values(of) => out.extend([2, map(of)]),
        Array::Split(split) => {
            out.push(3);
            put(out, &split.of);
            put_bytes(out, &split.separator);
            out.push(split.limit);
        }
    }
}

fn read_header(reader: &mut Reader<'_>) -> DecodeResult<Array> {
    Ok(Array::Of(Map::Headers, reader.long_text()?.into()))
}

fn read_array(reader: &mut Reader<'_>, names: &Names, depth: usize) -> DecodeResult<Array> {
    let form = reader.byte()?;
    if form == 3 {
        return Ok(Array::Split(Box::new(Split {
            of: within(reader, names, depth)?,
            separator: reader.bytes()?.into(),
            limit: reader.byte()?,
        })));
    }
    let map = Map::ALL.get(usize::from(reader.byte()?)).copied();
    let map = map.ok_or(DecodeError::Invalid("map"))?;
    match form {
        0 => Ok(Array::Of(map, reader.long_text()?.into())),
        1 => Ok(Array::Names(map)),
        2 => Ok(Array::Values(map)),
        _ => Err(DecodeError::Invalid("array")),
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
    let array = |reader: &mut Reader<'_>| read_array(reader, names, depth);
    Ok(match reader.byte()? {
        0 => Term::Field(names.field(reader)?),
        1 => Term::At(read_header(reader)?, reader.narrow("position")?),
        2 => Term::Each(read_header(reader)?),
        3 => Term::Count(read_header(reader)?),
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
        11 => Term::At(array(reader)?, reader.narrow("position")?),
        12 => Term::Each(array(reader)?),
        13 => Term::Count(array(reader)?),
        14 => untold(reader.text()?)?,
        15 => Term::Coalesce(reader.all(|reader| within(reader, names, depth))?),
        16 => Term::UrlDecode(
            of(reader)?,
            Decoding {
                again: reader.flag()?,
                unicode: reader.flag()?,
            },
        ),
        17 => Term::RemoveBytes(of(reader)?, reader.bytes()?.into()),
        19 => {
            let name = reader.text()?;
            told(name).ok_or(DecodeError::Invalid("field"))?
        }
        20 => Term::Extension,
        21 => Term::Same(of(reader)?, of(reader)?),
        18 => Term::Network(of(reader)?, reader.byte()?, reader.byte()?),
        22 => Term::Join(array(reader)?, reader.bytes()?.into()),
        23 => Term::JsonString(of(reader)?, reader.all(read_key)?),
        24 => Term::JsonInteger(of(reader)?, reader.all(read_key)?),
        25 => Term::Base64(of(reader)?),
        26 => Term::Sha256(of(reader)?),
        27 => Term::Signed(Box::new(Signed {
            of: within(reader, names, depth)?,
            now: within(reader, names, depth)?,
            key: reader.bytes()?.into(),
            ttl: unzigzag(reader.varint()?),
            separator: reader.narrow("separator")?,
            url_safe: reader.flag()?,
        })),
        _ => return Err(DecodeError::Invalid("term")),
    })
}

/// A name that no worker was told when the bytes were written may be told by now.
fn untold(name: &str) -> DecodeResult<Term> {
    let term = Untold::named(name).map(Term::Untold).or_else(|| told(name));
    term.ok_or(DecodeError::Invalid("field"))
}

/// A name that only the platform filled when the bytes were written may be a field by now.
fn told(name: &str) -> Option<Term> {
    let field = || Field::named(name).map(Term::Field);
    PlatformFact::named(name).map(Term::Told).or_else(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A build that knew a name as one that no worker is told wrote these bytes.
    #[test]
    fn a_name_that_is_told_by_now_is_read_from_old_bytes() {
        let name = "cf.tls_client_auth.cert_ski";
        let mut bytes = vec![14];
        put_text(&mut bytes, name);
        let names = Names {
            fields: Vec::new(),
            lists: Vec::new(),
        };
        let term = read(&mut Reader::new(&bytes), &names);
        assert_eq!(term.ok(), PlatformFact::named(name).map(Term::Told));
    }

    /// A build that knew a field as a name that the platform fills wrote these bytes.
    #[test]
    fn a_name_that_is_a_field_by_now_is_read_from_old_bytes() {
        let mut bytes = vec![19];
        put_text(&mut bytes, "client.tcp");
        let names = Names {
            fields: Vec::new(),
            lists: Vec::new(),
        };
        let term = read(&mut Reader::new(&bytes), &names);
        assert_eq!(term.ok(), Some(Term::Field(Field::ClientTcp)));
    }
}
