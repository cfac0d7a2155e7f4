//! Who asks for what at a registry of Docker Hub's size: data centres, clients, blobs, and the night of July 2020.
//!
//! Clients are numbers; what they say of themselves follows from the number, so that a million of them take no room.

use super::played_request::{Answer, PlayedRequest};
use crate::stage::{NETWORKS, SOFTWARE, Software};
use fastrand::Rng;
use std::fmt::Write;

/// Colo `rank` has `rank^-SKEW` of the traffic: with 300 of them the busiest has a twelfth.
const SKEW: f64 = 0.78;

/// Clients of a colo for each request a second: one asks for a layer each half minute.
const CLIENTS: f64 = 30.0;

const DIGESTS: u32 = 400;
const REPOSITORIES: u32 = 60;

/// Share of downloads that are cut, and asked for again from where they ended, on a healthy day and in July 2020.
const CUT: f64 = 0.003;
const CUT_IN_JULY: f64 = 0.125;

/// Who was hit, and where nobody was.
const HIT: &str = "amzn2";
const SPARED: &str = "IAD";

/// Seconds within which a cut download is asked for again.
const RETRY_S: u64 = 50;

/// Requests a second of each of so many colos, the busiest first.
pub(super) fn rates(colos: usize, rate: f64) -> Vec<f64> {
    let weights: Vec<f64> = (1..=colos).map(|rank| (rank as f64).powf(-SKEW)).collect();
    let all: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| rate * weight / all).collect()
}

/// Three letters; the busiest is the one that was spared.
pub(super) fn colo_name(rank: usize) -> String {
    let letter = |number: usize| char::from(b'A' + (number % 26) as u8);
    match rank {
        0 => SPARED.to_owned(),
        _ => ["C".to_owned(), letter(rank / 26).into(), letter(rank).into()].concat(),
    }
}

/// A download that was cut.
struct Retry {
    due_s: u64,
    client: u32,
    digest: u32,
    offset: u64,
}

/// The clients of one colo.
pub(super) struct Clients {
    rng: Rng,
    colo: String,
    rank: usize,
    rate: f64,
    /// Of requests that a second before did not have.
    rest: f64,
    /// Blobs that each has asked for so far.
    asked: Vec<u16>,
    retries: Vec<Retry>,
}

impl Clients {
    pub(super) fn new(rank: usize, rate: f64) -> Self {
        Self {
            rng: Rng::with_seed(rank as u64),
            colo: colo_name(rank),
            rank,
            rate,
            rest: 0.0,
            asked: vec![0; (rate * CLIENTS) as usize + 8],
            retries: Vec::new(),
        }
    }

    /// The requests of one second, in their order; from a night on downloads are cut as in July 2020.
    pub(super) fn second(&mut self, second: u64, is_july: bool) -> Vec<PlayedRequest> {
        let wanted = self.rate + self.rest;
        let fresh = wanted as usize;
        self.rest = wanted - fresh as f64;
        let mut times: Vec<u64> = (0..fresh).map(|_| self.rng.u64(..1_000)).collect();
        times.sort_unstable();
        let due = self.retries.extract_if(.., |retry| retry.due_s <= second);
        let due: Vec<Retry> = due.collect();
        let again = due
            .into_iter()
            .map(|retry| self.again(second * 1_000, &retry, is_july));
        let mut all: Vec<PlayedRequest> = again.collect();
        all.extend(
            times
                .into_iter()
                .map(|at| self.fresh(second * 1_000 + at, is_july)),
        );
        all
    }

    fn fresh(&mut self, time_ms: u64, is_july: bool) -> PlayedRequest {
        let client = self.rng.usize(..self.asked.len());
        let mut digest = client as u32 * 7;
        if let Some(asked) = self.asked.get_mut(client) {
            *asked += 1;
            digest += u32::from(*asked);
        }
        self.cut(client as u32, digest % DIGESTS, 0, time_ms / 1_000, is_july);
        self.ask(client as u32, digest % DIGESTS, None, time_ms)
    }

    fn again(&mut self, time_ms: u64, retry: &Retry, is_july: bool) -> PlayedRequest {
        self.cut(retry.client, retry.digest, retry.offset, time_ms / 1_000, is_july);
        self.ask(retry.client, retry.digest, Some(retry.offset), time_ms)
    }

    fn cut(&mut self, client: u32, digest: u32, from: u64, second: u64, is_july: bool) {
        let hit = is_july && self.colo != SPARED && software(client).user_agent.contains(HIT);
        let size = size_of(digest);
        if size > 1 << 20 && self.rng.f64() < if hit { CUT_IN_JULY } else { CUT } {
            self.retries.push(Retry {
                due_s: second + 1 + self.rng.u64(..RETRY_S),
                client,
                digest,
                offset: from + self.rng.u64(1..=(size - from) / 2),
            });
        }
    }

    /// The 26 lines of `src/data_plane/facts.js`, and the headers.
    fn ask(&mut self, client: u32, digest: u32, offset: Option<u64>, time_ms: u64) -> PlayedRequest {
        let Software {
            user_agent,
            accept_encoding,
            tls,
            hello,
            ..
        } = software(client);
        let [_, a, b, c] = (((self.rank as u32) << 15) + client).to_be_bytes();
        let (asn, country, continent, _) = network(client);
        let ray = self.rng.u64(..);
        let mut facts = String::with_capacity(700);
        // Writing to a String does not fail.
        let _ = write!(
            facts,
            "{time_ms}\nGET\nhttps\nregistry.example\n/v2/library/image-{}/blobs/sha256:{digest:064x}\n\nHTTP/1.1\n\
             100.{a}.{b}.{c}\n{ray:016x}\n{}\n{country}\n{continent}\n{asn}\n{tls}\nAEAD-AES128-GCM-SHA256\nc{hello:>19}\n\
             e{hello:>19}\nl{hello:>19}\n{hello}\n{accept_encoding}\n\n\n12\n\n\n\nuser-agent:{user_agent}\n\
             accept-encoding:gzip\nauthorization:Bearer {client:0400}",
            digest % REPOSITORIES,
            self.colo,
        );
        let size = size_of(digest);
        let mut answer = Answer {
            status: 200,
            bytes: size - offset.unwrap_or(0),
            takes_ms: 40,
            ..Answer::default()
        };
        if let Some(offset) = offset {
            let _ = write!(facts, "\nrange:bytes={offset}-");
            answer.status = 206;
            answer.content_range = format!("bytes {offset}-{}/{size}", size - 1);
        }
        PlayedRequest {
            facts,
            answer,
            time_ms,
        }
    }
}

/// From 100 KB to 80 MB; two thirds are large.
fn size_of(digest: u32) -> u64 {
    let hash = u64::from(digest + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    if digest.is_multiple_of(3) {
        100_000 + hash % 900_000
    } else {
        2_000_000 + hash * 5 % 80_000_000
    }
}

/// By the weights of the load on workerd.
fn software(client: u32) -> &'static Software {
    let mut place = (client.wrapping_mul(0x9e37_79b9) >> 8) as usize % 100;
    let mut all = SOFTWARE.iter();
    let is_its = |software: &&Software| match place.checked_sub(software.weight) {
        Some(rest) => {
            place = rest;
            false
        }
        None => true,
    };
    let [first, ..] = &SOFTWARE;
    all.find(is_its).unwrap_or(first)
}

fn network(client: u32) -> (u32, &'static str, &'static str, &'static str) {
    let place = (client.wrapping_mul(0x85eb_ca6b) >> 16) as usize % NETWORKS.len();
    NETWORKS.get(place).copied().unwrap_or_default()
}
