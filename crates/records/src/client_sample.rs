//! Whose records are kept where there are too many to keep all: whole clients, chosen by a hash of their keys, each record with
//! the number of requests that it stands for.
//!
//! In scope: which records a sample holds. Not in scope: when it is drawn (`blobwatch-fire-log` draws it when batches are merged,
//! after everything that counts requests one by one), and how its rate follows the load.
//!
//! One client in `n` is kept for `n` a power of two, by where it stands on one scale: who is kept at a smaller share is kept at
//! every larger one. A record's weight is the inverse of its chance to be kept, so that sums of weights are the sums of all
//! requests in the mean (Horvitz and Thompson, "A generalization of sampling without replacement", 1952).

use std::collections::{BTreeMap, HashMap};

use crate::OpenCohort;
use crate::segment::{Block, Builder, Row, Treatment};
use blobwatch_pull::{ClientKey, keep_place};
use blobwatch_wire::DecodeError;

/// The smallest share that is kept: of a client's neighbours 1,023 are then told by it.
pub const MAX_ONE_IN: u32 = 1_024;

/// One client in how many a share of clients is: the nearest power of two.
#[must_use]
pub fn one_in(share: f64) -> u32 {
    let halvings = (1.0 / share).log2().round();
    if halvings >= 1.0 {
        MAX_ONE_IN.min(1 << (halvings as u32).min(31))
    } else {
        1
    }
}

/// A sample of clients.
#[derive(Debug, Clone, Default)]
pub struct ClientSample {
    /// One client in how many, by the name of the route; routes that are not here keep all.
    pub routes: BTreeMap<String, u32>,
    /// At least one in so many is left out on every route: the load asks for it.
    pub load: u32,
    /// Whose requests are all kept.
    pub open: Vec<OpenCohort>,
}

impl ClientSample {
    /// Whether it holds every record.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.load <= 1 && self.routes.values().all(|one_in| *one_in <= 1)
    }

    /// One client in how many is kept of a route.
    #[must_use]
    pub fn one_in(&self, route: &str) -> u32 {
        let of_route = self.routes.get(route).copied().unwrap_or(1);
        of_route.max(self.load).clamp(1, MAX_ONE_IN)
    }

    /// Whether a client is kept where one in so many is.
    #[must_use]
    pub fn holds(client: ClientKey, one_in: u32) -> bool {
        one_in <= 1 || keep_place(client) * f64::from(one_in) < 1.0
    }

    /// Adds those records of a block that the sample holds; how many are left out.
    ///
    /// # Errors
    /// When a record of the block cannot be read.
    pub fn take(&self, block: Block, to: &mut Builder) -> Result<u64, DecodeError> {
        if self.is_whole() {
            to.append(block);
            return Ok(0);
        }
        let mut memory = Memory::default();
        let mut left_out = 0;
        for row in block.rows() {
            let one_in = memory.one_in(self, &block, row);
            let client = block.client(row).map(|client| client.client).unwrap_or_default();
            if one_in > 1 && !memory.holds(client, one_in) {
                left_out += 1;
                continue;
            }
            let mut record = block.record(row)?;
            record.weight = record.weight.saturating_mul(one_in);
            to.push(record);
        }
        Ok(left_out)
    }
}

/// What was found out about the entries of one block.
#[derive(Default)]
struct Memory {
    one_in: HashMap<(u32, u32, u32), u32>,
    places: HashMap<ClientKey, f64>,
}

impl Memory {
    fn one_in(&mut self, sample: &ClientSample, block: &Block, row: &Row) -> u32 {
        let key = (row.treatment, row.agent, row.place);
        *self.one_in.entry(key).or_insert_with(|| {
            let entries = (block.treatment(row), block.agent(row), block.place(row));
            let (Some(treatment), Some(agent), Some(place)) = entries else {
                return 1;
            };
            let is_spared = is_always_kept(treatment)
                || sample
                    .open
                    .iter()
                    .any(|cohort| cohort.holds(treatment, agent, place));
            if is_spared {
                1
            } else {
                sample.one_in(&treatment.route)
            }
        })
    }

    fn holds(&mut self, client: ClientKey, one_in: u32) -> bool {
        let place = *self.places.entry(client).or_insert_with(|| keep_place(client));
        place * f64::from(one_in) < 1.0
    }
}

/// What was done to somebody is never left out, whoever did it; and what another party told is found again by what it told.
fn is_always_kept(treatment: &Treatment) -> bool {
    treatment.told
        || treatment.verdict.intervenes()
        || treatment.fired.iter().any(|fired| fired.applied.intervenes())
}

#[cfg(test)]
mod tests;
