use super::*;
use crate::{End, Partial, Report};
use blobwatch_pull::Action;
use blobwatch_rule_book::PreviewPlan;
use blobwatch_rule_book::preview_sample::{CANDIDATE, NOW, book, plan, rule};
use blobwatch_sql::{Native, Unpaced, at_once};

fn sample() -> PreviewPlan {
    let rules = vec![rule(CANDIDATE, "ssl", Action::Block)];
    plan(&book(rules, Vec::new()), CANDIDATE, "default")
}

/// That many previews, which are over.
fn store(count: usize) -> PreviewStore<Native> {
    let store = PreviewStore::open(Native::in_memory().unwrap()).unwrap();
    for _ in 0..count {
        let preview = store.begin(&sample(), "ada", NOW).unwrap().unwrap();
        store.end(&preview.id, End::Cancelled, 0, NOW).unwrap();
    }
    store
}

fn page(limit: usize, after: Option<&str>) -> PreviewPage {
    let after = after.map(|id| seq_of(id).unwrap());
    PreviewPage { limit, after }
}

#[test]
fn calls_are_read() {
    #[track_caller]
    fn case(method: Method, path: &str, query: &str, expected: PreviewCall<'_>) {
        assert_eq!(PreviewCall::read(Some(method), path, query), Ok(expected));
    }
    case(
        Method::Get,
        "previews",
        "",
        PreviewCall::List(page(DEFAULT_LIMIT, None)),
    );
    let second = PreviewCall::List(page(3, Some("pv-000007")));
    case(Method::Get, "previews", "limit=3&cursor=pv-000007", second);
    case(Method::Post, "previews", "", PreviewCall::Begin);
    case(Method::Get, "previews/pv-1", "", PreviewCall::Get("pv-1"));
    case(Method::Delete, "previews/pv-1", "", PreviewCall::Cancel("pv-1"));
}

#[test]
fn other_calls_are_refused() {
    #[track_caller]
    fn case(method: Option<Method>, path: &str, query: &str, status: u16) {
        let problem = PreviewCall::read(method, path, query).unwrap_err();
        assert_eq!(problem.status, status, "{path}?{query}");
    }
    case(Some(Method::Put), "previews", "", 405);
    case(Some(Method::Post), "previews/pv-1", "", 405);
    case(None, "previews", "", 405);
    case(Some(Method::Get), "previews/pv-1/report", "", 404);
    case(Some(Method::Get), "rules", "", 404);
    case(Some(Method::Get), "previews", "limit=0", 400);
    case(Some(Method::Get), "previews", "before=pv-1", 400);
    case(Some(Method::Post), "previews", "limit=3", 400);
    case(Some(Method::Get), "previews/pv-1", "limit=3", 400);
}

/// Whatever the method, the path and the query: a call that is answered, or a refusal, with its place where a value is at fault.
#[test]
fn odd_calls_are_taken_whole_or_refused_with_their_place() {
    let known = [Method::Get, Method::Put, Method::Post, Method::Delete];
    let methods = known.map(Some).into_iter().chain([None]);
    let store = store(3);
    let names = [
        "",
        "/",
        "/pv-000001",
        "/pv-1",
        "/pv-99999999999999999999",
        "/%2f",
        "/\u{0}",
        "/pv-000001/x",
        "s",
    ];
    let parameters = ["limit", "cursor", "unknown", "", "since"];
    let values = [
        "",
        "0",
        "-1",
        "1",
        "1001",
        "99999999999999999999",
        "1e3",
        "pv-000002",
        "pv-2",
        "pv-",
        "pv-+00002",
        "pv-99999999999999999999",
        "%00",
        "%ff",
        "nonsense",
        "\u{202e}",
    ];
    for method in methods {
        for name in names {
            let path = format!("previews{name}");
            for parameter in parameters {
                for value in values {
                    for query in [
                        format!("{parameter}={value}"),
                        format!("limit=2&{parameter}={value}"),
                    ] {
                        let what = format!("{method:?} {path}?{query}");
                        match PreviewCall::read(method, &path, &query) {
                            Ok(PreviewCall::List(page)) => {
                                let list = page.of(&store).unwrap();
                                assert!(list.items.len() <= 1_000, "{what}");
                            }
                            Ok(PreviewCall::Get(id) | PreviewCall::Cancel(id)) => {
                                store.get(id).unwrap();
                            }
                            Ok(PreviewCall::Begin) => {}
                            Err(problem) => {
                                assert!(matches!(problem.status, 400 | 404 | 405), "{what}");
                                let placed = problem
                                    .errors
                                    .iter()
                                    .all(|error| error.place.starts_with("query."));
                                assert!(
                                    placed && (problem.status != 400 || !problem.errors.is_empty()),
                                    "{what}"
                                );
                            }
                        }
                    }
                }
            }
        }
    }
    let nonsense = PreviewCall::read(Some(Method::Get), "previews", "cursor=nonsense").unwrap_err();
    assert_eq!(nonsense.errors[0].place, "query.cursor");
}

#[test]
fn pages_go_on_behind_their_cursor_and_end() {
    let store = store(5);
    let ids = |list: &List<Preview>| {
        let ids = list.items.iter().map(|preview| preview.id.clone());
        ids.collect::<Vec<_>>()
    };
    let first = page(3, None).of(&store).unwrap();
    assert_eq!(ids(&first), ["pv-000005", "pv-000004", "pv-000003"]);
    assert_eq!(first.next_cursor.as_deref(), Some("pv-000003"));
    let last = page(3, first.next_cursor.as_deref()).of(&store).unwrap();
    assert_eq!(ids(&last), ["pv-000002", "pv-000001"]);
    assert_eq!(last.next_cursor, None);
    let whole = page(5, None).of(&store).unwrap();
    assert_eq!(
        whole.next_cursor, None,
        "a page that is just full has none behind it"
    );
}

#[test]
fn what_the_rulebook_says_goes_to_the_previews_that_are_done() {
    let store = store(1);
    let mut begin = |is_done: bool| {
        let preview = store.begin(&sample(), "ada", NOW).unwrap().unwrap();
        if is_done {
            let report = Box::new(at_once(Report::of(&sample(), Partial::default(), &Unpaced)).unwrap());
            let incomplete = Vec::new();
            store
                .end(
                    &preview.id,
                    End::Done {
                        report,
                        incomplete,
                        error: None,
                    },
                    0,
                    NOW,
                )
                .unwrap();
        }
    };
    [true, false, true].into_iter().for_each(&mut begin);
    let previews = page(9, None).of(&store).unwrap().items;
    let stamps = stamps_of(&previews);
    assert_eq!(stamps.len(), 2);
    let running = Progress { scanned: 1, total: 2 };
    let progress_of = |id: &str| (id == "pv-000003").then_some(running);
    let items = items_of(previews, vec![None, Some("too old".to_owned())], progress_of);
    let stale: Vec<_> = items
        .iter()
        .map(|item| (item.id.as_str(), item.stale_because.as_deref()))
        .collect();
    assert_eq!(stale[0], ("pv-000004", None));
    assert_eq!(stale[2], ("pv-000002", Some("too old")));
    assert_eq!(items[1].progress, running);
}

#[test]
fn a_body_is_bounded() {
    assert_eq!(check_body(&" ".repeat(MAX_BODY)), Ok(()));
    assert_eq!(check_body(&" ".repeat(MAX_BODY + 1)).unwrap_err().status, 413);
    assert_eq!(too_many_previews().status, 429);
}
