//! What the report of an anomaly says.

use super::*;
use crate::Anomaly;
use std::sync::LazyLock;

#[test]
fn the_report_of_a_harm_says_what_the_rule_did() {
    let mut store = open();
    let harm = HarmNotice {
        text: "the first minute went wrong for 18 of 105 clients that it acted on, and for 7 of 296 that it did not"
            .to_owned(),
        family: None,
        clients: 105,
        harmed: 18,
        against: Against::HeldOut,
        expected: 7.0 / 296.0,
        ..denial()
    };
    let now_ms = parse_rfc3339("2020-07-06T12:00:02Z").unwrap();
    store.harm(&harm, now_ms).unwrap();
    let (anomaly, rates) = (store.anomaly(1).unwrap().unwrap(), Rates::default());
    let report = about(&anomaly, &rates, now_ms);
    let expected = "\
# an-000001: route hub: failed first minutes 7.2x since 11:58; caused by botnet-sig, which the guard put back to monitor; 18 clients

- Enforced 2020-07-06T11:58:00.000Z, taken back 2020-07-06T12:00:00.000Z; all times UTC
- Affected: 18 clients

## Who

route hub

| attribute | values |
| --- | --- |
| route | hub |

## Rates

| failed first minutes among clients that the rule acted on | |
| --- | --- |
| expected | 2.4 % |
| during | 17.1 % |
| ratio | 7.2x |

## Timeline (UTC)

- 2020-07-06T11:58:00.000Z enforced
- 2020-07-06T12:00:00.000Z opened: the first minute went wrong for 18 of 105 clients that it acted on, and for 7 of 296 that it did not
- 2020-07-06T12:00:00.000Z note: the guard put the rule back to monitor

## The rule that caused it

botnet-sig: 7.2x the expected rate, compared with the clients outside its percentage.

## Ruled out

- Chance: at most one stage in 10000 of a harmless rule's enforcement is taken back.
- A handful of machines: at least 5 clients in 5 networks were harmed.

## Examples

None.
";
    assert_eq!(report.markdown(), expected);
}

/// August 2026: ranges are refused, and containerd begins again where docker and podman do not.
#[test]
fn the_report_says_which_clients_go_round_refused_ranges() {
    let (mut store, mut world) = (open(), World::new(14));
    let mut expected = BTreeMap::<Family, (u32, u32)>::new();
    let mut now = 0;
    for slot in 0..380 {
        let refused = if slot < 360 { 0 } else { 20 };
        let mut batch = world.ranged(refused, refused);
        for cell in &mut batch.cells {
            if cell.key.family == Family::Containerd {
                cell.counts.begun_again = cell.counts.refused;
            }
            let sums = expected.entry(cell.key.family).or_default();
            sums.0 += cell.counts.refused;
            sums.1 += cell.counts.begun_again;
        }
        now = arrival(&batch);
        accept(&mut store, &batch, now).unwrap();
    }
    store.tick(now + 5_000).unwrap();
    let ReportFacts {
        anomaly, families, ..
    } = at_once(report_facts(&store, "an-000001", now, &Unpaced))
        .unwrap()
        .unwrap();
    assert_eq!(anomaly.kind(), AnomalyKind::RangeRefused);
    let rates = Rates::default();
    let report = Report {
        families: &families,
        ..about(&anomaly, &rates, now)
    };
    let text = report.markdown();
    for family in [Family::Docker, Family::Containerd, Family::Podman] {
        let (refused, again) = expected[&family];
        assert!(refused > 0 && (again > 0) == (family == Family::Containerd));
        let line = format!("| {} | {refused} | 100 % | {again} |", family.as_str());
        assert!(text.contains(&line), "{line:?} is not in\n{text}");
    }
}

