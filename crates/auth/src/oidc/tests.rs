use std::sync::LazyLock;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::sha2::Sha256;
use rsa::signature::{SignatureEncoding, Signer};
use serde_json::{Value, json};
use sha2::Digest;

use super::*;
use crate::Sessions;
use crate::jwt::Algorithm;
use blobwatch_tokens::{Role, Tokens};

const NOW_S: u64 = 1_593_975_600;
const NOW: u64 = NOW_S * 1_000;
const ISSUER: &str = "https://id.example.com";
const HOST: &str = "registry.example.com";

static KEY: LazyLock<RsaPrivateKey> =
    LazyLock::new(|| RsaPrivateKey::new(&mut ChaCha8Rng::seed_from_u64(7), 2_048).unwrap());

fn document() -> Value {
    json!({"issuer": ISSUER, "client_id": "blobwatch", "client_secret": "s3cret&",
        "redirect_uri": format!("https://{HOST}{CALLBACK}"), "roles": [
            {"email": "Ada@Example.com", "role": "admin"}, {"group": "sre", "role": "operator", "routes": ["hub"]},
            {"group": "everybody", "role": "viewer"}, {"email": "*@example.org", "role": "analyst"}]})
}

fn oidc() -> Oidc {
    Oidc::from_json(&document().to_string()).unwrap().unwrap()
}

fn discovery() -> Value {
    json!({"issuer": ISSUER, "authorization_endpoint": format!("{ISSUER}/auth?tenant=a"),
        "token_endpoint": format!("{ISSUER}/token"), "jwks_uri": format!("{ISSUER}/jwks"),
        "code_challenge_methods_supported": ["S256"]})
}

fn sessions() -> Sessions {
    Sessions::new("a deployment's secret").unwrap()
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": "blobwatch", "sub": "7", "nonce": "n", "exp": NOW_S + 600, "iat": NOW_S,
        "email": "Bob@example.com", "email_verified": true, "groups": ["sre", "unknown"]})
}

fn signed(header: &Value, claims: &Value) -> String {
    let text = format!(
        "{}.{}",
        BASE64.encode(header.to_string()),
        BASE64.encode(claims.to_string())
    );
    let signature = SigningKey::<Sha256>::new(KEY.clone()).sign(text.as_bytes());
    format!("{text}.{}", BASE64.encode(signature.to_bytes()))
}

fn token(claims: &Value) -> String {
    signed(&json!({"alg": "RS256", "kid": "key-1", "typ": "JWT"}), claims)
}

fn person(change: &[(&str, Value)]) -> Person {
    let mut claims = claims();
    for (name, value) in change {
        claims[name] = value.clone();
    }
    IdToken::read(&token(&claims), &oidc(), "n", NOW)
        .unwrap()
        .person()
}

impl IdToken {
    fn person(self) -> Person {
        self.proven(true, &oidc())
            .unwrap_or_else(|problem| panic!("{problem:?}"))
    }
}

fn cookie_of(set: &str) -> &str {
    set.split(';').next().unwrap()
}

