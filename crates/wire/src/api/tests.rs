use std::collections::BTreeSet;

use super::*;

const PAGE: &str = include_str!("../../../../docs/api.md");

#[track_caller]
fn found(method: Method, path: &str) -> &'static ApiCall {
    match look_up(Some(method), path) {
        Lookup::Call(call) => call,
        other => panic!("{method} {path}: {other:?}"),
    }
}

#[test]
fn literal_segments_go_before_names() {
    assert_eq!(
        found(Method::Get, "webhooks/deliveries").path,
        "webhooks/deliveries"
    );
    assert_eq!(found(Method::Get, "webhooks/chat").path, "webhooks/{id}");
    assert_eq!(found(Method::Get, "fires/summary").path, "fires/summary");
    assert_eq!(found(Method::Get, "fires/01M8").path, "fires/{id}");
}

#[test]
fn a_call_is_found_by_method_and_path() {
    #[track_caller]
    fn case(method: Method, path: &str, role: Role, handler: Handler) {
        let call = found(method, path);
        assert_eq!((call.role, call.handler), (Some(role), handler), "{path}");
    }
    let rule_book = Handler::Object(Object::RuleBook);
    case(Method::Get, "rules", Role::Viewer, rule_book);
    case(Method::Get, "rules/", Role::Viewer, rule_book);
    case(Method::Put, "rules/a/modes/hub", Role::Operator, rule_book);
    case(Method::Get, "audit/verify", Role::Viewer, Handler::AuditLog);
    case(
        Method::Post,
        "previews",
        Role::Analyst,
        Handler::Object(Object::Previews),
    );
    case(Method::Get, "losses", Role::Viewer, Handler::Losses);
    case(
        Method::Get,
        "anomalies/an-1/report",
        Role::Viewer,
        Handler::Report,
    );
    case(
        Method::Delete,
        "webhooks/chat",
        Role::Operator,
        Handler::WebhookChange,
    );
    case(
        Method::Get,
        "webhooks",
        Role::Operator,
        Handler::Object(Object::Detector),
    );
}

#[test]
fn addresses_outside_of_the_api() {
    assert_eq!(handler_at("/_blobwatch/healthz"), Some(Handler::Health));
    assert_eq!(handler_at("/_blobwatch/metrics"), Some(Handler::Metrics));
    assert_eq!(handler_at("/_blobwatch/session"), Some(Handler::Session));
    assert_eq!(
        handler_at("/_blobwatch/ingest/v1/cloudflare"),
        Some(Handler::Ingest)
    );
    assert_eq!(handler_at("/_blobwatch/ingest/v1"), None);
    assert_eq!(handler_at("rules"), None);
    assert_eq!(handler_at("/_blobwatch/"), None);
}

#[test]
fn what_an_address_outside_of_the_api_accepts() {
    #[track_caller]
    fn case(address: &str, methods: &[&str]) {
        assert_eq!(methods_at(address), methods, "{address}");
    }
    case("/_blobwatch/healthz", &["GET", "HEAD"]);
    case("/_blobwatch/metrics", &["GET", "HEAD"]);
    case("/_blobwatch/session", &["GET", "POST", "DELETE"]);
    case("/_blobwatch/ingest/v1/cloudflare", &["POST"]);
    case("/_blobwatch/", &[]);
    case("rules", &[]);
}

#[test]
fn what_is_not_there_is_404_and_what_the_path_does_not_take_is_405() {
    #[track_caller]
    fn allowed(method: Option<Method>, path: &str, methods: &[Method]) {
        assert_eq!(
            look_up(method, path),
            Lookup::MethodNotAllowed(methods.to_vec()),
            "{path}"
        );
    }
    for path in [
        "",
        "nothing",
        "rules/a/b/c",
        "fires/a/b",
        "audit/export",
        "healthz",
    ] {
        assert_eq!(look_up(Some(Method::Get), path), Lookup::NotFound, "{path}");
    }
    allowed(Some(Method::Delete), "audit", &[Method::Get]);
    allowed(Some(Method::Post), "rules", &[Method::Get]);
    allowed(
        Some(Method::Post),
        "rules/a",
        &[Method::Get, Method::Put, Method::Delete],
    );
    allowed(None, "previews", &[Method::Post, Method::Get]);
}

#[test]
fn every_path_says_each_method_that_it_takes_once() {
    for call in CALLS.iter().filter(|call| !call.path.starts_with('/')) {
        let Lookup::MethodNotAllowed(methods) = look_up(None, call.path) else {
            panic!("{call:?}");
        };
        assert!(methods.contains(&call.method), "{call:?}: {methods:?}");
        let once: BTreeSet<Method> = methods.iter().copied().collect();
        assert_eq!(once.len(), methods.len(), "{call:?}: {methods:?}");
        for method in methods {
            found(method, call.path);
        }
    }
}

