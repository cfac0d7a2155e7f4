//! Tokens that are made by calls: each opens what its role may do where it holds, and ends everywhere when it is revoked.

use serde_json::{Value, json};

use crate::harness::api::Api;
use crate::harness::clock::{eventually, unix_ms};
use crate::harness::deployment::Bundle;
use crate::harness::http::{Answer, Request};
use crate::harness::registry::Registry;
use crate::harness::relay::Relay;
use crate::harness::stage::{ADMIN, OPERATOR, configured};
use crate::harness::workerd::Workerd;
use blobwatch_wire::rfc3339;

const API: &str = "/_blobwatch/api/v1";
const SESSION: &str = "/_blobwatch/session";

struct Deployment {
    edge: Workerd,
    _origin: Relay,
}

impl Deployment {
    fn start() -> Self {
        let origin = Relay::before(Registry::shared().addr());
        let edge = configured(Bundle::Release, &origin.url()).isolates(2).start();
        Self {
            edge,
            _origin: origin,
        }
    }

    fn admin(&self) -> Api<'static> {
        Api::new(self.edge.addr(), ADMIN)
    }

    /// Makes a token; answers with it.
    #[track_caller]
    fn make(&self, body: &Value) -> String {
        let post = Request::new("POST", &format!("{API}/tokens")).body("application/json", body.to_string());
        let answer = self.admin().send(post);
        assert_eq!(answer.status(), 201, "{}", answer.text());
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    /// Status of reading at one of the isolates.
    fn by_token(&self, isolate: usize, token: &str) -> u16 {
        let request = Request::get(&format!("{API}/rules?limit=1"));
        let bearer = format!("Bearer {token}");
        let answer = request
            .header("Authorization", &bearer)
            .send(self.edge.isolate(isolate));
        answer.unwrap().status()
    }

    fn by_cookie(&self, isolate: usize, cookie: &str) -> u16 {
        let request = Request::get(&format!("{API}/rules?limit=1")).header("Cookie", cookie);
        request.send(self.edge.isolate(isolate)).unwrap().status()
    }

    fn sign_in(&self, token: &str) -> Answer {
        let body = json!({"token": token}).to_string();
        let post = Request::new("POST", SESSION).body("application/json", body);
        post.send(self.edge.addr()).unwrap()
    }

    fn cookie(&self, token: &str) -> String {
        let answer = self.sign_in(token);
        let set = answer.get("set-cookie").unwrap();
        set.split(';').next().unwrap().to_owned()
    }

    /// The isolate that changed it knows at once, the other within seconds; by token and by session.
    #[track_caller]
    fn is_over(&self, token: &str, cookie: &str) {
        assert_eq!(
            (self.by_token(0, token), self.by_cookie(0, cookie)),
            (401, 401),
            "where it was revoked"
        );
        eventually("the other isolate knows", || {
            let statuses = (self.by_token(1, token), self.by_cookie(1, cookie));
            (statuses == (401, 401)).then_some(())
        });
    }
}

#[track_caller]
fn refused(answer: &Answer, expected: &str) {
    assert_eq!(answer.status(), 403, "{}", answer.text());
    let detail = answer.json()["detail"].to_string();
    assert!(detail.contains(expected), "{detail}");
}

