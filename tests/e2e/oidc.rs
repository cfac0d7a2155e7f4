//! People sign in at a real OpenID Connect provider, npm's `oidc-provider`; what does not hold lets nobody in.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::browser::node;
use crate::harness::clock::{eventually, unix_ms};
use crate::harness::deployment::Bundle;
use crate::harness::http::{Answer, Request};
use crate::harness::process::Service;
use crate::harness::registry::Registry;
use crate::harness::relay::Relay;
use crate::harness::stage::configured;
use crate::harness::workerd::{ROOT, Workerd};

const BEGIN: &str = "/_blobwatch/session/oidc";
const CALLBACK: &str = "/_blobwatch/session/oidc/callback";
const RULES: &str = "/_blobwatch/api/v1/rules?limit=1";

/// More steps than any way to the provider and back has.
const MAX_STEPS: usize = 20;

/// `tests/data/oidc_provider.js`.
struct Provider {
    addr: SocketAddr,
    _service: Service,
    _folder: TempDir,
}

impl Provider {
    fn start(redirect_uri: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut program = node();
        program
            .arg("tests/data/oidc_provider.js")
            .current_dir(ROOT)
            .env("REDIRECT_URI", redirect_uri);
        let mut service = Service::start(program, &folder.path().join("log"));
        let addr = eventually("the provider listens", || {
            assert!(service.ended().is_none(), "it ended: {}", service.log());
            let log = service.log();
            let line = log.lines().find_map(|line| line.strip_prefix("issuer http://"))?;
            line.parse().ok()
        });
        Self {
            addr,
            _service: service,
            _folder: folder,
        }
    }

    /// Makes it a bad one, or a good one again with `null`.
    fn changes(&self, change: &Value) {
        let put = Request::new("PUT", "/test/claims").body("application/json", change.to_string());
        assert_eq!(put.send(self.addr).unwrap().status(), 200);
    }

    fn rotates(&self) {
        let put = Request::new("PUT", "/test/keys").body("application/json", "{}");
        assert_eq!(put.send(self.addr).unwrap().status(), 200);
    }
}

/// Cookies of one browser at one server.
#[derive(Default)]
struct Cookies(Vec<(String, String)>);

impl Cookies {
    fn take(&mut self, answer: &Answer) {
        let set = answer.head.fields.iter();
        for (_, value) in set.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")) {
            let pair = value.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').unwrap();
            self.0.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.0.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    fn send(&mut self, request: Request, to: SocketAddr) -> Answer {
        let pairs: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let answer = request.header("Cookie", &pairs.join("; ")).send(to).unwrap();
        self.take(&answer);
        answer
    }
}

struct Deployment {
    edge: Workerd,
    provider: Provider,
    _origin: Relay,
}

impl Deployment {
    /// With the provider's client of that name.
    fn start(client: &str) -> Self {
        let origin = Relay::before(Registry::shared().addr());
        let mut edge = configured(Bundle::Release, &origin.url()).start();
        let redirect_uri = format!("http://{}{CALLBACK}", edge.addr());
        let provider = Provider::start(&redirect_uri);
        let oidc = json!({"issuer": format!("http://{}", provider.addr), "client_id": client,
            "client_secret": "a secret & more", "redirect_uri": redirect_uri, "scopes": "openid email groups",
            "roles": [{"group": "admins", "role": "operator", "routes": ["default"]}, {"group": "everybody", "role": "viewer"}]});
        edge.restart_with("BLOBWATCH_OIDC", &oidc.to_string());
        Self {
            edge,
            provider,
            _origin: origin,
        }
    }

    /// A browser signs in at the provider; answers with where it is sent back to, and the cookies that it has here.
    fn at_provider(&self, login: &str) -> (String, Cookies) {
        let (mut here, mut there) = (Cookies::default(), Cookies::default());
        let began = here.send(Request::get(BEGIN), self.edge.addr());
        assert_eq!(began.status(), 302, "{}", began.text());
        let mut next = Request::get(&self.path_at_provider(&began));
        for _ in 0..MAX_STEPS {
            let answer = there.send(next, self.provider.addr);
            if let Some(back) = self.way_back(&answer) {
                return (back, here);
            }
            next = match answer.status() {
                302 | 303 => Request::get(&self.path_at_provider(&answer)),
                _ => form(&answer, login),
            };
        }
        panic!("the provider leads nowhere")
    }

    fn path_at_provider(&self, answer: &Answer) -> String {
        let to = answer.get("location").unwrap();
        let issuer = format!("http://{}", self.provider.addr);
        to.strip_prefix(&issuer).unwrap_or(to).to_owned()
    }

    fn way_back(&self, answer: &Answer) -> Option<String> {
        let here = format!("http://{}", self.edge.addr());
        let back = answer.get("location")?.strip_prefix(&here)?;
        Some(back.to_owned())
    }

    fn finish(&self, back: &str, cookies: &mut Cookies) -> Answer {
        cookies.send(Request::get(back), self.edge.addr())
    }

    /// A whole sign-in, and the browser's cookies.
    fn sign_in(&self, login: &str) -> (Answer, Cookies) {
        let (back, mut cookies) = self.at_provider(login);
        let answer = self.finish(&back, &mut cookies);
        (answer, cookies)
    }

