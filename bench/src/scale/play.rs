//! The world second by second: data centres side by side, what they tell in between.

use super::Args;
use super::calls::calls;
use super::centre::Centre;
use super::colo::{Colo, Document, ForOthers};
use super::spent::Spent;
use super::world::{Clients, rates};
use crate::query::START_MS;
use anyhow::{Context, Result, anyhow};
use blobwatch_records::OpenCohort;
use blobwatch_rulebook::{Compiled, Program, starter};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{ScopedJoinHandle, available_parallelism, scope};
use std::time::Instant;

/// Goes on so long after the night was told, so that its cost is in the figures.
const AFTER_S: u64 = 60;

/// What was played, and what it took.
#[derive(Default)]
pub(super) struct Played {
    pub(super) seconds: u64,
    pub(super) took_s: f64,
    pub(super) threads: usize,
    pub(super) isolates: usize,
    pub(super) fire_logs: usize,
    pub(super) all: Spent,
    pub(super) rows_written: u64,
    pub(super) rows_read: u64,
    pub(super) busiest_s: f64,
    pub(super) batches: u64,
    pub(super) cells: u64,
    pub(super) cell_bytes: u64,
    pub(super) ticks_ms: Vec<f64>,
    pub(super) lags_ms: Vec<f64>,
    pub(super) flush_lags_ms: Vec<f64>,
    pub(super) bytes: i64,
    pub(super) most_bytes: i64,
    pub(super) cohorts: usize,
    pub(super) other_requests: u64,
    pub(super) delay_s: f64,
    pub(super) open: Vec<String>,
    pub(super) calls_ms: Vec<(String, Vec<f64>)>,
}

/// What a thread is to play next.
#[derive(Clone)]
struct Next {
    second: u64,
    is_july: bool,
    pushed: Option<Arc<Document>>,
    open: Option<Arc<Vec<OpenCohort>>>,
}

/// A colo, and who asks it.
struct Site {
    clients: Clients,
    colo: Colo,
}

/// A thread with some of the colos.
struct Player<'scope> {
    next: Sender<Next>,
    told: Receiver<Result<Vec<ForOthers>>>,
    ends: ScopedJoinHandle<'scope, Vec<Site>>,
}

/// # Errors
/// When something refuses what it should take.
pub(super) fn run(args: &Args, folder: &Path) -> Result<Played> {
    let began = Instant::now();
    let start_s = START_MS / 1_000;
    let mut centre = Centre::open(folder, &starter()?, START_MS)?;
    let shares = shares(args, &centre.document()?, folder)?;
    let threads = shares.len();
    scope(|scope| -> Result<Played> {
        let players: Vec<Player<'_>> = shares
            .into_iter()
            .map(|mut colos| {
                let (next, to_play) = channel::<Next>();
                let (tell, told) = channel();
                let ends = scope.spawn(move || {
                    for next in to_play {
                        if tell.send(play(&mut colos, &next)).is_err() {
                            break;
                        }
                    }
                    colos
                });
                Player { next, told, ends }
            })
            .collect();
        let july_s = start_s + args.minutes * 60;
        let (mut second, mut told_s) = (start_s, None);
        let (mut told, mut pushed, mut open) = (Vec::new(), None, Vec::new());
        let end_s =
            |told_s: Option<u64>| told_s.map_or(july_s + args.fault_minutes * 60, |told_s| told_s + AFTER_S);
        while second < end_s(told_s) {
            let now = centre.open_cohorts();
            let next = Next {
                second,
                is_july: second >= july_s,
                pushed: Option::take(&mut pushed).map(Arc::new),
                open: (now != open).then(|| Arc::new(now.clone())),
            };
            open = now;
            for player in &players {
                player
                    .next
                    .send(next.clone())
                    .map_err(|_| anyhow!("a thread died"))?;
            }
            // What the second before told is taken in beside the second that is played.
            pushed = centre.take(std::mem::take(&mut told), second * 1_000)?;
            for player in &players {
                told.extend(player.told.recv().context("a thread died")??);
            }
            if told_s.is_none() && second >= july_s && centre.told().is_some() {
                told_s = Some(second);
            }
            second += 1;
            if (second - start_s).is_multiple_of(60) {
                let (minute, took) = ((second - start_s) / 60, began.elapsed().as_secs());
                eprintln!(
                    "minute {minute} of the world after {took} s; open: {:?}",
                    centre.sentences()
                );
            }
        }
        let ended = players.into_iter().map(|player| {
            drop(player.next);
            player.ends.join().map_err(|_| anyhow!("a thread died"))
        });
        let sites = ended.collect::<Result<Vec<_>>>()?.into_iter().flatten();
        let colos: Vec<Colo> = sites.map(|site| site.colo).collect();
        let mut played = sum(colos, &centre, second * 1_000)?;
        played.seconds = second - start_s;
        played.took_s = began.elapsed().as_secs_f64();
        played.threads = threads;
        played.delay_s = told_s.map_or(f64::INFINITY, |told_s| told_s as f64 - (july_s + 60) as f64);
        Ok(played)
    })
}

/// The colos of each thread, about as busy as those of the others.
fn shares(args: &Args, document: &Document, folder: &Path) -> Result<Vec<Vec<Site>>> {
    let shipped = Program::from(Compiled::build(starter()?)?).encode();
    let threads = available_parallelism()?.get();
    let mut shares: Vec<(f64, Vec<Site>)> = (0..threads).map(|_| (0.0, Vec::new())).collect();
    for (rank, rate) in rates(args.colos, args.rate).into_iter().enumerate() {
        let isolates = (rate / args.isolate_rate).ceil().max(1.0) as usize;
        let clients = Clients::new(rank, rate);
        let colo = Colo::new(rank, isolates, (&shipped, document), folder)?;
        if let Some(share) = shares.iter_mut().min_by(|a, b| a.0.total_cmp(&b.0)) {
            share.0 += rate;
            share.1.push(Site { clients, colo });
        }
    }
    Ok(shares.into_iter().map(|(_, colos)| colos).collect())
}

fn play(sites: &mut [Site], next: &Next) -> Result<Vec<ForOthers>> {
    let second = |Site { clients, colo }: &mut Site| {
        if let Some(document) = &next.pushed {
            colo.push(document)?;
        }
        if let Some(open) = &next.open {
            colo.tell(open);
        }
        colo.second(next.second, &clients.second(next.second, next.is_july))
    };
    sites.iter_mut().map(second).collect()
}

fn sum(mut colos: Vec<Colo>, centre: &Centre, now_ms: u64) -> Result<Played> {
    let mut played = Played {
        all: centre.spent.clone(),
        batches: centre.batches,
        cells: centre.cells,
        cell_bytes: centre.cell_bytes,
        ticks_ms: centre.ticks_ms.clone(),
        lags_ms: centre.lags_ms.clone(),
        bytes: centre.bytes,
        most_bytes: centre.most_bytes,
        cohorts: centre.cohorts(),
        other_requests: centre.other_requests(),
        open: centre.sentences(),
        ..Played::default()
    };
    (played.rows_written, played.rows_read) = centre.rows();
    for colo in &mut colos {
        played.all.add(&colo.spent);
        let (written, read) = colo.rows();
        played.rows_written += written;
        played.rows_read += read;
        played.isolates += colo.isolates();
        played.fire_logs += colo.fire_logs();
        played.busiest_s = played.busiest_s.max(colo.busiest_s());
        played.flush_lags_ms.extend(colo.lag_ms(now_ms));
    }
    played.calls_ms = calls(centre, now_ms)?;
    Ok(played)
}
