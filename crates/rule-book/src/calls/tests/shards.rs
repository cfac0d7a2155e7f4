//! Guards over the FireLogs of one data centre, from the request to the verdict: whatever their number, a client counts once, and what
//! harms is taken back although no FireLog sees enough of it.

use std::collections::BTreeMap;
use std::ops::Range;

use blobwatch_fire_log::FireLog;
use blobwatch_isolate::{Config, Isolate};
use blobwatch_pull::{ObservedAnswer, Outcome};
use blobwatch_records::{Reply, RulebookVersion};
use blobwatch_rulebook::{Compiled, Plan, Program, starter};
use blobwatch_sql::Native;
use serde_json::{Value, json};

use super::{Api, NOW, api};
use crate::calls::take_report;

/// Numbers of FireLogs of one data centre; the last is the most that there can be.
const FIRE_LOGS: [u32; 3] = [1, 5, 64];

/// Before the rule is enforced, which is at `NOW + 60_000`.
const BEFORE: u64 = NOW - 3_600_000;

/// When clients are denied.
const DENIED: u64 = NOW + 70_000;

/// One isolate, the FireLogs of its data centre, and the RuleBook.
struct Deployment {
    api: Api,
    isolate: Isolate,
    logs: BTreeMap<String, FireLog<Native>>,
}

impl Deployment {
    fn new(fire_logs: u32) -> Self {
        let api = api();
        api.put("settings", &json!({"fire_logs": {"IAD": fire_logs}}));
        let (config, _) = Config::read("000000000007", "secret", "", "https://origin.example", &[]).unwrap();
        let shipped = Program::from(Compiled::build(starter().unwrap()).unwrap());
        let logs = (0..fire_logs).map(|place| format!("fl1-iad-{place}"));
        let log = |name: String| {
            let mut log = FireLog::open(Native::in_memory().unwrap()).unwrap();
            log.be_named(&name).unwrap();
            (name, log)
        };
        let mut deployment = Self {
            api,
            isolate: Isolate::new(config, shipped),
            logs: logs.map(log).collect(),
        };
        deployment.push();
        deployment
    }

    /// The rulebook as it is now, everywhere.
    fn push(&mut self) {
        let (epoch, book) = (self.api.0.epoch().unwrap(), self.api.0.document().unwrap());
        let document = serde_json::to_string(&book).unwrap();
        for log in self.logs.values_mut() {
            log.keep_rulebook(epoch, &document).unwrap();
        }
        let revision = book.revision;
        let reply = Reply {
            held: RulebookVersion { epoch, revision },
            rulebook: Some(Program::from(Compiled::build(book).unwrap()).encode()),
            ..Reply::default()
        };
        assert!(self.isolate.learn("fl1-iad-0", &reply.encode(), NOW).unwrap());
    }

    fn enforce(&mut self) {
        let enforce = json!({"mode": "enforce", "reason": "r", "force": true});
        self.api.put("rules/sweep/modes/default", &enforce);
        self.push();
    }

    /// The status of one request, which is recorded: of the origin, or of a refusal.
    fn pull(&mut self, client: Client, blob: u64, time_ms: u64, status: u16) -> u16 {
        let Plan::Watch(plan) = self.isolate.decide(&client.facts(blob, time_ms), true).unwrap() else {
            panic!("it is watched");
        };
        let refused = plan.refusal.map(|refusal| refusal.status);
        let status = refused.unwrap_or(status);
        self.isolate.settle(plan.id, &said(time_ms + 5, status));
        status
    }

    fn flush(&mut self, now_ms: u64) {
        while let Some(outgoing) = self.isolate.next_flush(now_ms) {
            let log = self.logs.get_mut(&outgoing.to).unwrap();
            let reply = log.accept(&outgoing.body, now_ms).unwrap();
            self.isolate.learn(&outgoing.to, &reply.encode(), now_ms).unwrap();
        }
    }

    /// Clients are denied, and FireLogs tell of it ten seconds later; as [`Self::report`].
    fn deny(&mut self, clients: &[Client], time_ms: u64) -> u32 {
        for blob in 3..6 {
            for client in clients {
                assert_eq!(self.pull(*client, blob, time_ms + blob, 200), 403);
            }
        }
        self.flush(time_ms + 5_000);
        self.report(time_ms + 10_000)
    }

    /// Every FireLog tells what it counted, twice: the RuleBook's answer to the first was lost. The clean clients that the one with the
    /// most of them told.
    fn report(&mut self, now_ms: u64) -> u32 {
        let mut most = 0;
        for log in self.logs.values_mut() {
            let Some(report) = log.guard_report(now_ms).unwrap() else {
                continue;
            };
            let cohorts = report.watches.iter().flat_map(|watch| &watch.cohorts);
            most = most.max(cohorts.map(|cohort| cohort.counts.enforced.healthy).sum());
            take_report(&self.api.0, &report, now_ms).unwrap();
            let taken = take_report(&self.api.0, &report, now_ms).unwrap();
            log.guard_reported(&report.watches, taken.next.again_ms, now_ms);
        }
        most
    }

    fn mode(&self) -> Value {
        self.api.get("rules/sweep/modes/default")
    }
}