#[test]
fn a_browser_goes_to_the_provider_and_comes_back() {
    let (oidc, sessions) = (oidc(), sessions());
    let provider = Provider::read(&discovery().to_string(), &oidc).unwrap();
    let sign_in = SignIn::begin(&sessions, &[7; 32], NOW);
    let address = sign_in.address(&oidc, &provider);
    let query = address
        .strip_prefix("https://id.example.com/auth?tenant=a&")
        .unwrap();
    let sent: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let value = |name: &str| {
        let found = sent.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    assert_eq!(value("response_type"), "code");
    assert_eq!(value("redirect_uri"), format!("https://{HOST}{CALLBACK}"));
    assert_eq!(
        (value("scope"), value("nonce")),
        ("openid email profile".to_owned(), sign_in.nonce().to_owned())
    );
    let challenge = BASE64.encode(sha2::Sha256::digest(sign_in.verifier()));
    assert_eq!(
        (value("code_challenge"), value("code_challenge_method")),
        (challenge, "S256".to_owned())
    );
    assert!(!address.contains(sign_in.verifier()));

    let set = sign_in_cookie(&sign_in, HOST);
    assert!(
        set.ends_with("; Path=/_blobwatch/session/oidc; HttpOnly; SameSite=Lax; Max-Age=600; Secure"),
        "{set}"
    );
    let cookies = format!("a=b; {}", cookie_of(&set));
    let query = format!(
        "code=c%2F1&state={}&iss=https%3A%2F%2Fid.example.com&session_state=x",
        value("state")
    );
    let callback = Callback::read(&query, &oidc).unwrap();
    assert_eq!(callback.code, "c/1");
    let back = SignIn::read(&sessions, &cookies, &callback.state, NOW + 599_000).unwrap();
    assert_eq!(back, sign_in);
}

/// What a browser sends back in the address.
fn state_of(sign_in: &SignIn) -> String {
    let provider = Provider::read(&discovery().to_string(), &oidc()).unwrap();
    let address = sign_in.address(&oidc(), &provider);
    let (_, after) = address.split_once("&state=").unwrap();
    after.split('&').next().unwrap().to_owned()
}

/// A page of a neighbour domain sets cookies of our name, which a browser sends before ours: nobody is locked out by them.
#[test]
fn cookies_of_a_neighbour_hide_no_sign_in() {
    let sessions = sessions();
    let sign_in = SignIn::begin(&sessions, &[7; 32], NOW);
    let other = SignIn::begin(&sessions, &[8; 32], NOW);
    let set = [sign_in_cookie(&other, HOST), sign_in_cookie(&sign_in, HOST)];
    let name = cookie_of(&set[1]).split('=').next().unwrap();
    let cookies = format!(
        "{name}=junk; {name}=v1.1593976200.zz; {name}=v1.1.{}; {}; {}",
        "ab".repeat(32),
        cookie_of(&set[0]),
        cookie_of(&set[1])
    );
    for begun in [&sign_in, &other] {
        let back = SignIn::read(&sessions, &cookies, &state_of(begun), NOW).unwrap();
        assert_eq!(&back, begun);
    }
    assert!(SignIn::read(&sessions, &cookies, "another", NOW).is_err());
}

#[test]
fn an_answer_that_is_not_of_this_browser_is_refused() {
    let sessions = sessions();
    let sign_in = SignIn::begin(&sessions, &[7; 32], NOW);
    let other = SignIn::begin(&sessions, &[8; 32], NOW);
    let set = sign_in_cookie(&sign_in, HOST);
    let cookie = cookie_of(&set).to_owned();
    let state = state_of(&sign_in);
    assert!(SignIn::read(&sessions, &cookie, &state, NOW).is_ok());
    for wrong in [state_of(&other), String::new(), sign_in.nonce().to_owned()] {
        let refused = SignIn::read(&sessions, &cookie, &wrong, NOW);
        assert_eq!(refused.unwrap_err().status, 401);
    }
    let later = cookie.replace("v1.1593976200", "v1.1593976201");
    assert_ne!(later, cookie);
    let moved = SignIn::read(&sessions, &later, &state, NOW + 2_000);
    assert!(moved.is_err(), "its end is part of it");
    for (cookies, now_ms) in [
        ("", NOW),
        ("blobwatch_sign_in=v1.x", NOW),
        ("blobwatch_sign_in=v1.1593976200.zz", NOW),
        (cookie.as_str(), NOW + 600_000),
        (later.as_str(), NOW),
    ] {
        assert_eq!(
            SignIn::read(&sessions, cookies, &state, now_ms)
                .unwrap_err()
                .status,
            401,
            "{cookies}"
        );
    }
    let elsewhere = Sessions::new("another secret").unwrap();
    assert!(SignIn::read(&elsewhere, &cookie, &state, NOW).is_err());
}

#[test]
fn a_query_that_says_no_or_something_twice_is_refused() {
    #[track_caller]
    fn case(query: &str, expected: &str) {
        let problem = Callback::read(query, &oidc()).unwrap_err();
        assert_eq!(problem.status, 401);
        assert!(problem.detail.contains(expected), "{}", problem.detail);
    }
    case("error=access_denied&state=s", "access_denied");
    case("error=%3Cscript%3E%20x", "an error");
    case("state=s", "no `code`");
    case("code=c", "no `state`");
    case("code=c&state=s&state=t", "twice");
    case(
        "code=c&state=s&iss=https%3A%2F%2Fevil.example",
        "another identity provider",
    );
}

#[test]
fn a_discovery_document_is_of_the_issuer_and_leads_nowhere_in_the_clear() {
    #[track_caller]
    fn case(change: impl FnOnce(&mut Value), expected: &str) {
        let mut document = discovery();
        change(&mut document);
        let error = Provider::read(&document.to_string(), &oidc()).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    case(|d| d["issuer"] = json!("https://evil.example"), "another");
    case(|d| d["issuer"] = json!(format!("{ISSUER}/")), "another");
    case(
        |d| d["token_endpoint"] = json!("http://id.example.com/token"),
        "token_endpoint",
    );
    case(
        |d| d["jwks_uri"] = json!("http://127.0.0.1.evil.example/jwks"),
        "jwks_uri",
    );
    case(
        |d| d["code_challenge_methods_supported"] = json!(["plain"]),
        "PKCE",
    );
    case(
        |d| drop(d.as_object_mut().unwrap().remove("jwks_uri")),
        "jwks_uri",
    );
    assert!(Provider::read("", &oidc()).is_err());
}

#[test]
fn the_client_says_who_it_is_as_the_provider_takes_it() {
    let request = |methods: Value, secret: bool| {
        let (mut document, mut client) = (discovery(), document());
        document["token_endpoint_auth_methods_supported"] = methods;
        if !secret {
            client.as_object_mut().unwrap().remove("client_secret");
        }
        let oidc = Oidc::from_json(&client.to_string()).unwrap().unwrap();
        let provider = Provider::read(&document.to_string(), &oidc).unwrap();
        provider.token_request(&oidc, "c", "v")
    };
    let basic = request(json!(["client_secret_basic", "client_secret_post"]), true);
    // printf 'blobwatch:s3cret%%26' | base64
    assert_eq!(
        basic.authorization.as_deref(),
        Some("Basic YmxvYndhdGNoOnMzY3JldCUyNg==")
    );
    let redirect = "redirect_uri=https%3A%2F%2Fregistry.example.com%2F_blobwatch%2Fsession%2Foidc%2Fcallback";
    assert_eq!(
        basic.body,
        format!("grant_type=authorization_code&code=c&{redirect}&code_verifier=v")
    );
    let post = request(json!(["client_secret_post"]), true);
    assert!(
        post.authorization.is_none()
            && post
                .body
                .ends_with("&client_id=blobwatch&client_secret=s3cret%26")
    );
    let public = request(json!(["none"]), false);
    assert!(public.authorization.is_none() && public.body.ends_with("&client_id=blobwatch"));
}

#[test]
fn the_token_endpoint_says_a_token_or_why_not() {
    assert_eq!(
        id_token_of(200, r#"{"id_token":"t","access_token":"a"}"#).as_deref(),
        Ok("t")
    );
    for (status, text, expected) in [
        (200, "{}", "no ID token"),
        (
            400,
            r#"{"error":"invalid_grant","error_description":"<b>"}"#,
            "(invalid_grant)",
        ),
        (500, "<html>", "without JSON"),
        (400, "{}", "(400)"),
    ] {
        let problem = id_token_of(status, text).unwrap_err();
        assert!(
            problem.status == 401 && problem.detail.contains(expected),
            "{}",
            problem.detail
        );
    }
}

#[test]
fn claims_hold_now_for_us_and_for_this_sign_in() {
    #[track_caller]
    fn refused(token: &str, expected: &str) {
        let problem = IdToken::read(token, &oidc(), "n", NOW).unwrap_err();
        assert_eq!(problem.status, 401, "{problem:?}");
        assert!(problem.detail.contains(expected), "{}", problem.detail);
    }
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        token(&claims)
    };
    refused(&with("iss", json!("https://evil.example")), "another provider");
    refused(&with("aud", json!("another")), "another application");
    refused(
        &with("aud", json!(["blobwatch", "another"])),
        "another application",
    );
    refused(&with("azp", json!("another")), "another application");
    refused(&with("nonce", json!("m")), "nonce");
    refused(&with("nonce", json!(null)), "nonce");
    refused(&with("exp", json!(NOW_S - 60)), "expired");
    refused(&with("exp", json!(null)), "`exp`");
    refused(&with("iat", json!(NOW_S + 61)), "not valid yet");
    refused(&with("sub", json!("")), "no `sub`");
    for (alg, expected) in [
        ("none", "RS256 or ES256"),
        ("HS256", "RS256 or ES256"),
        ("RS512", "RS256 or ES256"),
    ] {
        refused(&signed(&json!({"alg": alg, "kid": "key-1"}), &claims()), expected);
    }
    refused(&signed(&json!({"alg": "RS256"}), &claims()), "names no key");
    refused("a.b", "three parts");
    let both = with("aud", json!(["another", "blobwatch"]));
    refused(&both, "another application");
    let mut claims = claims();
    claims["aud"] = json!(["another", "blobwatch"]);
    claims["azp"] = json!("blobwatch");
    let read = IdToken::read(&token(&claims), &oidc(), "n", NOW).unwrap();
    assert_eq!(
        (read.signed.algorithm, read.signed.kid.as_str()),
        (Algorithm::Rs256, "key-1")
    );
    assert_eq!(read.proven(false, &oidc()).unwrap_err().status, 401);
}

#[test]
fn roles_come_by_email_group_or_domain_the_first_entry_first() {
    #[track_caller]
    fn case(change: &[(&str, Value)], name: &str, role: Role) {
        let person = person(change);
        let actor = oidc().actor(&person).unwrap();
        assert_eq!((actor.name.as_str(), actor.role), (name, role));
    }
    case(
        &[("email", json!("ADA@example.com"))],
        "ada@example.com",
        Role::Admin,
    );
    case(&[], "bob@example.com", Role::Operator);
    case(&[("groups", json!("everybody"))], "bob@example.com", Role::Viewer);
    case(
        &[("groups", json!([])), ("email", json!("eve@example.org"))],
        "eve@example.org",
        Role::Analyst,
    );
    // An address that nobody has checked gives nothing, not even a name.
    case(
        &[
            ("email", json!("ada@example.com")),
            ("email_verified", json!(false)),
        ],
        "oidc:7",
        Role::Operator,
    );
    assert_eq!(
        oidc().actor(&person(&[])).unwrap().routes,
        Some(vec!["hub".to_owned()])
    );
    let mut nobody = claims();
    nobody["groups"] = json!(["unknown"]);
    let read = IdToken::read(&token(&nobody), &oidc(), "n", NOW).unwrap();
    assert_eq!(read.proven(true, &oidc()).unwrap_err().status, 403);
}

#[test]
fn a_session_keeps_who_somebody_is_and_not_what_he_may_do() {
    let (sessions, oidc, nobody) = (sessions(), oidc(), Tokens::default());
    let session = sessions.open_for(&oidc, &person(&[]), NOW).unwrap();
    let header = format!("__Secure-blobwatch_session={}", session.cookie);
    let read = |oidc: Option<&Oidc>, header: &str, now_ms| sessions.read_of(&nobody, oidc, header, now_ms);
    assert_eq!(read(Some(&oidc), &header, NOW).unwrap(), session);
    assert_eq!(session.cookie.split('.').next(), Some("v2"));
    let mut changed = document();
    changed["roles"] = json!([{"group": "sre", "role": "viewer"}]);
    let changed = Oidc::from_json(&changed.to_string()).unwrap().unwrap();
    assert_eq!(
        read(Some(&changed), &header, NOW).unwrap().actor.role,
        Role::Viewer
    );
    let mut other = document();
    other["issuer"] = json!("https://other.example.com");
    let other = Oidc::from_json(&other.to_string()).unwrap().unwrap();
    for (oidc, header, now_ms) in [
        (None, header.as_str(), NOW),
        (Some(&other), header.as_str(), NOW),
        (Some(&oidc), header.as_str(), NOW + 12 * 3_600_000),
        (Some(&oidc), &header.replace("v2.", "v1."), NOW),
        (Some(&oidc), &header.replace("v2.1", "v2.2"), NOW),
    ] {
        assert_eq!(read(oidc, header, now_ms).unwrap_err().status, 401, "{header}");
    }
}

#[test]
fn a_configuration_that_cannot_be_used_names_the_place() {
    #[track_caller]
    fn case(change: impl FnOnce(&mut Value), expected: &str) {
        let mut document = document();
        change(&mut document);
        let error = Oidc::from_json(&document.to_string()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
    case(|d| d["issuer"] = json!("http://id.example.com"), "oidc.issuer");
    case(
        |d| d["issuer"] = json!("https://id.example.com/?a"),
        "oidc.issuer",
    );
    case(|d| d["client_id"] = json!(""), "oidc.client_id");
    case(|d| d["client_secret"] = json!(["s3cret"]), "oidc.client_secret");
    case(
        |d| d["redirect_uri"] = json!("https://registry.example.com/"),
        "oidc.redirect_uri",
    );
    case(
        |d| d["redirect_uri"] = json!(format!("http://registry.example.com{CALLBACK}")),
        "oidc.redirect_uri",
    );
    case(|d| d["scopes"] = json!("email"), "oidc.scopes");
    case(|d| d["roles"] = json!([{"role": "viewer"}]), "oidc.roles[0]");
    case(
        |d| d["roles"] = json!([{"group": "a", "email": "a@b", "role": "viewer"}]),
        "oidc.roles[0]",
    );
    case(
        |d| d["roles"] = json!([{"email": "a", "role": "viewer"}]),
        "oidc.roles[0]",
    );
    case(
        |d| d["roles"] = json!([{"group": "a", "role": "viewer", "routes": ["hub"]}]),
        "oidc.roles[0].routes",
    );
    case(|d| d["x"] = json!(1), "oidc.x");
    assert_eq!(Oidc::from_json(" ").unwrap(), None);
    assert_eq!(
        oidc().discovery(),
        format!("{ISSUER}/.well-known/openid-configuration")
    );
}
