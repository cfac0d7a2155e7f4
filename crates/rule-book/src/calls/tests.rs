//! The calls as a client makes them, by what they are about.

mod alarm;
mod archives;
mod audit_log;
mod check;
mod documents;
mod enforcement;
mod explain;
mod fire_logs;
mod guards;
mod lists;
mod notices;
mod odd;
mod push;
mod refusals;
mod rules;
mod second_person;
mod shards;
mod taking_back;
mod tokens;

use super::answer;
use crate::store::RuleBookStore;
use blobwatch_rulebook::Rulebook;
use blobwatch_sql::Native;
use blobwatch_wire::{ApiRequest, Problem};
use serde_json::{Value, json};

const NOW: u64 = 1_593_975_600_000;

fn store() -> RuleBookStore<Native> {
    let starter = r#"{"schema":1,"revision":0,
        "routes":[{"name":"default"},{"name":"library","repository":"library/**","detour":"https://bucket.example"}],
        "rules":[{"id":"sweep","version":1,"description":"d","expression":"ssl","action":"block"},
                 {"id":"around","version":1,"expression":"ssl","action":"detour"}],
        "modes":[]}"#;
    RuleBookStore::open(
        Native::in_memory().unwrap(),
        &Rulebook::from_json(starter).unwrap(),
        NOW,
    )
    .unwrap()
}

struct Api(RuleBookStore<Native>);

impl Api {
    fn call(
        &self,
        method: &str,
        path: &str,
        body: &str,
        if_match: Option<&str>,
    ) -> Result<(u16, Value), Problem> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let call = ApiRequest {
            method,
            path,
            query,
            body,
            if_match,
            actor: "ops",
            now_ms: NOW + 60_000,
        };
        let reply = answer(&self.0, &call)?;
        assert_eq!(reply.revision, Some(self.0.revision().unwrap()));
        Ok((reply.status, serde_json::from_str(&reply.body).unwrap()))
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, "", None).unwrap();
        assert_eq!(status, 200);
        body
    }

    #[track_caller]
    fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        self.call("PUT", path, &body.to_string(), None).unwrap()
    }

    /// A call that is refused writes nothing.
    #[track_caller]
    fn refused(&self, method: &str, path: &str, body: &str) -> Problem {
        let before = (self.0.document().unwrap(), self.0.audit(None, 1_000).unwrap());
        let problem = self.call(method, path, body, None).unwrap_err();
        assert_eq!(
            (self.0.document().unwrap(), self.0.audit(None, 1_000).unwrap()),
            before
        );
        problem
    }
}

fn api() -> Api {
    Api(store())
}

fn rule(expression: &str) -> Value {
    json!({"description": "new", "expression": expression, "action": "throttle"})
}

fn staged(guard: &str) -> Value {
    json!({"mode": "enforce", "reason": "r", "force": true, "guard": guard,
        "stages": [{"percent": 1, "minutes": 1}, {"percent": 10, "minutes": 0.5}, {"percent": 100}]})
}
