//! What answers: the service, the registry, and the clock of this machine against the registry's.

use std::time::{SystemTime, UNIX_EPOCH};

use blobwatch_host::Origin;
use ureq::http::HeaderMap;

use super::finding::Finding;
use crate::probe::{ask, health, registry as registry_of};

/// What a detector bears: it counts in slots of ten seconds.
const MOST_SECONDS_APART: u64 = 30;

/// Whether the service answers, and what it is in want of.
pub(super) fn service(url: &Origin) -> Finding {
    let health = match ask(&format!("{url}/_blobwatch/healthz"), None) {
        Ok(answer) => health(answer.body()),
        Err(error) => Err(format!("{url} does not answer: {error:#}")),
    };
    match health {
        Ok(()) => Finding::sound("service", "answers, and nothing is degraded"),
        Err(told) => Finding::fault("service", told),
    }
}

/// Whether the registry answers, and what its clock says.
pub(super) fn registry(origin: Option<&Origin>) -> Vec<Finding> {
    let Some(origin) = origin else {
        return vec![Finding::sound(
            "registry",
            "not asked: name it with --origin, as for `serve`",
        )];
    };
    let answer = match ask(&format!("{origin}/v2/"), None) {
        Ok(answer) => answer,
        Err(error) => {
            return vec![Finding::fault(
                "registry",
                format!("{origin} does not answer: {error:#}"),
            )];
        }
    };
    let found = match registry_of(&answer) {
        Ok(told) => Finding::sound("registry", told),
        Err(told) => Finding::fault("registry", told),
    };
    vec![found, clock(answer.headers(), now())]
}

fn clock(headers: &HeaderMap, now: u64) -> Finding {
    let date = headers.get("date").and_then(|date| date.to_str().ok());
    let Some(theirs) = date.and_then(|date| httpdate::parse_http_date(date).ok()) else {
        return Finding::sound("clock", "not compared: the registry says no time");
    };
    let theirs = theirs
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let apart = theirs.abs_diff(now);
    let told = format!("{apart} s from the registry's");
    if apart > MOST_SECONDS_APART {
        return Finding::fault(
            "clock",
            format!("{told}: records have this machine's time; let NTP set it"),
        );
    }
    Finding::sound("clock", told)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the machine's clock is what is looked at"
)]
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use ureq::http::HeaderMap;

    use super::clock;

    #[test]
    fn clocks_that_are_apart_are_a_fault() {
        let mut headers = HeaderMap::new();
        assert!(!clock(&headers, 0).is_fault(), "no time, no fault");
        headers.insert("date", "Sun, 05 Jul 2020 19:00:00 GMT".parse().unwrap());
        let theirs = 1_593_975_600;
        for (now, is_fault) in [
            (theirs, false),
            (theirs + 30, false),
            (theirs + 31, true),
            (theirs - 31, true),
        ] {
            assert_eq!(clock(&headers, now).is_fault(), is_fault, "{now}");
        }
    }
}
