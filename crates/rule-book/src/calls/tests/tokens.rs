//! Tokens that are made by calls.

use blobwatch_rulebook::starter;
use blobwatch_sql::Native;
use blobwatch_tokens::{Grant, MAX_STORED, Role, StoredToken, Tokens, digest};
use blobwatch_wire::Problem;

use crate::calls::CreateToken;
use crate::{
    RevokeToken, RuleBookStore, TokenItem, USED_EVERY_MS, create_token, expire_token, list_tokens,
    new_expiry, new_token, revoke_token,
};

const NOW: u64 = 1_593_975_600_000;

fn store() -> RuleBookStore<Native> {
    RuleBookStore::open(Native::in_memory().unwrap(), &starter().unwrap(), 1).unwrap()
}

fn make(store: &RuleBookStore<Native>, body: &str, token: &str) -> Result<TokenItem, Problem> {
    let create = new_token(body, "adam", &digest(token), NOW)?;
    create_token(store, &create, NOW)
}

fn who(store: &RuleBookStore<Native>, token: &str, now_ms: u64) -> Option<String> {
    let tokens = Tokens::default().with_stored(&store.stored_tokens().unwrap(), now_ms);
    let found = tokens.authenticate(Some(&format!("Bearer {token}"))).ok()?;
    Some(format!("{} {}", found.name, found.role))
}

#[test]
fn a_token_opens_from_its_making_to_its_end() {
    let store = store();
    let revision = store.revision().unwrap();
    let body = r#"{"name":"ada","role":"operator","routes":["default"],"expires":"2020-07-05T20:00:00Z","reason":"new"}"#;
    let item = make(&store, body, "t0ken").unwrap();
    assert_eq!(
        serde_json::to_string(&item).unwrap(),
        r#"{"name":"ada","role":"operator","routes":["default"],"source":"rulebook","created":"2020-07-05T19:00:00.000Z","created_by":"adam","expires":"2020-07-05T20:00:00.000Z","expired":false,"used":null}"#
    );
    assert_eq!(who(&store, "t0ken", NOW).as_deref(), Some("ada operator"));
    assert_eq!(who(&store, "t0ken", NOW + 3_600_000), None, "it has expired");
    let longer = new_expiry(r#"{"expires":null}"#, "ada", "adam", NOW).unwrap();
    assert_eq!(expire_token(&store, &longer, NOW).unwrap().expires, None);
    assert!(who(&store, "t0ken", NOW + 3_600_000).is_some());
    let revoke = RevokeToken {
        name: "ada".to_owned(),
        actor: "adam".to_owned(),
        reason: Some("left".to_owned()),
    };
    revoke_token(&store, &revoke, NOW).unwrap();
    assert_eq!(who(&store, "t0ken", NOW), None, "it was revoked");
    assert_eq!(revoke_token(&store, &revoke, NOW).unwrap_err().status, 404);
    assert_eq!(list_tokens(&store, NOW).unwrap(), []);

    let entries = store.audit(None, 10).unwrap();
    let told: Vec<_> = entries
        .iter()
        .map(|entry| (entry.action.as_str(), entry.target.as_str(), entry.actor.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("token.revoke", "tokens/ada", "adam"),
            ("token.expire", "tokens/ada", "adam"),
            ("token.create", "tokens/ada", "adam"),
            ("seed", "rulebook", "blobwatch"),
        ]
    );
    let made = entries[2].after.as_deref().unwrap();
    assert_eq!(
        made,
        r#"{"role":"operator","routes":["default"],"expires":"2020-07-05T20:00:00.000Z"}"#
    );
    for entry in &entries {
        assert!(!format!("{entry:?}").contains(&digest("t0ken")), "{entry:?}");
    }
    assert_eq!(store.revision().unwrap(), revision, "no rule has changed");
}

#[test]
fn a_body_that_cannot_be_used_names_the_place() {
    let store = store();
    #[track_caller]
    fn case(store: &RuleBookStore<Native>, body: &str, status: u16, place: &str) {
        let problem = make(store, body, "t").unwrap_err();
        assert_eq!(problem.status, status, "{problem:?}");
        assert!(
            problem.errors.iter().any(|error| error.place.starts_with(place)),
            "{problem:?}"
        );
    }
    make(&store, r#"{"name":"ada","role":"viewer"}"#, "t").unwrap();
    for (body, status, place) in [
        ("", 400, "body"),
        (r#"{"name":"bob"}"#, 400, "body"),
        (r#"{"name":"bob","role":"owner"}"#, 400, "body.role"),
        (r#"{"name":"Bob","role":"viewer"}"#, 400, "body.name"),
        (r#"{"name":"guard","role":"viewer"}"#, 422, "body.name"),
        (
            r#"{"name":"bob","role":"viewer","routes":["default"]}"#,
            422,
            "body.routes",
        ),
        (
            r#"{"name":"bob","role":"operator","routes":[]}"#,
            422,
            "body.routes",
        ),
        (
            r#"{"name":"bob","role":"operator","routes":["default","hub"]}"#,
            422,
            "body.routes[1]",
        ),
        (
            r#"{"name":"bob","role":"viewer","expires":"2020-07-05T18:00:00Z"}"#,
            422,
            "body.expires",
        ),
        (
            r#"{"name":"bob","role":"viewer","reason":" "}"#,
            422,
            "body.reason",
        ),
        (r#"{"name":"ada","role":"admin"}"#, 409, "body.name"),
    ] {
        case(&store, body, status, place);
    }
    for body in ["{}", r#"{"expires":7}"#] {
        assert_eq!(
            new_expiry(body, "ada", "adam", NOW).unwrap_err().status,
            400,
            "{body}"
        );
    }
    assert_eq!(list_tokens(&store, NOW).unwrap().len(), 1);
}

#[test]
fn tokens_are_bounded() {
    let store = store();
    let create = |at: usize| CreateToken {
        token: StoredToken {
            name: format!("ci-{at}"),
            grant: Grant {
                role: Role::Viewer,
                routes: None,
            },
            sha256: digest(&at.to_string()),
            expires_ms: None,
            used_ms: None,
        },
        actor: "adam".to_owned(),
        reason: None,
    };
    for at in 0..MAX_STORED {
        create_token(&store, &create(at), NOW).unwrap();
    }
    let problem = create_token(&store, &create(MAX_STORED), NOW).unwrap_err();
    assert_eq!(problem.status, 409, "{problem:?}");
    assert_eq!(store.stored_tokens().unwrap().len(), MAX_STORED);
}

#[test]
fn the_last_use_is_written_once_an_hour() {
    let store = store();
    make(&store, r#"{"name":"ada","role":"viewer"}"#, "t").unwrap();
    let used = || store.stored_tokens().unwrap()[0].used_ms;
    store.token_used("ada", NOW).unwrap();
    let written = store.sql().rows_written();
    store.token_used("ada", NOW + USED_EVERY_MS - 1).unwrap();
    assert_eq!((used(), store.sql().rows_written()), (Some(NOW), written));
    store.token_used("ada", NOW + USED_EVERY_MS).unwrap();
    assert_eq!(used(), Some(NOW + USED_EVERY_MS));
    store.token_used("nobody", NOW).unwrap();
    let shown = list_tokens(&store, NOW).unwrap().remove(0);
    assert_eq!(shown.used.as_deref(), Some("2020-07-05T20:00:00.000Z"));
}
