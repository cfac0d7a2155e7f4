//! What the CDN tells of its mechanism, as Logpush writes `firewall_events`: some time after it acted.

use super::cdn::HOST;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// The mechanism, as the CDN's own events call it, and as anomalies name it.
pub(super) const MECHANISM: &str = "botnet-sig";

/// Events on their way: some minutes of the demo are some thousand.
const MAX_EVENTS: usize = 20_000;

/// Events that nobody was told of yet, the oldest first.
#[derive(Default)]
pub(super) struct Events(Mutex<VecDeque<(Instant, String)>>);

impl Events {
    pub(super) fn add(&self, event: String) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() >= MAX_EVENTS {
            events.pop_front();
        }
        events.push_back((Instant::now(), event));
    }

    /// Those of at least so long ago.
    pub(super) fn take(&self, lag: Duration) -> Vec<String> {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = events.iter().take_while(|(at, _)| at.elapsed() >= lag).count();
        events.drain(..due).map(|(_, event)| event).collect()
    }
}

/// One event; `platform` is what the CDN knows of the client, `target` what it asked for.
pub(super) fn event(platform: &Value, target: &str, user_agent: &str, acts: bool) -> String {
    let known = |name: &str| platform.get(name).cloned().unwrap_or_default();
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (action, status) = if acts { ("block", 0) } else { ("log", 200) };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    json!({
        "Action": action,
        "ClientASN": known("asn"),
        "ClientCountry": known("country"),
        "ClientIP": known("clientIp"),
        "ClientRequestHost": HOST,
        "ClientRequestMethod": "GET",
        "ClientRequestPath": path,
        "ClientRequestQuery": query,
        "ClientRequestUserAgent": user_agent,
        "Datetime": since.as_millis() as u64,
        "Description": "a botnet",
        "EdgeColoCode": known("colo"),
        "EdgeResponseStatus": status,
        "RayID": format!("{:016x}", fastrand::u64(..)),
        "RuleID": MECHANISM,
        "Source": "l7ddos",
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::{Events, event};
    use serde_json::{Value, json};
    use std::time::Duration;

    #[test]
    fn events_are_told_once_and_late() {
        let events = Events::default();
        events.add("first".to_owned());
        events.add("second".to_owned());
        assert_eq!(events.take(Duration::from_secs(3_600)), [""; 0]);
        assert_eq!(events.take(Duration::ZERO), ["first", "second"]);
        assert_eq!(events.take(Duration::ZERO), [""; 0]);
    }

    #[test]
    fn an_event_says_who_was_hit_and_whether_it_was_only_logged() {
        let platform = json!({"colo": "NRT", "clientIp": "100.64.0.7", "asn": 16509});
        for (acts, action) in [(true, "block"), (false, "log")] {
            let told: Value =
                serde_json::from_str(&event(&platform, "/storage/a?x=1", "docker/19.03", acts)).unwrap();
            assert_eq!(
                (&told["Action"], &told["ClientRequestPath"]),
                (&json!(action), &json!("/storage/a"))
            );
            assert_eq!(
                (&told["EdgeColoCode"], &told["ClientASN"]),
                (&json!("NRT"), &json!(16509))
            );
        }
    }
}
