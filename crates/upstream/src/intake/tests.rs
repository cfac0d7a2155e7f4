mod documented;
mod forms;
mod mappings;

use blobwatch_pull::Record;
use blobwatch_records::decode;
use blobwatch_rulebook::{FireLogBounds, IngestMapping, Rulebook, starter};

use super::{Harvest, Intake, MAX_AGE_MS, MAX_AHEAD_MS, MAX_EVENTS};
use crate::batch::{Ingested, UpstreamAnswer};
use crate::deployment::Deployment;
use crate::form::FormReader;
use crate::report::{Counts, MAX_FAULTS};

/// 5 July 2020, 19:00:00 UTC.
const JULY: u64 = 1_593_975_600_000;

const DIGEST: &str = "sha256:4abcf20661432fb2d719aaf90656f55c287f8ca915dc1c92ec14ff61e67fbaf8";

const DOCKER: &str = "docker/19.03.12 go/go1.13.10 git-commit/48a66213fe kernel/4.14.181-140.257.amzn2.x86_64 os/linux arch/amd64";

fn blob() -> String {
    format!("/v2/library/alpine/blobs/{DIGEST}")
}

fn book() -> Rulebook {
    let mut book = starter().unwrap();
    book.settings
        .fire_logs
        .insert("FRA".to_owned(), FireLogBounds::exactly(4));
    book
}

fn deployment() -> Deployment {
    Deployment::new(&book(), b"a deployment's secret").unwrap()
}

fn read(source: &str, mapping: Option<&IngestMapping>, is_envelope: bool, body: &str) -> Harvest {
    let deployment = deployment();
    let form = FormReader::of(source, mapping).unwrap();
    let mut intake = Intake::new(&deployment, source, form, is_envelope, JULY + 60_000);
    body.as_bytes().chunks(1000).for_each(|piece| intake.push(piece));
    intake.finish()
}

fn records(segments: impl Iterator<Item = Vec<u8>>) -> Vec<Record> {
    segments
        .filter(|segment| !segment.is_empty())
        .flat_map(|segment| decode(&segment).unwrap())
        .collect()
}

fn fires(harvest: &Harvest) -> Vec<Record> {
    records(harvest.batches.iter().map(|(_, batch)| batch.fires.clone()))
}

fn requests(harvest: &Harvest) -> Vec<Record> {
    records(harvest.batches.iter().map(|(_, batch)| batch.requests.clone()))
}

/// Rule, mode and what was applied, of each fire, sorted.
fn said(fires: &[Record]) -> Vec<String> {
    let one = |record: &Record| {
        let fired = &record.fired[0];
        format!(
            "{} {:?} {:?} {}",
            fired.rule, fired.mode, fired.applied, record.status
        )
    };
    let mut said: Vec<String> = fires.iter().map(one).collect();
    said.sort_unstable();
    said
}

fn firewall(more: &str) -> String {
    format!(
        r#"{{"Action":"block","ClientASN":16509,"ClientCountry":"us","ClientIP":"192.0.2.7","ClientRequestHost":"Hub.Example:443","ClientRequestMethod":"GET","ClientRequestPath":"{}","ClientRequestProtocol":"HTTP/2","ClientRequestQuery":"?ns=x","ClientRequestScheme":"https","ClientRequestUserAgent":"{DOCKER}","Datetime":"2020-07-05T19:00:00Z","Description":"botnet","EdgeColoCode":"FRA","EdgeResponseStatus":403,"MatchIndex":0,"RayID":"5ae0123456789abc","RuleID":"r1","Source":"l7ddos"{more}}}"#,
        blob()
    )
}

#[test]
fn an_event_is_a_record_as_a_live_request_is_one() {
    let harvest = read("cloudflare", None, false, &firewall(""));
    let [record] = fires(&harvest).try_into().unwrap();
    assert_eq!((record.id.time_ms(), record.seen), (JULY, false));
    assert_eq!(
        (&*record.route, record.repository.as_str(), record.digest.as_str()),
        ("default", "library/alpine", DIGEST)
    );
    assert_eq!(
        (record.ray.as_str(), record.colo.as_str(), record.asn),
        ("5ae0123456789abc", "FRA", Some(16509))
    );
    assert_eq!(
        (record.os.as_str(), record.profile.host.as_str()),
        ("amzn2", "hub.example")
    );
    assert_eq!(record.client, deployment().client("192.0.2.7"));
    assert_eq!(
        said(std::slice::from_ref(&record)),
        ["cloudflare:r1 Enforce Block 403"]
    );
    let (name, batch) = &harvest.batches[0];
    assert_eq!(
        *name,
        deployment().fire_log("FRA", record.client, record.id.time_ms())
    );
    let rule = &batch.rules[0];
    assert_eq!(
        (&*rule.id, rule.system.as_str(), rule.action.as_str()),
        ("cloudflare:r1", "l7ddos", "block")
    );
    assert_eq!(
        (rule.description.as_str(), rule.host.as_str(), rule.acts),
        ("botnet", "hub.example", true)
    );
    assert!(
        !format!("{record:?}").contains("192.0.2.7"),
        "addresses are dropped"
    );
}

