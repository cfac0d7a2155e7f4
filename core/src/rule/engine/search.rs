//! Substring search for many strings in one pass over a value.
//!
//! Of each string four bytes are picked so that every occurrence puts them, or the one to three places beside them,
//! on a place that is a multiple of a stride. One pass then looks only at those places: four bytes, hashed, ask a
//! table whether any string can be there, and mostly none can. What can be is compared. Against Aho-Corasick, which
//! takes a step for each byte that waits for the one before, this measured four times as fast on a User-Agent.

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

use super::ask::Question;
use super::tree::PredicateId;

/// Strings with one stride.
#[derive(Debug)]
pub(super) struct Search {
    stride: usize,
    maybe: Maybe,
    /// By fewer bits of the same hash: which candidates to compare.
    slots: Vec<(u32, u32)>,
    candidates: Vec<Candidate>,
    strings: Vec<Wanted>,
}

/// Bit by hash of four bytes: some string has them where they are looked at. 512 bytes, or 8 KB for many strings.
#[derive(Debug)]
enum Maybe {
    Small(Box<[u64; 1 << 6]>),
    Large(Box<[u64; 1 << 10]>),
}

/// Grams up to which one bit in 32 of the small table is set at most: few places are looked up in vain.
const MAX_SMALL: usize = 128;

/// How its tables are laid out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// 1, 2 or 4.
    pub(super) stride: usize,
    pub(super) is_large: bool,
    /// A power of two.
    pub(super) slots: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) string: u32,
    /// Place of the four bytes in the string.
    pub(super) offset: u32,
}

#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) string: Box<[u8]>,
    pub(super) place: Place,
    pub(super) predicate: PredicateId,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Place {
    Anywhere,
    Start,
    End,
}

const GRAM: usize = 4;

/// Strings with the same four bytes at places that are looked at. A value made of nothing else has this many
/// comparisons at each; the strings beyond are searched one by one, which bounds what a client can cause.
const MAX_CANDIDATES: usize = 16;

/// The widest stride at which every occurrence of a string of this length has four of its bytes looked at.
const fn widest_stride(len: usize) -> Option<usize> {
    match len {
        0..GRAM => None,
        GRAM => Some(1),
        5 | 6 => Some(2),
        _ => Some(4),
    }
}

/// Chooses strides for strings that are searched in one value: the widest at which few others have the same bytes.
#[derive(Debug, Default)]
pub(super) struct Strides(HashMap<(usize, u32), usize, FxBuildHasher>);

impl Strides {
    /// `None`: better searched by itself.
    pub(super) fn choose(&mut self, string: &[u8]) -> Option<usize> {
        let mut stride = widest_stride(string.len())?;
        while stride > 0 {
            let count = |gram| self.0.get(&(stride, gram)).copied().unwrap_or(0);
            let (offset, most) = rarest(string, stride, count)?;
            if most < MAX_CANDIDATES {
                for gram in grams(string, stride, offset) {
                    *self.0.entry((stride, gram)).or_default() += 1;
                }
                return Some(stride);
            }
            stride /= 2;
        }
        None
    }
}

/// The string that a question is about, where it is about one.
pub(super) fn wanted(question: &Question) -> Option<&[u8]> {
    match question {
        Question::Contains(string) | Question::StartsWith(string) | Question::EndsWith(string) => {
            Some(string)
        }
        _ => None,
    }
}

impl Search {
    /// Questions to whose strings [`Strides`] gave this stride.
    pub(super) fn new<'a>(
        stride: usize,
        questions: impl Iterator<Item = (PredicateId, &'a Question)>,
    ) -> Option<Self> {
        let strings: Vec<Wanted> = questions
            .filter_map(|(predicate, question)| wants(predicate, question))
            .collect();
        let mut counts: HashMap<u32, usize, FxBuildHasher> = HashMap::default();
        let mut candidates = Vec::new();
        for (string, wanted) in (0..).zip(&strings) {
            let count = |gram| counts.get(&gram).copied().unwrap_or(0);
            let (offset, _) = rarest(&wanted.string, stride, count)?;
            for (offset, gram) in (u32::try_from(offset).ok()?..).zip(grams(&wanted.string, stride, offset)) {
                *counts.entry(gram).or_default() += 1;
                candidates.push(Candidate { string, offset });
            }
        }
        let shape = Shape {
            stride,
            is_large: counts.len() > MAX_SMALL,
            slots: (4 * counts.len()).next_power_of_two(),
        };
        Some(Self::with(&shape, strings, candidates))
    }

    /// Every candidate's place must have four bytes.
    pub(super) fn with(shape: &Shape, strings: Vec<Wanted>, candidates: Vec<Candidate>) -> Self {
        let mut maybe = if shape.is_large {
            Maybe::Large(Box::new([0; _]))
        } else {
            Maybe::Small(Box::new([0; _]))
        };
        let mut by_slot = vec![Vec::new(); shape.slots];
        for candidate in candidates {
            let Some(gram) = gram_of(&strings, candidate) else {
                continue;
            };
            match &mut maybe {
                Maybe::Small(table) => mark(table, gram),
                Maybe::Large(table) => mark(table, gram),
            }
            if let Some(slot) = by_slot.get_mut(slot(gram, shape.slots)) {
                slot.push(candidate);
            }
        }
        let mut candidates = Vec::new();
        let slots = by_slot.into_iter().map(|list| {
            let start = candidates.len() as u32;
            candidates.extend(list);
            (start, candidates.len() as u32)
        });
        Self {
            stride: shape.stride,
            maybe,
            slots: slots.collect(),
            candidates,
            strings,
        }
    }

