//! The bytes of ranges and strings, of comparisons as of lists.

use super::DecodeResult;
use blobwatch_wire::{Reader, put_all, put_bytes, put_varint, unzigzag, zigzag};

pub(super) fn put_integers(out: &mut Vec<u8>, ranges: &[(i64, i64)]) {
    put_all(out, ranges.iter(), |out, (first, last)| {
        put_varint(out, zigzag(*first));
        put_varint(out, zigzag(*last));
    });
}

pub(super) fn integers(reader: &mut Reader<'_>) -> DecodeResult<Vec<(i64, i64)>> {
    reader.all(|reader| Ok((unzigzag(reader.varint()?), unzigzag(reader.varint()?))))
}

pub(super) fn put_ips(out: &mut Vec<u8>, v4: &[(u32, u32)], v6: &[(u128, u128)]) {
    put_all(out, v4.iter(), |out, (first, last)| {
        out.extend(first.to_le_bytes());
        out.extend(last.to_le_bytes());
    });
    put_all(out, v6.iter(), |out, (first, last)| {
        out.extend(first.to_le_bytes());
        out.extend(last.to_le_bytes());
    });
}

pub(super) fn v4_ranges(reader: &mut Reader<'_>) -> DecodeResult<Vec<(u32, u32)>> {
    reader.all(|reader| Ok((v4(reader)?, v4(reader)?)))
}

pub(super) fn v6_ranges(reader: &mut Reader<'_>) -> DecodeResult<Vec<(u128, u128)>> {
    reader.all(|reader| Ok((v6(reader)?, v6(reader)?)))
}

pub(in crate::engine) fn v4(reader: &mut Reader<'_>) -> DecodeResult<u32> {
    reader.array().map(u32::from_le_bytes)
}

pub(in crate::engine) fn v6(reader: &mut Reader<'_>) -> DecodeResult<u128> {
    reader.array().map(u128::from_le_bytes)
}

pub(super) fn put_strings(out: &mut Vec<u8>, strings: &[Box<[u8]>]) {
    put_all(out, strings.iter(), |out, string| put_bytes(out, string));
}

pub(super) fn strings(reader: &mut Reader<'_>) -> DecodeResult<Vec<Box<[u8]>>> {
    reader.all(string)
}

pub(super) fn string(reader: &mut Reader<'_>) -> DecodeResult<Box<[u8]>> {
    reader.bytes().map(Box::from)
}