/// As live requests have it: a cohort or a rule of one country has all of them.
#[test]
fn a_country_is_that_of_live_requests() {
    for written in ["us", "US"] {
        let body = firewall("").replace(
            r#""ClientCountry":"us""#,
            &format!(r#""ClientCountry":"{written}""#),
        );
        let [record] = fires(&read("cloudflare", None, false, &body)).try_into().unwrap();
        assert_eq!(record.country, "US", "{written}");
    }
}

#[test]
fn an_event_is_the_same_on_one_line_and_on_several() {
    let expected = fires(&read("cloudflare", None, false, &firewall("")));
    let event: serde_json::Value = serde_json::from_str(&firewall("")).unwrap();
    let object = serde_json::to_string_pretty(&event).unwrap();
    let list = serde_json::to_string_pretty(&[&event]).unwrap();
    for body in [
        object.replace('\n', "\r\n"),
        object.replace("\": ", "\"\n:\n"),
        object,
        list,
    ] {
        let harvest = read("cloudflare", None, false, &body);
        assert_eq!(fires(&harvest), expected, "{body}\n{:?}", harvest.report.faults);
    }
}

#[test]
fn the_same_event_is_the_same_record_whatever_it_comes_with() {
    let one = fires(&read("cloudflare", None, false, &firewall("")));
    let other = firewall("").replace("5ae0123456789abc", "other");
    let both = fires(&read(
        "cloudflare",
        None,
        false,
        &format!("[{other},\n{}]", firewall("")),
    ));
    assert!(both.iter().any(|record| record.id == one[0].id));
    let second_rule = fires(&read(
        "cloudflare",
        None,
        false,
        &firewall("").replace("r1", "r2"),
    ));
    assert_ne!(one[0].id, second_rule[0].id);
}

#[test]
fn bad_lines_do_not_lose_good_ones_and_are_shown() {
    let mut lines = vec![firewall(""); 3];
    lines.insert(1, "oops".to_owned());
    lines.insert(2, firewall("").replace("2020-07-05T19:00:00Z", "noon"));
    lines.extend((0..20).map(|_| "{}".to_owned()));
    let harvest = read("cloudflare", None, false, &lines.join("\n"));
    let counts = harvest.report.counts;
    assert_eq!((counts.lines, counts.events, counts.faults), (25, 3, 22));
    let faults = &harvest.report.faults.0;
    assert_eq!(faults.len(), MAX_FAULTS);
    assert_eq!((faults[0].line, faults[0].expected.as_str()), (2, "an object"));
    assert_eq!((faults[1].line, faults[1].expected.as_str()), (3, "a time"));
    assert_eq!(harvest.unread(), None);
}

#[test]
fn a_body_of_which_nothing_could_be_read_is_refused_with_each_place() {
    let problem = read("cloudflare", None, false, "oops\n{}").unread().unwrap();
    assert_eq!((problem.status, problem.is("unreadable")), (400, true));
    assert_eq!(problem.detail, "body.line.1: expected an object");
    let places: Vec<_> = problem.errors.iter().map(|error| error.place.as_str()).collect();
    assert_eq!(places, ["body.line.1", "body.line.2"]);
    assert_eq!(
        read("cloudflare", None, false, "").unread(),
        None,
        "there was nothing"
    );
}

#[test]
fn a_source_is_told_whether_anything_is_stored() {
    let status = |counts: Counts| {
        let answer = UpstreamAnswer::default();
        Ingested { counts, answer }.status()
    };
    assert_eq!(status(Counts::default()), 200);
    let passed = Counts {
        lines: 3,
        passed: 3,
        ..Counts::default()
    };
    assert_eq!(status(passed), 200);
    for counts in [
        Counts { events: 1, ..passed },
        Counts { windows: 1, ..passed },
        Counts { packets: 1, ..passed },
    ] {
        assert_eq!(status(counts), 202);
    }
}

#[test]
fn only_blobs_are_kept_and_subrequests_count_once() {
    let manifest = firewall("").replace(&blob(), "/v2/library/alpine/manifests/latest");
    let upload = firewall("").replace("\"GET\"", "\"PUT\"");
    let allowed = firewall("").replace("\"block\"", "\"allow\"");
    let harvest = read("cloudflare", None, false, &[manifest, upload, allowed].join("\n"));
    let counts = harvest.report.counts;
    assert_eq!(
        (counts.lines, counts.not_blobs, counts.passed, counts.events),
        (3, 2, 1, 0)
    );
    let request = forms::request("");
    let worker = forms::request(r#","WorkerSubrequest":true,"ParentRayID":"5ae""#);
    let harvest = read("cloudflare", None, false, &format!("{request}\n{worker}"));
    assert_eq!(
        (requests(&harvest).len(), harvest.report.counts.subrequests),
        (1, 1)
    );
}

#[test]
fn events_that_are_too_old_or_of_the_future_are_faults() {
    let now_ms = JULY + 60_000;
    #[track_caller]
    fn case(time_ms: u64, expected: Option<&str>) {
        let line = firewall("").replace("\"2020-07-05T19:00:00Z\"", &time_ms.to_string());
        let harvest = read("cloudflare", None, false, &line);
        let fault = harvest
            .report
            .faults
            .0
            .first()
            .map(|fault| fault.expected.as_str());
        assert_eq!(fault, expected, "{time_ms}");
    }
    case(now_ms - MAX_AGE_MS, None);
    case(now_ms - MAX_AGE_MS - 1, Some("a time of the last 24 hours"));
    case(now_ms + MAX_AHEAD_MS, None);
    case(
        now_ms + MAX_AHEAD_MS + 1,
        Some("a time that is not in the future"),
    );
}

#[test]
fn a_trial_and_a_window_are_no_events() {
    let harvest = read("cloudflare", None, false, "{\"content\":\"tests\"}\n");
    assert_eq!(
        (
            harvest.tests,
            harvest.report.counts.events,
            harvest.report.counts.faults
        ),
        (1, 0, 0)
    );
    let hello = r#"{"text": "Hello World! This is a test message."}"#;
    assert_eq!(read("cloudflare", None, false, hello).tests, 1);
    let notice = r#"{"alert_type":"advanced_ddos_attack_l7_alert","alert_event":"ALERT_STATE_EVENT_START",
        "alert_correlation_id":"c","ts":1593975600,"data":{"rule_id":"r9","target_hostname":"hub.example"}}"#;
    let harvest = read("cloudflare", None, false, &notice.replace('\n', ""));
    let window = &harvest.report.windows[0];
    assert_eq!(
        (window.source.as_str(), window.rule.as_str(), window.from_ms),
        ("cloudflare", "cloudflare:r9", JULY)
    );
}

#[test]
fn a_body_holds_so_many_events_and_batches_stay_in_their_bounds() {
    let deployment = deployment();
    let mut intake = Intake::new(
        &deployment,
        "cloudflare",
        FormReader::of("cloudflare", None).unwrap(),
        false,
        JULY,
    );
    for at in 0..MAX_EVENTS {
        let line = firewall("")
            .replace("5ae0123456789abc", &at.to_string())
            .replace("\"r1\"", &format!("\"r{}\"", at % 3000));
        intake.push(format!("{line}\n").as_bytes());
    }
    assert!(!intake.harvest.is_too_much);
    let harvest = intake.finish();
    assert_eq!(fires(&harvest).len() as u64, MAX_EVENTS);
    assert!(harvest.batches.iter().all(|(_, batch)| batch.encode().is_ok()));
    let mut intake = Intake::new(
        &deployment,
        "cloudflare",
        FormReader::of("cloudflare", None).unwrap(),
        false,
        JULY,
    );
    intake.harvest.report.counts.events = MAX_EVENTS + 1;
    intake.push(b"{}\n");
    assert!(intake.finish().is_too_much);
}

#[test]
fn any_bytes_are_lines_that_are_read_or_faults() {
    let whole = [firewall(""), forms::request(""), forms::waf()].join("\n");
    bolero::check!().with_iterations(300).for_each(|bytes: &[u8]| {
        for source in blobwatch_rulebook::KNOWN_SOURCES {
            let mut body = whole.clone().into_bytes();
            for (at, byte) in bytes.chunks(3).filter_map(|c| {
                Some((
                    usize::from(*c.first()?) << 8 | usize::from(*c.get(1)?),
                    *c.get(2)?,
                ))
            }) {
                let at = at % body.len();
                body[at] = byte;
            }
            let harvest = read(source, None, false, &String::from_utf8_lossy(&body));
            let counts = harvest.report.counts;
            assert!(counts.faults <= counts.lines);
        }
    });
}
