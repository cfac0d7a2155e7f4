mod clouds;
mod in_flight;
mod paths;
mod rulebooks;

use super::in_flight::{MAX_IN_FLIGHT, UNANSWERED_AFTER_MS};
use super::{Config, Isolate};
use blobwatch_pull::{
    Action, BlobShapes, ClientKeys, Facts, Identity, Mode, Outcome, RangeKind, Record, RecordValues, Request,
    sample,
};
use blobwatch_records::{Flush, Reply, RulebookVersion};
use blobwatch_rulebook::{
    Compiled, EdgeCache, FORM, ModeSetting, Plan, Program, Route, Rule, Rulebook, SCHEMA, Settings, Volume,
    VolumeKey,
};
use blobwatch_rules::Field;
use blobwatch_tokens::{Role, Tokens};

use blobwatch_pull::ObservedAnswer;

const NOW: u64 = 1_593_975_600_000;

const BLOB: &str =
    "/v2/library/alpine/blobs/sha256:4abcf20661432fb2d719aaf90656f55c287f8ca915dc1c92ec14ff61e67fbaf8";

fn facts(path: &str, headers: &[&str]) -> String {
    let fixed = [
        &NOW.to_string(),
        "GET",
        "https",
        "registry.example",
        path,
        "",
        "HTTP/1.1",
        "192.0.2.7",
        "5ae",
        "IAD",
        "US",
        "NA",
        "16509",
        "TLSv1.2",
        "AES",
        "c",
        "e",
        "l",
        "508",
        "gzip",
        "",
        "",
        "12",
        "1250000",
        "4:64:0:1460:64240,7:mss,sok,ts,nop,ws:df:0",
        "cf.bot_management.score\u{1f}30\u{1f}",
    ]
    .join("\n");
    headers
        .iter()
        .fold(fixed, |text, header| format!("{text}\n{header}"))
}

fn rule(action: Action) -> Rule {
    Rule {
        id: "botnet-sig".to_owned(),
        version: 3,
        description: String::new(),
        expression: "cf.tls_client_hello_length eq 508".to_owned(),
        action,
        default_mode: Mode::Monitor,
        volume: None,
    }
}

fn book(revision: u64, modes: Vec<ModeSetting>) -> Rulebook {
    let route = Route {
        origin: Some("https://origin.example".to_owned()),
        ..Route::named("default")
    };
    Rulebook {
        schema: SCHEMA,
        revision,
        routes: vec![route],
        rules: vec![rule(Action::Block)],
        modes,
        lists: Vec::new(),
        layouts: Vec::new(),
        settings: Settings::default(),
    }
}

fn enforced() -> Vec<ModeSetting> {
    vec![ModeSetting::new("botnet-sig", "default", Mode::Enforce)]
}

fn isolate() -> Isolate {
    let (config, error) =
        Config::read("0123456789ab", "secret", "", "https://fallback.example", &[]).unwrap();
    assert_eq!(error, []);
    Isolate::new(config, program(book(1, vec![])))
}

fn program(book: Rulebook) -> Program {
    Compiled::build(book).unwrap().into()
}

/// A FireLog's answer, with a rulebook that it holds.
fn reply(book: Rulebook) -> Vec<u8> {
    told(0, book.revision, program(book).encode())
}

fn told(epoch: u64, revision: u64, program: Vec<u8>) -> Vec<u8> {
    let reply = Reply {
        held: RulebookVersion { epoch, revision },
        rulebook: Some(program),
        ..Reply::default()
    };
    reply.encode()
}

fn said(time_ms: u64) -> ObservedAnswer<'static> {
    ObservedAnswer {
        status: 200,
        content_range: None,
        content_length: Some(5),
        content_type: None,
        location: None,
        followed_to: None,
        cache: None,
        outcome: Outcome::NotObserved,
        time_ms,
    }
}

fn watched(plan: Plan) -> blobwatch_rulebook::Watched {
    match plan {
        Plan::Watch(watched) => watched,
        Plan::Pass { origin, .. } => panic!("passed to {origin}"),
    }
}

/// Every record that is flushed by then.
fn flushed(isolate: &mut Isolate, now_ms: u64) -> Vec<Record> {
    let mut records = Vec::new();
    while let Some(outgoing) = isolate.next_flush(now_ms) {
        let flush = Flush::decode(&outgoing.body).unwrap();
        records.extend(blobwatch_records::decode(&flush.segment).unwrap());
    }
    records
}

