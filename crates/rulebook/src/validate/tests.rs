use super::*;
use crate::{EdgeCache, FireLogBounds, FireLogLayout, ListItem, ListKind, SCHEMA, VolumeKey};

fn book() -> Rulebook {
    Rulebook {
        schema: SCHEMA,
        revision: 1,
        routes: vec![Route::named("default"), Route::named("ecr")],
        rules: vec![rule("a", Action::Block), rule("b", Action::Detour)],
        modes: vec![],
        lists: Vec::new(),
        layouts: Vec::new(),
        settings: Settings::default(),
    }
}

fn rule(id: &str, action: Action) -> Rule {
    Rule {
        id: id.to_owned(),
        version: 1,
        description: String::new(),
        expression: "true".to_owned(),
        action,
        default_mode: Mode::Monitor,
        volume: None,
    }
}

fn mode(rule: &str, route: &str, mode: Mode) -> ModeSetting {
    ModeSetting::new(rule, route, mode)
}

/// Changes a sound document and expects exactly these places.
#[track_caller]
fn case(change: impl FnOnce(&mut Rulebook), expected: &[&str]) {
    let mut changed = book();
    change(&mut changed);
    let places: Vec<String> = faults(&changed).into_iter().map(|p| p.place).collect();
    assert_eq!(places, expected);
}

#[test]
fn a_sound_document_has_no_faults() {
    case(|_| (), &[]);
}

#[test]
fn every_fault_is_named_not_only_the_first() {
    case(
        |book| {
            book.routes[1].observe = 1.5;
            book.routes[1].host = Some("Registry:5000".to_owned());
            book.rules[0].id = "A b".to_owned();
            book.rules[1].action = Action::None;
        },
        &[
            "routes[1].host",
            "routes[1].observe",
            "rules[0].id",
            "rules[1].action",
        ],
    );
}

#[test]
fn routes_are_named_once_and_the_default_takes_everything() {
    case(
        |book| book.routes[1].name = "default".to_owned(),
        &["routes[1].name"],
    );
    case(|book| drop(book.routes.remove(0)), &["routes"]);
    case(
        |book| book.routes[0].repository = "library/**".to_owned(),
        &["routes[0].repository"],
    );
    case(
        |book| book.routes[0].host = Some("a.example".to_owned()),
        &["routes[0].repository"],
    );
    case(
        |book| book.routes[1].repository = "Library/*".to_owned(),
        &["routes[1].repository"],
    );
    case(
        |book| book.routes[1].origin = Some("a.example".to_owned()),
        &["routes[1].origin"],
    );
    case(
        |book| book.routes[1].detour = Some("https://a/b".to_owned()),
        &["routes[1].detour"],
    );
    case(|book| book.routes[1].observe = f64::NAN, &["routes[1].observe"]);
}

#[test]
fn rules_are_bounded_and_named_once() {
    case(|book| book.rules[1].id = "a".to_owned(), &["rules[1].id"]);
    case(|book| book.rules[0].version = 0, &["rules[0].version"]);
    case(
        |book| book.rules[0].description = "x".repeat(MAX_DESCRIPTION + 1),
        &["rules[0].description"],
    );
    case(
        |book| book.rules[0].expression = "x".repeat(MAX_EXPRESSION + 1),
        &["rules[0].expression"],
    );
    let volume = |requests, seconds| Volume {
        by: VolumeKey::Asn,
        requests,
        seconds,
    };
    case(
        |book| book.rules[0].volume = Some(volume(1, MAX_VOLUME_SECONDS)),
        &[],
    );
    case(
        |book| book.rules[0].volume = Some(volume(0, MAX_VOLUME_SECONDS + 1)),
        &["rules[0].volume.requests", "rules[0].volume.seconds"],
    );
}

#[test]
fn a_mode_is_of_a_rule_and_a_route_that_exist_and_set_once() {
    case(
        |book| book.modes.push(mode("x", "y", Mode::Off)),
        &["modes[0].rule", "modes[0].route"],
    );
    case(
        |book| book.modes = vec![mode("a", "ecr", Mode::Off), mode("a", "ecr", Mode::Enforce)],
        &["modes[1]"],
    );
}