    #[track_caller]
    fn refused(&self, login: &str, status: u16, expected: &str) {
        let (answer, mut cookies) = self.sign_in(login);
        assert_eq!(answer.status(), status, "{}", answer.text());
        assert!(answer.text().contains(expected), "{}", answer.text());
        assert_eq!(cookies.send(Request::get(RULES), self.edge.addr()).status(), 401);
    }
}

/// The form of the provider's page, filled in.
fn form(answer: &Answer, login: &str) -> Request {
    let page = answer.text();
    let action = page.split("action=\"").nth(1).unwrap_or_else(|| panic!("{page}"));
    let action = action.split('"').next().unwrap();
    let path = action.find("/interaction/").map_or(action, |at| &action[at..]);
    let prompt = if page.contains("value=\"login\"") {
        format!("prompt=login&login={login}&password=any")
    } else {
        "prompt=consent".to_owned()
    };
    Request::new("POST", path).body("application/x-www-form-urlencoded", prompt)
}

/// A parameter of an address, as it stands there.
fn parameter<'a>(address: &'a str, name: &str) -> &'a str {
    let (_, value) = address.split_once(&format!("{name}=")).unwrap();
    value.split('&').next().unwrap()
}

#[test]
fn people_sign_in_at_the_provider_with_the_role_of_their_group() {
    for client in ["rsa", "elliptic"] {
        let deployment = Deployment::start(client);
        let edge = deployment.edge.addr();
        let asked = Request::get("/_blobwatch/session").send(edge).unwrap();
        assert_eq!((asked.status(), &asked.json()["sign_in"]), (401, &json!(BEGIN)));

        let (answer, mut ada) = deployment.sign_in("ada");
        assert_eq!(
            (answer.status(), answer.get("location")),
            (302, Some("/_blobwatch/")),
            "{} {}",
            answer.text(),
            deployment.edge.log()
        );
        let who = ada.send(Request::get("/_blobwatch/session"), edge).json();
        assert_eq!(
            (&who["name"], &who["role"], &who["routes"]),
            (&json!("ada@example.com"), &json!("operator"), &json!(["default"]))
        );
        let stop = json!({"reason": "the end-to-end test", "route": "default"}).to_string();
        let post =
            || Request::new("POST", "/_blobwatch/api/v1/panic-off").body("application/json", stop.clone());
        assert_eq!(ada.send(post(), edge).status(), 403, "without the csrf");
        let csrf = who["csrf"].as_str().unwrap();
        assert_eq!(
            ada.send(post().header("Blobwatch-Csrf", csrf), edge).status(),
            200
        );

        let (_, mut bob) = deployment.sign_in("bob");
        let who = bob.send(Request::get("/_blobwatch/session"), edge).json();
        assert_eq!((&who["role"], &who["routes"]), (&json!("viewer"), &Value::Null));
        let csrf = who["csrf"].as_str().unwrap();
        assert_eq!(
            bob.send(post().header("Blobwatch-Csrf", csrf), edge).status(),
            403
        );
        deployment.refused("eve", 403, "gives \\\"eve@example.com\\\" no role");

        let stolen = ada.0.clone();
        let out = ada.send(Request::new("DELETE", "/_blobwatch/session"), edge);
        assert_eq!(out.status(), 204);
        assert_eq!(
            Cookies(stolen).send(Request::get(RULES), edge).status(),
            401,
            "signed out"
        );
        assert_eq!(bob.send(Request::get(RULES), edge).status(), 200);
    }
}

#[test]
fn an_answer_that_does_not_hold_lets_nobody_in() {
    let deployment = Deployment::start("rsa");
    let (back, mut cookies) = deployment.at_provider("ada");
    let (other_back, mut other) = deployment.at_provider("bob");
    let refused = |answer: &Answer, expected: &str| {
        assert_eq!(answer.status(), 401, "{}", answer.text());
        assert!(answer.text().contains(expected), "{}", answer.text());
    };
    refused(
        &deployment.finish(&back, &mut Cookies::default()),
        "did not begin",
    );
    refused(&deployment.finish(&other_back, &mut cookies), "another sign-in");
    refused(
        &deployment.finish(&back.replace("state=", "state=0"), &mut cookies),
        "another sign-in",
    );
    let elsewhere = back.replace("iss=http%3A%2F%2F127.0.0.1", "iss=http%3A%2F%2F127.0.0.2");
    assert_ne!(elsewhere, back);
    refused(
        &deployment.finish(&elsewhere, &mut cookies),
        "another identity provider",
    );
    // The provider takes a code once, and for this browser's verifier only.
    let injected = back.replace(parameter(&back, "code"), parameter(&other_back, "code"));
    assert_eq!(parameter(&injected, "state"), parameter(&back, "state"));
    refused(&deployment.finish(&injected, &mut cookies), "invalid_grant");
    let mut copied = Cookies(cookies.0.clone());
    assert_eq!(deployment.finish(&back, &mut cookies).status(), 302);
    refused(&deployment.finish(&back, &mut cookies), "did not begin");
    refused(&deployment.finish(&back, &mut copied), "invalid_grant");
    assert_eq!(deployment.finish(&other_back, &mut other).status(), 302);

    let now_s = unix_ms() / 1_000;
    for (change, expected) in [
        (json!({"claims": {"nonce": "another"}}), "nonce"),
        (json!({"claims": {"aud": "another"}}), "another application"),
        (
            json!({"claims": {"iss": "https://evil.example"}}),
            "another provider",
        ),
        (json!({"claims": {"exp": now_s - 120}}), "expired"),
        (json!({"claims": {"iat": now_s + 86_400}}), "not valid yet"),
        (json!({"alg": "none"}), "not signed with RS256"),
        (json!({"alg": "HS256"}), "not signed with RS256"),
        (json!({"alg": "ES256"}), "signature"),
    ] {
        deployment.provider.changes(&change);
        deployment.refused("ada", 401, expected);
    }
    deployment.provider.changes(&Value::Null);
    assert_eq!(deployment.sign_in("ada").0.status(), 302);

    // New keys are looked for, once in 30 s.
    deployment.provider.rotates();
    eventually("the new key", || {
        let (answer, _) = deployment.sign_in("ada");
        (answer.status() == 302).then_some(())
    });
}