/// A machine, and the network that it is in.
#[derive(Clone, Copy)]
struct Client {
    network: u64,
    machine: u64,
}

impl Client {
    fn facts(self, blob: u64, time_ms: u64) -> String {
        let Self { network, machine } = self;
        let address = format!("198.{}.{}.{machine}", 18 + network / 250, network % 250);
        let digest = format!("sha256:{:064x}", network << 32 | machine << 16 | blob);
        format!(
            "{time_ms}\nGET\nhttps\nregistry.example\n/v2/team/app/blobs/{digest}\n\nHTTP/1.1\n{address}\n5ae\nIAD\nUS\nNA\n7018\n\
             TLSv1.2\nAES\nc\ne\nl\n508\ngzip\n\n\n\n\n\n\nuser-agent:docker/20.10.7"
        )
    }
}

fn clients(networks: Range<u64>, machines: u64) -> Vec<Client> {
    let machines = |network| (1..=machines).map(move |machine| Client { network, machine });
    networks.flat_map(machines).collect()
}

fn said(time_ms: u64, status: u16) -> ObservedAnswer<'static> {
    ObservedAnswer {
        status,
        content_range: None,
        content_length: Some(1_000),
        content_type: None,
        location: None,
        followed_to: None,
        cache: None,
        outcome: Outcome::NotObserved,
        time_ms,
    }
}

/// Clients pulled, and then the rule is enforced.
fn enforced(fire_logs: u32, clean: &[Client], unhealthy: &[Client]) -> Deployment {
    let mut deployment = Deployment::new(fire_logs);
    for blob in 0..3 {
        let time_ms = BEFORE + blob * 1_000;
        for client in clean {
            assert_eq!(deployment.pull(*client, blob, time_ms, 200), 200);
        }
        for client in unhealthy {
            assert_eq!(deployment.pull(*client, blob, time_ms, 503), 503);
        }
    }
    deployment.flush(BEFORE + 10_000);
    deployment.enforce();
    deployment
}

/// Clients with a past are denied, three times each, beside others without one.
fn denied(fire_logs: u32, clean: &[Client], unhealthy: &[Client], unknown: &[Client]) -> (Deployment, u32) {
    let mut deployment = enforced(fire_logs, clean, unhealthy);
    let most = deployment.deny(&[clean, unhealthy, unknown].concat(), DENIED);
    (deployment, most)
}

#[test]
fn a_client_counts_once_over_any_number_of_fire_logs() {
    let (clean, unhealthy, unknown) = (clients(0..4, 4), clients(100..300, 1), clients(400..440, 1));
    let guards = FIRE_LOGS.map(|fire_logs| {
        let (mut deployment, _) = denied(fire_logs, &clean, &unhealthy, &unknown);
        // Later reports tell the same again.
        deployment.report(DENIED + 60_000);
        let mode = deployment.mode();
        assert_eq!(mode["mode"], "enforce", "four networks take nothing back: {mode}");
        mode["guard"].clone()
    });
    let numbers = [
        "denied_clients",
        "denied_healthy",
        "denied_unhealthy",
        "denied_unknown",
    ];
    assert_eq!(numbers.map(|name| &guards[0][name]), [256, 16, 200, 40]);
    for (guard, fire_logs) in guards.iter().zip(FIRE_LOGS) {
        assert_eq!(guard, &guards[0], "{fire_logs} FireLogs");
    }
}

#[test]
fn what_harms_is_taken_back_over_any_number_of_fire_logs() {
    let (clean, unhealthy) = (clients(0..40, 1), clients(100..300, 1));
    for fire_logs in FIRE_LOGS {
        let (deployment, most) = denied(fire_logs, &clean, &unhealthy, &[]);
        if fire_logs == 64 {
            assert!(most < 5, "no FireLog sees enough by itself: {most}");
        }
        let mode = deployment.mode();
        assert_eq!(
            (&mode["mode"], &mode["actor"], &mode["guard"]["state"]),
            (&json!("monitor"), &json!("guard"), &json!("demoted")),
            "{fire_logs} FireLogs: {mode}"
        );
        let audit = deployment.api.get("audit?limit=100");
        let items = audit["items"].as_array().unwrap().iter();
        assert_eq!(
            items.filter(|entry| entry["action"] == "mode.demote").count(),
            1,
            "{audit}"
        );
    }
}

/// Each FireLog counts four of a network: whoever comes to many others with many machines in few networks counts with four of each
/// all the same.
#[test]
fn machines_of_few_networks_take_nothing_back_over_any_number_of_fire_logs() {
    let (clean, unhealthy) = (clients(0..5, 40), clients(100..400, 1));
    for fire_logs in FIRE_LOGS {
        let mut deployment = enforced(fire_logs, &clean, &unhealthy);
        deployment.deny(&unhealthy, DENIED);
        deployment.deny(&clean, DENIED + 80_000);
        let mode = deployment.mode();
        assert_eq!(
            mode["guard"]["denied_healthy"], 200,
            "{fire_logs} FireLogs: {mode}"
        );
        assert_eq!(mode["mode"], "enforce", "{fire_logs} FireLogs: {mode}");
    }
}
