//! What the anomalies say, as an operator reads it: news only.

use serde_json::Value;
use std::collections::BTreeMap;
use tokio::time::Instant;

/// When the incident's anomaly showed what, in seconds since it began.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sighting {
    /// The first anomaly's.
    pub(super) id: Option<String>,
    pub(super) opened: Option<u64>,
    /// A cohort is named, and a rule or a change goes with it.
    pub(super) explained: Option<u64>,
    /// When which kind was first said of a cohort.
    pub(super) kinds: BTreeMap<String, u64>,
    pub(super) closed: Option<u64>,
    /// When another party's rule was first said to go with one.
    pub(super) upstream: Option<u64>,
}

impl Sighting {
    /// A cause is named, and these kinds.
    pub(super) fn explains(&self, kinds: &[&str]) -> bool {
        self.explained.is_some() && kinds.iter().all(|kind| self.kinds.contains_key(*kind))
    }
}

pub(super) struct Watch {
    began: Instant,
    /// The last sentence of each anomaly, with its status.
    said: BTreeMap<String, String>,
    seen: Sighting,
}

impl Watch {
    pub(super) fn new(began: Instant) -> Self {
        Self {
            began,
            said: BTreeMap::new(),
            seen: Sighting::default(),
        }
    }

    pub(super) fn seen(&self) -> &Sighting {
        &self.seen
    }

    /// Takes the list in, and gives a line for each anomaly that says something new.
    pub(super) fn take(&mut self, anomalies: &[Value]) -> Vec<String> {
        let now = self.began.elapsed().as_secs();
        let mut lines = Vec::new();
        for anomaly in anomalies {
            self.note(anomaly, now);
            let news = format!("{}: {}", text(anomaly, "status"), text(anomaly, "sentence"));
            let id = text(anomaly, "id");
            if self.said.get(id) != Some(&news) {
                lines.push(format!("{:>5} s  {id} {news}", format!("+{now}")));
                self.said.insert(id.to_owned(), news);
            }
        }
        // A harm is over when it is told, and stays open for somebody to look.
        let is_over = |a: &Value| text(a, "status") == "closed" || text(a, "kind") == "rule_harm";
        let all_closed = !anomalies.is_empty() && anomalies.iter().all(is_over);
        if all_closed && self.seen.closed.is_none() {
            self.seen.closed = Some(now);
        } else if !all_closed {
            self.seen.closed = None;
        }
        lines
    }

    fn note(&mut self, anomaly: &Value, now: u64) {
        let seen = &mut self.seen;
        seen.id.get_or_insert_with(|| text(anomaly, "id").to_owned());
        seen.opened.get_or_insert(now);
        let has = |field: &str| {
            anomaly
                .get(field)
                .and_then(Value::as_array)
                .is_some_and(|list| !list.is_empty())
        };
        // No rule goes with a move, which hits everybody on the route: its change is the cause.
        let is_explained = match text(anomaly, "kind") {
            "range_refused" => has("routes"),
            // What does not serve may be behind no rule of ours.
            "target_unreached" => has("cohort"),
            _ => has("cohort") && has("rules"),
        };
        if is_explained {
            seen.explained.get_or_insert(now);
        }
        let rules = anomaly.get("rules").and_then(Value::as_array);
        if rules
            .into_iter()
            .flatten()
            .any(|rule| text(rule, "origin") == "upstream")
        {
            seen.upstream.get_or_insert(now);
        }
        let kinds = anomaly.get("kinds").and_then(Value::as_array);
        for kind in kinds.into_iter().flatten().filter_map(Value::as_str) {
            seen.kinds.entry(kind.to_owned()).or_insert(now);
        }
    }
}

fn text<'a>(anomaly: &'a Value, field: &str) -> &'a str {
    anomaly.get(field).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Watch;
    use serde_json::json;
    use tokio::time::Instant;

    #[test]
    fn a_sentence_is_told_once_and_again_when_it_changes() {
        let mut watch = Watch::new(Instant::now());
        let mut anomaly = json!({"id": "an-1", "kind": "resume_surge", "kinds": ["resume_surge"], "status": "open",
            "sentence": "docker: resumes", "cohort": [], "rules": []});
        let kinds = ["resume_surge"];
        assert_eq!(watch.take(std::slice::from_ref(&anomaly)).len(), 1);
        assert_eq!(watch.take(std::slice::from_ref(&anomaly)).len(), 0);
        assert!(!watch.seen().explains(&kinds));
        anomaly["cohort"] = json!([{"attribute": "os", "values": ["amzn2"]}]);
        anomaly["routes"] = json!([{"route": "default"}]);
        watch.take(std::slice::from_ref(&anomaly));
        assert!(
            !watch.seen().explains(&kinds),
            "the stage is set by a change of the route, which hangs nothing"
        );
        anomaly["rules"] = json!([{"rule": "botnet-sig"}]);
        anomaly["sentence"] = json!("docker on amzn2: resumes");
        assert_eq!(watch.take(std::slice::from_ref(&anomaly)).len(), 1);
        assert!(watch.seen().explains(&kinds) && watch.seen().closed.is_none());
        assert!(!watch.seen().explains(&["resume_surge", "target_unreached"]));
        anomaly["status"] = json!("closed");
        watch.take(std::slice::from_ref(&anomaly));
        assert!(watch.seen().closed.is_some());
    }
}
