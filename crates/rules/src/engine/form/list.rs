//! The bytes of lists, each once, however many comparisons name it.

use super::DecodeResult;
use super::ranges::{integers, put_integers, put_ips, put_strings, strings, v4_ranges, v6_ranges};
use crate::list::{Items, List, ListKind};
use blobwatch_wire::{DecodeError, Reader, put_one, put_text};

pub(super) fn put(out: &mut Vec<u8>, list: &List) {
    put_text(out, list.name());
    put_one(out, &ListKind::ALL, &list.kind());
    match &*list.items {
        Items::Ips(v4, v6) => {
            out.push(0);
            put_ips(out, v4, v6);
        }
        Items::Numbers(ranges) => {
            out.push(1);
            put_integers(out, ranges);
        }
        Items::Strings(strings) => {
            out.push(2);
            put_strings(out, strings);
        }
        Items::HostNames(names) => {
            out.push(3);
            put_strings(out, names);
        }
        Items::Managed => out.push(4),
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> DecodeResult<List> {
    let name = reader.text()?;
    let kind = reader.one(&ListKind::ALL, "list")?;
    let items = match reader.byte()? {
        0 => Items::Ips(v4_ranges(reader)?, v6_ranges(reader)?),
        1 => Items::Numbers(integers(reader)?),
        2 => Items::Strings(strings(reader)?),
        3 => Items::HostNames(strings(reader)?),
        4 => Items::Managed,
        _ => return Err(DecodeError::Invalid("list")),
    };
    Ok(List::of(name.into(), kind, items))
}
