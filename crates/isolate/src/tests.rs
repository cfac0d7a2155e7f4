mod clouds;

use super::in_flight::{MAX_IN_FLIGHT, UNANSWERED_AFTER_MS};
use super::{Config, Isolate};
use blobwatch_pull::{
    Action, BlobShapes, ClientKeys, Facts, Identity, Mode, Outcome, RangeKind, Record, RecordValues, Request,
    sample,
};
use blobwatch_records::{Flush, Reply, RulebookVersion};
use blobwatch_rulebook::{
    Compiled, FORM, ModeSetting, Plan, Program, Route, Rule, Rulebook, SCHEMA, Settings,
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
fn a_learned_rulebook_decides_from_then_on() {
    let mut isolate = isolate();
    assert!(
        isolate
            .learn("fl1-iad-0", &reply(book(7, enforced())), NOW)
            .unwrap()
    );
    assert_eq!(isolate.held().revision, 7);
    let plan = watched(isolate.decide(&facts(BLOB, &[]), true).unwrap());
    assert_eq!(plan.refusal.map(|refusal| refusal.status), Some(403));
    isolate.settle(plan.id, &said(NOW));
    let records = flushed(&mut isolate, NOW);
    assert_eq!(
        records[0].verdict,
        Action::Block,
        "an applied enforcement is flushed at once"
    );
    assert!(!records[0].degraded);
}

#[test]
fn a_rulebook_that_cannot_be_used_leaves_the_old_one_in_force() {
    #[track_caller]
    fn case(program: Vec<u8>) {
        let mut isolate = isolate();
        assert!(
            isolate
                .learn("fl1-iad-0", &reply(book(7, enforced())), NOW)
                .unwrap()
        );
        assert!(!isolate.learn("fl1-iad-0", &told(0, 8, program), NOW).unwrap());
        assert_eq!(isolate.held().revision, 7);
        assert!(
            watched(isolate.decide(&facts(BLOB, &[]), true).unwrap())
                .refusal
                .is_some()
        );
        let flush = Flush::decode(&isolate.next_flush(NOW + 2_000).unwrap().body).unwrap();
        assert_eq!(flush.losses.get("rulebook_refused"), Some(&1));
    }
    let whole = program(book(8, vec![])).encode();
    case(Vec::new()); // what a FireLog says that cannot compile it
    case(whole[..whole.len() - 1].to_vec());
    let with = |place: usize, byte: u8| {
        let mut damaged = whole.clone();
        damaged[place] = byte;
        damaged
    };
    case(with(3, FORM + 1)); // a form of a newer build
    case(with(whole.len() / 2, !whole[whole.len() / 2]));
}

#[test]
fn an_older_rulebook_never_replaces_a_newer_one() {
    let mut isolate = isolate();
    isolate
        .learn("fl1-iad-0", &reply(book(7, enforced())), NOW)
        .unwrap();
    assert!(!isolate.learn("fl1-iad-0", &reply(book(6, vec![])), NOW).unwrap());
    assert_eq!(isolate.held().revision, 7);
}

#[test]
fn a_rulebook_of_another_epoch_replaces_one_of_a_higher_revision() {
    let mut isolate = isolate();
    let told = |epoch, revision| told(epoch, revision, program(book(revision, vec![])).encode());
    assert!(isolate.learn("fl1-iad-0", &told(1, 7), NOW).unwrap());
    assert!(isolate.learn("fl1-iad-0", &told(2, 1), NOW).unwrap());
    let held = |epoch, revision| RulebookVersion { epoch, revision };
    assert_eq!(isolate.held(), held(2, 1));
    // Back from a backup.
    assert!(isolate.learn("fl1-iad-0", &told(1, 7), NOW).unwrap());
    assert_eq!(isolate.held(), held(1, 7));
}

#[test]
fn a_request_whose_client_left_is_recorded_when_it_is_old() {
    let mut isolate = isolate();
    let left = watched(isolate.decide(&facts(BLOB, &[]), true).unwrap());
    let later = NOW + UNANSWERED_AFTER_MS + 1;
    let text = facts(BLOB, &[]).replace(&NOW.to_string(), &later.to_string());
    let other = watched(isolate.decide(&text, true).unwrap());
    isolate.settle(other.id, &said(later));
    let records = flushed(&mut isolate, later + 2_000);
    assert_eq!(records.len(), 2);
    let record = records.iter().find(|record| record.id == left.id).unwrap();
    assert_eq!((record.status, record.outcome), (0, Outcome::ClientClosed));
}

#[test]
fn an_observed_body_that_never_ends_keeps_its_answer() {
    let mut isolate = isolate();
    let plan = watched(isolate.decide(&facts(BLOB, &[]), true).unwrap());
    isolate.answered(plan.id, &said(NOW + 5));
    for _ in 0..MAX_IN_FLIGHT {
        let other = watched(isolate.decide(&facts(BLOB, &[]), true).unwrap());
        isolate.answered(other.id, &said(NOW + 5));
    }
    let records = flushed(&mut isolate, NOW + 2_000);
    assert_eq!(records.len(), 1);
    assert_eq!(
        (records[0].id, records[0].status, records[0].outcome),
        (plan.id, 200, Outcome::NotObserved)
    );
}

/// As large as a request gets: every text that a client or the platform writes is longer than a record keeps, and so is
/// the Range.
fn worst(number: usize, longest: usize) -> String {
    let long = |length| format!("{number}{}", "x".repeat(length));
    let ranges: Vec<String> = (0..longest / 16)
        .map(|n| format!("{}-{}", n * 100, n * 100 + 9))
        .collect();
    let mut lines: Vec<String> = facts(BLOB, &[]).split('\n').map(str::to_owned).collect();
    for line in [3, 6, 8, 10, 11, 13, 14, 15, 16, 17, 19, 20, 21] {
        lines[line] = long(600);
    }
    lines.push(format!(
        "user-agent:docker/{} os/{} {}",
        long(600),
        long(600),
        long(longest)
    ));
    lines.push(format!("range:bytes={}", ranges.join(",")));
    lines.join("\n")
}

/// Of the largest header that clients are known to send, and of ranges that are read: 1,024 of them.
const LONGEST: usize = 16_384;

#[test]
fn what_is_in_flight_is_bounded_by_bytes() {
    #[track_caller]
    fn case(requests: usize, answered: bool) {
        let (mut isolate, first) = (isolate(), worst(0, LONGEST));
        let counted = allocation_counter::measure(|| {
            for number in 0..requests {
                let text = first.replacen("docker/0", &format!("docker/{number}"), 1);
                let plan = watched(isolate.decide(&text, true).unwrap());
                if answered {
                    isolate.answered(plan.id, &said(NOW));
                }
            }
        });
        assert!(counted.bytes_current > 5_000_000, "{counted:?}: room is used");
        assert!(counted.bytes_max < 16_000_000, "{counted:?}");
    }
    case(MAX_IN_FLIGHT, false);
    case(MAX_IN_FLIGHT / 4, true);
}

#[test]
fn a_request_that_makes_room_is_recorded_and_its_answer_counted_as_lost() {
    let mut isolate = isolate();
    let mut plans = Vec::new();
    for number in 0..2_000 {
        plans.push(watched(isolate.decide(&worst(number, 1_024), true).unwrap()).id);
    }
    let (mut evicted, mut counted) = (Vec::new(), 0);
    while let Some(outgoing) = isolate.next_flush(NOW + 60_000) {
        let flush = Flush::decode(&outgoing.body).unwrap();
        let records = blobwatch_records::decode(&flush.segment).unwrap();
        evicted.extend(records.into_iter().map(|record| (record.id, record.status)));
        counted += flush.losses.get("answers_unrecorded").copied().unwrap_or(0) as usize;
        counted -= flush.losses.get("records_dropped").copied().unwrap_or(0) as usize;
        isolate.batches.acknowledged(&outgoing.to, flush.seq);
    }
    assert!(evicted.len() > 500);
    assert_eq!(evicted.len(), counted);
    assert_eq!(evicted[0], (plans[0], 0), "the oldest goes first");
}

/// What is counted for a request is what it takes, whatever it holds.
#[test]
fn the_estimate_of_a_request_is_what_it_takes() {
    for text in [
        at(0, &[]),
        at(0, &["range:bytes=1-2,4-5", "user-agent:docker/1 os/linux"]),
        worst(7, LONGEST),
    ] {
        let mut isolate = isolate();
        isolate.decide(&text, true).unwrap();
        let estimated = isolate.in_flight.bytes();
        let counted = allocation_counter::measure(|| drop(std::mem::take(&mut isolate.in_flight)));
        let taken = usize::try_from(-counted.bytes_current).unwrap();
        assert!(
            taken <= estimated + 300,
            "the map's first node is beside: {taken} of {estimated}"
        );
        assert!(taken * 2 > estimated, "{taken} of {estimated}");
    }
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

/// By the name that the origin reads, and marked.
#[test]
fn another_spelling_of_a_blob_is_refused_and_recorded_as_the_blob() {
    let mut isolate = isolate();
    isolate
        .learn("fl1-iad-0", &reply(book(7, enforced())), NOW)
        .unwrap();
    let spellings = [
        BLOB.to_owned(),
        BLOB.replace("/v2/", "//v2//"),
        BLOB.replace("library/", "x/..%2flibrary/"),
        BLOB.to_ascii_uppercase().replace(':', "%253a"),
        format!("/api/docker/x{BLOB};a=b"),
    ];
    for path in &spellings {
        let plan = watched(isolate.decide(&facts(path, &[]), true).unwrap());
        assert_eq!(plan.refusal.map(|refusal| refusal.status), Some(403), "{path}");
        isolate.settle(plan.id, &said(NOW));
    }
    let records = flushed(&mut isolate, NOW);
    let odd: Vec<bool> = records.iter().map(|record| record.odd_path).collect();
    assert_eq!(odd, [false, true, true, true, true]);
    for record in records {
        assert_eq!(BLOB, format!("/v2/{}/blobs/{}", record.repository, record.digest));
    }
}

/// A pull goes to one origin, however its paths are spelled.
#[test]
fn another_spelling_takes_the_route_of_the_repository() {
    let mut with_library = book(7, vec![]);
    with_library.routes.push(Route {
        repository: "library/**".to_owned(),
        origin: Some("https://library.example".to_owned()),
        ..Route::named("library")
    });
    let mut isolate = isolate();
    isolate.learn("fl1-iad-0", &reply(with_library), NOW).unwrap();
    for path in [
        BLOB,
        "/v2/library/alpine/manifests/latest",
        "/v2/library/alpine/blobs/uploads/6b4e",
    ] {
        for path in [path.to_owned(), path.replace("library", "x%2f..//Library")] {
            let origin = match isolate.decide(&facts(&path, &[]), true).unwrap() {
                Plan::Pass { origin, .. } | Plan::Watch(blobwatch_rulebook::Watched { origin, .. }) => origin,
            };
            assert_eq!(origin, "https://library.example", "{path}");
        }
    }
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

/// Presigned addresses let somebody in: nothing of a query leaves the isolate, in the plan or in what is flushed.
#[test]
fn nothing_of_a_signed_query_is_flushed() {
    const STORED: &str = "/docker/registry/v2/blobs/sha256/4a/\
        4abcf20661432fb2d719aaf90656f55c287f8ca915dc1c92ec14ff61e67fbaf8/data";
    for path in [BLOB, STORED] {
        for (query, secrets) in sample::SIGNED {
            let mut isolate = isolate();
            let mut lines: Vec<String> = facts(path, &[]).split('\n').map(str::to_owned).collect();
            lines[5] = query.to_owned();
            let plan = isolate.decide(&lines.join("\n"), true).unwrap();
            let shown = plan.to_string();
            isolate.settle(watched(plan).id, &said(NOW));
            let body = isolate.next_flush(NOW + 2_000).unwrap().body;
            let kept = shown + &String::from_utf8_lossy(&body);
            for secret in secrets {
                assert!(!kept.contains(secret), "{secret} of {query}");
            }
        }
    }
}

/// Storage and CDNs serve blobs by other paths than registries do.
#[test]
fn a_blob_of_another_path_is_watched_on_the_route_of_its_host() {
    let hex = "4abcf20661432fb2d719aaf90656f55c287f8ca915dc1c92ec14ff61e67fbaf8";
    let mut book = book(2, vec![]);
    book.routes.push(Route {
        host: Some("registry.example".to_owned()),
        blobs: Some(vec![
            "/{name}/-/{hex}".to_owned(),
            "/layers/*".to_owned(),
            "storage".to_owned(),
        ]),
        ..Route::named("cdn")
    });
    let (config, _) = Config::read("0123456789ab", "secret", "", "", &[]).unwrap();
    let mut isolate = Isolate::new(config, program(book));
    for path in [
        format!("/docker/registry/v2/blobs/sha256/4a/{hex}/data"),
        format!("/team/app/-/{hex}"),
        "/layers/4711".to_owned(),
    ] {
        let plan = watched(isolate.decide(&facts(&path, &[]), true).unwrap());
        isolate.settle(plan.id, &said(NOW));
    }
    let passed = isolate.decide(&facts(BLOB, &[]), true).unwrap();
    assert!(matches!(passed, Plan::Pass { .. }), "the route does not name oci");
    let records = flushed(&mut isolate, NOW + 2_000);
    let digest = format!("sha256:{hex}");
    let known: Vec<_> = records
        .iter()
        .map(|r| (&*r.route, &*r.repository, &*r.digest, r.object != 0))
        .collect();
    assert_eq!(
        known,
        [
            ("cdn", "", &*digest, false),
            ("cdn", "team/app", &*digest, false),
            ("cdn", "", "", true)
        ]
    );
    for record in &records {
        let kept = RecordValues::of(record);
        assert!(kept.not_recorded().contains(&Field::Path));
    }
}

#[test]
fn a_record_says_who_was_asked() {
    #[track_caller]
    fn case(action: Action, origin: Option<&str>, expected: &str) {
        let mode = ModeSetting::new("botnet-sig", "default", Mode::Enforce);
        let mut book = book(2, vec![mode]);
        book.rules[0].action = action;
        book.routes[0].origin = origin.map(str::to_owned);
        book.routes[0].detour = Some("http://bucket.example:9000".to_owned());
        let (config, _) = Config::read("0123456789ab", "secret", "", "", &[]).unwrap();
        let mut isolate = Isolate::new(config, program(book));
        let plan = watched(isolate.decide(&facts(BLOB, &[]), true).unwrap());
        isolate.settle(plan.id, &said(NOW));
        assert_eq!(
            flushed(&mut isolate, NOW + 2_000)[0].served_by,
            expected,
            "{action:?}"
        );
    }
    case(
        Action::Tag,
        Some("https://origin.example:5000"),
        "origin:origin.example",
    );
    case(
        Action::Detour,
        Some("https://origin.example"),
        "detour:bucket.example",
    );
    case(Action::Tag, None, "origin:registry.example");
    case(Action::Block, Some("https://origin.example"), "");
}