#[test]
fn a_percentage_is_enforce_only_and_above_zero() {
    let set = |chosen, percent| {
        move |book: &mut Rulebook| {
            book.modes.push(ModeSetting {
                percent: Some(percent),
                ..mode("a", "ecr", chosen)
            });
        }
    };
    case(set(Mode::Enforce, 0.01), &[]);
    case(set(Mode::Enforce, 100.0), &[]);
    case(set(Mode::Enforce, 0.0), &["modes[0].percent"]);
    case(set(Mode::Enforce, 100.5), &["modes[0].percent"]);
    case(set(Mode::Enforce, f64::NAN), &["modes[0].percent"]);
    case(set(Mode::Monitor, 50.0), &["modes[0].percent"]);
}

#[test]
fn an_enforced_detour_needs_an_origin_now_and_after_an_expiry() {
    let detour = Some("https://bucket.example".to_owned());
    case(
        |book| book.modes.push(mode("b", "ecr", Mode::Enforce)),
        &["modes[0].mode"],
    );
    case(|book| book.modes.push(mode("b", "ecr", Mode::Monitor)), &[]);
    case(
        |book| {
            book.routes[1].detour = detour.clone();
            book.modes.push(mode("b", "ecr", Mode::Enforce));
        },
        &[],
    );
    case(
        |book| {
            book.rules[1].default_mode = Mode::Enforce;
            book.modes = vec![mode("b", "ecr", Mode::Off), mode("b", "default", Mode::Monitor)];
        },
        &[],
    );
    case(
        |book| {
            book.rules[1].default_mode = Mode::Enforce;
            book.modes = vec![mode("b", "ecr", Mode::Off), mode("b", "default", Mode::Monitor)];
            book.modes[0].expires_ms = Some(1);
        },
        &["rules[1].default_mode"],
    );
}

#[test]
fn the_number_of_parts_and_of_named_faults_is_bounded() {
    case(
        |book| {
            let many = (0..=MAX_RULES).map(|n| rule(&format!("r{n}"), Action::Tag));
            book.rules = many.collect();
        },
        &["rules"],
    );
    let mut wrong = book();
    wrong.rules = (0..1_000).map(|_| rule("", Action::Tag)).collect();
    assert_eq!(faults(&wrong).len(), MAX_PLACES);
}

#[test]
fn settings_keep_what_an_object_can_hold() {
    case(
        |book| book.settings.retry_after_s = 0,
        &["settings.retry_after_s"],
    );
    case(
        |book| book.settings.retention_hours = 0,
        &["settings.retention_hours"],
    );
    case(
        |book| book.settings.retention_bytes = u64::MAX,
        &["settings.retention_bytes"],
    );
    case(
        |book| {
            book.settings.fire_logs = [
                ("../x".to_owned(), FireLogBounds::exactly(2)),
                ("IAD".to_owned(), FireLogBounds::exactly(2)),
            ]
            .into()
        },
        &["settings.fire_logs.../x"],
    );
    case(
        |book| book.settings.fire_logs = [("FRA".to_owned(), FireLogBounds::exactly(65))].into(),
        &["settings.fire_logs.FRA"],
    );
    for (bounds, place) in [((0, 2), "least"), ((4, 2), "most"), ((1, 65), "most")] {
        let (least, most) = bounds;
        let place = format!("settings.fire_logs.FRA.{place}");
        case(
            |book| book.settings.fire_logs = [("FRA".to_owned(), FireLogBounds { least, most })].into(),
            &[&place],
        );
    }
    case(
        |book| book.settings.fire_logs = [("*".to_owned(), FireLogBounds::exactly(2))].into(),
        &["settings.fire_logs.*"],
    );
    case(
        |book| book.layouts = vec![FireLogLayout::new("fra", 1), FireLogLayout::new("IAD", 65)],
        &["layouts[0].colo", "layouts[1].count"],
    );
    case(
        |book| book.settings.anomaly_breadth.clients = 0,
        &["settings.anomaly_breadth.clients"],
    );
    case(
        |book| book.settings.anomaly_breadth.networks = 10_001,
        &["settings.anomaly_breadth.networks"],
    );
    case(|book| book.settings.anomaly_breadth.networks = 1, &[]);
    case(
        |book| book.settings.address_hours = 0,
        &["settings.address_hours"],
    );
    case(|book| book.settings.address_hours = 8_784, &[]);
    let own = |clients, networks| Some(AnomalyBreadth { clients, networks });
    case(|book| book.routes[0].anomaly_breadth = own(1, 1), &[]);
    case(
        |book| book.routes[0].anomaly_breadth = own(0, 10_001),
        &[
            "routes[0].anomaly_breadth.clients",
            "routes[0].anomaly_breadth.networks",
        ],
    );
}

