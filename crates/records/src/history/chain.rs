//! The asks of one client for one digest, in order of time.

use super::ask::Ask;
use super::{Again, Classification, Correction, MAX_CHAIN_ASKS, WINDOW_MS, chunks, closed, open};
use blobwatch_pull::{RangeKind, RecordId};

/// Refusals that are remembered: clients try five times at most, and the newest decide.
const MAX_REFUSALS: usize = 8;

/// What one client asked of one digest, oldest first.
#[derive(Debug, Default)]
pub(super) struct Chain {
    asks: Vec<Ask>,
    /// When the rest was refused, oldest first, at most [`MAX_REFUSALS`].
    refused_ms: Vec<u64>,
    /// Of the parallel fetch that was seen here.
    spacing: Option<u64>,
    /// Asks have left the chain that others were judged by.
    has_forgotten: bool,
}

impl Chain {
    pub(super) fn len(&self) -> usize {
        self.asks.len()
    }

    pub(super) fn spacing(&self) -> Option<u64> {
        self.spacing
    }

    pub(super) fn has_before(&self, id: RecordId) -> bool {
        self.asks.first().is_some_and(|ask| ask.id < id)
    }

    pub(super) fn recall(&self, id: RecordId) -> Option<Classification> {
        let place = self.asks.binary_search_by_key(&id, |ask| ask.id).ok()?;
        self.asks.get(place).map(|ask| ask.told)
    }

    /// What an ask would be, were it taken in.
    pub(super) fn expected(&self, ask: Ask, spacing: Option<u64>) -> RangeKind {
        let mut asks = self.asks.clone();
        asks.push(ask);
        let spacing = chunks::spacing(&asks).or(self.spacing).or(spacing);
        classify(&ask, self.asks.len(), &asks, &self.refused_ms, spacing).kind
    }

    /// Takes in an ask and says what it is; what others are now is added to `corrections`. `spacing` is that of the
    /// client's other parallel fetches.
    pub(super) fn take(
        &mut self,
        ask: Ask,
        spacing: Option<u64>,
        corrections: &mut Vec<Correction>,
    ) -> Classification {
        let place = match self.asks.binary_search_by_key(&ask.id, |known| known.id) {
            // A record that comes again says nothing new.
            Ok(place) => return self.asks.get(place).map_or(ask.told, |known| known.told),
            Err(place) => place,
        };
        if self.asks.is_empty() {
            // Most chains are of one ask, and room for one is a quarter of what a vector takes otherwise.
            self.asks.reserve_exact(1);
        }
        self.asks.insert(place, ask);
        self.share_end(place);
        self.spacing = chunks::spacing(&self.asks).or(self.spacing);
        self.judge(ask.id, self.spacing.or(spacing), corrections);
        let judged = self.asks.get(place).map_or(ask.told, |ask| ask.told);
        self.forget();
        judged
    }

    /// A redirect does not say the blob's size; the fetch to which it led does.
    fn share_end(&mut self, place: usize) {
        let Some(ask) = self.asks.get(place).copied() else {
            return;
        };
        let is_half = |other: &Ask| ask.leads_to(other) && other.to_end || ask.to_end && other.leads_to(&ask);
        let half = self.asks.iter().rposition(is_half);
        for place in half
            .map_or([None, None], |half| [Some(half), Some(place)])
            .into_iter()
            .flatten()
        {
            if let Some(ask) = self.asks.get_mut(place) {
                ask.to_end = true;
            }
        }
    }

    /// Takes in that the rest was refused to the client then.
    pub(super) fn refuse(&mut self, time_ms: u64) {
        let place = self.refused_ms.partition_point(|known| *known <= time_ms);
        self.refused_ms.insert(place, time_ms);
        let over = self.refused_ms.len().saturating_sub(MAX_REFUSALS);
        self.refused_ms.drain(..over);
        for place in 0..self.asks.len() {
            let (earlier, later) = self.asks.split_at_mut(place);
            if let Some(ask) = later.first_mut() {
                ask.told.begun_again |= ask.told.start && begins_again(ask, earlier, &self.refused_ms);
            }
        }
    }

    fn judge(&mut self, new: RecordId, spacing: Option<u64>, corrections: &mut Vec<Correction>) {
        for place in 0..self.asks.len() {
            let Some(ask) = self.asks.get(place) else { return };
            let seen = classify(ask, place, &self.asks, &self.refused_ms, spacing);
            let told = if self.has_forgotten {
                seen.after(ask, ask.id == new)
            } else {
                seen
            };
            if told.kind != ask.told.kind && ask.id != new {
                corrections.push(Correction {
                    id: ask.id,
                    kind: told.kind,
                });
            }
            if let Some(ask) = self.asks.get_mut(place) {
                ask.told = told;
            }
        }
    }

    fn forget(&mut self) {
        let newest_ms = self.asks.last().map_or(0, Ask::time_ms);
        let is_old = |ask: &Ask| ask.time_ms().saturating_add(WINDOW_MS) < newest_ms;
        let old = self.asks.iter().take_while(|ask| is_old(ask)).count();
        let over = self.asks.len().saturating_sub(MAX_CHAIN_ASKS);
        self.has_forgotten |= old.max(over) > 0;
        self.asks.drain(..old.max(over));
    }
}

