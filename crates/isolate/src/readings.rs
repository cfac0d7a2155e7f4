//! Of the blobs that origins may take one path for, the one that is decided on.
//!
//! In scope: choosing the reading of which rules do most, so that none holds for one origin only. Not in scope: which
//! readings there are (`blobwatch_pull`), and what a verdict does (`decide`).

use super::Isolate;
use super::decide::name_of;
use blobwatch_pull::{Facts, Request};
use blobwatch_rulebook::{Subject, Verdict};

/// One of them.
pub(super) struct Reading<'a> {
    pub(super) request: Request<'a>,
    pub(super) route: usize,
    pub(super) verdict: Verdict,
}

impl Isolate {
    /// What rules do most about: the first reading, unless they do more about another. `None` for what is not watched.
    pub(super) fn strictest<'a>(
        &mut self,
        facts: &'a Facts<'a>,
        form: &'a str,
        degraded: bool,
    ) -> Option<Reading<'a>> {
        let identify = || self.memory.identity(facts, &self.config.keys);
        let readings = self.book.table.readings(facts, form, identify);
        let mut strictest = None;
        for (request, route) in readings {
            let reading = self.reading(request, route, degraded);
            strictest = Some(stricter(strictest, reading));
        }
        strictest
    }

    fn reading<'a>(&mut self, mut request: Request<'a>, route: usize, degraded: bool) -> Reading<'a> {
        request.kind = self.history.expected(&request);
        Reading {
            verdict: self.verdict(&request, route, degraded),
            request,
            route,
        }
    }

    fn verdict(&mut self, request: &Request<'_>, route: usize, degraded: bool) -> Verdict {
        let texts = request.texts();
        let values = request.values(name_of(&self.book.routes, route), &texts);
        self.book.engine.run(&values, &mut self.scratch);
        let subject = Subject {
            route,
            client: request.client,
            network: request.network,
            fingerprint: request.fingerprint.as_str(),
            asn: request.facts.asn,
            now_ms: request.facts.time_ms,
            degraded,
        };
        blobwatch_rulebook::decide(&self.book.policy, &subject, self.scratch.matched(), &self.hot)
    }
}

fn stricter<'a>(held: Option<Reading<'a>>, other: Reading<'a>) -> Reading<'a> {
    let Some(mut held) = held else {
        return other;
    };
    if held.verdict.or_stricter(other.verdict) {
        (held.request, held.route) = (other.request, other.route);
    }
    held
}
