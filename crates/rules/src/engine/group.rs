//! Predicates over one value that are answered together: one look-up tells which of them hold.

mod form;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::ops::Range;

use rustc_hash::FxBuildHasher;

use super::ask::Question;
use super::search::{Search, Strides, wanted};
use super::terms::Source;
use super::tree::PredicateId;
use crate::values::Value;

/// From so many predicates on, one look-up for all is cheaper than asking each.
const MIN_GROUP: usize = 3;

/// Entries of one interval table. Where intervals overlap so much that it would be larger (2,000 rules, each with
/// another `range.start gt …`), its predicates are asked one by one.
const MAX_CELL_ENTRIES: usize = 1 << 16;

/// Predicates with neighbouring numbers.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) source: Source,
    pub(super) predicates: Range<PredicateId>,
    table: Table,
}

#[derive(Debug)]
enum Table {
    Strings(Strings),
    Integers(Intervals<i64>),
    Ips(Intervals<u32>, Intervals<u128>),
    Search(Search),
}

/// What of a question decides which others it can be answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    Strings,
    Integers,
    Ips,
    /// With its stride.
    Search(usize),
}

impl Kind {
    pub(super) fn of(question: &Question, strides: &mut Strides) -> Option<Self> {
        match question {
            Question::Strings(_) => Some(Self::Strings),
            Question::Integers(_) => Some(Self::Integers),
            Question::Ips(..) => Some(Self::Ips),
            question => strides.choose(wanted(question)?).map(Self::Search),
        }
    }

    /// One pass for all strings costs about as much as a vectorised search for two, at the widest stride.
    pub(super) const fn min_size(self) -> usize {
        match self {
            Self::Search(stride) => 8 / stride,
            _ => MIN_GROUP,
        }
    }
}

impl Group {
    /// `None` where together would cost more than apart.
    pub(super) fn new(
        source: Source,
        kind: Kind,
        first: PredicateId,
        questions: &[&Question],
    ) -> Option<Self> {
        let numbered = || (first..).zip(questions.iter().copied());
        let table = match kind {
            Kind::Strings => Table::Strings(Strings::new(numbered())),
            Kind::Integers => Table::Integers(Intervals::new(numbered(), |question| match question {
                Question::Integers(ranges) => ranges,
                _ => &[],
            })?),
            Kind::Ips => {
                let v4 = Intervals::new(numbered(), |question| match question {
                    Question::Ips(v4, _) => v4,
                    _ => &[],
                });
                let v6 = Intervals::new(numbered(), |question| match question {
                    Question::Ips(_, v6) => v6,
                    _ => &[],
                });
                Table::Ips(v4?, v6?)
            }
            Kind::Search(stride) => Table::Search(Search::new(stride, numbered())?),
        };
        let end = first + u32::try_from(questions.len()).ok()?;
        Some(Self {
            source,
            predicates: first..end,
            table,
        })
    }

    /// Calls `hold` with each predicate that holds.
    #[inline]
    pub(super) fn look_up(&self, value: &Value<'_>, hold: impl FnMut(PredicateId)) {
        match (&self.table, value) {
            (Table::Integers(table), Value::Int(value)) => table.at(*value).iter().copied().for_each(hold),
            (Table::Ips(v4, _), Value::Ip(IpAddr::V4(ip))) => {
                v4.at(ip.to_bits()).iter().copied().for_each(hold)
            }
            (Table::Ips(_, v6), Value::Ip(IpAddr::V6(ip))) => {
                v6.at(ip.to_bits()).iter().copied().for_each(hold)
            }
            (Table::Strings(table), Value::Bytes(value)) => table.at(value).iter().copied().for_each(hold),
            (Table::Search(search), Value::Bytes(value)) => search.run(value, hold),
            _ => {}
        }
    }
}

type Numbered<'a> = (PredicateId, &'a Question);

/// Lists of predicates, one after the other.
#[derive(Debug, Default)]
struct Lists(Vec<PredicateId>);

impl Lists {
    fn add(&mut self, list: impl IntoIterator<Item = PredicateId>) -> (u32, u32) {
        let start = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0.extend(list);
        (start, u32::try_from(self.0.len()).unwrap_or(u32::MAX))
    }

    #[inline]
    fn get(&self, (start, end): (u32, u32)) -> &[PredicateId] {
        self.0.get(start as usize..end as usize).unwrap_or_default()
    }
}

/// Set membership of strings: to each string the predicates that it satisfies.
#[derive(Debug)]
struct Strings {
    map: HashMap<Box<[u8]>, (u32, u32), FxBuildHasher>,
    lists: Lists,
}

impl Strings {
    fn new<'a>(questions: impl Iterator<Item = Numbered<'a>>) -> Self {
        let mut by_string: BTreeMap<&[u8], Vec<PredicateId>> = BTreeMap::new();
        for (predicate, question) in questions {
            if let Question::Strings(strings) = question {
                strings
                    .iter()
                    .for_each(|string| by_string.entry(string).or_default().push(predicate));
            }
        }
        let mut lists = Lists::default();
        let map = by_string
            .into_iter()
            .map(|(string, list)| (string.into(), lists.add(list)))
            .collect();
        Self { map, lists }
    }

    #[inline]
    fn at(&self, value: &[u8]) -> &[PredicateId] {
        self.map.get(value).map_or(&[], |list| self.lists.get(*list))
    }
}

/// Membership of intervals: the line cut where any of them starts or ends, to each cell the predicates that hold.
#[derive(Debug)]
struct Intervals<T> {
    /// First value of each cell but the first.
    bounds: Vec<T>,
    cells: Vec<(u32, u32)>,
    lists: Lists,
}

/// Numbers that have a next one, unless they are the last.
trait Next: Copy + Ord {
    fn next(self) -> Option<Self>;
}

impl Next for i64 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl Next for u32 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl Next for u128 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl<T: Next> Intervals<T> {
    fn new<'a>(
        questions: impl Iterator<Item = Numbered<'a>>,
        ranges: impl Fn(&'a Question) -> &'a [(T, T)],
    ) -> Option<Self>
    where
        T: 'a,
    {
        // At each bound, what starts to hold and what stops.
        let mut events: BTreeMap<T, (Vec<PredicateId>, Vec<PredicateId>)> = BTreeMap::new();
        for (predicate, question) in questions {
            for (first, last) in ranges(question) {
                events.entry(*first).or_default().0.push(predicate);
                if let Some(after) = last.next() {
                    events.entry(after).or_default().1.push(predicate);
                }
            }
        }
        let mut lists = Lists::default();
        let mut cells = vec![(0, 0)];
        let mut holding = BTreeSet::new();
        for (start, stop) in events.values() {
            stop.iter().for_each(|predicate| _ = holding.remove(predicate));
            holding.extend(start);
            if lists.0.len() + holding.len() > MAX_CELL_ENTRIES {
                return None;
            }
            cells.push(lists.add(holding.iter().copied()));
        }
        Some(Self {
            bounds: events.into_keys().collect(),
            cells,
            lists,
        })
    }

    #[inline]
    fn at(&self, value: T) -> &[PredicateId] {
        let cell = self.bounds.partition_point(|bound| *bound <= value);
        self.cells.get(cell).map_or(&[], |cell| self.lists.get(*cell))
    }
}
