//! A compiled regular expression, as it runs and as it travels.
//!
//! One byte of a value is one step, so no pattern and no value can make a match slow, and a match needs no memory. In
//! scope: running, bytes. Not in scope: what compiles one (`pattern`), which the data plane does without.

use std::fmt;

use memchr::memmem::Finder;
use regex_automata::dfa::{Automaton as _, dense};
use regex_automata::{Anchored, Input};

use blobwatch_wire::{DecodeError, Reader, put_bytes, put_varint};

/// A regular expression compiled to an automaton without memory.
pub(super) struct Automaton {
    /// What every match starts with, where that is a string: it is found faster than the automaton walks to it.
    prefix: Option<Finder<'static>>,
    /// Where every match ends with the value (`$`), bytes of the longest: what is before them need not be walked.
    tail: Option<usize>,
    dfa: dense::DFA<Vec<u32>>,
}

impl Automaton {
    pub(super) fn new(prefix: Option<&[u8]>, tail: Option<usize>, dfa: dense::DFA<Vec<u32>>) -> Self {
        Self {
            prefix: prefix.map(|prefix| Finder::new(prefix).into_owned()),
            tail,
            dfa,
        }
    }

    /// Bytes in memory.
    pub(super) fn size(&self) -> usize {
        self.dfa.memory_usage()
    }

    pub(super) fn is_match(&self, value: &[u8]) -> bool {
        let before = self.tail.map_or(0, |tail| value.len().saturating_sub(tail));
        let start = match &self.prefix {
            None => before,
            Some(prefix) => match prefix.find(value.get(before..).unwrap_or_default()) {
                None => return false,
                Some(start) => before + start,
            },
        };
        let input = Input::new(value)
            .range(start..)
            .anchored(Anchored::No)
            .earliest(true);
        // It can only fail on quit bytes and unsupported starts, and neither is configured.
        matches!(self.dfa.try_search_fwd(&input), Ok(Some(_)))
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.prefix.is_some()) | u8::from(self.tail.is_some()) << 1);
        if let Some(prefix) = &self.prefix {
            put_bytes(out, prefix.needle());
        }
        if let Some(tail) = self.tail {
            put_varint(out, tail as u64);
        }
        let (bytes, padding) = self.dfa.to_bytes_little_endian();
        put_bytes(out, bytes.get(padding..).unwrap_or_default());
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        // In the first form, 0 or 1: without a tail.
        let (has_prefix, has_tail) = match reader.byte()? {
            parts @ 0..=3 => (parts & 1 != 0, parts & 2 != 0),
            _ => return Err(DecodeError::Invalid("automaton")),
        };
        let prefix = has_prefix.then(|| reader.bytes()).transpose()?;
        let tail = has_tail.then(|| reader.narrow("tail")).transpose()?;
        let dfa = read_dfa(reader.bytes()?).ok_or(DecodeError::Invalid("automaton"))?;
        Ok(Self::new(prefix, tail, dfa))
    }
}

/// Every transition is looked at: what is read cannot lead out of the automaton.
fn read_dfa(bytes: &[u8]) -> Option<dense::DFA<Vec<u32>>> {
    const ALIGNMENT: usize = align_of::<u32>();
    let mut aligned = vec![0; bytes.len() + ALIGNMENT];
    let start = aligned.as_ptr().align_offset(ALIGNMENT);
    let place = aligned.get_mut(start..)?.get_mut(..bytes.len())?;
    place.copy_from_slice(bytes);
    let (dfa, length) = dense::DFA::from_bytes(place).ok()?;
    (length == bytes.len()).then(|| dfa.to_owned())
}

impl fmt::Debug for Automaton {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Automaton({} bytes)", self.size())
    }
}