#[test]
fn what_is_no_blob_passes_to_the_routes_origin() {
    let mut isolate = isolate();
    let plan = isolate
        .decide(&facts("/v2/library/alpine/manifests/latest", &[]), true)
        .unwrap();
    assert_eq!(
        plan,
        Plan::Pass {
            origin: "https://origin.example".to_owned(),
            route: "default".to_owned(),
        }
    );
    assert_eq!(plan.to_string(), "pass\nhttps://origin.example\ndefault");
}

#[test]
fn a_watched_request_becomes_a_record_when_it_is_settled() {
    let mut isolate = isolate();
    let plan = watched(
        isolate
            .decide(
                &facts(BLOB, &["user-agent:docker/19.03.6-ce", "range:bytes=5-"]),
                true,
            )
            .unwrap(),
    );
    assert_eq!(
        (plan.origin.as_str(), plan.refusal, plan.fired),
        ("https://origin.example", None, None)
    );
    assert_eq!(isolate.buffered(), 0);
    isolate.settle(plan.id, &said(NOW + 20));
    isolate.settle(plan.id, &said(NOW + 30));
    let records = flushed(&mut isolate, NOW + 2_000);
    assert_eq!(records.len(), 1, "a second settle adds nothing");
    let record = &records[0];
    assert_eq!((record.id, record.status, record.duration_ms), (plan.id, 200, 20));
    assert_eq!(
        (record.family.as_str(), record.version.as_str()),
        ("docker", "19.03.6-ce")
    );
    assert_eq!(
        (record.range.start, record.range.honoured),
        (Some(5), Some(false))
    );
    assert_eq!(record.fired.len(), 1);
    assert_eq!(
        (record.fired[0].would, record.fired[0].applied),
        (Action::Block, Action::None)
    );
    assert!(record.degraded, "no FireLog has sent a rulebook");
}

#[test]
fn an_operators_token_discloses_what_fired() {
    let mut isolate = isolate();
    isolate.config.tokens = Tokens::default()
        .with_token("ada", Role::Operator, "t0ken")
        .with_token("vic", Role::Viewer, "view");
    let fired = |isolate: &mut Isolate, header: &str| {
        watched(isolate.decide(&facts(BLOB, &[header]), true).unwrap()).fired
    };
    assert_eq!(
        fired(&mut isolate, "blobwatch-token:t0ken").as_deref(),
        Some("botnet-sig;v=3;mode=monitor;would=block")
    );
    assert_eq!(fired(&mut isolate, "blobwatch-token:view"), None);
    assert_eq!(
        fired(&mut isolate, "authorization:Bearer t0ken"),
        None,
        "that one is the registry's"
    );
}

#[test]
fn whoever_guesses_an_operators_token_is_not_looked_at_and_pulls_on() {
    let mut isolate = isolate();
    isolate.config.tokens = Tokens::default()
        .with_token("ada", Role::Operator, "t0ken")
        .with_token("vic", Role::Viewer, "view");
    let mut fired = |address: &str, token: &str| {
        let header = format!("blobwatch-token:{token}");
        let facts = facts(BLOB, &[&header]).replace("\n192.0.2.7\n", &format!("\n{address}\n"));
        watched(isolate.decide(&facts, true).unwrap()).fired
    };
    // A viewer's is known, and no guess.
    for _ in 0..100 {
        assert_eq!(fired("192.0.2.7", "view"), None);
    }
    assert!(fired("192.0.2.7", "t0ken").is_some());
    for at in 0..100 {
        assert_eq!(fired("192.0.2.7", &format!("guess-{at}")), None);
    }
    assert_eq!(fired("192.0.2.7", "t0ken"), None);
    assert!(fired("192.0.2.8", "t0ken").is_some(), "from elsewhere");
}

#[test]
fn without_the_deployments_secret_records_are_degraded() {
    let (config, _) = Config::read("0123456789ab", "", "", "", &[]).unwrap();
    let mut isolate = Isolate::new(config, program(book(1, vec![])));
    isolate.learn("fl1-iad-0", &reply(book(7, vec![])), NOW).unwrap();
    let plan = watched(isolate.decide(&facts(BLOB, &[]), true).unwrap());
    isolate.settle(plan.id, &said(NOW));
    assert!(flushed(&mut isolate, NOW + 2_000)[0].degraded);
}

