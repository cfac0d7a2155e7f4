//! Downloads that hang, end to end: real pulls through the real worker, an anomaly with the right cohort, and somebody
//! told of it; a kill of the runtime in the middle loses no acknowledged count and doubles none.

use std::time::Duration;

use blobwatch_detector::signature;
use serde_json::{Value, json};

use crate::harness::clock::{eventually, pass, unix_ms};
use crate::harness::deployment::Bundle;
use crate::harness::http::Request;
use crate::harness::image::Blob;
use crate::harness::past::an_hour_of_health;
use crate::harness::place::Place;
use crate::harness::receiver::Receiver;
use crate::harness::registry::REPOSITORY;
use crate::harness::stage::Stage;
use crate::{mcp, shares};

const SECRET: &str = "a secret of thirty-two characters";

/// Amazon Linux 2, as Docker says it.
const AMAZON: &str = "docker/20.10.7 go/go1.15.14 git-commit/b0f5bc3 kernel/4.14.238-182.422.amzn2.x86_64 os/linux \
                      arch/amd64 UpstreamClient(Docker-Client/20.10.7 \\(linux\\))";
const OTHERS: &str = "containerd/1.6.20";

/// Between two rounds of pulls.
const PACE: Duration = Duration::from_millis(300);

/// Rounds of a healthy minute, and of cut downloads before the runtime is killed.
const HEALTHY_ROUNDS: usize = 12;
const ROUNDS_BEFORE_KILL: usize = 12;

struct Client {
    agent: &'static str,
    colo: &'static str,
    /// Within its build and colo.
    number: usize,
}

impl Client {
    /// Four clients a network, so that ten are in three and forty in ten.
    fn place(&self) -> Place {
        let network = self.number / 4;
        let asn = if self.agent == AMAZON { 16509 } else { 7922 };
        let colo = self.colo.bytes().map(u32::from).sum::<u32>() % 200;
        Place::colo(self.colo)
            .with("asn", asn)
            .address(&format!("10.{colo}.{network}.{}", self.number % 4 + 1))
    }

    fn ask(&self, stage: &Stage, start: Option<usize>) -> Request {
        let request = Request::get(&target(&layer(stage).digest)).header("User-Agent", self.agent);
        match start {
            Some(start) => request.header("Range", &format!("bytes={start}-")),
            None => request,
        }
    }

    /// Begins a download, and goes away in the middle to ask for the rest where it is cut.
    fn pull(&self, stage: &Stage, is_cut: bool) -> u64 {
        let mut incoming = stage.open(&self.place(), &self.ask(stage, None));
        if !is_cut {
            drop(incoming.take(100_000).unwrap());
            return 1;
        }
        let start = 100_000 + 1_001 * self.number;
        incoming.take(start).unwrap();
        drop(incoming);
        let mut rest = stage.open(&self.place(), &self.ask(stage, Some(start)));
        rest.take(1_000).unwrap();
        2
    }
}

fn layer(stage: &Stage) -> &Blob {
    // 5 MiB: a large blob.
    &stage.registry.image.layers[2]
}

fn target(digest: &str) -> String {
    format!("/v2/{REPOSITORY}/blobs/{digest}")
}

fn metric(stage: &Stage, name: &str) -> u64 {
    let answer = stage.api().send(Request::get("/_blobwatch/metrics"));
    assert_eq!(answer.status(), 200);
    let text = answer.text();
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
        .unwrap_or(0)
}

#[track_caller]
fn all_are_counted(stage: &Stage, asked: u64) {
    eventually("all requests are counted", || {
        let counted = metric(stage, "blobwatch_requests_total{");
        assert!(counted <= asked, "{counted} counted of {asked}");
        (counted == asked).then_some(())
    });
}

/// Until everything that was counted so far was tested.
#[track_caller]
fn all_is_tested(stage: &Stage) {
    let counted_s = unix_ms() / 1_000;
    eventually("the slots until now are tested", || {
        let tested_s = metric(stage, "blobwatch_detector_tested_timestamp_seconds ");
        (tested_s > counted_s).then_some(())
    });
}

const COLOS: [&str; 4] = ["FRA", "NRT", "GRU", "IAD"];

/// One client of each build in each colo; those of Amazon Linux are cut everywhere but at IAD, if they are.
pub(crate) fn everybody_pulls(stage: &Stage, number: usize, is_cut: bool) -> u64 {
    let mut asked = 0;
    for colo in COLOS {
        for agent in [AMAZON, OTHERS] {
            let client = Client { agent, colo, number };
            asked += client.pull(stage, is_cut && agent == AMAZON && colo != "IAD");
        }
    }
    asked
}

pub(crate) fn anomalies(stage: &Stage, query: &str) -> Vec<Value> {
    stage.api().items(&format!("/anomalies{query}"))
}