    /// Calls `hold` with each predicate that holds, maybe several times.
    #[inline]
    pub(super) fn run(&self, value: &[u8], hold: impl FnMut(PredicateId)) {
        match &self.maybe {
            Maybe::Small(table) => self.scan(table, value, hold),
            Maybe::Large(table) => self.scan(table, value, hold),
        }
    }

    #[inline]
    fn scan<const WORDS: usize>(
        &self,
        table: &[u64; WORDS],
        value: &[u8],
        mut hold: impl FnMut(PredicateId),
    ) {
        for first in (0..GRAM).step_by(self.stride) {
            let places = value.get(first..).unwrap_or_default().as_chunks::<GRAM>().0;
            for (index, bytes) in places.iter().enumerate() {
                let gram = u32::from_le_bytes(*bytes);
                if is_marked(table, gram) {
                    self.verify(gram, first + GRAM * index, value, &mut hold);
                }
            }
        }
    }

    /// Compares the strings that have these bytes, which are at `at`.
    #[inline(never)]
    fn verify(&self, gram: u32, at: usize, value: &[u8], hold: &mut impl FnMut(PredicateId)) {
        let (start, end) = self
            .slots
            .get(slot(gram, self.slots.len()))
            .copied()
            .unwrap_or_default();
        for candidate in self
            .candidates
            .get(start as usize..end as usize)
            .unwrap_or_default()
        {
            let Some(wanted) = self.strings.get(candidate.string as usize) else {
                continue;
            };
            let Some(from) = at.checked_sub(candidate.offset as usize) else {
                continue;
            };
            if wanted.is_at(from, value) {
                hold(wanted.predicate);
            }
        }
    }
}

impl Search {
    pub(super) fn shape(&self) -> Shape {
        Shape {
            stride: self.stride,
            is_large: matches!(self.maybe, Maybe::Large(_)),
            slots: self.slots.len(),
        }
    }

    pub(super) fn strings(&self) -> &[Wanted] {
        &self.strings
    }

    pub(super) fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }
}

impl Wanted {
    fn is_at(&self, from: usize, value: &[u8]) -> bool {
        let fits = match self.place {
            Place::Anywhere => true,
            Place::Start => from == 0,
            Place::End => from + self.string.len() == value.len(),
        };
        fits && value
            .get(from..)
            .is_some_and(|rest| rest.starts_with(&self.string))
    }
}

fn gram_of(strings: &[Wanted], candidate: Candidate) -> Option<u32> {
    let wanted = strings.get(candidate.string as usize)?;
    let bytes = wanted.string.get(candidate.offset as usize..)?;
    bytes.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn wants(predicate: PredicateId, question: &Question) -> Option<Wanted> {
    let place = match question {
        Question::StartsWith(_) => Place::Start,
        Question::EndsWith(_) => Place::End,
        _ => Place::Anywhere,
    };
    wanted(question).map(|string| Wanted {
        string: string.into(),
        place,
        predicate,
    })
}

fn mark<const WORDS: usize>(table: &mut [u64; WORDS], gram: u32) {
    let (word, bit) = place::<WORDS>(gram);
    if let Some(word) = table.get_mut(word) {
        *word |= 1 << bit;
    }
}

#[inline]
fn is_marked<const WORDS: usize>(table: &[u64; WORDS], gram: u32) -> bool {
    let (word, bit) = place::<WORDS>(gram);
    table.get(word).is_some_and(|word| word >> bit & 1 != 0)
}

/// Knuth's multiplicative hash: its upper bits depend on all four bytes.
const KNUTH: u32 = 2_654_435_769;

#[inline]
fn place<const WORDS: usize>(gram: u32) -> (usize, u32) {
    let hash = gram.wrapping_mul(KNUTH);
    (
        (hash >> (32 - WORDS.ilog2())) as usize,
        hash >> (26 - WORDS.ilog2()) & 63,
    )
}

/// `slots` is a power of two.
#[inline]
fn slot(gram: u32, slots: usize) -> usize {
    (gram.wrapping_mul(KNUTH) >> 8) as usize & (slots - 1)
}

/// The bytes of a string that are looked at, whichever place it has modulo the stride.
fn grams(string: &[u8], stride: usize, offset: usize) -> impl Iterator<Item = u32> {
    let windows = string.windows(GRAM).skip(offset).take(stride);
    windows.filter_map(|window| window.first_chunk().map(|bytes| u32::from_le_bytes(*bytes)))
}

/// Where in the string its bytes are the least common, and how common there. Of several places the last, since
/// builds and versions differ more than the names before them.
fn rarest(string: &[u8], stride: usize, count: impl Fn(u32) -> usize) -> Option<(usize, usize)> {
    let offsets = 0..=string.len().checked_sub(GRAM + stride - 1)?;
    let commonness = |offset| grams(string, stride, offset).map(&count).max().unwrap_or(0);
    offsets
        .rev()
        .map(|offset| (offset, commonness(offset)))
        .min_by_key(|(_, common)| *common)
}
