//! A rule that denies healthy clients, until its guard took it back, and until pulls succeed in every data centre.

use super::{COLOS, seconds_until};
use crate::figure::{Figure, Target};
use crate::stage::{Client, Workerd};
use anyhow::Result;
use serde_json::{Value, json};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// From the verdict on.
const TARGET: Target = Target::AtMost(10.0);

/// Machines that pulled some blobs cleanly before.
const MACHINES: usize = 12;
const BLOBS: usize = 3;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

pub(super) fn figures(workerd: &Workerd, rounds: usize) -> Result<Vec<Figure>> {
    let (mut verdicts, mut opened) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let (verdict, open) = round_of(workerd, round)?;
        verdicts.push(verdict);
        opened.push(open);
    }
    Ok(vec![
        Figure::new(
            "a healthy client denied, until the guard takes it back",
            "s",
            verdicts,
            Target::None,
        ),
        Figure::new("taken back, until every data centre is open", "s", opened, TARGET),
    ])
}

/// With a rule and clients of its own: another round's are known already.
fn round_of(workerd: &Workerd, round: usize) -> Result<(f64, f64)> {
    let (api, rule) = (workerd.api(), format!("probes-{round}"));
    let agent = format!("probe-{round}/1");
    let clients: Vec<Client> = workerd
        .isolates()
        .map(|isolate| Client::new(isolate, &agent))
        .collect();
    let at_home = clients.first().zip(COLOS.first());
    let ask = |machine: usize, blob: usize| {
        let address = format!("203.{round}.{machine}.1");
        at_home.map_or(Ok(0), |(client, colo)| {
            client.pull(colo, &address, round * BLOBS + blob)
        })
    };
    for machine in 1..=MACHINES {
        for blob in 0..BLOBS {
            ask(machine, blob)?;
        }
    }
    let expression = format!("http.user_agent contains \"{agent}\"");
    api.put(
        &format!("rules/{rule}"),
        &json!({"description": "", "expression": expression, "action": "block"}),
    )?;
    let mode = format!("rules/{rule}/modes/default");
    let enforce = json!({"mode": "enforce", "force": true, "reason": "a benchmark"});
    api.put(&mode, &enforce)?;
    let everybody_gets = |status: u16| {
        let mut at = clients.iter().zip(COLOS);
        at.try_fold(true, |all, (client, colo)| {
            anyhow::Ok(all && client.pull(colo, "192.0.2.1", round * BLOBS)? == status)
        })
    };
    let look = |holds: &dyn Fn() -> Result<bool>| {
        sleep(LOOK);
        holds()
    };
    seconds_until(Instant::now(), || look(&|| everybody_gets(403)))?;
    let denied = Instant::now();
    for machine in 1..=MACHINES {
        ask(machine, 0)?;
    }
    let is_taken_back = || Ok(api.get(&mode)?.get("mode").and_then(Value::as_str) == Some("monitor"));
    let verdict = seconds_until(denied, || look(&is_taken_back))?;
    let open = seconds_until(Instant::now(), || look(&|| everybody_gets(200)))?;
    Ok((verdict, open))
}