/// Previews and explanations judge a stored record by what it keeps: that must be what the decision saw.
#[test]
fn a_record_reads_as_its_request_did() {
    #[track_caller]
    fn case(headers: &[&str]) {
        at(BLOB, headers);
    }
    #[track_caller]
    fn at(path: &str, headers: &[&str]) {
        let text = facts(path, headers);
        let read = Facts::parse(&text).unwrap();
        let keys = ClientKeys::new(b"secret");
        let request =
            Request::read(&read, BLOB, &BlobShapes::default(), || Identity::of(&read, &keys)).unwrap();
        let texts = request.texts();
        let decided = request.values("default", &texts);

        let mut isolate = isolate();
        let plan = watched(isolate.decide(&text, true).unwrap());
        isolate.settle(
            plan.id,
            &ObservedAnswer {
                status: 206,
                content_range: Some("bytes 5-9/10"),
                ..said(NOW)
            },
        );
        let records = flushed(&mut isolate, NOW + 2_000);
        let kept = RecordValues::of(&records[0]);
        let (recorded, unknown) = (kept.values(), kept.not_recorded());
        let known = Field::ALL.iter().filter(|field| !unknown.contains(field));
        for field in known.filter(|field| **field != Field::Headers) {
            assert_eq!(
                recorded.get(*field),
                decided.get(*field),
                "{} of {headers:?}",
                field.name()
            );
        }
        assert!(unknown.len() < Field::ALL.len() / 3);
    }
    case(&[]);
    case(&[
        "user-agent:docker/20.10.24+dfsg1 go/go1.19.8 git-commit/5d6db84 kernel/4.14.181-142.260.amzn2.x86_64 os/linux arch/amd64",
    ]);
    case(&[
        "user-agent:containerd/2.1.4+bottlerocket",
        "range:bytes=0-",
        "accept-encoding:zstd;q=1.0, gzip;q=0.8",
    ]);
    case(&["range:bytes=5-9"]);
    case(&["range:bytes=5-"]);
    case(&["range:bytes=-5"]);
    case(&["range:bytes=0-0"]);
    case(&["range:bytes=0-9"]);
    case(&["range:bytes=0-1,4-5"]);
    case(&["range:lines=1-2"]);
    case(&["authorization:Basic Y2k6c2VjcmV0"]);
    at(&BLOB.replace('/', "//"), &[]);
    at(&BLOB.replace(':', "%3A"), &["range:bytes=5-9"]);
}

fn at(ms: u64, headers: &[&str]) -> String {
    facts(BLOB, headers).replacen(&NOW.to_string(), &(NOW + ms).to_string(), 1)
}

/// What a client asked for before bears on what rules see, as far as it came through this isolate.
#[test]
fn a_rule_sees_that_a_client_makes_no_progress() {
    let mut book = book(2, vec![]);
    book.rules[0].expression = "range.kind eq \"repeat\"".to_owned();
    let (config, _) = Config::read("0123456789ab", "secret", "", "", &[]).unwrap();
    let mut isolate = Isolate::new(config, program(book));
    let mut fired = Vec::new();
    for (ms, range) in [
        (0, None),
        (4000, Some("range:bytes=777-")),
        (9000, Some("range:bytes=777-")),
    ] {
        let plan = isolate.decide(&at(ms, range.as_slice()), true).unwrap();
        let part = range.map(|_| "bytes 777-99999/100000");
        let said = ObservedAnswer {
            status: if part.is_some() { 206 } else { 200 },
            content_range: part,
            content_length: Some(part.map_or(100_000, |_| 99_223)),
            ..said(NOW + ms + 20)
        };
        isolate.settle(watched(plan).id, &said);
    }
    for record in flushed(&mut isolate, NOW + 60_000) {
        fired.push((record.range.kind, record.fired.len()));
    }
    assert_eq!(
        fired,
        [
            (RangeKind::None, 0),
            (RangeKind::Resume, 0),
            (RangeKind::Repeat, 1)
        ]
    );
}

/// A cache asks nobody whether the next client may read what it keeps.
#[test]
fn only_what_needs_no_login_and_names_its_digest_is_asked_to_be_kept() {
    let mut isolate = isolate();
    let mut kept = book(2, Vec::new());
    kept.routes[0].cache = EdgeCache::Immutable;
    kept.routes[0].blobs = Some(vec!["oci".to_owned(), "/files/*".to_owned()]);
    isolate.learn("fl1-iad-0", &reply(kept), NOW).unwrap();
    let mut case = |path: &str, headers: &[&str], cache: EdgeCache| {
        let plan = isolate.decide(&facts(path, headers), true).unwrap();
        assert_eq!(watched(plan).cache, cache, "{path} {headers:?}");
    };
    case(BLOB, &["user-agent:docker/19.03.6"], EdgeCache::Immutable);
    for credential in [
        "authorization:Bearer a",
        "proxy-authorization:Basic a",
        "cookie:a=b",
    ] {
        case(BLOB, &[credential], EdgeCache::Origin);
    }
    case("/files/layer.tar", &[], EdgeCache::Origin);
}
