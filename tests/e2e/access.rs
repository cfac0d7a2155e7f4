//! Cloudflare Access: its tokens open the API, forged ones do not.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::spawn;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use blobwatch_auth::{COOKIE, Sessions};
use blobwatch_tokens::{Role, Tokens};
use hmac::{Hmac, KeyInit, Mac};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::EncodePublicKey;
use rsa::sha2::Sha256;
use rsa::signature::{SignatureEncoding, Signer};
use rsa::traits::PublicKeyParts;
use serde_json::{Value, json};

use crate::harness::browser::browser_tests;
use crate::harness::clock::{eventually, unix_ms};
use crate::harness::deployment::Bundle;
use crate::harness::http::{Answer, Request};
use crate::harness::registry::Registry;
use crate::harness::self_hosted::SelfHosted;
use crate::harness::stage::{OPERATOR, SECRET, configured};
use crate::harness::workerd::Workerd;

const TEAM: &str = "https://example.cloudflareaccess.com";
const AUDIENCE: &str = "4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2";

static KEYS: LazyLock<[RsaPrivateKey; 2]> = LazyLock::new(|| {
    [7, 8].map(|seed| RsaPrivateKey::new(&mut ChaCha8Rng::seed_from_u64(seed), 2_048).unwrap())
});

/// The team's page of keys, on loopback.
struct Certs {
    addr: SocketAddr,
    document: Arc<Mutex<String>>,
    fetched: Arc<AtomicUsize>,
    /// Whoever asks is kept waiting.
    hangs: Arc<AtomicBool>,
}

impl Certs {
    fn start(document: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let certs = Self {
            addr: listener.local_addr().unwrap(),
            document: Arc::new(Mutex::new(document)),
            fetched: Arc::default(),
            hangs: Arc::default(),
        };
        let (document, fetched) = (Arc::clone(&certs.document), Arc::clone(&certs.fetched));
        let hangs = Arc::clone(&certs.hangs);
        spawn(move || {
            let mut waiting = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                // The request is small and comes at once; what it asks is known.
                drop(stream.read(&mut [0; 4_096]));
                fetched.fetch_add(1, Ordering::Relaxed);
                if hangs.load(Ordering::Relaxed) {
                    waiting.push(stream);
                    continue;
                }
                let body = document.lock().unwrap().clone();
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
                drop(write!(
                    stream,
                    "{head}\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                ));
            }
        });
        certs
    }
}

fn jwk(kid: &str, key: &RsaPrivateKey) -> Value {
    let number = |number: &rsa::BigUint| BASE64.encode(number.to_bytes_be());
    json!({"kid": kid, "kty": "RSA", "alg": "RS256", "use": "sig", "n": number(key.n()), "e": number(key.e())})
}

fn now_s() -> u64 {
    unix_ms() / 1_000
}

/// Longer than any test.
const DAY_S: u64 = 86_400;

fn claims(email: &str) -> Value {
    json!({"aud": [AUDIENCE], "email": email, "exp": now_s() + DAY_S, "iat": now_s(), "nbf": now_s(), "iss": TEAM,
        "type": "app", "sub": "7335d417-61da-459d-899c-0a01c76a2f94"})
}

fn signed(key: &RsaPrivateKey, header: &Value, claims: &str) -> String {
    let text = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims));
    let signature = SigningKey::<Sha256>::new(key.clone()).sign(text.as_bytes());
    format!("{text}.{}", BASE64.encode(signature.to_bytes()))
}

/// Signed with the public key as if it were a secret, for a verifier that believes `alg`.
fn signed_with_what_everybody_knows(secret: &[u8], claims: &str) -> String {
    let header = json!({"alg": "HS256", "kid": "key-1", "typ": "JWT"});
    let text = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret).unwrap();
    mac.update(text.as_bytes());
    format!("{text}.{}", BASE64.encode(mac.finalize().into_bytes()))
}

fn header(kid: &str) -> Value {
    json!({"alg": "RS256", "kid": kid, "typ": "JWT"})
}

fn token(claims: &Value) -> String {
    signed(&KEYS[0], &header("key-1"), &claims.to_string())
}

