//! The bytes of predicates that are answered by themselves.

use std::sync::Arc;

use memchr::memmem::Finder;

use super::{DecodeResult, Names};
use crate::automaton::Automaton;
use crate::engine::probe::Probe;
use crate::expression::Order;
use crate::wildcard::Wildcard;
use blobwatch_wire::{
    DecodeError, Reader, put_all, put_bytes, put_one, put_text, put_varint, unzigzag, zigzag,
};

impl Probe {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::IsTrue => out.push(0),
            Self::Strings(strings) => {
                out.push(1);
                put_all(out, strings.iter(), |out, string| put_bytes(out, string));
            }
            Self::StringOrder(order, string) => {
                out.push(2);
                put_one(out, &ORDERS, order);
                put_bytes(out, string);
            }
            Self::Integers(ranges) => {
                out.push(3);
                put_all(out, ranges.iter(), |out, (first, last)| {
                    put_varint(out, zigzag(*first));
                    put_varint(out, zigzag(*last));
                });
            }
            Self::Mask(mask) => {
                out.push(4);
                put_varint(out, zigzag(*mask));
            }
            Self::Ips(v4, v6) => {
                out.push(5);
                put_all(out, v4.iter(), |out, (first, last)| {
                    out.extend(first.to_le_bytes());
                    out.extend(last.to_le_bytes());
                });
                put_all(out, v6.iter(), |out, (first, last)| {
                    out.extend(first.to_le_bytes());
                    out.extend(last.to_le_bytes());
                });
            }
            Self::Contains(finder) => put_string(out, 6, finder.needle()),
            Self::StartsWith(part) => put_string(out, 7, part),
            Self::EndsWith(part) => put_string(out, 8, part),
            Self::Wildcard(wildcard) => {
                out.push(9);
                put_all(out, wildcard.parts().iter(), |out, part| put_bytes(out, part));
            }
            Self::Matches(automaton) => {
                out.push(10);
                automaton.put(out);
            }
            Self::InList(list) => {
                out.push(11);
                put_text(out, list.name());
            }
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>, names: &Names) -> DecodeResult<Self> {
        Ok(match reader.byte()? {
            0 => Self::IsTrue,
            1 => Self::Strings(reader.all(read_string)?.into()),
            2 => Self::StringOrder(reader.one(&ORDERS, "order")?, read_string(reader)?),
            3 => Self::Integers(reader.all(read_range)?.into()),
            4 => Self::Mask(unzigzag(reader.varint()?)),
            5 => Self::Ips(
                reader.all(|reader| Ok((v4(reader)?, v4(reader)?)))?.into(),
                reader.all(|reader| Ok((v6(reader)?, v6(reader)?)))?.into(),
            ),
            6 => Self::Contains(Box::new(Finder::new(reader.bytes()?).into_owned())),
            7 => Self::StartsWith(read_string(reader)?),
            8 => Self::EndsWith(read_string(reader)?),
            9 => Self::Wildcard(Wildcard::of_parts(reader.all(read_string)?)),
            10 => Self::Matches(Arc::new(Automaton::read(reader)?)),
            11 => Self::InList(names.list(reader)?),
            _ => return Err(DecodeError::Invalid("predicate")),
        })
    }
}

fn put_string(out: &mut Vec<u8>, tag: u8, string: &[u8]) {
    out.push(tag);
    put_bytes(out, string);
}

fn read_string(reader: &mut Reader<'_>) -> DecodeResult<Box<[u8]>> {
    reader.bytes().map(Box::from)
}

fn read_range(reader: &mut Reader<'_>) -> DecodeResult<(i64, i64)> {
    Ok((unzigzag(reader.varint()?), unzigzag(reader.varint()?)))
}

pub(in crate::engine) fn v4(reader: &mut Reader<'_>) -> DecodeResult<u32> {
    reader.array().map(u32::from_le_bytes)
}

pub(in crate::engine) fn v6(reader: &mut Reader<'_>) -> DecodeResult<u128> {
    reader.array().map(u128::from_le_bytes)
}

const ORDERS: [Order; 6] = [
    Order::Equal,
    Order::NotEqual,
    Order::Less,
    Order::LessOrEqual,
    Order::Greater,
    Order::GreaterOrEqual,
];
