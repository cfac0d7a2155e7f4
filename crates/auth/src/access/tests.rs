use crate::access::token::MAX_JWT;
use crate::keys::{REFRESH_MS, RETRY_MS};
use crate::{KeyMaterial, KeyRing, Need, PublicKey};
use std::sync::LazyLock;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rsa::pkcs1v15::{Signature, SigningKey, VerifyingKey};
use rsa::sha2::Sha256;
use rsa::signature::{SignatureEncoding, Signer, Verifier};
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, RsaPrivateKey, RsaPublicKey};
use serde_json::{Value, json};

use super::*;
use blobwatch_tokens::{Actor, Role};
use blobwatch_wire::Problem;

const NOW_S: u64 = 1_593_975_600;
const NOW: u64 = NOW_S * 1_000;
const TEAM: &str = "https://example.cloudflareaccess.com";
const AUDIENCE: &str = "4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2";

static KEY: LazyLock<RsaPrivateKey> =
    LazyLock::new(|| RsaPrivateKey::new(&mut ChaCha8Rng::seed_from_u64(7), 2_048).unwrap());

fn access() -> Access {
    let text = json!({"team": TEAM, "audiences": [AUDIENCE], "roles": [
        {"email": "*@example.com", "role": "viewer"}, {"email": "Ada@Example.com", "role": "operator"},
        {"email": "frank@example.com", "role": "operator"},
        {"service": "88bf3b6d86161464f6509f7219099e57.access", "role": "viewer"}]});
    Access::from_json(&text.to_string()).unwrap().unwrap()
}

fn claims() -> Value {
    json!({"aud": [AUDIENCE], "email": "ada@example.com", "exp": NOW_S + 600, "iat": NOW_S - 60, "nbf": NOW_S - 60,
        "iss": TEAM, "type": "app", "sub": "7335d417-61da-459d-899c-0a01c76a2f94", "country": "GB"})
}

fn part(text: &str) -> String {
    BASE64.encode(text)
}

fn signed(header: &str, claims: &str) -> String {
    let text = format!("{}.{}", part(header), part(claims));
    let signature = SigningKey::<Sha256>::new(KEY.clone()).sign(text.as_bytes());
    format!("{text}.{}", BASE64.encode(signature.to_bytes()))
}

const HEADER_TEXT: &str = r#"{"alg":"RS256","kid":"key-1","typ":"JWT"}"#;

fn token(claims: &Value) -> String {
    signed(HEADER_TEXT, &claims.to_string())
}

fn jwks() -> String {
    let number = |number: &BigUint| BASE64.encode(number.to_bytes_be());
    json!({"keys": [
        {"kid": "old", "kty": "oct", "alg": "HS256", "k": "c2VjcmV0"},
        {"kid": "key-1", "kty": "RSA", "alg": "RS256", "use": "sig", "n": number(KEY.n()), "e": number(KEY.e())}],
        "public_cert": {"kid": "key-1", "cert": "-----BEGIN CERTIFICATE-----"}})
    .to_string()
}

/// Whoever has signed.
fn actor_of(candidate: Candidate) -> Result<Actor, Problem> {
    Proven::only(vec![candidate.proven(true)?], None)
}

/// What WebCrypto does at the edge.
fn is_of(key: &PublicKey, candidate: &Candidate) -> bool {
    let number = |text: &str| BigUint::from_bytes_be(&BASE64.decode(text).unwrap());
    let KeyMaterial::Rsa { n, e } = &key.material else {
        panic!("expected an RSA key")
    };
    let key = RsaPublicKey::new(number(n), number(e)).unwrap();
    let signature = Signature::try_from(candidate.signed.signature.as_slice()).unwrap();
    VerifyingKey::<Sha256>::new(key)
        .verify(candidate.signed.text.as_bytes(), &signature)
        .is_ok()
}