/// What the ask at a place is, as far as the asks now in the chain show.
fn classify(
    ask: &Ask,
    place: usize,
    asks: &[Ask],
    refused_ms: &[u64],
    spacing: Option<u64>,
) -> Classification {
    let earlier = asks.get(..place).unwrap_or_default();
    // Those that no longer bear on it.
    let since_ms = ask.time_ms().saturating_sub(WINDOW_MS);
    let old = earlier
        .iter()
        .take_while(|before| before.time_ms() < since_ms)
        .count();
    let (earlier, asks) = (
        earlier.get(old..).unwrap_or_default(),
        asks.get(old..).unwrap_or_default(),
    );
    let redirect = ask.led_by(earlier);
    let restarted = if ask.is_full() && redirect.is_none() {
        open::restarted(ask, earlier)
    } else {
        None
    };
    let kind = match ask.base {
        RangeKind::None | RangeKind::Whole if restarted.is_some() => RangeKind::Restart,
        RangeKind::Resume if ask.is_open() => open::kind(ask, earlier, asks, spacing),
        RangeKind::Resume | RangeKind::Tile | RangeKind::Scatter => closed::kind(ask, earlier, asks),
        base => base,
    };
    let start = redirect.is_none() && is_start(ask, kind, earlier);
    Classification {
        kind,
        origin_known: !earlier.is_empty(),
        start,
        stuck: restarted.is_some_and(|before| !open::arrived(before, earlier)),
        again: open::again(restarted, earlier),
        unreached: open::is_unreached(ask, earlier),
        suspect: open::is_suspect(ask, earlier),
        behind: false,
        looped: false,
        pace: ask.pace,
        begun_again: start && begins_again(ask, earlier, refused_ms),
        parallel: is_parallel(ask, asks, spacing),
        known_client: ask.known_client,
        // What a redirect is cannot always be told before the blob's size is known.
        second_half: redirect.is_some_and(|redirect| ask.is_full() || redirect.told.kind == kind),
        progress: if ask.base == RangeKind::Resume {
            open::progress(ask, earlier)
        } else {
            None
        },
    }
}

fn is_start(ask: &Ask, kind: RangeKind, earlier: &[Ask]) -> bool {
    if ask.is_full() {
        return true;
    }
    let is_part = |kind| matches!(kind, RangeKind::Tile | RangeKind::Chunk);
    is_part(kind)
        && !earlier
            .iter()
            .any(|before| before.is_full() || is_part(before.told.kind))
}

/// Whether it is for all of the blob, the first such ask since the rest was refused.
fn begins_again(ask: &Ask, earlier: &[Ask], refused_ms: &[u64]) -> bool {
    if refused_ms.is_empty() || !ask.is_full() {
        return false;
    }
    let since_ms = earlier
        .iter()
        .rfind(|before| before.is_full())
        .map_or(0, Ask::time_ms)
        .max(ask.time_ms().saturating_sub(WINDOW_MS));
    let between = |refused_ms: &u64| (since_ms..ask.time_ms()).contains(refused_ms);
    refused_ms.iter().any(between)
}

/// Whether the client took other parts of the blob while this body was under way, or ends it when it has its part.
fn is_parallel(ask: &Ask, asks: &[Ask], spacing: Option<u64>) -> bool {
    let is_chunk = |other: &Ask| spacing.is_some_and(|spacing| chunks::is_chunk(other, asks, spacing));
    let is_of_set = ask.is_open() && is_chunk(ask);
    let is_sibling = |other: &Ask| {
        if other.id > ask.id {
            let is_part = other.base == RangeKind::Tile || is_chunk(other);
            is_part && ask.is_under_way_at(other.time_ms())
        } else {
            spacing.is_some_and(|spacing| other.overlaps(ask, spacing)) && is_chunk(other)
        }
    };
    // Workers ask side by side, so the first chunk may come after another one; what follows a whole pull is begun anew.
    let is_set = |other: &Ask| is_sibling(other) && (other.id > ask.id || is_first_full(ask, asks));
    is_of_set || ask.is_full() && asks.iter().any(is_set)
}

fn is_first_full(ask: &Ask, asks: &[Ask]) -> bool {
    let is_before = |other: &Ask| other.is_full() && other.id < ask.id;
    !asks.iter().any(is_before)
}

impl Classification {
    /// What to say of an ask of which something was said before, unless it is new, in a chain that has forgotten: what
    /// was found out stays so. A chunk that is asked for again is the one thing found out later.
    fn after(self, ask: &Ask, is_new: bool) -> Self {
        let told = ask.told;
        let is_refined = told.kind != ask.base;
        let is_stuck_chunk = told.kind == RangeKind::Chunk && self.kind == RangeKind::Repeat;
        let kind = if is_refined && !is_stuck_chunk {
            told.kind
        } else {
            self.kind
        };
        let is_settled = !is_new && kind == told.kind;
        Self {
            kind,
            origin_known: self.origin_known || told.origin_known,
            start: if is_settled { told.start } else { self.start },
            stuck: self.stuck || told.stuck,
            begun_again: self.begun_again || told.begun_again,
            parallel: self.parallel || told.parallel,
            again: if self.again == Again::Unknown {
                told.again
            } else {
                self.again
            },
            unreached: self.unreached || told.unreached,
            suspect: self.suspect || told.suspect,
            progress: self.progress.or(told.progress),
            ..self
        }
    }
}
