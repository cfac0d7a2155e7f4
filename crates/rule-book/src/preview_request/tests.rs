use super::*;
use crate::RuleBookStore;
use crate::preview_sample::{CANDIDATE, NOW, book, rule};
use crate::store::{Change, Edit};
use blobwatch_sql::Native;

fn store() -> RuleBookStore<Native> {
    let document = book(vec![rule(CANDIDATE, "ssl", Action::Block)], Vec::new());
    let store = RuleBookStore::open(Native::in_memory().unwrap(), &document, NOW).unwrap();
    let change = Change {
        actor: "ops",
        now_ms: NOW,
        action: "rule.put",
        target: "rules/candidate",
        before: None,
        after: None,
        reason: None,
        expected: None,
    };
    let next = Rule {
        version: 2,
        ..rule(CANDIDATE, "not ssl", Action::Throttle)
    };
    store.change(&change, &[Edit::rule(&next).unwrap()]).unwrap();
    store
}

fn of(body: &str) -> Result<PreviewPlan, blobwatch_wire::Problem> {
    plan_of(&store(), body, NOW)
}

#[test]
fn a_stored_version_or_a_draft_is_planned() {
    let now = of(r#"{"rule":{"id":"candidate"},"route":"library"}"#).unwrap();
    assert_eq!(
        (now.rule().unwrap().version, now.is_stored, now.revision),
        (2, true, 2)
    );
    assert_eq!((now.since_ms, now.until_ms), (NOW - 86_400_000, NOW));
    let old = of(r#"{"rule":{"id":"candidate","version":1},"route":"library"}"#).unwrap();
    assert_eq!(old.rule().unwrap().expression, "ssl");
    let draft = r#"{"rule":{"expression":"client.os eq \"amzn2\"","action":"block"},"route":"default",
        "since":"2020-07-05T18:00:00Z","until":"2020-07-05T18:30:00Z"}"#;
    let draft = of(draft).unwrap();
    assert_eq!((draft.candidate.as_str(), draft.is_stored), ("draft", false));
    assert_eq!(draft.until_ms - draft.since_ms, 1_800_000);
}

#[test]
fn a_list_that_is_not_published_is_planned_with() {
    let with = |items: &str| {
        format!(
            r#"{{"rule":{{"expression":"ip.src.asnum in $clouds","action":"block"}},"route":"library",
            "lists":[{{"name":"clouds","kind":"number","items":[{items}]}},{{"name":"other","kind":"string","items":[]}}]}}"#
        )
    };
    let plan = of(&with("16509, 14618, 14618")).unwrap();
    let lists: Vec<_> = plan
        .book
        .lists
        .iter()
        .map(|list| (list.name.as_str(), list.items.len()))
        .collect();
    assert_eq!(lists, [("clouds", 2)], "those that its rules name");
    assert_ne!(plan.relevant, of(&with("16509")).unwrap().relevant);
}

#[test]
fn what_cannot_be_previewed_is_refused_with_its_place() {
    #[track_caller]
    fn case(body: &str, status: u16, place: &str) {
        let problem = of(body).unwrap_err();
        let places: Vec<&str> = problem.errors.iter().map(|error| error.place.as_str()).collect();
        assert_eq!(problem.status, status, "{problem:?}");
        assert!(place.is_empty() || places.contains(&place), "{problem:?}");
    }
    case("{}", 400, "body");
    let with = |rule: &str, lists: &str| {
        format!(
            r#"{{"rule":{{"expression":"{rule}","action":"block"}},"route":"library","lists":[{lists}]}}"#
        )
    };
    let one = r#"{"name":"a","kind":"number","items":[1]}"#;
    case(&with("ip.src.asnum in $b", one), 422, "body.rule.expression");
    case(&with("http.host in $a", one), 422, "body.rule.expression");
    case(&with("ssl", &format!("{one},{one}")), 422, "body.lists[1].name");
    case(
        &with("ssl", &one.replace("\"a\"", "\"A B\"")),
        422,
        "body.lists[0].name",
    );
    case(
        &with("ssl", &one.replace("[1]", "[1, \"x\"]")),
        422,
        "body.lists[0].items[1]",
    );
    case(r#"[{"id":"candidate"},"library",null,null]"#, 400, "body");
    case(
        r#"{"rule":["candidate",null,null,null,null],"route":"library"}"#,
        400,
        "body.rule",
    );
    let volume =
        r#"{"rule":{"expression":"ssl","action":"block","volume":["client",5,10]},"route":"library"}"#;
    case(volume, 400, "body.rule.volume");
    case(
        r#"{"rule":{"id":"candidate"},"route":"library","x":1}"#,
        400,
        "body.x",
    );
    case(r#"{"rule":{},"route":"library"}"#, 400, "body.rule");
    case(
        r#"{"rule":{"id":"candidate","action":"block"},"route":"library"}"#,
        400,
        "body.rule",
    );
    case(r#"{"rule":{"id":"other"},"route":"library"}"#, 404, "");
    case(
        r#"{"rule":{"id":"candidate","version":9},"route":"library"}"#,
        404,
        "",
    );
    case(r#"{"rule":{"id":"candidate"},"route":"other"}"#, 404, "");
    let draft = |rest: &str| {
        format!(r#"{{"rule":{{"expression":"ssl and","action":"block"}},"route":"default"{rest}}}"#)
    };
    case(&draft(""), 422, "body.rule.expression");
    let times = r#"{"rule":{"id":"candidate"},"route":"library","since":"yesterday"}"#;
    case(times, 422, "body.since");
    let empty = r#"{"rule":{"id":"candidate"},"route":"library","since":"2020-07-05T20:00:00Z"}"#;
    case(empty, 422, "body.since");
    let nowhere = r#"{"rule":{"expression":"ssl","action":"detour"},"route":"default"}"#;
    case(nowhere, 422, "");
    let none = r#"{"rule":{"expression":"ssl","action":"none"},"route":"default"}"#;
    case(none, 400, "body.rule.action");
    let both = r#"{"rule":{"expression":"ssl and","action":"deny"},"route":"default","since":"yesterday"}"#;
    for place in ["body.rule.action", "body.rule.expression", "body.since"] {
        case(both, 400, place);
    }
    let volume = r#"{"rule":{"expression":"ssl","action":"block","volume":{"by":"asn","requests":0,"seconds":0}},"route":"default"}"#;
    case(volume, 422, "");
}
