//! The bytes of groups.

use super::{Group, Intervals, Lists, Strings, Table};
use crate::engine::form::{
    DecodeResult, Names, put_number, put_numbers, put_source, read_number, read_source, v4, v6,
};
use crate::engine::search::{Candidate, Place, Search, Shape, Wanted};
use crate::engine::tree::PredicateId;
use blobwatch_wire::{DecodeError, Reader, put_all, put_bytes, put_one, put_varint, unzigzag, zigzag};

impl Group {
    pub(in crate::engine) fn put(&self, out: &mut Vec<u8>) {
        put_source(out, self.source);
        put_varint(out, self.predicates.len() as u64);
        match &self.table {
            Table::Strings(strings) => {
                out.push(0);
                strings.put(out);
            }
            Table::Integers(table) => {
                out.push(1);
                table.put(out, |out, bound| put_varint(out, zigzag(bound)));
            }
            Table::Ips(v4, v6) => {
                out.push(2);
                v4.put(out, |out, bound| out.extend(bound.to_le_bytes()));
                v6.put(out, |out, bound| out.extend(bound.to_le_bytes()));
            }
            Table::Search(search) => {
                out.push(3);
                put_search(out, search);
            }
        }
    }

    /// `first`: number of its first predicate. `terms`: how many there are.
    pub(in crate::engine) fn read(
        reader: &mut Reader<'_>,
        names: &Names,
        terms: usize,
        first: PredicateId,
    ) -> DecodeResult<Self> {
        let source = read_source(reader, names, terms)?;
        // Each of its predicates has a step of its own behind.
        let count = u32::try_from(reader.count(1)?).map_err(|_| DecodeError::Invalid("count"))?;
        let end = first.checked_add(count).ok_or(DecodeError::Invalid("count"))?;
        let table = match reader.byte()? {
            0 => Table::Strings(Strings::read(reader)?),
            1 => Table::Integers(Intervals::read(reader, |reader| reader.varint().map(unzigzag))?),
            2 => Table::Ips(Intervals::read(reader, v4)?, Intervals::read(reader, v6)?),
            3 => Table::Search(read_search(reader)?),
            _ => return Err(DecodeError::Invalid("table")),
        };
        Ok(Self {
            source,
            predicates: first..end,
            table,
        })
    }
}

impl Strings {
    /// In order: the same rules are the same bytes.
    fn put(&self, out: &mut Vec<u8>) {
        let mut entries: Vec<_> = self.map.iter().collect();
        entries.sort_unstable();
        put_all(out, entries.iter(), |out, (string, list)| {
            put_bytes(out, string);
            put_numbers(out, self.lists.get(**list));
        });
    }

    fn read(reader: &mut Reader<'_>) -> DecodeResult<Self> {
        let mut strings = Self {
            map: Default::default(),
            lists: Lists::default(),
        };
        for _ in 0..reader.count(2)? {
            let string = reader.bytes()?;
            let list = strings.lists.add(reader.all(read_number)?);
            strings.map.insert(string.into(), list);
        }
        Ok(strings)
    }
}

impl<T: Copy> Intervals<T> {
    fn put(&self, out: &mut Vec<u8>, mut put: impl FnMut(&mut Vec<u8>, T)) {
        put_all(out, self.bounds.iter(), |out, bound| put(out, *bound));
        for cell in &self.cells {
            put_numbers(out, self.lists.get(*cell));
        }
    }

    fn read(
        reader: &mut Reader<'_>,
        mut read: impl FnMut(&mut Reader<'_>) -> DecodeResult<T>,
    ) -> DecodeResult<Self> {
        let bounds = reader.all(&mut read)?;
        let mut lists = Lists::default();
        let mut cells = Vec::with_capacity(bounds.len() + 1);
        for _ in 0..=bounds.len() {
            cells.push(lists.add(reader.all(read_number)?));
        }
        Ok(Self { bounds, cells, lists })
    }
}

const PLACES: [Place; 3] = [Place::Anywhere, Place::Start, Place::End];

fn put_search(out: &mut Vec<u8>, search: &Search) {
    let shape = search.shape();
    out.push(shape.stride as u8);
    // Once, which of two tables a search had.
    out.push(0);
    out.push(shape.slots.trailing_zeros() as u8);
    put_all(out, search.strings().iter(), |out, wanted| {
        put_one(out, &PLACES, &wanted.place);
        put_number(out, wanted.predicate);
        put_bytes(out, &wanted.string);
    });
    put_all(out, search.candidates(), |out, candidate| {
        put_number(out, candidate.string);
        put_number(out, candidate.offset);
    });
}

fn read_search(reader: &mut Reader<'_>) -> DecodeResult<Search> {
    let stride = match reader.byte()? {
        stride @ (1 | 2 | 4) => usize::from(stride),
        _ => return Err(DecodeError::Invalid("stride")),
    };
    reader.flag()?;
    let slots = 1_usize.checked_shl(u32::from(reader.byte()?));
    let strings = reader.all(|reader| {
        Ok(Wanted {
            place: reader.one(&PLACES, "place")?,
            predicate: read_number(reader)?,
            string: reader.bytes()?.into(),
        })
    })?;
    let candidates = reader.all(|reader| {
        Ok(Candidate {
            string: read_number(reader)?,
            offset: read_number(reader)?,
        })
    })?;
    // Four to a gram, up to the next power of two.
    let slots = slots.filter(|slots| *slots <= 8 * candidates.len().max(1));
    let shape = Shape {
        stride,
        slots: slots.ok_or(DecodeError::Invalid("number of slots"))?,
    };
    Ok(Search::with(&shape, strings, candidates))
}

#[cfg(test)]
mod tests {
    use super::{Search, put_search, read_search};
    use crate::engine::ask::Question;
    use blobwatch_wire::Reader;

    #[test]
    fn a_search_that_had_the_other_table_is_still_read() {
        let question = Question::Contains(b"docker/"[..].into());
        let search = Search::new(4, [(7, &question)].into_iter()).unwrap();
        let mut bytes = Vec::new();
        put_search(&mut bytes, &search);
        bytes[1] = 1;
        let read = read_search(&mut Reader::new(&bytes)).unwrap();
        let mut found = Vec::new();
        read.run(b"docker/19.03", |predicate| found.push(predicate));
        assert_eq!(found, [7]);
    }
}
