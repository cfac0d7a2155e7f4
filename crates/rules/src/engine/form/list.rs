//! The bytes of lists, each once, however many comparisons name it.

use super::{DecodeResult, v4, v6};
use crate::list::{Items, List, ListKind};
use blobwatch_wire::{
    DecodeError, Reader, put_all, put_bytes, put_one, put_text, put_varint, unzigzag, zigzag,
};

pub(super) fn put(out: &mut Vec<u8>, list: &List) {
    put_text(out, list.name());
    put_one(out, &ListKind::ALL, &list.kind());
    match &*list.items {
        Items::Ips(v4, v6) => {
            out.push(0);
            put_all(out, v4.iter(), |out, (first, last)| {
                out.extend(first.to_le_bytes());
                out.extend(last.to_le_bytes());
            });
            put_all(out, v6.iter(), |out, (first, last)| {
                out.extend(first.to_le_bytes());
                out.extend(last.to_le_bytes());
            });
        }
        Items::Numbers(ranges) => {
            out.push(1);
            put_all(out, ranges.iter(), |out, (first, last)| {
                put_varint(out, zigzag(*first));
                put_varint(out, zigzag(*last));
            });
        }
        Items::Strings(strings) => put_strings(out, 2, strings),
        Items::HostNames(names) => put_strings(out, 3, names),
        Items::Managed => out.push(4),
    }
}

fn put_strings(out: &mut Vec<u8>, tag: u8, strings: &[Box<[u8]>]) {
    out.push(tag);
    put_all(out, strings.iter(), |out, string| put_bytes(out, string));
}

pub(super) fn read(reader: &mut Reader<'_>) -> DecodeResult<List> {
    let name = reader.text()?;
    let kind = reader.one(&ListKind::ALL, "list")?;
    let strings = |reader: &mut Reader<'_>| reader.all(|reader| reader.bytes().map(Box::from));
    let items = match reader.byte()? {
        0 => Items::Ips(
            reader.all(|reader| Ok((v4(reader)?, v4(reader)?)))?,
            reader.all(|reader| Ok((v6(reader)?, v6(reader)?)))?,
        ),
        1 => {
            Items::Numbers(reader.all(|reader| Ok((unzigzag(reader.varint()?), unzigzag(reader.varint()?))))?)
        }
        2 => Items::Strings(strings(reader)?),
        3 => Items::HostNames(strings(reader)?),
        4 => Items::Managed,
        _ => return Err(DecodeError::Invalid("list")),
    };
    Ok(List::of(name.into(), kind, items))
}