#[test]
fn a_token_of_the_team_speaks_for_its_person() {
    let mut ring = KeyRing::default();
    assert_eq!(ring.need("key-1", NOW), Need::Fetch);
    ring.take(&jwks(), NOW).unwrap();
    let candidate = Candidate::read(&token(&claims()), &access(), NOW).unwrap();
    let Need::Have(key) = ring.need(&candidate.signed.kid, NOW) else {
        panic!("expected a key")
    };
    assert!(is_of(&key, &candidate));
    let actor = actor_of(candidate.clone()).unwrap();
    assert_eq!(
        (actor.name.as_str(), actor.role),
        ("ada@example.com", Role::Operator)
    );
    assert_eq!(candidate.proven(false).unwrap_err().status, 401);
    let mut other = claims();
    other["email"] = json!("eve@example.com");
    let genuine = token(&claims());
    let forged = format!(
        "{}.{}",
        token(&other).rsplit_once('.').unwrap().0,
        genuine.rsplit_once('.').unwrap().1
    );
    assert!(!is_of(&key, &Candidate::read(&forged, &access(), NOW).unwrap()));
}

#[test]
fn roles_come_by_email_domain_or_service() {
    #[track_caller]
    fn case(change: &[(&str, Value)], expected: Result<(&str, Role), u16>) {
        let mut claims = claims();
        for (name, value) in change {
            claims[name] = value.clone();
        }
        let read = Candidate::read(&token(&claims), &access(), NOW).and_then(actor_of);
        let found = read
            .as_ref()
            .map(|actor| (actor.name.as_str(), actor.role))
            .map_err(|problem| problem.status);
        assert_eq!(found, expected);
    }
    case(
        &[("email", json!("ADA@example.COM"))],
        Ok(("ada@example.com", Role::Operator)),
    );
    case(
        &[("email", json!("bob@example.com"))],
        Ok(("bob@example.com", Role::Viewer)),
    );
    case(&[("email", json!("bob@sub.example.com"))], Err(403));
    // U+017F is an `s` and U+212A a `k` where case is folded by Unicode.
    case(&[("email", json!("eve@example.com.\u{212a}"))], Err(403));
    case(
        &[("email", json!("fran\u{212a}@example.com"))],
        Ok(("fran\u{212a}@example.com", Role::Viewer)),
    );
    case(&[("email", json!("@example.com"))], Err(403));
    case(&[("email", json!("bob@evil.com@example.com"))], Err(403));
    let service = "88bf3b6d86161464f6509f7219099e57.access";
    let name = "service:88bf3b6d86161464f6509f7219099e57.access";
    case(
        &[("email", json!("")), ("common_name", json!(service))],
        Ok((name, Role::Viewer)),
    );
    case(
        &[("email", json!("")), ("common_name", json!("another.access"))],
        Err(403),
    );
    case(&[("common_name", json!(service))], Err(401));
    case(&[("email", json!(""))], Err(401));
    case(&[("email", json!("a b@example.com"))], Err(401));
    case(&[("email", json!(["ada@example.com"]))], Err(401));
}

#[test]
fn a_token_that_nobody_signed_does_not_tell_who_has_a_role() {
    let answer = |email: &str| {
        let mut claims = claims();
        claims["email"] = json!(email);
        let candidate = Candidate::read(&token(&claims), &access(), NOW).unwrap();
        candidate.proven(false).unwrap_err()
    };
    let nobody = answer("x@evil.example");
    assert_eq!(nobody.status, 401);
    for email in ["ada@example.com", "bob@example.com", "@example.com"] {
        assert_eq!(answer(email), nobody, "{email}");
    }
}

#[track_caller]
fn refused(token: &str, why: &str) {
    let problem = Candidate::read(token, &access(), NOW).unwrap_err();
    assert_eq!(problem.status, 401);
    assert!(problem.detail.contains(why), "{}", problem.detail);
}