#[test]
fn the_report_says_everything_that_a_partner_asks() {
    let (store, now) = night();
    let ReportFacts {
        anomaly, families, ..
    } = at_once(report_facts(&store, "an-000001", now, &Unpaced))
        .unwrap()
        .unwrap();
    assert!(!wanted_evidence(&anomaly).is_empty());
    let record = Record {
        ray: "5ae3f0a1b2c3-FRA".to_owned(),
        ..sample::full()
    };
    let rates = Rates::default();
    let report = Report {
        families: &families,
        records: &[record],
        marks: &store.marks(0, u64::MAX, 10).unwrap(),
        ..about(&anomaly, &rates, now)
    };
    let text = report.markdown();
    for part in [
        "# an-000001: ",
        "- Status: open as of ",
        "## Who",
        "| os | amzn2 |",
        "## Rates",
        "| expected | ",
        "| client | resumes | of its starts and resumes of blobs of 1 MiB or more |",
        "## Timeline (UTC)",
        " onset",
        "## Rules that correlate",
        "None of Blobwatch's rules correlates",
        "## Ruled out",
        "One client, one NAT or one network",
        "5ae3f0a1b2c3-FRA",
        "## Reproduce",
        "curl -v -o /dev/null -A '",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

/// A window that began with it, and packets that were dropped meanwhile.
#[test]
fn the_report_says_what_another_party_stopped_before_it_was_a_request() {
    let (mut store, now) = night();
    let onset_ms = store.anomaly(1).unwrap().unwrap().onset_ms;
    let window = UpstreamWindow {
        source: "cloudflare".to_owned(),
        id: "c".to_owned(),
        from_ms: onset_ms,
        until_ms: None,
        target: "192.0.2.1:443".to_owned(),
        routes: None,
        rule: "cloudflare:3b".to_owned(),
        system: "l4ddos".to_owned(),
        words: "SYN floods".to_owned(),
        rate: String::new(),
    };
    let rows = [packets::usual(), packets::signature(PacketOutcome::Dropped)]
        .concat()
        .into_iter();
    let rows = rows.map(|row| PacketRow {
        minute: onset_ms / 60_000,
        ..row
    });
    let told = IngestReport {
        source: "cloudflare".to_owned(),
        received_ms: now,
        windows: vec![window],
        packets: packets::counts(rows.collect()),
        ..IngestReport::default()
    };
    store.ingested(&told).unwrap();
    let facts = at_once(report_facts(&store, "an-000001", now, &Unpaced))
        .unwrap()
        .unwrap();
    let report = Report {
        anomaly: &facts.anomaly,
        families: &facts.families,
        records: &[],
        marks: &facts.marks,
        breadth: facts.breadth,
        acted: &facts.acted,
        packets: &facts.packets,
        rates: &Rates::default(),
        now_ms: now,
    };
    let text = report.markdown();
    for part in [
        "| window cloudflare:3b (upstream) | - | - | ",
        "| SYN floods at 192.0.2.1:443 |",
        "cloudflare began mitigating: SYN floods at 192.0.2.1:443",
        "To set cloudflare:3b to log:",
        "## Packets",
        "98 % of what cloudflare:3b (upstream) drops at FRA, GRU has TTL 255 and window 26,883",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

/// The anomaly of July 2020, and five minutes after its onset.
static NIGHT: LazyLock<(Anomaly, u64)> = LazyLock::new(|| {
    let (store, now_ms) = night();
    (store.anomaly(1).unwrap().unwrap(), now_ms)
});

/// What its report would say if it were of this kind, with these examples.
fn as_kind(kind: AnomalyKind, records: &[Record]) -> String {
    let (anomaly, now_ms) = NIGHT.clone();
    let anomaly = Anomaly {
        kinds: vec![kind],
        ..anomaly
    };
    let rates = Rates::default();
    let report = Report {
        records,
        ..about(&anomaly, &rates, now_ms)
    };
    report.markdown()
}

/// A report of an anomaly of which nothing else is known.
fn about<'a>(anomaly: &'a Anomaly, rates: &'a Rates, now_ms: u64) -> Report<'a> {
    Report {
        anomaly,
        families: &[],
        records: &[],
        marks: &[],
        breadth: AnomalyBreadth::default(),
        acted: &[],
        packets: &[],
        rates,
        now_ms,
    }
}

#[test]
fn each_kind_rules_out_what_looks_like_it() {
    let kinds = [
        (
            AnomalyKind::ResumeSurge,
            "chunks, tiles and whole-blob ranges are not counted",
        ),
        (AnomalyKind::RangeRefused, "Ranges that are the whole blob"),
        (AnomalyKind::AbortSurge, "Downloads in parallel"),
        (AnomalyKind::StartFailed, "A rule of Blobwatch"),
        (
            AnomalyKind::StartRefused,
            "404 is not counted, and 401 only where",
        ),
        (
            AnomalyKind::TargetUnreached,
            "only the third request of one client for a redirect",
        ),
        (AnomalyKind::RangeLoop, "A file that was complete"),
        (AnomalyKind::SlowSurge, "Clients that are always slow"),
        (AnomalyKind::ContentSuspect, "Pulls that are made twice"),
    ];
    for (kind, _) in kinds {
        let text = as_kind(kind, &[]);
        for (other, reason) in kinds {
            assert_eq!(
                text.contains(reason),
                kind == other,
                "{reason:?} of {other:?} in\n{text}"
            );
        }
        assert!(
            text.contains(&format!("- What rose: {}\n", kind.noun())),
            "{text}"
        );
        let (_, found) = text
            .split_once("Not found to be increased for these clients: ")
            .unwrap();
        let (found, _) = found.split_once(".\n").unwrap();
        assert!(found.split(", ").all(|noun| noun != kind.noun()), "{text}");
    }
}

/// What stands below "Reproduce": the command, and what is said of it.
#[track_caller]
fn reproduces(kind: AnomalyKind, records: &[Record], command: &str, said: &str) {
    let text = as_kind(kind, records);
    let (_, text) = text.split_once("## Reproduce\n").unwrap();
    let shown = text.lines().find(|line| line.starts_with("curl"));
    assert_eq!(shown.unwrap_or_default(), command);
    assert!(text.contains(said), "{said:?} is not in\n{text}");
}

/// A record whose client and address are short.
fn plain() -> Record {
    let digest = format!("sha256:{}", "a".repeat(64));
    let range = RangeRecord {
        kind: RangeKind::None,
        start: None,
        end: None,
        honoured: None,
    };
    let profile = Profile {
        host: "hub.example".to_owned(),
        scheme: "https".to_owned(),
        user_agent: "curl".to_owned(),
        ..Profile::default()
    };
    Record {
        repository: "team/app".to_owned(),
        digest,
        method: Method::Get,
        range,
        profile,
        ..sample::sparse()
    }
}

fn blob(host: &str, repository: &str) -> String {
    format!("'https://{host}/v2/{repository}/blobs/sha256:{}'", "a".repeat(64))
}

#[test]
fn each_kind_is_reproduced_as_it_shows() {
    let at = blob("hub.example", "team/app");
    for kind in [AnomalyKind::StartFailed, AnomalyKind::StartRefused] {
        reproduces(
            kind,
            &[plain()],
            &format!("curl -v -o /dev/null -A 'curl' {at}"),
            "a registry token",
        );
    }
    reproduces(
        AnomalyKind::SlowSurge,
        &[plain()],
        &format!(
            r"curl -v -o /dev/null -w '%{{time_total}} s, %{{speed_download}} bytes/s\n' -A 'curl' {at}"
        ),
        "",
    );
    reproduces(
        AnomalyKind::ContentSuspect,
        &[plain()],
        &format!("curl -v -A 'curl' {at} | sha256sum"),
        "A sum other than the digest",
    );
    let redirected = Record {
        status: 307,
        sent_to: "cdn.example".to_owned(),
        ..plain()
    };
    reproduces(
        AnomalyKind::TargetUnreached,
        &[redirected],
        &format!("curl -v --location -o /dev/null -A 'curl' {at}"),
        "a redirect to cdn.example, which is what the clients do not reach",
    );
    let ranged = |kind, start| Record {
        range: RangeRecord {
            kind,
            start,
            ..plain().range
        },
        ..plain()
    };
    reproduces(
        AnomalyKind::RangeLoop,
        &[ranged(RangeKind::Resume, Some(700))],
        &format!("curl -v -o /dev/null -A 'curl' -H 'Range: bytes=700-' {at}"),
        "",
    );
    reproduces(
        AnomalyKind::RangeRefused,
        &[ranged(RangeKind::Multi, None)],
        &format!("curl -v -o /dev/null -A 'curl' {at}"),
        "several ranges at once; the header is not kept",
    );
}

/// Nobody is told to ask for an address that does not exist.
#[test]
fn a_path_that_is_not_kept_is_said_as_far_as_it_is_known() {
    let shaped = |shape, repository: &str| Record {
        shape,
        repository: repository.to_owned(),
        profile: Profile {
            host: "cdn.example".to_owned(),
            ..plain().profile
        },
        ..plain()
    };
    let kind = AnomalyKind::StartRefused;
    let below = blob("cdn.example/PREFIX", "team/app");
    reproduces(
        kind,
        &[shaped(PathShape::Prefixed, "team/app")],
        &format!("curl -v -o /dev/null -A 'curl' {below}"),
        "In place of PREFIX put the path before /v2/",
    );
    for shape in [PathShape::Storage, PathShape::Digest, PathShape::Template] {
        for (repository, known, end) in [
            (
                "",
                "REPOSITORY",
                "lead there, and the repository in place of REPOSITORY.",
            ),
            (
                "team/app",
                "team/app",
                "In place of REGISTRY put the registry whose redirects lead there.",
            ),
        ] {
            let at = blob("REGISTRY", known);
            let command = format!("curl -v --location -o /dev/null -A 'curl' {at}");
            reproduces(kind, &[shaped(shape, repository)], &command, end);
        }
    }
    let unknown = Record {
        digest: String::new(),
        ..shaped(PathShape::Object, "")
    };
    let said = "The examples came to cdn.example, by addresses that say no digest";
    reproduces(kind, std::slice::from_ref(&unknown), "", said);
    // Of several examples, the one that says most.
    let command = format!(
        "curl -v -o /dev/null -A 'curl' {}",
        blob("hub.example", "team/app")
    );
    reproduces(
        kind,
        &[unknown, shaped(PathShape::Storage, ""), plain()],
        &command,
        "",
    );
}