#[test]
fn a_breadth_of_a_route_needs_the_newest_schema() {
    let mut book = book();
    let text = serde_json::to_string(&book.routes).unwrap();
    assert!(!text.contains("anomaly_breadth"), "{text}");
    book.routes[0].anomaly_breadth = Some(AnomalyBreadth::default());
    assert_eq!(book.clone().with_schema().schema, 5);
    let text = serde_json::to_string(&book.routes).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Route>>(&text).unwrap(), book.routes);
}

/// Isolates of older builds go on with a rulebook that leaves the breadth as it is.
#[test]
fn only_another_breadth_needs_the_newest_schema() {
    let mut book = book();
    assert_eq!(book.clone().with_schema().schema, 1);
    let text = serde_json::to_string(&book.settings).unwrap();
    assert!(!text.contains("anomaly_breadth"), "{text}");
    book.settings.anomaly_breadth.clients = 3;
    assert_eq!(book.clone().with_schema().schema, 4);
    let text = serde_json::to_string(&book.settings).unwrap();
    assert!(
        text.contains(r#""anomaly_breadth":{"clients":3,"networks":5}"#),
        "{text}"
    );
    assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), book.settings);
}

#[test]
fn a_routes_blobs_are_names_and_templates() {
    let blobs = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        move |book: &mut Rulebook| book.routes[1].blobs = Some(names)
    };
    case(blobs(&["oci", "storage", "digest", "/layers/{hex}"]), &[]);
    case(blobs(&["oci", "s3"]), &["routes[1].blobs[1]"]);
    case(blobs(&["/a", "/b", "/{sha}"]), &["routes[1].blobs[2]"]);
    case(blobs(&[]), &["routes[1].blobs"]);
}

/// Builds that do not know `blobs` go on with documents that have none.
#[test]
fn a_document_says_the_lowest_schema_that_can_say_it() {
    let mut changed = book();
    assert_eq!(changed.clone().with_schema().schema, 1);
    changed.routes[1].blobs = Some(vec!["oci".to_owned()]);
    assert_eq!(changed.clone().with_schema().schema, 3);
    let text = serde_json::to_string(&book()).unwrap();
    assert!(!text.contains("blobs"));
    assert_eq!(Rulebook::from_json(&text).unwrap(), book());
}

/// Isolates of older builds go on with a rulebook that has none of it.
#[test]
fn what_older_builds_do_not_know_needs_a_newer_schema() {
    let mut allows = book();
    allows.rules[0].action = Action::Allow;
    assert_eq!(allows.with_schema().schema, 5);
    let mut listed = book();
    listed.lists.push(list("office", &["a"]));
    assert_eq!(listed.clone().with_schema().schema, 5);
    let text = serde_json::to_string(&listed).unwrap();
    assert_eq!(Rulebook::from_json(&text).unwrap(), listed);
    let mut sourced = listed.clone();
    sourced.lists[0].source = Some("https://example.com/office.txt".to_owned());
    assert_eq!(sourced.clone().with_schema().schema, SCHEMA);
    let text = serde_json::to_string(&sourced).unwrap();
    assert_eq!(Rulebook::from_json(&text).unwrap(), sourced);
    listed.settings.archive = Some("s3://bucket/prefix".to_owned());
    assert_eq!(listed.with_schema().schema, 6);
    let mut cached = book();
    cached.routes[1].cache = EdgeCache::Off;
    assert_eq!(cached.with_schema().schema, 6);
    let mut sampled = book();
    sampled.routes[1].keep = Some(0.1);
    assert_eq!(sampled.with_schema().schema, 6);
    let mut bounded = book();
    bounded.settings.max_records_per_s = Some(1_000);
    assert_eq!(bounded.with_schema().schema, 6);
}

