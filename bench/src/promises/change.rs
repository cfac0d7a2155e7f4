//! A change of a mode, until every isolate acts on it.

use super::{COLOS, seconds_until};
use crate::figure::{Figure, Target};
use crate::stage::{Client, Workerd};
use anyhow::{Result, anyhow};
use serde_json::json;
use std::net::SocketAddr;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

/// Design: a change reaches every live isolate in under this.
const TARGET: Target = Target::AtMost(5.0);

/// An isolate that heard nothing for so long trusts its rulebook no longer.
const IDLE: Duration = Duration::from_secs(5);

/// Between two pulls of a busy isolate.
const PACE: Duration = Duration::from_millis(20);

const AGENT: &str = "change/1";

pub(super) fn figures(workerd: &Workerd, rounds: usize) -> Result<Vec<Figure>> {
    let rule =
        json!({"description": "", "expression": "http.user_agent contains \"change/\"", "action": "block"});
    workerd.api().put("rules/change", &rule)?;
    let (mut busy, mut idle) = (Vec::new(), Vec::new());
    for round in 0..2 * rounds {
        let (mode, status) = if round % 2 == 0 {
            ("enforce", 403)
        } else {
            ("monitor", 200)
        };
        let is_idle = round % 4 > 1;
        if is_idle {
            sleep(IDLE);
        }
        let setting = json!({"mode": mode, "force": true, "guard": "off", "reason": "a benchmark"});
        let began = Instant::now();
        workerd.api().put("rules/change/modes/default", &setting)?;
        let seconds = everywhere(workerd, began, status)?;
        if is_idle { &mut idle } else { &mut busy }.push(seconds);
    }
    Ok(vec![
        Figure::new("a change, until every busy isolate acts", "s", busy, TARGET),
        Figure::new("a change, until every idle isolate acts", "s", idle, TARGET),
    ])
}

fn everywhere(workerd: &Workerd, began: Instant, status: u16) -> Result<f64> {
    scope(|scope| {
        let isolates = COLOS.into_iter().zip(workerd.isolates());
        let waits: Vec<_> = isolates
            .map(|(colo, isolate)| scope.spawn(move || acts(isolate, colo, began, status)))
            .collect();
        let mut last: f64 = 0.0;
        for wait in waits {
            last = last.max(wait.join().map_err(|_| anyhow!("a client panicked"))??);
        }
        Ok(last)
    })
}

fn acts(isolate: SocketAddr, colo: &str, began: Instant, status: u16) -> Result<f64> {
    let client = Client::new(isolate, AGENT);
    seconds_until(began, || {
        sleep(PACE);
        Ok(client.pull(colo, "192.0.2.1", 0)? == status)
    })
}
