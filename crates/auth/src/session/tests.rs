use super::*;

const NOW: u64 = 1_593_975_600_000;
const HOUR: u64 = 3_600_000;

fn tokens() -> Tokens {
    Tokens::default()
        .with_token("olga", Role::Operator, "an operator's")
        .with_token("vic.2", Role::Viewer, "a viewer's")
}

fn sessions() -> Sessions {
    Sessions::new("a deployment's secret").unwrap()
}

fn header(session: &Session) -> String {
    format!("theme=dark; {COOKIE}={}; a=b", session.cookie)
}

#[track_caller]
fn refused(tokens: &Tokens, header: &str, now_ms: u64) -> String {
    let problem = sessions().read(tokens, header, now_ms).unwrap_err();
    assert_eq!(
        (problem.status, problem.errors[0].place.as_str()),
        (401, "header.cookie")
    );
    problem.detail
}

#[test]
fn a_cookie_stands_for_the_token_it_was_opened_with() {
    for (token, name, role) in [
        ("token-1", "olga", Role::Operator),
        ("token-2", "vic.2", Role::Viewer),
    ] {
        let tokens = Tokens::default().with_token(name, role, token);
        let opened = sessions().open(&tokens, token, NOW).unwrap();
        let read = sessions().read(&tokens, &header(&opened), NOW + HOUR).unwrap();
        assert_eq!(read, opened);
        assert_eq!((read.actor.name.as_str(), read.actor.role), (name, role));
    }
}

/// A cookie outlives a deploy. The tags are Python's `hmac.new(key, message, "sha256").hexdigest()` with
/// `root = sha256(secret).digest()`, `key = hmac.new(root, b"session key 1", "sha256").digest()`.
#[test]
fn cookies_are_pinned() {
    let session = sessions()
        .session(&tokens(), "olga", 1_594_018_800)
        .map(|session| (session.cookie, session.csrf));
    assert_eq!(session, Some((PINNED.to_owned(), PINNED_CSRF.to_owned())));
}

const PINNED: &str = "v1.1594018800.cd0a126379495b0b3c8b320a774f15fcb006040a2dabed1c6fbf1b3332b842ef.olga";
const PINNED_CSRF: &str = "fa9c41a8bb4b17fa1085dbf94b168fa1a6f07cd12baceebf38814d0a09c15b9c";

fn actor(name: &str, role: Role, routes: Option<&[&str]>) -> Actor {
    Actor {
        name: name.to_owned(),
        role,
        routes: routes.map(|routes| routes.iter().map(|route| (*route).to_owned()).collect()),
    }
}

#[test]
fn sessions_are_ended_by_their_own_and_by_operators_of_everything() {
    let may = |actor: &Actor, name| check_may_end(actor, name).map_err(|problem| problem.status);
    let viewer = actor("vic.2", Role::Viewer, None);
    assert_eq!(may(&viewer, "vic.2"), Ok(()));
    assert_eq!(may(&viewer, "olga"), Err(403));
    assert_eq!(may(&actor("ada", Role::Admin, None), "olga"), Ok(()));
    assert_eq!(may(&actor("olga", Role::Operator, None), "vic.2"), Ok(()));
    let of_one_route = actor("otto", Role::Operator, Some(&["demo"]));
    assert_eq!(may(&of_one_route, "vic.2"), Err(403));
    assert_eq!(may(&of_one_route, "otto"), Ok(()));
}

#[test]
fn a_name_that_nobody_has_is_a_slip() {
    let admin = actor("ada", Role::Admin, None);
    let has = |name, has_provider| {
        check_has_sessions(&admin, name, &tokens(), has_provider).map_err(|problem| problem.status)
    };
    for name in ["olga", "vic.2", "ada"] {
        assert_eq!(has(name, false), Ok(()), "{name}");
    }
    for person in ["eve@example.com", "oidc:4711"] {
        assert_eq!(
            (has(person, false), has(person, true)),
            (Err(404), Ok(())),
            "{person}"
        );
    }
    assert_eq!(has("olgo", true), Err(404));
}

#[test]
fn an_unknown_token_opens_nothing() {
    for token in ["other", "", "a b", "\u{e9}"] {
        let problem = sessions().open(&tokens(), token, NOW).unwrap_err();
        // It was sent in the body.
        assert_eq!(
            (problem.status, &*problem.errors[0].place),
            (401, "body.token"),
            "{token}"
        );
    }
    assert_eq!(
        sessions()
            .open(&Tokens::default(), "other", NOW)
            .unwrap_err()
            .status,
        503
    );
}

