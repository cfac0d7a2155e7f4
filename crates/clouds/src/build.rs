//! From prefixes that overlap to boundaries that do not: the longest prefix counts.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use super::{Boundaries, CloudTable, MAX_BOUNDARIES, MAX_LABELS, half};

/// One published prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudPrefix {
    pub address: IpAddr,
    /// Bits of the prefix.
    pub length: u8,
    pub cloud: String,
    /// Empty where the cloud names none.
    pub region: String,
}

/// Why prefixes make no table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrefixError {
    Length { address: IpAddr, length: u8 },
    TooMany { what: &'static str, most: usize },
}

impl fmt::Display for PrefixError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { address, length } => {
                let most = if address.is_ipv4() { 32 } else { 64 };
                write!(f, "{address}/{length}: expected a prefix of at most {most} bits")
            }
            Self::TooMany { what, most } => write!(f, "expected at most {most} {what}"),
        }
    }
}

impl std::error::Error for PrefixError {}

impl CloudTable {
    /// # Errors
    /// When a prefix is too long, or there are more regions or boundaries than a table holds.
    pub fn build(date: &str, prefixes: &[CloudPrefix]) -> Result<Self, PrefixError> {
        let (labels, numbers) = labels(prefixes)?;
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (prefix, number) in prefixes.iter().zip(numbers) {
            let CloudPrefix { address, length, .. } = *prefix;
            let most = if address.is_ipv4() { 32 } else { 64 };
            let spare = most - i32::from(length);
            let Ok(spare) = u32::try_from(spare) else {
                return Err(PrefixError::Length { address, length });
            };
            let (ranges, start) = match address {
                IpAddr::V4(address) => (&mut v4, u64::from(address.to_bits())),
                IpAddr::V6(address) => (&mut v6, half(address.to_bits())),
            };
            let first = start & u64::MAX.checked_shl(spare).unwrap_or_default();
            let last = first | u64::MAX.checked_shl(spare).map_or(u64::MAX, |mask| !mask);
            ranges.push(Range { first, last, number });
        }
        let (v4, v6) = (flat(v4, u64::from(u32::MAX)), flat(v6, u64::MAX));
        if v4.starts.len() + v6.starts.len() > MAX_BOUNDARIES {
            let (what, most) = ("boundaries", MAX_BOUNDARIES);
            return Err(PrefixError::TooMany { what, most });
        }
        Ok(Self {
            date: date.to_owned(),
            labels,
            v4: Boundaries {
                starts: v4.starts.iter().map(|start| *start as u32).collect(),
                labels: v4.labels,
            },
            v6,
        })
    }
}

type Labels = Vec<(Box<str>, Box<str>)>;

/// The labels, and for each prefix the number of its own.
fn labels(prefixes: &[CloudPrefix]) -> Result<(Labels, Vec<u16>), PrefixError> {
    let mut places = BTreeMap::new();
    for CloudPrefix { cloud, region, .. } in prefixes {
        places.insert((cloud.as_str(), region.as_str()), 0_u16);
    }
    if places.len() > MAX_LABELS {
        let (what, most) = ("regions", MAX_LABELS);
        return Err(PrefixError::TooMany { what, most });
    }
    for (number, place) in (1..).zip(places.values_mut()) {
        *place = number;
    }
    let numbers = prefixes
        .iter()
        .filter_map(|prefix| {
            places
                .get(&(prefix.cloud.as_str(), prefix.region.as_str()))
                .copied()
        })
        .collect();
    let labels = places
        .keys()
        .map(|(cloud, region)| (Box::from(*cloud), Box::from(*region)))
        .collect();
    Ok((labels, numbers))
}

struct Range {
    first: u64,
    last: u64,
    number: u16,
}

/// Ranges of prefixes nest or are apart, so the open ones are a stack, with the longest prefix on top.
fn flat(mut ranges: Vec<Range>, end: u64) -> Boundaries<u64> {
    // Of the same prefix said twice, the label with a region comes later, as its number is greater.
    ranges.sort_by_key(|range| (range.first, std::cmp::Reverse(range.last), range.number));
    let mut flat = Boundaries::default();
    let mut open: Vec<Range> = Vec::new();
    for range in ranges {
        close(&mut flat, &mut open, Some(range.first), end);
        put(&mut flat, range.first, range.number);
        open.push(range);
    }
    close(&mut flat, &mut open, None, end);
    flat
}

/// Ends the ranges that are over before `until`.
fn close(flat: &mut Boundaries<u64>, open: &mut Vec<Range>, until: Option<u64>, end: u64) {
    while let Some(range) = open.pop_if(|range| until.is_none_or(|until| range.last < until)) {
        if range.last < end {
            put(flat, range.last + 1, open.last().map_or(0, |outer| outer.number));
        }
    }
}

fn put(flat: &mut Boundaries<u64>, start: u64, label: u16) {
    if flat.starts.last() == Some(&start) {
        flat.starts.pop();
        flat.labels.pop();
    }
    if flat.labels.last().copied().unwrap_or_default() != label {
        flat.starts.push(start);
        flat.labels.push(label);
    }
}