/// The variable.
fn access(certs: &Certs) -> String {
    let access = json!({"team": TEAM, "audiences": [AUDIENCE], "keys": format!("http://{}/certs", certs.addr),
        "roles": [{"email": "*@example.com", "role": "viewer"}, {"email": "ada@example.com", "role": "operator"}]});
    access.to_string()
}

fn deployment(certs: &Certs) -> Workerd {
    let origin = format!("http://{}", Registry::shared().addr());
    configured(Bundle::Release, &origin)
        .var("BLOBWATCH_ACCESS", access(certs))
        .start()
}

fn ask(edge: &Workerd, request: Request, token: &str) -> Answer {
    ask_at(edge.addr(), request, token)
}

fn ask_at(edge: SocketAddr, request: Request, token: &str) -> Answer {
    let asked = request.header("Cf-Access-Jwt-Assertion", token);
    asked.send(edge).unwrap()
}

fn rules() -> Request {
    Request::get("/_blobwatch/api/v1/rules?limit=1")
}

fn panic_off() -> Request {
    let body = json!({"reason": "the end-to-end test"});
    Request::new("POST", "/_blobwatch/api/v1/panic-off").body("application/json", body.to_string())
}

#[test]
fn a_token_of_the_team_opens_what_its_role_may_do() {
    let certs = Certs::start(json!({"keys": [jwk("key-1", &KEYS[0])]}).to_string());
    let edge = deployment(&certs);
    let ada = token(&claims("ada@example.com"));
    assert_eq!(ask(&edge, rules(), &ada).status(), 200);
    assert_eq!(ask(&edge, panic_off(), &ada).status(), 200);
    let by_cookie = rules().header("Cookie", &format!("CF_Authorization={ada}"));
    assert_eq!(by_cookie.send(edge.addr()).unwrap().status(), 200);
    let bob = token(&claims("bob@example.com"));
    assert_eq!(ask(&edge, rules(), &bob).status(), 200);
    assert_eq!(ask(&edge, panic_off(), &bob).status(), 403);
    assert_eq!(
        ask(&edge, rules(), &token(&claims("eve@evil.example"))).status(),
        403
    );
    let body = json!({"description": "", "expression": "ssl", "action": "tag"});
    let put =
        Request::new("PUT", "/_blobwatch/api/v1/rules/by-ada").body("application/json", body.to_string());
    let made = ask(&edge, put.clone(), &ada);
    assert_eq!(
        (made.status(), &made.json()["actor"]),
        (201, &json!("ada@example.com"))
    );
    let from_elsewhere = put.header("Origin", "https://evil.example");
    assert_eq!(
        ask(&edge, from_elsewhere, &ada).status(),
        403,
        "a page of somebody else"
    );
    assert_eq!(rules().send(edge.addr()).unwrap().status(), 401);
    assert_eq!(certs.fetched.load(Ordering::Relaxed), 1, "keys are kept");
}