fn list(name: &str, items: &[&str]) -> NamedList {
    NamedList {
        name: name.to_owned(),
        version: 1,
        description: String::new(),
        kind: ListKind::String,
        source: None,
        items: items
            .iter()
            .map(|item| ListItem::Text((*item).to_owned()))
            .collect(),
    }
}

#[test]
fn lists_are_bounded_and_named_once() {
    case(|book| book.lists = vec![list("a", &[]), list("b", &["x"])], &[]);
    case(
        |book| book.lists = vec![list("a", &[]), list("a", &[])],
        &["lists[1].name"],
    );
    case(|book| book.lists = vec![list("Office", &[])], &["lists[0].name"]);
    let of = |source: &str| NamedList {
        source: Some(source.to_owned()),
        ..list("a", &[])
    };
    case(|book| book.lists = vec![of("https://example.com/a.txt")], &[]);
    case(
        |book| book.lists = vec![of("ftp://example.com/a.txt")],
        &["lists[0].source"],
    );
    case(
        |book| book.lists = (0..=MAX_LISTS).map(|n| list(&format!("l{n}"), &[])).collect(),
        &["lists"],
    );
    let many = |count: usize, length: usize| NamedList {
        items: (0..count)
            .map(|n| ListItem::Text(format!("{n:0length$}")))
            .collect(),
        ..list("a", &[])
    };
    case(|book| book.lists = vec![many(10_000, 47)], &[]);
    case(|book| book.lists = vec![many(10_001, 5)], &["lists[0].items"]);
    case(|book| book.lists = vec![many(10_000, 48)], &["lists"]);
}

#[test]
fn an_archive_is_a_bucket_or_a_folder_without_credentials() {
    let archive = |text: &str| {
        let text = text.to_owned();
        move |book: &mut Rulebook| book.settings.archive = Some(text)
    };
    case(archive("s3://bucket"), &[]);
    case(archive("s3://bucket/pre/fix"), &[]);
    case(archive("/srv/archive"), &[]);
    let long = format!("/{}", "a".repeat(512));
    for wrong in [
        "",
        "archive",
        "s3://",
        "s3:///a",
        "https://key:secret@host/a",
        "s3://key@bucket",
        "/srv/a b",
        "/a?b=c",
        &long,
    ] {
        case(archive(wrong), &["settings.archive"]);
    }
}

#[test]
fn what_is_kept_of_clients_is_a_share() {
    let keep = |share| move |book: &mut Rulebook| book.routes[1].keep = Some(share);
    case(keep(1.0), &[]);
    case(keep(0.001), &[]);
    for wrong in [0.0, 0.0009, 1.1, -1.0, f64::NAN] {
        case(keep(wrong), &["routes[1].keep"]);
    }
    let most = |most| move |book: &mut Rulebook| book.settings.max_records_per_s = Some(most);
    case(most(1), &[]);
    case(most(0), &["settings.max_records_per_s"]);
    case(most(1_000_001), &["settings.max_records_per_s"]);
}

/// A number of FireLogs is what older builds know, too.
#[test]
fn only_bounds_and_layouts_of_fire_logs_need_the_newest_schema() {
    let with = |colo: &str, bounds| {
        let mut book = book();
        book.settings.fire_logs.insert(colo.to_owned(), bounds);
        book.with_schema().schema
    };
    assert_eq!(with("FRA", FireLogBounds::exactly(4)), 1);
    assert_eq!(with("FRA", FireLogBounds { least: 1, most: 4 }), 6);
    assert_eq!(with("*", FireLogBounds::exactly(1)), 6);
    let mut split = book();
    split.layouts.push(FireLogLayout::new("FRA", 2));
    let text = serde_json::to_string(&split.with_schema()).unwrap();
    assert_eq!(Rulebook::from_json(&text).unwrap().fire_logs("FRA"), 2);
}
