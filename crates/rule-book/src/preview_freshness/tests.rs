use super::*;
use crate::preview_sample::{CANDIDATE, NOW, book, mode, plan, rule};
use blobwatch_pull::{Action, Mode};

fn document() -> Rulebook {
    let rules = vec![
        rule("before", "ssl", Action::Tag),
        rule(CANDIDATE, "ssl", Action::Block),
        rule("after", "not ssl", Action::Throttle),
    ];
    book(rules, vec![mode("after", "library", Mode::Enforce, Some(5.0))])
}

fn stamp() -> Stamp {
    Stamp::of("pv-1", &plan(&document(), CANDIDATE, "library"), NOW, Vec::new())
}

#[track_caller]
fn case(change: impl FnOnce(&mut Rulebook), expected: Result<(), &str>) {
    let mut book = document();
    book.revision += 1;
    change(&mut book);
    let found = preview_is_fresh(&stamp(), &book, CANDIDATE, "library", NOW + 1);
    match expected {
        Ok(()) => assert_eq!(found, Ok(())),
        Err(part) => assert!(
            found.as_ref().unwrap_err().to_string().contains(part),
            "{found:?}"
        ),
    }
}

#[test]
fn a_preview_holds_while_nothing_moves_that_bears_on_it() {
    case(|_| {}, Ok(()));
    case(|book| book.rules.push(rule("new", "ssl", Action::Block)), Ok(()));
    case(|book| book.rules[0].expression = "not ssl".to_owned(), Ok(()));
    case(
        |book| book.rules[1].description = "other words".to_owned(),
        Ok(()),
    );
    case(
        |book| book.modes.push(mode("before", "default", Mode::Enforce, None)),
        Ok(()),
    );
    case(
        |book| {
            book.modes
                .push(mode(CANDIDATE, "library", Mode::Enforce, Some(1.0)))
        },
        Ok(()),
    );
    case(|book| book.routes[1].observe = 0.5, Ok(()));
    case(|book| book.settings.retry_after_s = 5, Ok(()));
}

#[test]
fn a_preview_goes_stale_when_rule_route_or_order_moved() {
    case(|book| book.rules[1].version = 2, Err("version 1"));
    case(|book| book.rules.truncate(1), Err("no longer exists"));
    case(|book| book.rules[2].version = 2, Err("up to revision 6"));
    case(|book| book.modes[0].percent = None, Err("changed"));
    case(|book| book.modes.clear(), Err("changed"));
    case(
        |book| book.modes.push(mode("before", "library", Mode::Enforce, None)),
        Err("changed"),
    );
    case(|book| book.rules.swap(1, 2), Err("changed"));
    case(|book| book.routes[1].repository = "**".to_owned(), Err("changed"));
    case(|book| book.routes[1].detour = None, Err("changed"));
    case(|book| book.routes.truncate(2), Err("changed"));
}

#[test]
fn a_preview_is_of_one_rule_one_route_and_one_hour() {
    #[track_caller]
    fn refused(stamp: &Stamp, rule: &str, route: &str, now_ms: u64, part: &str) {
        let found = preview_is_fresh(stamp, &document(), rule, route, now_ms).unwrap_err();
        assert!(found.to_string().contains(part), "{found}");
    }
    let fresh = stamp();
    refused(&fresh, "before", "library", NOW, "for the rule \"candidate\"");
    refused(&fresh, CANDIDATE, "default", NOW, "for the route \"library\"");
    refused(
        &fresh,
        CANDIDATE,
        "library",
        NOW + FRESH_MS,
        "older than 60 minutes",
    );
    let missing = Stamp {
        incomplete: vec!["fl1-iad-0".to_owned()],
        ..stamp()
    };
    refused(
        &missing,
        CANDIDATE,
        "library",
        NOW,
        "is missing the answers of fl1-iad-0",
    );
    let draft = PreviewPlan::new(&document(), rule("draft", "ssl", Action::Block), "library", NOW);
    let draft = Stamp::of("pv-2", &draft, NOW, Vec::new());
    refused(&draft, CANDIDATE, "library", NOW, "not for a stored version");
    assert_eq!(
        preview_is_fresh(&fresh, &document(), CANDIDATE, "library", NOW + FRESH_MS - 1),
        Ok(())
    );
}
