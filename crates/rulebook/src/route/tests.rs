use super::{GlobError, MAX_ROUTES, RouteError, RouteTable};
use crate::Route;

fn route(name: &str, host: &str, repository: &str) -> Route {
    let mut document = serde_json::json!({"name": name, "repository": repository});
    if !host.is_empty() {
        document["host"] = host.into();
    }
    serde_json::from_value(document).unwrap()
}

fn default() -> Route {
    route("default", "", "**")
}

fn sample() -> Vec<Route> {
    vec![
        default(),
        route("any-host", "", "library/alpine"),
        route("everything-on-one", "one.example", "**"),
        route("library", "one.example", "library/*"),
        route("library-again", "one.example", "library/**"),
        route("catch-all", "", "**"),
    ]
}

#[track_caller]
fn case(host: &str, repository: Option<&str>, expected: &str) {
    let routes = sample();
    let best = RouteTable::compile(&routes).unwrap().best(host, repository);
    assert_eq!(routes[best].name, expected);
}

#[test]
fn an_exact_host_goes_before_a_longer_prefix() {
    case("one.example", Some("team/x"), "everything-on-one");
    case("one.example", Some("library/alpine"), "library");
    case("two.example", Some("library/alpine"), "any-host");
}

#[test]
fn the_longest_literal_prefix_wins_and_the_first_on_ties() {
    case("one.example", Some("library/x"), "library");
    case("one.example", Some("library/x/y"), "library-again");
}

#[test]
fn default_matches_what_no_other_does() {
    case("two.example", Some("team/x"), "catch-all");
    let routes = [route("a", "", "a/**"), default()];
    assert_eq!(RouteTable::compile(&routes).unwrap().best("h", Some("b/c")), 1);
}

#[test]
fn a_path_without_repository_is_on_routes_for_everything() {
    case("one.example", None, "everything-on-one");
    case("two.example", None, "catch-all");
}

#[test]
fn what_is_no_table_is_refused() {
    #[track_caller]
    fn case(routes: &[Route], expected: &RouteError) {
        assert_eq!(&RouteTable::compile(routes).unwrap_err(), expected);
    }
    case(&[], &RouteError::NoDefault);
    case(&[route("default", "h", "**")], &RouteError::NarrowDefault);
    case(&[route("default", "", "a/**")], &RouteError::NarrowDefault);
    case(
        &[default(), route("a", "", "**"), route("a", "", "b")],
        &RouteError::TwoOfOneName("a".into()),
    );
    case(
        &[default(), route("a", "", "")],
        &RouteError::Repository {
            route: "a".into(),
            error: GlobError::Empty,
        },
    );
    let many: Vec<Route> = (0..=MAX_ROUTES)
        .map(|n| route(&n.to_string(), "", "**"))
        .collect();
    case(&many, &RouteError::TooMany(MAX_ROUTES + 1));
}
