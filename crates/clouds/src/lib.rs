//! Which cloud an address belongs to, by the prefixes that clouds publish.
//!
//! In scope: the table, its bytes, and looking an address up. Not in scope: the files of the clouds (`cargo xtask prefixes`).
//!
//! A table is sorted boundaries, each with the label of the addresses from there on. An IPv6 address counts by its /64: no cloud
//! publishes less. Looking one up is a binary search, 16 steps in a table of 50,000 boundaries, and allocates nothing.

mod build;
mod bytes;

pub use build::CloudPrefix;

use std::net::IpAddr;

/// Labels are numbered from 1 in 16 bits; 0 is no cloud.
const MAX_LABELS: usize = 65_535;

/// Boundaries of one table, both kinds of address together. All prefixes of AWS, Google and Azure come to about 30,000.
pub const MAX_BOUNDARIES: usize = 262_144;

/// A cloud and one of its regions, in lower case: `aws`, `us-east-1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cloud<'a> {
    pub cloud: &'a str,
    /// Empty for addresses that a cloud has in no region.
    pub region: &'a str,
}

/// The addresses of clouds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CloudTable {
    /// The newest day that a file of a cloud says of itself, as 2026-11-29. Empty for an empty table.
    date: String,
    labels: Vec<(Box<str>, Box<str>)>,
    v4: Boundaries<u32>,
    v6: Boundaries<u64>,
}

/// From which address on which label counts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Boundaries<T> {
    starts: Vec<T>,
    labels: Vec<u16>,
}

impl<T> Default for Boundaries<T> {
    fn default() -> Self {
        Self {
            starts: Vec::new(),
            labels: Vec::new(),
        }
    }
}

impl<T: Ord + Copy> Boundaries<T> {
    fn label(&self, address: T) -> u16 {
        let after = self.starts.partition_point(|start| *start <= address);
        let last = after.checked_sub(1).and_then(|place| self.labels.get(place));
        last.copied().unwrap_or_default()
    }
}

impl CloudTable {
    /// The cloud of an address; `None` for an address of no cloud that the table knows.
    #[must_use]
    pub fn look_up(&self, address: IpAddr) -> Option<Cloud<'_>> {
        let label = match address {
            IpAddr::V4(address) => self.v4.label(address.to_bits()),
            IpAddr::V6(address) => match address.to_ipv4_mapped() {
                Some(address) => self.v4.label(address.to_bits()),
                None => self.v6.label(half(address.to_bits())),
            },
        };
        let place = usize::from(label).checked_sub(1)?;
        let (cloud, region) = self.labels.get(place)?;
        Some(Cloud { cloud, region })
    }

    #[must_use]
    pub fn date(&self) -> &str {
        &self.date
    }

    /// Numbers of boundaries of IPv4, of IPv6, and of labels.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.v4.starts.len(), self.v6.starts.len(), self.labels.len())
    }
}

/// The /64 of an IPv6 address.
fn half(bits: u128) -> u64 {
    (bits >> 64) as u64
}

#[cfg(test)]
mod tests;
