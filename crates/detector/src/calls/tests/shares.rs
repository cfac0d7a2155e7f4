//! What somebody outside reads of an anomaly, and what not.

use super::*;
use crate::anomaly::Moment;
use crate::cohort::Literal;
use crate::handling::Acknowledgement;
use crate::rules::{Contrast, RouteChange, Suspect};
use crate::store::MarkKind;
use crate::upstream::OpenWindow;
use crate::{HistoryEntry, NewShare, Response, link_hash, share, shared_report};
use blobwatch_pull::ClientKey;

const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn new(body: &str) -> NewShare {
    NewShare {
        anomaly: "an-000001".to_owned(),
        query: "reason=for+the+CDN".to_owned(),
        body: body.to_owned(),
        actor: "olga".to_owned(),
        hash: link_hash(TOKEN).unwrap(),
    }
}

#[test]
fn a_link_is_made_listed_opened_and_revoked() {
    let (mut store, now) = night();
    let item = share(&store, &new(""), now).unwrap().unwrap();
    assert_eq!(
        (item.anomaly.as_str(), item.actor.as_str()),
        ("an-000001", "olga")
    );
    let week = parse_rfc3339(&item.expires).unwrap() - now;
    assert_eq!(week, 7 * 86_400_000);
    let list = get(&store, now, "anomalies/an-000001/shares");
    assert_eq!(list["items"], json!([item]));
    refused(&store, now, "anomalies/1/shares", 400, "path.id");

    let opened = |store: &Detector<Native>, token: &str| {
        let hash = link_hash(token).unwrap();
        at_once(shared_report(store, &hash, now, &Unpaced)).unwrap()
    };
    let report = opened(&store, TOKEN).unwrap();
    assert_eq!(report.facts.anomaly.id, 1);
    assert_eq!(rfc3339(report.expires_ms), item.expires);
    assert_eq!(opened(&store, &TOKEN.replace('0', "1")).unwrap_err().status, 404);

    let path = format!("anomalies/an-000001/shares/{}", item.id);
    let call = ApiRequest {
        method: "DELETE",
        path: &path,
        query: "",
        body: "",
        actor: "ada",
        now_ms: now,
        if_match: None,
    };
    assert!(is_act(&call));
    let reply = act_calls::act(&mut store, &call).unwrap().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&reply.body).unwrap(), json!(item));
    assert_eq!(opened(&store, TOKEN).unwrap_err().status, 404);
    assert_eq!(get(&store, now, "anomalies/an-000001/shares")["items"], json!([]));
}

