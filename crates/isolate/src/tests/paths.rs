//! Other spellings, other shapes, and what of an address is kept.

use super::*;

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

/// The spelling of a blob of `alpine` for Go's registries, and of `library/alpine` for nginx with `merge_slashes off`.
fn ambiguous() -> String {
    BLOB.replace("library/", "library/%2f..%2f")
}

/// Decides with one rule, of a repository, and says what is done and recorded.
fn of_repository(name: &str, mode: Mode, action: Action, path: &str) -> (Option<u16>, Record) {
    let mut book = book(7, vec![ModeSetting::new("botnet-sig", "default", mode)]);
    book.rules[0].expression = format!("oci.repository eq \"{name}\"");
    book.rules[0].action = action;
    book.rules[0].default_mode = Mode::Monitor;
    let mut isolate = isolate();
    isolate.learn("fl1-iad-0", &reply(book), NOW).unwrap();
    let plan = watched(isolate.decide(&facts(path, &[]), true).unwrap());
    isolate.settle(plan.id, &said(NOW));
    let mut records = flushed(&mut isolate, NOW + 2_000);
    assert_eq!(records.len(), 1);
    (plan.refusal.map(|refusal| refusal.status), records.remove(0))
}

/// A rule that holds for what one origin serves is not got round by what another one would.
#[test]
fn a_rule_holds_if_any_reading_matches() {
    #[track_caller]
    fn case(name: &str, mode: Mode, action: Action, refused: Option<u16>, recorded: &str) {
        let (status, record) = of_repository(name, mode, action, &ambiguous());
        assert_eq!(status, refused, "{name}");
        assert_eq!(record.repository, recorded, "{name}");
        assert!(record.odd_path);
        assert_eq!(record.fired.len(), usize::from(name != "other"), "{name}");
    }
    let (block, tag, allow) = (Action::Block, Action::Tag, Action::Allow);
    case("alpine", Mode::Enforce, block, Some(403), "alpine");
    case(
        "library/alpine",
        Mode::Enforce,
        block,
        Some(403),
        "library/alpine",
    );
    case("library/alpine", Mode::Monitor, block, None, "library/alpine");
    case("library/alpine", Mode::Enforce, tag, None, "library/alpine");
    case("alpine", Mode::Enforce, allow, None, "alpine");
    case("other", Mode::Enforce, block, None, "alpine");
}

/// A mode of a route is one of what its origin serves.
#[test]
fn a_route_holds_if_any_reading_is_on_it() {
    let mut with_library = book(7, vec![ModeSetting::new("botnet-sig", "library", Mode::Enforce)]);
    with_library.routes.push(Route {
        repository: "library/**".to_owned(),
        ..Route::named("library")
    });
    let mut isolate = isolate();
    isolate.learn("fl1-iad-0", &reply(with_library), NOW).unwrap();
    let plan = watched(isolate.decide(&facts(&ambiguous(), &[]), true).unwrap());
    assert_eq!(plan.refusal.map(|refusal| refusal.status), Some(403));
    assert_eq!(plan.route, "library");
}

/// What is counted for a volume is counted by every reading: else a rule would never become hot by the other one.
#[test]
fn a_volume_counts_every_reading() {
    let mut with_volume = book(7, vec![]);
    with_volume.rules[0].expression = "oci.repository eq \"library/alpine\"".to_owned();
    with_volume.rules[0].volume = Some(Volume {
        by: VolumeKey::Client,
        requests: 100,
        seconds: 10,
    });
    let mut isolate = isolate();
    isolate.learn("fl1-iad-0", &reply(with_volume), NOW).unwrap();
    isolate.decide(&facts(&ambiguous(), &[]), true).unwrap();
    let body = isolate.next_flush(NOW + 2_000).unwrap().body;
    assert_eq!(Flush::decode(&body).unwrap().volumes.len(), 1);
}

/// A digest, too, where storage is asked for it.
#[test]
fn a_rule_of_a_digest_holds_for_storage_that_reads_another() {
    let (free, held) = ("ab".repeat(32), "cd".repeat(32));
    let stored = format!("/docker/registry/v2/blobs/sha256/ab/{free}/data");
    let path = format!("{stored}%5c..%5c..%5c..%5ccd%5c{held}%5cdata");
    let mut of_digest = book(7, enforced());
    of_digest.rules[0].expression = format!("oci.digest eq \"sha256:{held}\"");
    let mut isolate = isolate();
    isolate.learn("fl1-iad-0", &reply(of_digest), NOW).unwrap();
    let plan = watched(isolate.decide(&facts(&path, &[]), true).unwrap());
    assert_eq!(plan.refusal.map(|refusal| refusal.status), Some(403));
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
