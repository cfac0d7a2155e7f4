//! The control plane's API, as an operator's script uses it.

use std::net::SocketAddr;

use serde_json::Value;

use super::clock::eventually;
use super::http::{Answer, Request};
use super::place::Place;

const PREFIX: &str = "/_blobwatch/api/v1";
/// More pages than any list here has: a cursor that never ends is an error, not a hang.
const MAX_PAGES: usize = 1000;

#[derive(Clone, Copy)]
pub(crate) struct Api<'a> {
    edge: SocketAddr,
    token: &'a str,
}

impl<'a> Api<'a> {
    pub(crate) fn new(edge: SocketAddr, token: &'a str) -> Self {
        Self { edge, token }
    }

    #[track_caller]
    pub(crate) fn send(&self, request: Request) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        Place::default()
            .ask(&request)
            .header("Authorization", &bearer)
            .send(self.edge)
            .unwrap()
    }

    /// `None` where no answer came.
    pub(crate) fn try_send(&self, request: Request) -> Option<Answer> {
        let bearer = format!("Bearer {}", self.token);
        let asked = Place::default().ask(&request).header("Authorization", &bearer);
        asked.send(self.edge).ok()
    }

    #[track_caller]
    pub(crate) fn try_get(&self, path: &str) -> Answer {
        self.send(Request::get(&format!("{PREFIX}{path}")))
    }

    #[track_caller]
    pub(crate) fn try_put(&self, path: &str, body: &Value) -> Answer {
        let put = Request::new("PUT", &format!("{PREFIX}{path}"));
        self.send(put.body("application/json", body.to_string()))
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        accepted(path, &self.try_get(path))
    }

    #[track_caller]
    pub(crate) fn put(&self, path: &str, body: &Value) -> Value {
        accepted(path, &self.try_put(path, body))
    }

    #[track_caller]
    pub(crate) fn delete(&self, path: &str) {
        let answer = self.send(Request::new("DELETE", &format!("{PREFIX}{path}")));
        assert!(
            answer.status() < 300,
            "{path}: {} {}",
            answer.head.start,
            answer.text()
        );
    }

    /// Waits until every FireLog has taken a change, and answers its revision. Pushes and harms are told in one alarm after
    /// another: once this one is there, what the alarm before had to tell is told.
    #[track_caller]
    pub(crate) fn pushed(&self, change: &Value) -> u64 {
        let revision = change["revision"].as_u64().unwrap();
        let has_it = |log: &Value| log["revision"].as_u64() >= Some(revision);
        eventually("every FireLog has it", || {
            self.items("/fire-logs").iter().all(has_it).then_some(revision)
        })
    }

    /// Every item of a list, page by page.
    #[track_caller]
    pub(crate) fn items(&self, path: &str) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        for _ in 0..MAX_PAGES {
            let mut page = self.get(&format!("{path}{cursor}"));
            items.append(page["items"].as_array_mut().unwrap());
            let Some(next) = page["next_cursor"].as_str() else {
                return items;
            };
            cursor = format!("{}cursor={next}", if path.contains('?') { '&' } else { '?' });
        }
        panic!("{path}: more than {MAX_PAGES} pages")
    }
}

#[track_caller]
fn accepted(path: &str, answer: &Answer) -> Value {
    assert!(
        answer.status() < 300,
        "{path}: {} {}",
        answer.head.start,
        answer.text()
    );
    if answer.body.is_empty() {
        Value::Null
    } else {
        answer.json()
    }
}
