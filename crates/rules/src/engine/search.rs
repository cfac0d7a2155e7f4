//! Substring search for many strings in one pass over a value.
//!
//! Of each string four bytes are picked so that every occurrence puts them, or the one to three places beside them,
//! on a place that is a multiple of a stride. One pass then looks only at those places: four bytes, hashed, ask a
//! table whether any string can be there, and mostly none can. What can be is compared. Against Aho-Corasick, which
//! takes a step for each byte that waits for the one before, this measured four times as fast on a User-Agent.

mod maybe;
mod strides;

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

use self::maybe::{Maybe, slot};
pub(super) use self::strides::Strides;
use self::strides::{GRAM, grams, rarest};
use super::ask::Question;
use super::tree::PredicateId;

/// Strings with one stride.
#[derive(Debug)]
pub(super) struct Search {
    stride: usize,
    maybe: Maybe,
    /// By fewer bits of the same hash: the first candidate to compare, or [`NONE`].
    slots: Vec<u32>,
    candidates: Vec<Listed>,
    strings: Vec<Wanted>,
}

/// How its tables are laid out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// 1, 2 or 4.
    pub(super) stride: usize,
    /// A power of two.
    pub(super) slots: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) string: u32,
    /// Place of the four bytes in the string.
    pub(super) offset: u32,
}

/// A candidate among those of its slot.
#[derive(Debug, Clone, Copy)]
struct Listed {
    gram: u32,
    candidate: Candidate,
    /// Of the same slot, or [`NONE`].
    next: u32,
}

const NONE: u32 = u32::MAX;

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

/// Places that are looked at before there is a branch on what was found.
const AT_ONCE: usize = 8;

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
            slots: (4 * counts.len()).next_power_of_two(),
        };
        Some(Self::with(&shape, strings, candidates))
    }

    /// Every candidate's place must have four bytes.
    pub(super) fn with(shape: &Shape, strings: Vec<Wanted>, candidates: Vec<Candidate>) -> Self {
        let mut maybe = Maybe::new();
        let mut by_slot = vec![Vec::new(); shape.slots];
        for candidate in candidates {
            let Some(gram) = gram_of(&strings, candidate) else {
                continue;
            };
            maybe.mark(gram);
            if let Some(list) = by_slot.get_mut(slot(gram, shape.slots)) {
                list.push((gram, candidate));
            }
        }
        let mut listed = Vec::new();
        let slots = by_slot.into_iter().map(|list| {
            let first = listed.len() as u32;
            let end = first + list.len() as u32;
            listed.extend((first + 1..).zip(list).map(|(next, (gram, candidate))| Listed {
                gram,
                candidate,
                next: if next < end { next } else { NONE },
            }));
            if first < end { first } else { NONE }
        });
        Self {
            stride: shape.stride,
            maybe,
            slots: slots.collect(),
            candidates: listed,
            strings,
        }
    }

    /// Calls `hold` with each predicate that holds, maybe several times.
    #[inline]
    pub(super) fn run(&self, value: &[u8], mut hold: impl FnMut(PredicateId)) {
        // Several places at a time: mostly none of them is of interest, which is then one branch.
        for first in (0..GRAM).step_by(self.stride) {
            let places = value.get(first..).unwrap_or_default().as_chunks::<GRAM>().0;
            let (chunks, rest) = places.as_chunks::<AT_ONCE>();
            let mut at = first;
            for chunk in chunks {
                self.look(chunk, at, value, &mut hold);
                at += GRAM * AT_ONCE;
            }
            self.look(rest, at, value, &mut hold);
        }
    }

    /// At no more than [`AT_ONCE`] places, the first of which is at `first`.
    #[inline(always)]
    fn look(&self, places: &[[u8; GRAM]], first: usize, value: &[u8], hold: &mut impl FnMut(PredicateId)) {
        // The last place is the lowest bit: a shift by one each is cheaper than one by each index.
        let mut marks = places.iter().fold(0_u32, |marks, bytes| {
            marks << 1 | self.maybe.at(u32::from_le_bytes(*bytes))
        });
        while marks != 0 {
            let from_end = marks.trailing_zeros() as usize;
            marks &= marks - 1;
            let index = places.len() - 1 - from_end;
            if let Some(bytes) = places.get(index) {
                self.verify(u32::from_le_bytes(*bytes), first + GRAM * index, value, hold);
            }
        }
    }

    /// Compares the strings that have these bytes, which are at `at`.
    #[inline(never)]
    fn verify(&self, gram: u32, at: usize, value: &[u8], hold: &mut impl FnMut(PredicateId)) {
        let mut next = self
            .slots
            .get(slot(gram, self.slots.len()))
            .copied()
            .unwrap_or(NONE);
        while let Some(listed) = self.candidates.get(next as usize) {
            next = listed.next;
            if listed.gram != gram {
                continue;
            }
            let from = at.checked_sub(listed.candidate.offset as usize);
            let wanted = self.strings.get(listed.candidate.string as usize);
            if let (Some(from), Some(wanted)) = (from, wanted)
                && wanted.is_at(from, value)
            {
                hold(wanted.predicate);
            }
        }
    }
}

impl Search {
    pub(super) fn shape(&self) -> Shape {
        Shape {
            stride: self.stride,
            slots: self.slots.len(),
        }
    }

    pub(super) fn strings(&self) -> &[Wanted] {
        &self.strings
    }

    pub(super) fn candidates(&self) -> impl ExactSizeIterator<Item = &Candidate> {
        self.candidates.iter().map(|listed| &listed.candidate)
    }
}

impl Wanted {
    fn is_at(&self, from: usize, value: &[u8]) -> bool {
        let end = from + self.string.len();
        let fits = match self.place {
            Place::Anywhere => true,
            Place::Start => from == 0,
            Place::End => end == value.len(),
        };
        let part = value.get(from..end);
        fits && part.is_some_and(|part| is_same(part, &self.string))
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

/// Equality of strings that are equally long, and no shorter than a gram: mostly they are short, and then two
/// comparisons of a word are cheaper than a call.
#[inline]
fn is_same(left: &[u8], right: &[u8]) -> bool {
    match left.len() {
        0..8 => ends::<GRAM>(left) == ends::<GRAM>(right),
        8..=16 => ends::<8>(left) == ends::<8>(right),
        _ => left == right,
    }
}

#[inline]
fn ends<const N: usize>(string: &[u8]) -> (Option<&[u8; N]>, Option<&[u8; N]>) {
    (string.first_chunk(), string.last_chunk())
}
