//! The bytes of predicates that are answered by themselves.

use std::sync::Arc;

use memchr::memmem::Finder;

use super::ranges::{integers, put_integers, put_ips, put_strings, string, strings, v4_ranges, v6_ranges};
use super::{DecodeResult, Names};
use crate::automaton::Automaton;
use crate::engine::probe::Probe;
use crate::expression::Order;
use crate::wildcard::Wildcard;
use blobwatch_wire::{DecodeError, Reader, put_bytes, put_one, put_text, put_varint, unzigzag, zigzag};

impl Probe {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::IsTrue => out.push(0),
            Self::Strings(strings) => {
                out.push(1);
                put_strings(out, strings);
            }
            Self::StringOrder(order, string) => {
                out.push(2);
                put_one(out, &ORDERS, order);
                put_bytes(out, string);
            }
            Self::Integers(ranges) => {
                out.push(3);
                put_integers(out, ranges);
            }
            Self::Mask(mask) => {
                out.push(4);
                put_varint(out, zigzag(*mask));
            }
            Self::Ips(v4, v6) => {
                out.push(5);
                put_ips(out, v4, v6);
            }
            Self::Contains(finder) => put_string(out, 6, finder.needle()),
            Self::StartsWith(part) => put_string(out, 7, part),
            Self::EndsWith(part) => put_string(out, 8, part),
            Self::Wildcard(wildcard) => {
                out.push(9);
                put_strings(out, wildcard.parts());
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
            1 => Self::Strings(strings(reader)?.into()),
            2 => Self::StringOrder(reader.one(&ORDERS, "order")?, string(reader)?),
            3 => Self::Integers(integers(reader)?.into()),
            4 => Self::Mask(unzigzag(reader.varint()?)),
            5 => Self::Ips(v4_ranges(reader)?.into(), v6_ranges(reader)?.into()),
            6 => Self::Contains(Box::new(Finder::new(reader.bytes()?).into_owned())),
            7 => Self::StartsWith(string(reader)?),
            8 => Self::EndsWith(string(reader)?),
            9 => Self::Wildcard(Wildcard::of_parts(strings(reader)?)),
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

const ORDERS: [Order; 6] = [
    Order::Equal,
    Order::NotEqual,
    Order::Less,
    Order::LessOrEqual,
    Order::Greater,
    Order::GreaterOrEqual,
];