#[test]
fn what_is_not_signed_as_access_signs_is_refused() {
    let text = claims().to_string();
    refused(&signed(r#"{"alg":"none","kid":"key-1"}"#, &text), "RS256");
    refused(
        &format!("{}.{}.", part(r#"{"alg":"none"}"#), part(&text)),
        "RS256",
    );
    refused(&signed(r#"{"alg":"HS256","kid":"key-1"}"#, &text), "RS256");
    refused(&signed(r#"{"alg":"rs256","kid":"key-1"}"#, &text), "RS256");
    refused(&signed(r#"{"alg":["RS256"],"kid":"key-1"}"#, &text), "RS256");
    refused(&signed(r#"{"kid":"key-1"}"#, &text), "RS256");
    refused(&signed(r#"{"alg":"RS256"}"#, &text), "names no key");
    refused(&signed(r#"{"alg":"RS256","kid":""}"#, &text), "names no key");
    refused(
        &signed(r#"{"alg":"RS256","kid":"a","crit":["x"]}"#, &text),
        "extension",
    );
    refused(
        &signed(r#"{"alg":"RS256","kid":"a","typ":"JWE"}"#, &text),
        "unexpected type",
    );
    refused(
        &signed(r#"{"alg":"none","alg":"RS256","kid":"key-1"}"#, &text),
        "twice",
    );
}

#[test]
fn claims_hold_now_and_for_us() {
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        token(&claims)
    };
    let without = |name: &str| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        token(&claims)
    };
    refused(&with("exp", json!(NOW_S - 60)), "has expired");
    refused(&without("exp"), "no `exp`");
    refused(&with("exp", json!("soon")), "`exp` is not a time");
    refused(&with("exp", json!(-1)), "`exp` is not a time");
    refused(&with("nbf", json!(NOW_S + 61)), "not valid yet");
    refused(&with("iat", json!(NOW_S + 61)), "not valid yet");
    refused(
        &with("iss", json!("https://evil.cloudflareaccess.com")),
        "another team",
    );
    refused(&without("iss"), "another team");
    refused(&with("aud", json!(["another"])), "another application");
    refused(&with("aud", json!({"0": AUDIENCE})), "another application");
    refused(&without("aud"), "another application");
    let doubled = claims()
        .to_string()
        .replacen('{', "{\"email\":\"eve@example.com\",", 1);
    refused(&signed(HEADER_TEXT, &doubled), "twice");
    let holds = |token: String| assert!(Candidate::read(&token, &access(), NOW).is_ok());
    holds(with("exp", json!(NOW_S - 59)));
    holds(with("nbf", json!(NOW_S + 60)));
    holds(with("exp", json!(NOW_S as f64 + 0.5)));
    holds(with("aud", json!(AUDIENCE)));
    holds(without("nbf"));
}

#[test]
fn text_that_is_no_token_is_refused() {
    for text in ["", ".", "..", "a.b.c", "a.b", "é.é.é"] {
        assert_eq!(
            Candidate::read(text, &access(), NOW).unwrap_err().status,
            401,
            "{text}"
        );
    }
    let genuine = token(&claims());
    refused(&format!("{genuine}.x"), "three parts");
    refused(&format!("{genuine}="), "base64url");
    refused(&signed("[]", "{}"), "header cannot be read");
    refused(&signed(HEADER_TEXT, "7"), "claims cannot be read");
    let mut large = claims();
    large["groups"] = json!("x".repeat(MAX_JWT));
    refused(&token(&large), "too long");
}

proptest::proptest! {
    #[test]
    fn any_text_is_refused_without_a_panic(text in ".{0,200}", at in 0_usize..600, with in "[a-zA-Z0-9._-]{0,4}") {
        assert!(Candidate::read(&text, &access(), NOW).is_err());
        let header = part(HEADER_TEXT);
        let mut token = format!("{header}.{}.c2ln", part(&claims().to_string()));
        token.insert_str(at.min(token.len()), &with);
        drop(Candidate::read(&token, &access(), NOW));
    }
}

/// A key that the team changed is followed, also where the machine's clock was set back since the last fetch.
#[test]
fn a_clock_that_is_set_back_puts_no_fetch_off() {
    const HOUR: u64 = 3_600_000;
    let mut ring = KeyRing::default();
    ring.trying(NOW + HOUR);
    ring.take(&jwks(), NOW + HOUR).unwrap();
    assert_eq!(
        ring.need("rotated", NOW + HOUR),
        Need::Unknown,
        "one came just now"
    );
    assert_eq!(ring.need("rotated", NOW), Need::Fetch);
    ring.trying(NOW);
    assert_eq!(ring.need("rotated", NOW), Need::Unknown);
    assert!(ring.known("key-1", NOW).is_some());
}

#[test]
fn keys_are_fetched_again_when_one_is_not_known_but_not_for_everybody() {
    let mut ring = KeyRing::default();
    (0..8).for_each(|_| ring.trying(NOW));
    assert_eq!(ring.need("key-1", NOW + 1), Need::Unknown, "enough of them fetch");
    ring.take(&jwks(), NOW).unwrap();
    assert!(matches!(ring.need("key-1", NOW + 1), Need::Have(_)));
    assert_eq!(ring.need("invented", NOW + 1), Need::Unknown);
    assert_eq!(ring.need("rotated", NOW + RETRY_MS), Need::Fetch);
    ring.trying(NOW + REFRESH_MS);
    assert!(
        matches!(ring.need("key-1", NOW + REFRESH_MS + 1), Need::Have(_)),
        "while it is refreshed"
    );
    assert_eq!(ring.need("key-1", NOW + REFRESH_MS + RETRY_MS), Need::Fetch);
    assert_eq!(
        ring.need("old", NOW + REFRESH_MS + 1),
        Need::Unknown,
        "a secret is no public key"
    );
    ring.trying(NOW + 86_400_000);
    assert_eq!(
        ring.need("key-1", NOW + 86_400_000),
        Need::Unknown,
        "not trusted for ever"
    );
}

/// RFC 7517, section 5: what is not understood is passed over.
#[test]
fn a_key_that_cannot_be_read_hides_no_other() {
    let mut document: Value = serde_json::from_str(&jwks()).unwrap();
    let ours = document["keys"][1].clone();
    for odd in [
        json!(null),
        json!(7),
        json!({"kty": null, "n": {}}),
        json!({"kid": ["key-1"], "kty": "RSA", "alg": "RS256", "n": ours["n"], "e": 65_537}),
        json!({"kty": "EC", "crv": "P-256", "x": "a", "y": "b", "use": ["sig"], "kid": "ec"}),
    ] {
        document["keys"] = json!(vec![odd.clone(); 40]);
        document["keys"].as_array_mut().unwrap().push(ours.clone());
        let mut ring = KeyRing::default();
        assert!(!ring.has_keys());
        assert_eq!(ring.take(&document.to_string(), NOW), Ok(()), "{odd}");
        assert!(matches!(ring.need("key-1", NOW + 1), Need::Have(_)), "{odd}");
        assert!(ring.has_keys());
    }
}

#[test]
fn documents_without_a_key_change_nothing() {
    let mut ring = KeyRing::default();
    ring.take(&jwks(), NOW).unwrap();
    let short = jwks().replace("\"e\":\"AQAB\"", "\"e\":\"\"");
    for document in ["", "{}", "{\"keys\":[]}", short.as_str()] {
        assert!(ring.take(document, NOW + 1).is_err(), "{document}");
    }
    assert!(matches!(ring.need("key-1", NOW + 1), Need::Have(_)));
}

#[test]
fn a_configuration_that_cannot_be_used_names_the_place() {
    #[track_caller]
    fn case(change: impl FnOnce(&mut Value), expected: &str) {
        let mut document = json!({"team": TEAM, "audiences": [AUDIENCE], "roles": []});
        change(&mut document);
        let error = Access::from_json(&document.to_string()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    case(|d| d["team"] = json!("http://example.com"), "access.team");
    case(|d| d["team"] = json!("https://example.com/x"), "access.team");
    case(|d| d["audiences"] = json!([]), "access.audiences");
    case(|d| d["roles"] = json!([{"role": "viewer"}]), "access.roles[0]");
    case(
        |d| d["roles"] = json!([{"email": "a@b", "service": "x", "role": "viewer"}]),
        "access.roles[0]",
    );
    case(
        |d| d["roles"] = json!([{"email": "*@*", "role": "viewer"}]),
        "access.roles[0]",
    );
    case(
        |d| d["roles"] = json!([{"email": "*", "role": "viewer"}]),
        "access.roles[0]",
    );
    case(
        |d| d["roles"] = json!([{"email": "a@b", "role": "owner"}]),
        "access.roles[0].role",
    );
    case(
        |d| d["roles"] = json!([{"email": "a@b", "role": "admin", "routes": ["hub"]}]),
        "access.roles[0].routes",
    );
    case(|d| d["keys"] = json!("http://example.com/certs"), "access.keys");
    case(
        |d| d["keys"] = json!("http://127.0.0.1.evil.com/certs"),
        "access.keys",
    );
    case(|d| d["aud"] = json!("x"), "access.aud");
    assert_eq!(Access::from_json(" ").unwrap(), None);
    assert_eq!(access().keys, format!("{TEAM}/cdn-cgi/access/certs"));
}

#[test]
fn the_tokens_come_by_header_or_by_cookies() {
    #[track_caller]
    fn case(header: Option<&str>, cookies: &str, expected: &[&str]) {
        assert_eq!(access_tokens_of(header, Some(cookies)), expected, "{cookies}");
    }
    case(Some("a.b.c"), "CF_Authorization=x", &["a.b.c"]);
    case(None, "other=1; CF_Authorization=a.b.c", &["a.b.c"]);
    case(
        None,
        "CF_Authorization=a; CF_Authorization=b; CF_Authorization=a",
        &["a", "b"],
    );
    case(None, "XCF_Authorization=a", &[]);
    case(Some(" "), "", &[]);
    assert!(access_tokens_of(None, None).is_empty());
    let many: String = (0..300).map(|n| format!("CF_Authorization={n};")).collect();
    assert_eq!(access_tokens_of(None, Some(&many)).len(), MAX_TRIED);
}

/// Who calls by these tokens, each with its own signature.
fn caller(tokens: &[&str]) -> Result<String, u16> {
    let mut ring = KeyRing::default();
    ring.take(&jwks(), NOW).unwrap();
    let key = ring.known("key-1", NOW).unwrap();
    let called = Candidate::read_all(tokens, &access(), NOW).and_then(|candidates| {
        let (mut proven, mut why) = (Vec::new(), None);
        for candidate in candidates {
            let is_proven = is_of(&key, &candidate);
            match candidate.proven(is_proven) {
                Ok(found) => proven.push(found),
                Err(problem) => why = why.or(Some(problem)),
            }
        }
        Proven::only(proven, why)
    });
    called.map(|actor| actor.name).map_err(|problem| problem.status)
}

/// A page of a neighbour domain sets cookies of Access's name, which a browser sends before its own.
#[test]
fn cookies_of_a_neighbour_hide_no_token_and_make_nobody_somebody_else() {
    let own = token(&claims());
    let later = {
        let mut claims = claims();
        claims["exp"] = json!(NOW_S + 900);
        token(&claims)
    };
    let of = |email: &str| {
        let mut claims = claims();
        claims["email"] = json!(email);
        token(&claims)
    };
    let (body, _) = own.rsplit_once('.').unwrap();
    let forged = format!("{body}.{}", BASE64.encode([7; 256]));
    let ada = Ok("ada@example.com".to_owned());
    assert_eq!(caller(&["junk", &forged, &own]), ada);
    assert_eq!(caller(&[&own, &forged]), ada);
    assert_eq!(caller(&[&own, &later]), ada, "one person, twice");
    assert_eq!(caller(&[&own, &of("bob@example.com")]), Err(401));
    assert_eq!(
        caller(&[&own, &of("eve@elsewhere.com")]),
        Err(401),
        "also without a role"
    );
    assert_eq!(caller(&[&of("eve@elsewhere.com")]), Err(403));
    assert_eq!(caller(&["junk", &forged]), Err(401));
    assert_eq!(caller(&["junk"]), Err(401));
}
