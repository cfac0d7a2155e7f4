use super::{ObservedAnswer, Pending};
use crate::action::Action;
use crate::cache::Cache;
use crate::range::{RangeKind, RequestedRange};
use crate::record::{Method, Outcome, Record};
use crate::sample::{JULY_2020_MS, SIGNED, full};

fn pending(method: Method, range: Option<&str>) -> Pending {
    let record = Record {
        method,
        verdict: Action::None,
        ..full()
    };
    Pending {
        record,
        asked: RequestedRange::read(range),
        conditional: false,
    }
}

fn settled(range: Option<&str>, said: &str) -> Record {
    pending(Method::Get, range).settle(&ObservedAnswer::parse(said).unwrap())
}

#[test]
fn an_answer_completes_the_record() {
    let said = format!(
        "206\nbytes 2000000-10485759/10485760\n8485760\napplication/octet-stream\n\n\n\ncompleted\n{}",
        JULY_2020_MS + 7 + 1234
    );
    let record = settled(Some("bytes=2000000-10485759"), &said);
    assert_eq!((record.status, record.outcome), (206, Outcome::Completed));
    assert_eq!(
        (record.size, record.promised),
        (Some(10_485_760), Some(8_485_760))
    );
    assert_eq!(record.duration_ms, 1234);
    assert_eq!(record.range.kind, RangeKind::Resume);
    assert_eq!(
        (record.range.start, record.range.end, record.range.honoured),
        (Some(2_000_000), Some(10_485_759), Some(true))
    );
    // The rest is what it was.
    assert_eq!((record.id, record.digest), (full().id, full().digest));
}

#[track_caller]
fn sizes(method: Method, said: &str, size: Option<u64>, promised: Option<u64>) {
    let said = format!("{said}\n\n\n\n\nnot_observed\n0");
    let record = pending(method, Some("bytes=5-")).settle(&ObservedAnswer::parse(&said).unwrap());
    assert_eq!((record.size, record.promised), (size, promised), "{said:?}");
}

#[test]
fn the_size_is_what_the_answer_means_by_it() {
    sizes(Method::Get, "200\n\n100", Some(100), Some(100));
    sizes(Method::Head, "200\n\n100", Some(100), None);
    sizes(Method::Get, "206\nbytes 5-99/100\n95", Some(100), Some(95));
    sizes(Method::Get, "206\nbytes 5-99/*\n95", None, Some(95));
    sizes(Method::Get, "206\n\n5000", None, Some(5000));
    sizes(Method::Get, "304\n\n100", None, None);
    sizes(Method::Get, "404\n\n57", None, Some(57));
    sizes(Method::Get, "307\n\n0", None, Some(0));
    sizes(Method::Get, "0\n\n", None, None);
    // A 206 does not say `*/100`, nor a 416 a part.
    sizes(Method::Get, "206\nbytes */100\n0", None, Some(0));
    sizes(Method::Get, "416\nbytes 5-99/100\n0", None, Some(0));
}

/// distribution 2.8.2 as Debian packs it: 416 with the blob's Content-Length and a body of 33 bytes.
#[test]
fn a_416_that_promises_the_whole_blob_gives_no_size() {
    sizes(Method::Get, "416\n\n67108864", None, Some(67_108_864));
    sizes(
        Method::Get,
        "416\nbytes */67108864\n67108864",
        Some(67_108_864),
        Some(67_108_864),
    );
}

#[test]
fn the_kind_is_refined_by_the_size() {
    let kind = |range, said: &str| settled(Some(range), said).range.kind;
    let part = "206\nbytes 0-99/100\n100\n\n\n\n\nnot_observed\n0";
    assert_eq!(kind("bytes=0-99", part), RangeKind::Whole);
    assert_eq!(kind("bytes=0-98", part), RangeKind::Scatter);
    assert_eq!(
        kind("bytes=7-99", "404\n\n\n\n\n\n\nnot_observed\n0"),
        RangeKind::Scatter
    );
    assert_eq!(
        kind("bytes=7-99", "200\n\n100\n\n\n\n\nnot_observed\n0"),
        RangeKind::Resume
    );
}

#[test]
fn of_our_own_refusal_nothing_is_said_about_the_origin() {
    for (verdict, expected) in [
        (Action::Block, None),
        (Action::Throttle, None),
        (Action::Detour, Some(false)),
        (Action::None, Some(false)),
    ] {
        let mut pending = pending(Method::Get, Some("bytes=5-"));
        pending.record.verdict = verdict;
        let record = pending.settle(&ObservedAnswer::parse("403\n\n\n\n\n\n\ncompleted\n0").unwrap());
        assert_eq!(record.range.honoured, expected, "{verdict:?}");
    }
}