#[test]
fn without_a_secret_there_are_no_sessions() {
    let problem = Sessions::new("").unwrap_err();
    assert_eq!(problem.status, 503);
    assert!(problem.detail.contains("BLOBWATCH_CLIENT_SECRET"));
}

#[test]
fn a_session_ends_with_its_time_its_token_and_its_secret() {
    let session = sessions().session(&tokens(), "olga", NOW / 1_000 + 60).unwrap();
    let cookie = header(&session);
    assert!(sessions().read(&tokens(), &cookie, NOW + 59_999).is_ok());
    assert!(refused(&tokens(), &cookie, NOW + 60_000).contains("expired"));
    let replaced = Tokens::default().with_token("olga", Role::Operator, "a new one");
    refused(&replaced, &cookie, NOW);
    refused(&Tokens::default(), &cookie, NOW);
    let other = Sessions::new("another secret").unwrap();
    assert!(other.read(&tokens(), &cookie, NOW).is_err());
}

/// The role is the token's of now, not the cookie's.
#[test]
fn a_role_that_was_taken_away_is_gone() {
    let before = Tokens::default().with_token("olga", Role::Operator, "t");
    let after = Tokens::default().with_token("olga", Role::Viewer, "t");
    let session = sessions().open(&before, "t", NOW).unwrap();
    let read = sessions().read(&after, &header(&session), NOW).unwrap();
    assert_eq!(read.actor.role, Role::Viewer);
}

#[test]
fn a_changed_cookie_is_refused() {
    let session = sessions().session(&tokens(), "olga", NOW / 1_000 + 60).unwrap();
    let other = sessions().session(&tokens(), "vic.2", NOW / 1_000 + 60).unwrap();
    let stolen = session.cookie.replace("olga", "vic.2");
    let longer = session.cookie.replacen("v1.1", "v1.2", 1);
    for forged in [
        stolen,
        longer,
        session.cookie.replace("v1.", "v1.0"),
        session.cookie.replace("v1.", "v1.+"),
        session.cookie.to_uppercase(),
        other.cookie.replace("vic.2", "olga"),
        String::new(),
        "v1".to_owned(),
        "v1...".to_owned(),
        "v1.99999999999999999999.0.olga".to_owned(),
        format!("{}x", session.cookie),
    ] {
        refused(&tokens(), &format!("{COOKIE}={forged}"), NOW);
    }
    assert!(refused(&tokens(), "", NOW).contains("not signed in"));
    refused(&tokens(), &format!("x{COOKIE}={}", session.cookie), NOW);
}

#[test]
fn cookies_of_a_neighbour_do_not_stand_in_the_way() {
    let session = |name: &str, expires_s| sessions().session(&tokens(), name, expires_s).unwrap();
    let expires_s = NOW / 1_000 + 60;
    let (olga, vic) = (session("olga", expires_s), session("vic.2", expires_s));
    let over = session("olga", NOW / 1_000);
    let forged = format!("v1.{expires_s}.{}.olga", "0".repeat(64));
    for junk in [
        "",
        "junk",
        "v1",
        forged.as_str(),
        over.cookie.as_str(),
        olga.csrf.as_str(),
    ] {
        for header in [
            format!("{COOKIE}={junk}; {COOKIE}={}", olga.cookie),
            format!("{COOKIE}={}; {COOKIE}={junk}", olga.cookie),
            format!("{COOKIE}={junk}; {SECURE_COOKIE}={}", olga.cookie),
            format!("{SECURE_COOKIE}={junk}; a=b;{SECURE_COOKIE}={};", olga.cookie),
        ] {
            assert_eq!(
                sessions().read(&tokens(), &header, NOW).unwrap(),
                olga,
                "{header}"
            );
        }
    }
    // The same session twice is one.
    let twice = format!("{COOKIE}={0}; {SECURE_COOKIE}={0}", olga.cookie);
    assert_eq!(sessions().read(&tokens(), &twice, NOW).unwrap(), olga);
    // A neighbour's own session beside that of the person, in either order and under either name.
    for (first, second) in [(COOKIE, COOKIE), (SECURE_COOKIE, COOKIE), (COOKIE, SECURE_COOKIE)] {
        for (mine, other) in [
            (&olga, &vic),
            (&vic, &olga),
            (&olga, &session("olga", expires_s + 1)),
        ] {
            let header = format!("{first}={}; {second}={}", mine.cookie, other.cookie);
            assert!(
                refused(&tokens(), &header, NOW).contains("two sessions"),
                "{header}"
            );
        }
    }
}