#[test]
fn what_a_link_cannot_be_is_refused_with_its_place() {
    let (store, now) = night();
    let case = |call: NewShare, status: u16, place: &str| {
        let problem = share(&store, &call, now).unwrap().unwrap_err();
        let places: Vec<&str> = problem.errors.iter().map(|error| error.place.as_str()).collect();
        assert_eq!((problem.status, places), (status, vec![place]), "{call:?}");
    };
    case(new(r#"{"until": "+31d"}"#), 422, "body.until");
    case(new(r#"{"until": "-1d"}"#), 422, "body.until");
    case(new(r#"{"days": 7}"#), 400, "body.days");
    let call = NewShare {
        anomaly: "1".to_owned(),
        ..new("")
    };
    case(call, 400, "path.id");
    let call = NewShare {
        query: "why=x".to_owned(),
        ..new("")
    };
    case(call, 400, "query.why");
    for token in ["", "../../etc/passwd", &TOKEN.to_uppercase(), &TOKEN[1..]] {
        assert_eq!(link_hash(token), None, "{token}");
    }
}

/// An anomaly in which every text is somebody's, and has what an outsider must not read.
fn told_inside(mut facts: ReportFacts) -> ReportFacts {
    let anomaly = &mut facts.anomaly;
    let at = anomaly.onset_ms + 60_000;
    anomaly.cohort.0.push(Literal {
        attribute: "served_by".to_owned(),
        values: vec![
            "origin:secret.internal".to_owned(),
            "redirect:cdn.example".to_owned(),
        ],
        not: false,
        among: 3,
    });
    anomaly.named = Some(anomaly.cohort.clone());
    anomaly.rules = vec![Suspect {
        rule: "botnet-sig".to_owned(),
        lift: 40.0,
        share: 0.9,
        events: 30,
        contrast: Contrast::Inside,
        switched_ms: Some(anomaly.onset_ms),
        switched: Some("on hub: monitor to enforce, by secret-olga".to_owned()),
    }];
    anomaly.routes = vec![RouteChange {
        route: "hub".to_owned(),
        time_ms: anomaly.onset_ms,
        text: "route hub: origin https://secret.internal to https://b.example, by secret-olga".to_owned(),
    }];
    let response = |text: &str, rules: &[&str]| Response {
        time_ms: at,
        actor: "secret-ada".to_owned(),
        text: text.to_owned(),
        rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
        enforces: false,
        before: Some(0.4),
        since: Some(0.04),
        measured_ms: at + 180_000,
    };
    anomaly.responses = vec![
        response(
            "botnet-sig on hub: enforce to monitor, by secret-ada",
            &["botnet-sig"],
        ),
        response(
            "route hub: origin https://secret.internal to https://b.example, by secret-ada",
            &[],
        ),
    ];
    anomaly.windows = vec![OpenWindow {
        rule: "cloudflare:3b".to_owned(),
        from_ms: anomaly.onset_ms,
        until_ms: None,
        text: "SYN floods at 192.0.2.1:443".to_owned(),
        while_open: None,
        after: None,
    }];
    for moment in [Moment::Opened, Moment::Commented, Moment::Assigned, Moment::Note] {
        anomaly.history.push(HistoryEntry {
            time_ms: at,
            moment,
            text: "secret-comment, see an-000777 at 198.51.100.7".to_owned(),
            by: Some("secret-ada".to_owned()),
        });
    }
    anomaly.handling.assignee = Some("secret-ada".to_owned());
    anomaly.handling.acknowledged = Some(Acknowledgement {
        time_ms: at,
        by: "secret-ada".to_owned(),
    });
    facts
}

#[test]
fn somebody_outside_reads_what_is_wrong_and_nothing_of_the_team() {
    let (store, now) = night();
    let facts = at_once(report_facts(&store, "an-000001", now, &Unpaced));
    let mut facts = told_inside(facts.unwrap().unwrap());
    for kind in [
        MarkKind::AnomalyOpened,
        MarkKind::RuleChange,
        MarkKind::UpstreamWindow,
    ] {
        let mut mark = facts.marks.first().cloned().unwrap();
        mark.kind = kind;
        mark.text = match kind {
            MarkKind::UpstreamWindow => "a window at 192.0.2.1:443".to_owned(),
            _ => "an-000777, by secret-olga".to_owned(),
        };
        facts.marks.push(mark);
    }
    let facts = super::super::report::for_partner(facts);
    let record = Record {
        served_by: "origin:secret.internal".to_owned(),
        client: ClientKey(0xfeed_0000_5eed_beef),
        ..sample::full()
    };
    let client = record.client.to_string();
    let page = facts.report(&[record], now).page(now + 1_000);
    for secret in [
        "secret",
        "an-000777",
        "192.0.2.1",
        "198.51.100.7",
        &client,
        "https://b.example",
    ] {
        let at = page.find(secret);
        let around = at.map(|at| &page[at.saturating_sub(80)..at + 20]);
        assert_eq!(around, None, "{secret}");
    }
    for part in [
        "<title>an-000001: report of an anomaly</title>",
        "amzn2",
        "redirect:cdn.example",
        "a window at [address]:443",
        "botnet-sig: taken back, at ",
        "route hub was changed",
        "<svg viewBox",
        "class=\"cohort\" d=\"M",
        "class=\"others\" d=\"M",
        "noindex",
    ] {
        assert!(page.contains(part), "{part:?} is not in\n{page}");
    }
    assert!(!page.contains("<script") && !page.contains(" style="));
}

#[test]
fn what_clients_call_themselves_is_text_on_the_page() {
    let (store, now) = night();
    let facts = at_once(report_facts(&store, "an-000001", now, &Unpaced));
    let mut facts = facts.unwrap().unwrap();
    let hostile = "\"><script>alert(1)</script><img src=x onerror='a'>\u{202e}";
    facts.anomaly.cohort.0.push(Literal {
        attribute: "version".to_owned(),
        values: vec![hostile.to_owned()],
        not: false,
        among: 1,
    });
    facts.anomaly.named = Some(facts.anomaly.cohort.clone());
    let mut record = sample::full();
    record.profile.user_agent = hostile.to_owned();
    record.repository = hostile.to_owned();
    let page = facts.report(&[record], now).page(now + 1_000);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
    for markup in ["<script", "<img", "onerror='", "\u{202e}"] {
        assert!(!page.contains(markup), "{markup}");
    }
}

/// A rate that is drawn is the one that the counts say.
#[test]
fn the_plot_shows_the_rate_of_the_cohort_and_of_everybody_else() {
    let (store, now) = night();
    let facts = at_once(report_facts(&store, "an-000001", now, &Unpaced));
    let facts = facts.unwrap().unwrap();
    let onset_ms = facts.anomaly.onset_ms;
    let sums = |is_during: bool| {
        let points = facts.rates.points.iter();
        let points = points.filter(|point| (point.time_ms >= onset_ms) == is_during);
        points.fold([0; 4], |sums, point| {
            let (cohort, others) = (point.cohort, point.others);
            let counts = [cohort.trials, cohort.events, others.trials, others.events];
            std::array::from_fn(|place| sums[place] + counts[place])
        })
    };
    let [trials, events, ..] = sums(true);
    let share = events as f64 / trials as f64;
    let said = facts.anomaly.observed;
    assert!((share / said - 1.0).abs() < 0.5, "{share} {said}");
    let [usual, usual_events, others, others_events] = sums(false);
    assert!(usual > 0 && others > 0, "an hour before the onset is drawn");
    assert!((usual_events as f64 / usual as f64) < share / 5.0);
    assert!((others_events as f64 / others as f64) < share / 5.0);
}