#[test]
fn if_range_leaves_a_200_open() {
    let mut pending = pending(Method::Get, Some("bytes=5-"));
    pending.conditional = true;
    let record = pending.settle(&ObservedAnswer::parse("200\n\n100\n\n\n\n\nnot_observed\n0").unwrap());
    assert_eq!(record.range.honoured, None);
}

#[test]
fn time_runs_forward_and_is_bounded() {
    let duration = |end: u64| settled(None, &format!("200\n\n\n\n\n\n\ncompleted\n{end}")).duration_ms;
    assert_eq!(duration(0), 0);
    assert_eq!(duration(JULY_2020_MS + 8), 1);
    assert_eq!(duration(u64::MAX), u32::MAX);
}

#[test]
fn what_the_edge_did_not_write_is_refused() {
    for text in [
        "",
        "200",
        "200\n\n\n\n\n0",
        "200\n\n\n\n\n\n\ncompleted",
        "200\n\n\n\n\n\n\ncompleted\n",
        "200\n\n\n\n\n\n\ncompleted\n0\n",
        "x\n\n\n\n\n\n\ncompleted\n0",
        "70000\n\n\n\n\n\n\ncompleted\n0",
    ] {
        assert_eq!(ObservedAnswer::parse(text), None, "{text:?}");
    }
    let said = ObservedAnswer::parse("200\n\n5, 5\n\n\n\n\ncompleted\n0").unwrap();
    assert_eq!(said.content_length, None);
}

#[test]
fn an_outcome_is_spelled_as_in_json() {
    for outcome in [
        Outcome::Completed,
        Outcome::ClientClosed,
        Outcome::OriginFailed,
        Outcome::NotObserved,
    ] {
        let name = serde_json::to_value(outcome).unwrap();
        let text = format!("200\n\n\n\n\n\n\n{}\n0", name.as_str().unwrap());
        assert_eq!(ObservedAnswer::parse(&text).unwrap().outcome, outcome);
    }
}

#[test]
fn an_answer_says_who_gave_it_and_where_it_leads() {
    let said = "307\n\n\n\nhttps://user:pw@CDN.example:8443/layers/7?sig=1\n\nDYNAMIC\nnot_observed\n0";
    let record = settled(None, said);
    assert_eq!(
        (&*record.sent_to, record.cache),
        ("cdn.example", Some(Cache::Dynamic))
    );
    assert_ne!(record.sent_object, 0);
    let here = settled(None, "302\n\n\n\n/elsewhere?sig=1\n\n\nnot_observed\n0");
    assert_eq!(here.sent_to, full().profile.host);
    let followed = settled(
        None,
        "200\n\n5\n\n\nhttps://b.example:9/x?sig=1\n12\nnot_observed\n0",
    );
    assert_eq!(
        (&*followed.served_by, followed.cache),
        ("redirect:b.example", Some(Cache::Hit))
    );
}

/// Of a signed address nothing but the host is kept, whoever signed it and wherever it stands.
#[test]
fn nothing_of_a_signed_address_is_kept() {
    for (query, secrets) in SIGNED {
        for said in [
            format!("307\n\n\n\nhttps://b.example/docker/x?{query}\n\n\nnot_observed\n0"),
            format!("307\n\n\n\n/docker/x?{query}\n\n\nnot_observed\n0"),
            format!("307\n\n\n\nhttps://b.example?{query}\n\n\nnot_observed\n0"),
            format!("307\n\n\n\n?{query}\n\n\nnot_observed\n0"),
            format!(
                "307\n\n\n\nhttps://u:{}@b.example/\n\n\nnot_observed\n0",
                secrets[0]
            ),
            format!("307\n\n\n\nhttps://b.example/#{query}\n\n\nnot_observed\n0"),
            format!("200\n\n\n\n\nhttps://b.example/docker/x?{query}\n\nnot_observed\n0"),
        ] {
            let record = settled(None, &said);
            let kept = format!("{record:?} {}", serde_json::to_string(&record).unwrap());
            for secret in secrets {
                assert!(!kept.contains(secret), "{secret} of {said}: {kept}");
            }
        }
    }
}

#[test]
fn whatever_an_origin_answers_is_settled() {
    bolero::check!()
        .with_type::<(bool, Vec<u8>, u16, Vec<u8>, Option<u64>, u64)>()
        .for_each(
            |(is_head, range, status, content_range, content_length, time_ms)| {
                let method = if *is_head { Method::Head } else { Method::Get };
                let said = ObservedAnswer {
                    status: *status,
                    content_range: std::str::from_utf8(content_range).ok(),
                    content_length: *content_length,
                    content_type: None,
                    location: None,
                    followed_to: None,
                    cache: None,
                    outcome: Outcome::NotObserved,
                    time_ms: *time_ms,
                };
                let record = pending(method, std::str::from_utf8(range).ok()).settle(&said);
                assert!(record.range.honoured != Some(true) || record.status == 206);
            },
        );
}