#[test]
fn a_change_by_cookie_repeats_the_csrf_text() {
    let session = sessions().session(&tokens(), "olga", NOW / 1_000 + 60).unwrap();
    let other = sessions().session(&tokens(), "olga", NOW / 1_000 + 61).unwrap();
    assert!(session.check_csrf(Some(&session.csrf)).is_ok());
    for said in [None, Some(""), Some("x"), Some(other.csrf.as_str())] {
        assert_eq!(session.check_csrf(said).unwrap_err().status, 403);
    }
}

#[test]
fn only_pages_of_this_host_may_change() {
    #[track_caller]
    fn case(origin: Option<&str>, site: Option<&str>, fine: bool) {
        assert_eq!(
            check_origin(origin, site, "registry.example:8443").is_ok(),
            fine,
            "{origin:?} {site:?}"
        );
    }
    case(None, None, true);
    case(Some("https://registry.example:8443"), Some("same-origin"), true);
    case(Some("http://Registry.example:8443"), None, true);
    case(None, Some("none"), true);
    case(Some("https://registry.example"), None, false);
    case(Some("https://evil.example"), None, false);
    case(Some("null"), None, false);
    case(Some(""), None, false);
    case(None, Some("cross-site"), false);
    case(None, Some("same-site"), false);
}

#[test]
fn only_scripts_of_the_page_ask_by_cookie() {
    for (destination, asks, downloads) in [
        (None, true, true),
        (Some("empty"), true, true),
        (Some("document"), false, true),
        (Some("iframe"), false, false),
        (Some("image"), false, false),
        (Some("script"), false, false),
        (Some(""), false, false),
    ] {
        assert_eq!(
            check_destination(destination, false).is_ok(),
            asks,
            "{destination:?}"
        );
        assert_eq!(
            check_destination(destination, true).is_ok(),
            downloads,
            "{destination:?}"
        );
    }
}

/// What stands for a session is kept where it was ended: it is another text than all that opens something.
#[test]
fn a_session_has_an_id_that_opens_nothing() {
    let session = sessions().session(&tokens(), "olga", NOW / 1_000).unwrap();
    let later = sessions().session(&tokens(), "olga", NOW / 1_000 + 1).unwrap();
    assert_ne!(session.id, later.id);
    assert_eq!(session.opened_s(), NOW / 1_000 - MAX_AGE_S);
    assert!(!session.cookie.contains(&session.id) && session.csrf != session.id);
}

#[test]
fn the_cookie_is_secure_off_loopback() {
    let session = sessions().session(&tokens(), "olga", 1).unwrap();
    for (host, is_secure) in [
        ("localhost", false),
        ("localhost:8787", false),
        ("127.0.0.1:8787", false),
        ("[::1]:8787", false),
        ("registry.example", true),
        ("localhost.example:1", true),
        ("127.0.0.1.example", true),
        ("", true),
    ] {
        for texts in [set_cookie(&session, host), clear_cookie(host)] {
            for text in &texts {
                assert_eq!(text.ends_with("; Secure"), is_secure, "{host}: {text}");
                assert!(text.contains("; Path=/_blobwatch; HttpOnly; SameSite=Strict; Max-Age="));
            }
            // A name with the prefix is taken with `Secure` only, and the other one does not stay beside it.
            let names: Vec<&str> = texts.iter().filter_map(|text| text.split('=').next()).collect();
            let expected: &[&str] = if is_secure {
                &[SECURE_COOKIE, COOKIE]
            } else {
                &[COOKIE]
            };
            assert_eq!(names, expected, "{host}");
        }
        let begins = set_cookie(&session, host);
        assert!(begins[0].contains(&session.cookie), "{begins:?}");
        assert!(
            begins[1..]
                .iter()
                .all(|text| text.contains("=; ") && text.contains("Max-Age=0"))
        );
    }
}

#[test]
fn a_refused_sign_in_does_not_repeat_the_token() {
    assert_eq!(posted_token(r#"{"token":"t"}"#).unwrap(), "t");
    for body in [
        "",
        "my-token",
        r#"{"token":"my-token","x":1}"#,
        r#""my-token""#,
        r#"["my-token"]"#,
    ] {
        let problem = posted_token(body).unwrap_err();
        assert_eq!(problem.status, 400);
        assert!(!problem.detail.contains("my-token"));
    }
    assert_eq!(
        posted_token(&" ".repeat(MAX_SMALL_BODY + 1)).unwrap_err().status,
        413
    );
}