#[test]
fn a_token_ends_everywhere_when_it_is_revoked_or_over() {
    let deployment = Deployment::start();
    let token = deployment.make(&json!({"name": "ada", "role": "viewer", "reason": "a new colleague"}));
    let cookie = deployment.cookie(&token);
    for isolate in [0, 1] {
        assert_eq!(
            (
                deployment.by_token(isolate, &token),
                deployment.by_cookie(isolate, &cookie)
            ),
            (200, 200)
        );
    }
    let listed = deployment.admin().get("/tokens");
    let items = listed["items"].as_array().unwrap();
    let names: Vec<_> = items.iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["adam", "olga", "vic", "ada"]);
    assert_eq!(
        (&items[1]["source"], &items[3]["source"]),
        (&json!("secret"), &json!("rulebook"))
    );
    assert_eq!(items[3]["created_by"], "adam");
    assert!(items[3]["used"].is_string(), "{}", items[3]);

    deployment.admin().delete("/tokens/ada?reason=left");
    deployment.is_over(&token, &cookie);
    let again = deployment.make(&json!({"name": "ada", "role": "viewer"}));
    assert_eq!(deployment.by_token(0, &again), 200);
    assert_eq!(deployment.by_cookie(0, &cookie), 401, "of the token before");

    // It expires by itself, and its session with it.
    let short = deployment.make(&json!({"name": "bob", "role": "viewer"}));
    let cookie = deployment.cookie(&short);
    let soon = rfc3339(unix_ms() + 8_000);
    deployment.admin().put("/tokens/bob", &json!({"expires": soon}));
    eventually("it has expired", || {
        let over = [0, 1].map(|isolate| {
            (
                deployment.by_token(isolate, &short),
                deployment.by_cookie(isolate, &cookie),
            )
        });
        (over == [(401, 401); 2]).then_some(())
    });

    let audit = deployment.admin().get("/audit?limit=1000");
    let actions: Vec<_> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["action"].as_str().unwrap().starts_with("token."))
        .map(|entry| format!("{} {}", entry["action"], entry["target"]).replace('"', ""))
        .collect();
    assert_eq!(
        actions,
        [
            "token.expire tokens/bob",
            "token.create tokens/bob",
            "token.create tokens/ada",
            "token.revoke tokens/ada",
            "token.create tokens/ada"
        ]
    );
    for secret in [&token, &again, &short] {
        assert!(!audit.to_string().contains(secret.as_str()));
        assert!(!listed.to_string().contains(secret.as_str()));
    }
}

#[test]
fn an_operator_of_a_route_switches_that_route_only() {
    let deployment = Deployment::start();
    let admin = deployment.admin();
    admin.put("/routes/hub", &json!({"host": "hub.example"}));
    let rule = json!({"description": "", "expression": "ssl", "action": "tag"});
    admin.put("/rules/probe", &rule);
    let token =
        deployment.make(&json!({"name": "rosa", "role": "operator", "routes": ["hub"], "reason": "on call"}));
    let rosa = Api::new(deployment.edge.addr(), &token);
    let mode = json!({"mode": "enforce", "force": true, "reason": "the end-to-end test"});
    rosa.put("/rules/probe/modes/hub", &mode);
    let post = |api: &Api<'_>, path: &str, body: &Value| {
        let post = Request::new("POST", &format!("{API}{path}"));
        api.send(post.body("application/json", body.to_string()))
    };
    refused(
        &rosa.try_put("/rules/probe/modes/default", &mode),
        "needs the role operator on the route \\\"default\\\"; \\\"rosa\\\" has the role operator on hub only",
    );
    let everywhere = "needs the role operator on all routes";
    refused(&rosa.try_put("/rules/probe", &rule), everywhere);
    refused(&rosa.try_put("/routes/hub", &json!({"host": "*"})), everywhere);
    refused(&rosa.try_put("/settings", &json!({})), everywhere);
    refused(&rosa.try_get("/webhooks"), everywhere);
    let stop = json!({"reason": "the end-to-end test"});
    refused(&post(&rosa, "/panic-off", &stop), everywhere);
    let reset = Request::new("DELETE", &format!("{API}/rules/probe/modes/default"));
    refused(&rosa.send(reset), "on the route");
    refused(
        &rosa.try_get("/tokens"),
        "needs the role admin; \\\"rosa\\\" has operator",
    );
    assert_eq!(admin.get("/modes")["items"].as_array().unwrap().len(), 1);
    let stop = json!({"reason": "the end-to-end test", "route": "hub"});
    assert_eq!(post(&rosa, "/panic-off", &stop).status(), 200);
    assert_eq!(rosa.get("/rules/probe/modes/hub")["mode"], "monitor");

    // Sessions are limited as their token is.
    let session = deployment.sign_in(&token);
    assert_eq!(session.json()["routes"], json!(["hub"]));

    let analyst = deployment.make(&json!({"name": "ana", "role": "analyst"}));
    let ana = Api::new(deployment.edge.addr(), &analyst);
    let preview = json!({"rule": {"id": "probe"}, "route": "hub"});
    assert_eq!(post(&ana, "/previews", &preview).status(), 202);
    refused(
        &ana.try_put("/rules/probe/modes/hub", &mode),
        "needs the role operator; \\\"ana\\\" has analyst",
    );
    refused(
        &post(
            &Api::new(deployment.edge.addr(), OPERATOR),
            "/tokens",
            &json!({"name": "eve", "role": "admin"}),
        ),
        "needs the role admin",
    );
}
