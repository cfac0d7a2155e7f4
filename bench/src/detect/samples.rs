//! The sampled requests of batches: real records, judged in every way that counts as an event.

use blobwatch_pull::{ClientKey, NetworkKey, Record};
use blobwatch_records::{Bounds, CellBatch, Classification, Further, Pace, SampleKey, Sampler, Strata};

use crate::query::{START_MS, Traffic};

/// Requests from which each batch's sample is drawn: enough to fill it.
const OFFERED: u32 = 2_000;

/// Bytes of a batch's sample, as many as a FireLog sends.
const MAX_BYTES: usize = 200_000;

pub(super) struct Samples {
    requests: Vec<(Record, Strata)>,
    clients: u64,
}

impl Samples {
    pub(super) fn new() -> Self {
        let records = Traffic::new(OFFERED, START_MS);
        let judged = records.zip(0..).map(|(record, at): (Record, u32)| {
            let judged = Classification {
                start: at % 2 == 0,
                stuck: at % 11 == 0,
                known_client: true,
                unreached: at % 13 == 0,
                looped: at % 17 == 0,
                suspect: at % 19 == 0,
                pace: if at % 7 == 0 {
                    Pace::Slow(200)
                } else {
                    Pace::Usual(400)
                },
                ..Classification::alone(&record)
            };
            let strata = Strata::of(&record, &judged);
            (record, strata)
        });
        Self {
            requests: judged.collect(),
            clients: 0,
        }
    }

    /// Gives a batch the sample of a slot in which other clients asked for the same.
    pub(super) fn add_to(&mut self, batch: &mut CellBatch) {
        self.clients += 1;
        let cells = batch.cells.len().max(1);
        let mut sampler = Sampler::new(Bounds::BATCH);
        for (at, (record, strata)) in self.requests.iter().enumerate() {
            let moved = |key: u64| key.wrapping_add(self.clients.wrapping_mul(0x9e37_79b9));
            let asked = SampleKey {
                client: ClientKey(moved(record.client.0)),
                network: NetworkKey(moved(record.network.0)),
                blob: record.blob_key(),
                slot: batch.slot,
            };
            sampler.offer(&asked, *strata, || (at % cells, Further::from(record)));
        }
        let (mut sampled, cuts) = sampler.by_key(MAX_BYTES, |source| source);
        for (at, cell) in batch.cells.iter_mut().enumerate() {
            cell.sample = sampled.remove(&at).unwrap_or_default();
        }
        batch.cuts = cuts;
    }
}