#[test]
fn cut_downloads_open_an_anomaly_with_their_cohort_and_a_kill_loses_nothing() {
    let mut stage = Stage::with(Bundle::Release, |deployment| {
        deployment.var("WEBHOOKS_MAY_REACH", "private")
    });
    let receiver = Receiver::start();
    let hook = json!({"url": receiver.url("/hook"), "secret": SECRET});
    stage.api().put("/webhooks/chat", &hook);
    let mut asked = everybody_pulls(&stage, 0, false);
    let records = stage.records("limit=100", 8);
    // What these pulls count must be in before the kill, or it comes later: both are fine, once.
    let past = an_hour_of_health(&mut stage, &records);
    asked += past;

    // A healthy minute opens nothing.
    for number in 1..=HEALTHY_ROUNDS {
        asked += everybody_pulls(&stage, number, false);
        pass(Duration::from_secs(2));
    }
    all_are_counted(&stage, asked);
    all_is_tested(&stage);
    assert_eq!(anomalies(&stage, ""), Vec::<Value>::new());

    // Nobody comes twice: a second whole pull of one client would be a restart.
    let mut number = HEALTHY_ROUNDS + 1;
    for _ in 0..ROUNDS_BEFORE_KILL {
        asked += everybody_pulls(&stage, number, true);
        number += 1;
        pass(PACE);
    }
    // What is recorded is acknowledged: that outlives a kill.
    stage.records("limit=1000", usize::try_from(asked - past).unwrap());
    stage.edge.restart();
    let opened = eventually("an anomaly opens", || {
        asked += everybody_pulls(&stage, number, true);
        number += 1;
        pass(PACE);
        anomalies(&stage, "?status=open").pop()
    });
    let sentence = opened["sentence"].as_str().unwrap();
    assert_eq!(opened["kind"], "resume_surge", "{sentence}");
    assert!(opened["clients"].as_u64().unwrap() >= 10, "{sentence}");

    // It is named within the next minutes, when more of the same came.
    let named = eventually("the cohort is named", || {
        asked += everybody_pulls(&stage, number, true);
        number += 1;
        pass(PACE);
        let anomaly = anomalies(&stage, "?status=open").pop()?;
        let cohort = anomaly["cohort"].as_array().unwrap().clone();
        let says = |attribute: &str, value: &str, not: bool| {
            cohort.iter().any(|literal| {
                literal["attribute"] == attribute
                    && literal["values"].as_array().unwrap().contains(&json!(value))
                    && literal["not"].as_bool().unwrap_or(false) == not
            })
        };
        let is_amazon =
            says("os", "amzn2", false) || says("family", "docker", false) || says("asn", "16509", false);
        (is_amazon && says("colo", "IAD", true)).then_some(anomaly)
    });
    let id = named["id"].as_str().unwrap();
    let evidence = named["evidence"].as_array().unwrap();
    assert!(!evidence.is_empty());
    let example = evidence[0].as_str().unwrap();
    assert_eq!(
        stage.records(&format!("id={example}"), 1)[0]["range"]["kind"],
        "resume"
    );

    let report = stage.api().try_get(&format!("/anomalies/{id}/report"));
    assert_eq!(report.get("content-type"), Some("text/markdown; charset=utf-8"));
    let text = report.text();
    assert!(text.contains("## Ruled out") && text.contains(example), "{text}");
    assert!(text.contains("curl -v"), "{text}");
    shares::somebody_outside_reads_the_report(&stage, id, example);
    mcp::an_assistant_reads_the_report(&stage, id, example);

    let told = eventually("the webhook is told", || {
        receiver
            .told()
            .into_iter()
            .find(|told| told.body.contains("anomaly.opened"))
    });
    let (time, _) = told
        .head
        .get("blobwatch-signature")
        .unwrap()
        .split_once(',')
        .unwrap();
    let seconds = time.trim_start_matches("t=").parse().unwrap();
    assert_eq!(
        told.head.get("blobwatch-signature"),
        Some(signature(SECRET, seconds, &told.body).as_str())
    );
    let body: Value = serde_json::from_str(&told.body).unwrap();
    assert_eq!(body["anomaly"]["id"], id);
    assert_eq!(told.head.get("blobwatch-delivery"), body["id"].as_str());

    let timeline = stage.api().get("/timeline?since=-30m&by=colo");
    assert!(timeline["series"].as_array().unwrap().len() >= 4);
    assert!(timeline["marks"].to_string().contains("anomaly_opened"));
    let cohorts = stage
        .api()
        .get("/cohorts?kind=resume_surge&x=colo&y=os&since=-5m");
    assert_eq!(cohorts["y"]["values"][0], "amzn2");

    // Every request is counted once: those before the kill, those after it, and the hour that was put in.
    all_are_counted(&stage, asked);
}