#[test]
fn a_missing_call_asks_for_the_role_of_its_neighbours() {
    #[track_caller]
    fn case(method: Method, path: &str, role: Role) {
        assert_eq!(role_of_missing(Some(method), path), role, "{method} {path}");
    }
    case(Method::Get, "nothing", Role::Viewer);
    case(Method::Delete, "nothing", Role::Viewer);
    case(Method::Get, "rules/a/b/c", Role::Viewer);
    case(Method::Put, "rules", Role::Operator);
    case(Method::Put, "audit", Role::Operator);
    case(Method::Put, "previews", Role::Operator);
    case(Method::Get, "previews/a/b", Role::Viewer);
    case(Method::Post, "fires", Role::Viewer);
    case(Method::Post, "anomalies", Role::Viewer);
    case(Method::Get, "webhooks/a/b", Role::Operator);
    case(Method::Get, "demo/nothing", Role::Operator);
    assert_eq!(role_of_missing(None, "rules"), Role::Operator, "HEAD");
}

#[test]
fn no_call_is_there_twice() {
    let calls: BTreeSet<_> = CALLS.iter().map(|call| (call.method, call.path)).collect();
    assert_eq!(calls.len(), CALLS.len());
}

#[test]
fn only_an_operator_changes_something() {
    for call in CALLS.iter().filter(|call| call.handler != Handler::Session) {
        let is_read = call.method == Method::Get;
        // They say what would be done, or what is there, and change nothing for a pull.
        let is_asked = [
            "explain",
            "compare",
            "rules/check",
            "previews",
            "previews/{id}",
            "archives",
        ]
        .contains(&call.path);
        let is_told = call.handler == Handler::Ingest && call.role == Some(Role::Ingest);
        assert!(
            is_read || is_asked || is_told || call.role >= Some(Role::Operator),
            "{call:?}"
        );
    }
}

#[test]
fn whoever_has_routes_changes_nothing_else() {
    for call in CALLS.iter().filter(|call| call.role >= Some(Role::Operator)) {
        let is_on_a_route = call.path.contains("/modes/{route}");
        let is_about_an_anomaly = ["acknowledge", "assign", "comment", "reopen"]
            .iter()
            .any(|act| call.path == format!("anomalies/{{id}}/{act}"));
        let expected = match call.path {
            "panic-off" => Reach::RouteOfBody,
            _ if is_on_a_route && call.method != Method::Get => Reach::Route,
            _ if is_about_an_anomaly => Reach::Nowhere,
            _ => Reach::Everywhere,
        };
        assert_eq!(call.reach, expected, "{call:?}");
    }
}

#[test]
fn what_a_call_changes_is_in_its_path_or_its_body() {
    #[track_caller]
    fn case(method: Method, path: &str, body: &str, expected: Changed) {
        assert_eq!(
            found(method, path).changed(path, "", body),
            expected,
            "{path} {body}"
        );
    }
    let hub = || Changed::Route("hub".to_owned());
    case(Method::Put, "rules/a/modes/hub", "{\"route\":\"other\"}", hub());
    case(Method::Delete, "rules/a/modes/hub", "", hub());
    case(Method::Get, "rules/a/modes/hub", "", Changed::Nothing);
    case(
        Method::Post,
        "panic-off",
        "{\"route\":\"hub\",\"reason\":\"x\"}",
        hub(),
    );
    for body in [
        "{\"reason\":\"x\"}",
        "{\"route\":null}",
        "{\"route\":\"hub\",\"route\":\"other\"}",
        "{\"Route\":\"hub\"}",
        "[\"hub\",7]",
        "",
    ] {
        case(Method::Post, "panic-off", body, Changed::Everything);
    }
    case(Method::Put, "routes/hub", "{}", Changed::Everything);
    case(Method::Post, "previews", "{}", Changed::Nothing);
}

/// What would change is asked by whoever may preview it; what only looks like that is a change.
#[test]
fn a_plan_takes_an_analyst_and_changes_nothing() {
    #[track_caller]
    fn case(path: &str, query: &str, role: Role, changed: &Changed) {
        let call = found(Method::Put, path);
        assert_eq!(
            (call.role_with(query), &call.changed(path, query, "{}")),
            (role, changed),
            "{path}?{query}"
        );
    }
    case("rulebook", "dry_run=true", Role::Analyst, &Changed::Nothing);
    case(
        "rulebook",
        "reason=x&dry_run=tru%65",
        Role::Analyst,
        &Changed::Nothing,
    );
    for query in [
        "",
        "dry_run=false",
        "dry_run",
        "dry_run=true&dry_run=false",
        "dry_run=true&dry%5Frun=true",
        "reason=dry_run=true",
        "Dry_run=true",
    ] {
        case("rulebook", query, Role::Operator, &Changed::Everything);
    }
    case("rules/a", "dry_run=true", Role::Operator, &Changed::Everything);
    assert_eq!(
        found(Method::Get, "rules").role_with("dry_run=true"),
        Role::Viewer
    );
}

