use super::*;
use crate::Compiled;
use blobwatch_pull::{Agent, Family, Method, Mode, RangeKind, Record, RecordValues, sample};
use blobwatch_rules::Scratch;

const DOCKER: &str = "docker/20.10.24+dfsg1 go/go1.19.8 git-commit/5d6db84 kernel/6.18 os/linux arch/amd64 \
                      UpstreamClient(Docker-Client/20.10.24+dfsg1 \\(linux\\))";

/// A plain pull of one layer over TLS 1.3, from a Go client outside of any cloud.
fn pull(user_agent: &str) -> Record {
    let agent = Agent::parse(user_agent);
    let mut record = Record {
        family: agent.family,
        version: agent.version.to_owned(),
        asn: Some(3320),
        ja4: String::new(),
        ..sample::full()
    };
    record.range.kind = RangeKind::None;
    record.range.start = None;
    record.profile.user_agent = user_agent.to_owned();
    record.profile.tls_hello_length = Some(245);
    record
}

#[track_caller]
fn case(record: &Record, expected: &[&str]) {
    let compiled = Compiled::from_json(STARTER).unwrap();
    let mut scratch = Scratch::new(&compiled.engine);
    let texts = RecordValues::of(record);
    compiled.engine.run(&texts.values(), &mut scratch);
    let matched: Vec<&str> = scratch
        .matched()
        .map(|at| compiled.book.rules[at].id.as_str())
        .collect();
    assert_eq!(matched, expected, "{}", record.profile.user_agent);
}

#[test]
fn it_compiles_and_every_rule_is_in_monitor_with_a_description() {
    let compiled = Compiled::build(starter().unwrap()).unwrap();
    let book = compiled.book;
    assert_eq!((book.revision, book.modes.len()), (0, 0));
    for rule in &book.rules {
        assert_eq!(
            (rule.default_mode, rule.version),
            (Mode::Monitor, 1),
            "{}",
            rule.id
        );
        assert!(rule.description.len() > 80, "{}", rule.id);
    }
}

#[test]
fn registry_clients_count_for_sweeps_and_fire_nothing_else() {
    for user_agent in [
        DOCKER,
        "containerd/1.6.20~ds1",
        "containerd/v2.1.4",
        "buildkit/v0.25",
        "libpod/4.3.1",
        "skopeo/1.9.3",
        "Buildah/1.28.2",
        "cri-o/1.30.0 go/go1.22.2 os/linux arch/amd64",
        "crane/0.20.2 go-containerregistry/0.20.2",
        "regclient/regclient (v0.8.0)",
        "oras-go",
        "soci-snapshotter/0.9.0",
        "Go-http-client/1.1",
    ] {
        case(&pull(user_agent), &["digest-sweep"]);
    }
}

#[test]
fn pieces_of_one_blob_are_no_sweep() {
    for kind in [RangeKind::Tile, RangeKind::Resume, RangeKind::Scatter] {
        let mut record = pull("containerd/v2.1.4");
        record.range.kind = kind;
        record.range.start = Some(8 << 20);
        record.range.end = (kind != RangeKind::Resume).then_some((16 << 20) - 1);
        case(&record, &[]);
    }
}

#[test]
fn heads_are_counted_apart() {
    let record = Record {
        method: Method::Head,
        ..pull(DOCKER)
    };
    case(&record, &["existence-sweep"]);
}

#[test]
fn no_user_agent_and_tools_and_browsers_are_told() {
    let none = pull("");
    assert_eq!(none.family, Family::Empty);
    case(&none, &["empty-user-agent", "digest-sweep"]);
    for tool in [
        "curl/7.88.1",
        "Wget/1.21.3",
        "aria2/1.36.0",
        "python-requests/2.31.0",
        "Python-urllib/3.11",
        "okhttp/4.9.0",
    ] {
        case(&pull(tool), &["scripted-user-agent", "digest-sweep"]);
    }
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
    case(&pull(firefox), &["browser", "digest-sweep"]);
}

#[test]
fn docker_that_is_not_go_needs_tls_to_be_told() {
    let told: &[&str] = &["digest-sweep", "docker-not-go"];
    let with = |change: fn(&mut Record)| {
        let mut record = pull(DOCKER);
        change(&mut record);
        record
    };
    case(&with(|r| r.profile.tls_hello_length = Some(508)), told);
    case(&with(|r| r.protocol = "HTTP/3".to_owned()), told);
    case(
        &with(|r| r.ja4 = "q13d0312h3_55b375c5d22e_06cda9e17597".to_owned()),
        told,
    );
    case(&with(|r| r.profile.tls_hello_length = None), &["digest-sweep"]);
    let plain = with(|r| {
        r.profile.scheme = "http".to_owned();
        r.profile.tls_hello_length = None;
    });
    case(&plain, &["digest-sweep"]);
    let mut honest = pull("curl/7.88.1");
    honest.profile.tls_hello_length = Some(508);
    case(&honest, &["scripted-user-agent", "digest-sweep"]);
}

#[test]
fn the_signature_of_july_2020_is_of_a_network_and_a_hello() {
    let mut record = pull("containerd/1.6.20~ds1");
    record.profile.tls_hello_length = Some(508);
    case(&record, &["digest-sweep"]);
    record.asn = Some(16509);
    case(&record, &["digest-sweep", "botnet-sig"]);
    record.asn = None;
    case(&record, &["digest-sweep"]);
}