#[test]
fn a_token_that_is_forged_over_or_for_another_is_refused() {
    let certs = Certs::start(json!({"keys": [jwk("key-1", &KEYS[0])]}).to_string());
    let edge = deployment(&certs);
    let good = claims("ada@example.com");
    let refused = |token: &str| {
        let answer = ask(&edge, rules(), token);
        assert_eq!(answer.status(), 401, "{}", answer.text());
    };
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        token(&claims)
    };
    let text = good.to_string();
    let unsigned = |header: &str| format!("{}.{}.", BASE64.encode(header), BASE64.encode(&text));
    refused(&unsigned(r#"{"alg":"none","kid":"key-1"}"#));
    refused(&signed(&KEYS[0], &json!({"alg": "HS256", "kid": "key-1"}), &text));
    let public = KEYS[0].to_public_key().to_public_key_der().unwrap();
    let document = certs.document.lock().unwrap().clone();
    for secret in [
        public.as_bytes(),
        &KEYS[0].n().to_bytes_be(),
        jwk("key-1", &KEYS[0])["n"].as_str().unwrap().as_bytes(),
        document.as_bytes(),
    ] {
        refused(&signed_with_what_everybody_knows(secret, &text));
    }
    refused(&signed(&KEYS[1], &header("key-1"), &text));
    refused(&signed(&KEYS[1], &header("key-2"), &text));
    refused(&with("aud", json!(["another"])));
    refused(&with("iss", json!("https://evil.cloudflareaccess.com")));
    refused(&with("exp", json!(now_s() - 120)));
    refused(&with("nbf", json!(now_s() + DAY_S)));
    refused(&with("groups", json!("x".repeat(9_000))));
    let doubled = text.replacen('{', "{\"email\":\"ada@example.com\",", 1);
    refused(&signed(&KEYS[0], &header("key-1"), &doubled));
    let genuine = token(&good);
    let (signed_part, signature) = genuine.rsplit_once('.').unwrap();
    let other = token(&claims("bob@example.com"));
    refused(&format!("{}.{signature}", other.rsplit_once('.').unwrap().0));
    refused(&format!("{signed_part}.{}", BASE64.encode([0; 256])));
    assert_eq!(ask(&edge, rules(), &genuine).status(), 200, "the genuine one");
    assert!(
        certs.fetched.load(Ordering::Relaxed) <= 2,
        "invented keys are not looked for each time"
    );
}

#[test]
fn a_team_that_changes_its_key_is_followed() {
    let certs = Certs::start(json!({"keys": [jwk("key-1", &KEYS[0])]}).to_string());
    let edge = deployment(&certs);
    let text = claims("ada@example.com");
    assert_eq!(ask(&edge, rules(), &token(&text)).status(), 200);
    *certs.document.lock().unwrap() =
        json!({"keys": [jwk("key-1", &KEYS[0]), jwk("key-2", &KEYS[1])]}).to_string();
    let rotated = signed(&KEYS[1], &header("key-2"), &text.to_string());
    // Keys are fetched once in 30 s at most.
    eventually("the new key", || {
        (ask(&edge, rules(), &rotated).status() == 200).then_some(())
    });
    assert_eq!(ask(&edge, rules(), &token(&text)).status(), 200);
}

/// Nobody waits for ever, the sentence says whose fault it is, and bearer tokens go on to work.
#[test]
fn keys_that_do_not_come_are_said() {
    let certs = Certs::start(json!({"keys": [jwk("key-1", &KEYS[0])]}).to_string());
    let edge = deployment(&certs);
    let token = token(&claims("ada@example.com"));
    let is_said = |what: &str| {
        let answer = ask(&edge, rules(), &token);
        assert_eq!(answer.status(), 503, "{what}: {}", answer.text());
        assert!(answer.text().contains("cannot be fetched"), "{}", answer.text());
        let bearer = rules().header("Authorization", &format!("Bearer {OPERATOR}"));
        assert_eq!(bearer.send(edge.addr()).unwrap().status(), 200, "{what}");
    };
    certs.hangs.store(true, Ordering::Relaxed);
    is_said("an address that hangs");
    certs.hangs.store(false, Ordering::Relaxed);
    let keys = std::mem::replace(&mut *certs.document.lock().unwrap(), " ".repeat(64 << 20));
    is_said("a document without an end");
    *certs.document.lock().unwrap() = keys;
    assert_eq!(ask(&edge, rules(), &token).status(), 200);
}

fn expired(email: &str) -> String {
    let mut claims = claims(email);
    claims["exp"] = json!(now_s() - 120);
    token(&claims)
}

/// `Cookie` of a session that was opened so many hours ago; it lasts twelve.
fn session_of(hours_ago: u64) -> String {
    let tokens = Tokens::default().with_token("olga", Role::Operator, OPERATOR);
    let opened_ms = (now_s() - hours_ago * 3_600) * 1_000;
    let session = Sessions::new(SECRET)
        .unwrap()
        .open(&tokens, OPERATOR, opened_ms)
        .unwrap();
    format!("{COOKIE}={}", session.cookie)
}

#[test]
fn a_session_that_is_over_does_not_stand_in_the_way_of_access() {
    let certs = Certs::start(json!({"keys": [jwk("key-1", &KEYS[0])]}).to_string());
    let edge = deployment(&certs);
    let (ada, bob) = (
        token(&claims("ada@example.com")),
        token(&claims("bob@example.com")),
    );
    let over = session_of(13);
    let with = |request: Request, session: &str, jwt: &str| {
        let cookies = format!("{session}; CF_Authorization={jwt}");
        request.header("Cookie", &cookies).send(edge.addr()).unwrap()
    };
    let who = || Request::get("/_blobwatch/session");

    assert_eq!(with(rules(), &over, &ada).status(), 200);
    assert_eq!(with(who(), &over, &ada).json()["name"], "ada@example.com");
    assert_eq!(
        with(rules(), "blobwatch_session=of-another-release", &ada).status(),
        200
    );
    assert_eq!(with(panic_off(), &over, &ada).status(), 200);
    assert_eq!(with(panic_off(), &over, &bob).status(), 403, "a viewer");
    let from_elsewhere = panic_off().header("Origin", "https://evil.example");
    assert_eq!(
        with(from_elsewhere, &over, &ada).status(),
        403,
        "a page of somebody else"
    );

    assert_eq!(
        with(who(), &over, &expired("ada@example.com")).status(),
        401,
        "both are over"
    );
    assert_eq!(
        rules()
            .header("Cookie", &over)
            .send(edge.addr())
            .unwrap()
            .status(),
        401
    );

    // A session that holds is who one is, and what it asks for is not got round by Access.
    let holds = session_of(1);
    assert_eq!(with(who(), &holds, &bob).json()["name"], "olga");
    assert_eq!(with(panic_off(), &holds, &ada).status(), 403, "without the csrf");
}

#[test]
fn the_page_knows_who_comes_through_access() {
    let certs = Certs::start(json!({"keys": [jwk("key-1", &KEYS[0])]}).to_string());
    let edge = deployment(&certs);
    let over = session_of(13);
    let (_, over) = over.split_once('=').unwrap();
    browser_tests(
        &["browser/access.test.ts"],
        &[
            ("EDGE", &format!("http://{}", edge.addr())),
            ("ADA", &token(&claims("ada@example.com"))),
            ("BOB", &token(&claims("bob@example.com"))),
            ("EXPIRED", &expired("ada@example.com")),
            ("SESSION_OVER", over),
            ("OPERATOR", OPERATOR),
        ],
    );
}

#[test]
fn the_sample_config_takes_tokens_of_the_team_that_the_environment_names() {
    let certs = Certs::start(json!({"keys": [jwk("key-1", &KEYS[0])]}).to_string());
    let origin = format!("http://{}", Registry::shared().addr());
    let access = access(&certs);
    let mut variables = vec![("ORIGIN", origin.as_str()), ("BLOBWATCH_CLIENT_SECRET", "secret")];
    let (ada, bob) = (
        token(&claims("ada@example.com")),
        token(&claims("bob@example.com")),
    );
    let status = |edge: &SelfHosted, request: Request, token: &str| {
        let answer = ask_at(edge.addr(), request, token);
        println!("{} {}: {}", answer.head.start, answer.text(), edge.log());
        answer.status()
    };
    let closed = SelfHosted::start(&variables);
    let health = Request::get("/_blobwatch/healthz").send(closed.addr()).unwrap();
    assert_eq!(health.status(), 200, "{}", closed.log());
    assert_ne!(status(&closed, rules(), &ada), 200, "no team is named");

    variables.push(("BLOBWATCH_ACCESS", &access));
    let edge = SelfHosted::start(&variables);
    assert_eq!(status(&edge, rules(), &ada), 200);
    assert_eq!(status(&edge, panic_off(), &ada), 200);
    assert_eq!(status(&edge, panic_off(), &bob), 403);
    assert_eq!(rules().send(edge.addr()).unwrap().status(), 401);
    let forged = signed(&KEYS[1], &header("key-1"), &claims("ada@example.com").to_string());
    assert_eq!(status(&edge, rules(), &forged), 401);
    assert_eq!(certs.fetched.load(Ordering::Relaxed), 1);
}