#[test]
fn the_page_has_every_call_and_no_other() {
    let documented: BTreeSet<String> = texts_in_code(PAGE).filter_map(call_of).collect();
    let known: BTreeSet<String> = CALLS
        .iter()
        .map(|call| format!("{} {}", call.method, call.path))
        .collect();
    let missing: Vec<_> = known.difference(&documented).collect();
    let unknown: Vec<_> = documented.difference(&known).collect();
    assert!(missing.is_empty(), "docs/api.md does not have {missing:?}");
    assert!(unknown.is_empty(), "only docs/api.md has {unknown:?}");
}

#[test]
fn the_page_names_every_parameter() {
    let words: BTreeSet<&str> = texts_in_code(PAGE)
        .flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
        .collect();
    let parameters = CALLS.iter().flat_map(ApiCall::parameters);
    let missing: BTreeSet<&str> = parameters
        .map(|parameter| parameter.name)
        .filter(|name| !words.contains(name))
        .collect();
    assert!(missing.is_empty(), "docs/api.md does not have {missing:?}");
}

#[test]
fn what_a_call_does_not_take_is_refused_with_what_it_takes() {
    #[track_caller]
    fn case(method: Method, path: &str, query: &str, expected: &str) {
        let refused = found(method, path).check_query(query);
        assert_eq!(
            refused.err().map(|problem| problem.detail).unwrap_or_default(),
            expected
        );
    }
    case(Method::Get, "rules", "", "");
    case(Method::Get, "rules", "limit=5&cursor=a", "");
    case(
        Method::Get,
        "rules",
        "limit=5&limit=5",
        "query.limit: expected once, found several times",
    );
    case(
        Method::Get,
        "rules",
        "bogus",
        "query.bogus: unknown parameter; expected one of cursor, limit",
    );
    case(
        Method::Get,
        "rules",
        "limit!=5",
        "query.limit!: unknown parameter (did you mean `limit`?); expected one of cursor, limit",
    );
    case(
        Method::Get,
        "losses",
        "a=b",
        "query.a: this call takes no parameters",
    );
    case(
        Method::Put,
        "settings",
        "Reason=b",
        "query.Reason: unknown parameter (did you mean `reason`?); expected reason",
    );
    case(Method::Get, "fires", "os=a&os=b&os!=c&os%21=d&id=1&id=2", "");
    assert!(found(Method::Get, "fires").check_query("id!=1").is_err());
}

#[test]
fn the_page_says_the_same_roles() {
    let mut compared = 0;
    for row in PAGE.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = row.trim_matches('|').split(" | ");
        let (calls, role) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
        for text in texts_in_code(calls).filter_map(call_of) {
            let (method, path) = text.split_once(' ').unwrap();
            let call = found(Method::of_name(method).unwrap(), path);
            let expected = call.role.unwrap().to_string();
            assert!(role.trim().starts_with(&expected), "{row}");
            compared += 1;
        }
    }
    assert!(compared > 30, "{compared} rows of tables have a call");
}

/// What stands between backticks, outside of fenced blocks.
fn texts_in_code(page: &str) -> impl Iterator<Item = &str> {
    let mut is_fenced = false;
    let lines = page.lines().filter(move |line| {
        let is_fence = line.starts_with("```");
        is_fenced ^= is_fence;
        !is_fenced && !is_fence
    });
    lines.flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// `GET audit` of `GET audit?format=ndjson`; none where the text is not a call.
fn call_of(text: &str) -> Option<String> {
    let (method, path) = text.split_once(' ')?;
    Method::of_name(method)?;
    let path = path.split('?').next()?;
    Some(format!("{method} {path}"))
}

#[test]
fn a_path_that_is_nearly_a_call_is_told() {
    #[track_caller]
    fn case(path: &str, meant: Option<&str>) {
        let problem = Problem::no_such_path(path);
        let hint = meant.map(|meant| format!("(did you mean `{meant}`?)"));
        assert_eq!((problem.status, problem.errors[0].place.as_str()), (404, "path"));
        match hint {
            Some(hint) => assert!(problem.errors[0].message.ends_with(&hint), "{}", problem.detail),
            None => assert!(!problem.detail.contains("did you mean"), "{}", problem.detail),
        }
    }
    case("rule", Some("rules"));
    case("rules/botnet-sig/mode/hub", Some("rules/botnet-sig/modes/hub"));
    case("anomalies/an-000012/raport", Some("anomalies/an-000012/report"));
    case("nothing", None);
    case("", None);
    case("a/b/c/d/e/f", None);
}
