//! The operator: the API's calls, with the token of `.dev.vars`.

use super::cdn::{Cdn, HOST};
use anyhow::{Context, Result, bail};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The rule of the July 2020 stories.
pub(super) const RULE: &str = "botnet-sig";

/// The rule that sends machines past the CDN, which the CDN's mitigation hits.
pub(super) const REMEDY: &str = "bucket-amzn2";
pub(super) const REMEDY_EXPRESSION: &str = "client.os eq \"amzn2\"";

/// What it looks at.
const SIGNATURE: &str = "ip.src.asnum in {14618 16509} and cf.tls_client_hello_length eq 508";

/// Of a preview of some minutes of traffic, and between two looks at it.
const PREVIEWED: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(250);

pub(super) struct Operator {
    http: Client,
    base: String,
    token: String,
}

impl Operator {
    pub(super) fn new(port: u16, token: &str) -> Self {
        Self {
            http: Client::new(),
            base: format!("http://127.0.0.1:{port}/_blobwatch/api/v1"),
            token: token.to_owned(),
        }
    }

    /// The signature: Amazon's networks, one length of ClientHello, and a volume of one fingerprint in one data centre;
    /// everywhere but in Ashburn. What it does is lead the pull over another path, as the CDN's mitigation did.
    pub(super) async fn write_signature(&self, broken: &str) -> Result<()> {
        self.set_detour(broken).await?;
        let everywhere_else = format!("{SIGNATURE} and cf.colo.name ne \"IAD\"");
        self.write_rule(RULE, &signature(&everywhere_else, "detour"))
            .await
    }

    /// The route of the CDN's host, a detour past the CDN that Ashburn takes, and the CDN's signature in monitor.
    pub(super) async fn write_hosts(&self, cdn: &Cdn) -> Result<()> {
        let route = json!({"host": HOST, "origin": cdn.origin()});
        self.write_route("cdn", &route).await?;
        self.set_detour(&cdn.detour()).await?;
        self.detour_by("bucket-iad", "cf.colo.name eq \"IAD\"", "the bucket is near")
            .await?;
        self.write_rule(RULE, &signature(SIGNATURE, "tag")).await
    }

    /// Sends Amazon Linux machines past the CDN.
    pub(super) async fn remedy(&self) -> Result<()> {
        self.detour_by(REMEDY, REMEDY_EXPRESSION, "the CDN does not serve them")
            .await
    }

    async fn set_detour(&self, detour: &str) -> Result<()> {
        let route = json!({"repository": "**", "detour": detour});
        self.write_route("default", &route).await
    }

    async fn write_route(&self, route: &str, body: &Value) -> Result<()> {
        let target = format!("routes/{route}?reason=demo");
        self.call(Method::PUT, &target, Some(body)).await.map(drop)
    }

    async fn detour_by(&self, rule: &str, expression: &str, reason: &str) -> Result<()> {
        let body = json!({"description": reason, "expression": expression, "action": "detour"});
        self.write_rule(rule, &body).await?;
        self.enforce_at_once(rule, reason).await
    }

    async fn write_rule(&self, rule: &str, body: &Value) -> Result<()> {
        let target = format!("rules/{rule}?reason=demo");
        self.call(Method::PUT, &target, Some(body)).await.map(drop)
    }

    /// Enforces the signature as that night: without a preview, at once for everybody, watched by no guard.
    pub(super) async fn enforce(&self) -> Result<()> {
        self.enforce_at_once(RULE, "monitored for long enough").await
    }

    async fn enforce_at_once(&self, rule: &str, reason: &str) -> Result<()> {
        let body = json!({"mode": "enforce", "reason": reason, "force": true, "guard": "off"});
        self.switch(rule, &body).await
    }

    /// Whom the signature would hit, by what was recorded so far.
    pub(super) async fn preview(&self) -> Result<Value> {
        let wanted = json!({"rule": {"id": RULE}, "route": "default"});
        let begun = self.call(Method::POST, "previews", Some(&wanted)).await?;
        let id = begun
            .get("id")
            .and_then(Value::as_str)
            .context("a preview has no id")?;
        let target = format!("previews/{id}");
        let deadline = Instant::now() + PREVIEWED;
        loop {
            let preview = self.call(Method::GET, &target, None).await?;
            match preview.get("status").and_then(Value::as_str) {
                Some("done") => return Ok(preview),
                Some("running") if Instant::now() < deadline => sleep(GLANCE).await,
                _ => bail!("the preview did not end: {preview}"),
            }
        }
    }

    /// Enforces the signature with a preview that somebody has read, for a quarter of the clients first, under its guard.
    pub(super) async fn enforce_in_steps(&self, preview: &Value) -> Result<()> {
        let id = preview.get("id").context("a preview has no id")?;
        let stages = json!([{"percent": 25, "minutes": 3}, {"percent": 100}]);
        let reason = "the preview shows whom it hits; a quarter of them first";
        let body = json!({"mode": "enforce", "reason": reason, "preview": id, "stages": stages});
        self.switch(RULE, &body).await
    }

    /// What the guard of the signature says, where it has one.
    pub(super) async fn guard(&self) -> Result<Option<String>> {
        let mode = self.mode(RULE).await?.unwrap_or_default();
        let text = mode.pointer("/guard/text").and_then(Value::as_str);
        Ok(text.map(str::to_owned))
    }

    /// How a rule acts on the default route, where anybody has set it.
    async fn mode(&self, rule: &str) -> Result<Option<Value>> {
        let mut modes = self.items("modes").await?.into_iter();
        Ok(modes.find(|mode| {
            mode.get("rule") == Some(&rule.into()) && mode.get("route") == Some(&"default".into())
        }))
    }

    pub(super) async fn monitor(&self, reason: &str) -> Result<()> {
        self.switch(RULE, &json!({"mode": "monitor", "reason": reason}))
            .await
    }

    async fn switch(&self, rule: &str, body: &Value) -> Result<()> {
        let target = format!("rules/{rule}/modes/default");
        self.call(Method::PUT, &target, Some(body)).await.map(drop)
    }

    /// Whether a rule is enforced on the default route.
    pub(super) async fn is_enforced(&self, rule: &str) -> Result<bool> {
        let mode = self.mode(rule).await?.unwrap_or_default();
        Ok(mode.get("mode") == Some(&"enforce".into()))
    }

    /// Where blobs come from.
    pub(super) async fn set_origin(&self, origin: &str) -> Result<()> {
        let route = json!({"repository": "**", "origin": origin});
        self.write_route("default", &route).await
    }

    pub(super) async fn origin_is(&self, origin: &str) -> Result<bool> {
        let route = self.call(Method::GET, "routes/default", None).await?;
        Ok(route.get("origin") == Some(&origin.into()))
    }

    /// Every anomaly so far, the newest first.
    pub(super) async fn anomalies(&self) -> Result<Vec<Value>> {
        self.items("anomalies").await
    }

    async fn items(&self, target: &str) -> Result<Vec<Value>> {
        let list = self.call(Method::GET, target, None).await?;
        Ok(list
            .get("items")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default())
    }

    /// Pushes what the CDN tells, as its Logpush job would.
    pub(super) async fn push(&self, events: &str) -> Result<()> {
        let url = self.base.replace("/api/v1", "/ingest/v1/cloudflare");
        let request = self
            .http
            .post(url)
            .bearer_auth(&self.token)
            .body(events.to_owned());
        let answer = request.send().await.context("failed to push events")?;
        let status = answer.status();
        if !status.is_success() {
            bail!(
                "pushing events returned {status}: {}",
                answer.text().await.unwrap_or_default()
            );
        }
        Ok(())
    }

    pub(super) async fn report(&self, id: &str) -> Result<String> {
        let url = format!("{}/anomalies/{id}/report", self.base);
        let answer = self.http.get(url).bearer_auth(&self.token).send().await?;
        answer.text().await.context("failed to read the report")
    }

    async fn call(&self, method: Method, target: &str, body: Option<&Value>) -> Result<Value> {
        let url = format!("{}/{target}", self.base);
        let mut request = self.http.request(method.clone(), url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request
            .send()
            .await
            .with_context(|| format!("failed to call {method} {target}"))?;
        let status = answer.status();
        let text = answer.text().await.context("failed to read an answer")?;
        if !status.is_success() {
            bail!("{method} {target} returned {status}: {text}");
        }
        serde_json::from_str(&text).with_context(|| format!("failed to read the answer to {method} {target}"))
    }
}

fn signature(expression: &str, action: &str) -> Value {
    json!({
        "description": "The July 2020 signature, as an example: do not enforce it.",
        "expression": expression,
        "action": action,
        "volume": {"by": "fingerprint", "requests": 3, "seconds": 10},
    })
}

#[cfg(test)]
mod tests {
    use super::{Operator, RULE};
    use crate::http::{serve, whole};
    use hyper::Response;
    use serde_json::{Value, json};
    use std::future::ready;
    use std::net::Ipv4Addr;
    use tokio::net::TcpListener;

    /// What the demo hears of the rule where the modes that are set are these.
    async fn heard(modes: Value) -> (bool, Option<String>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let operator = Operator::new(listener.local_addr().unwrap().port(), "token");
        let list = json!({"items": modes, "next_cursor": null}).to_string();
        let server = tokio::spawn(serve(listener, move |request| {
            assert_eq!(request.uri().path(), "/_blobwatch/api/v1/modes");
            ready(Response::new(whole(list.clone())))
        }));
        let heard = (
            operator.is_enforced(RULE).await.unwrap(),
            operator.guard().await.unwrap(),
        );
        server.abort();
        heard
    }

    #[tokio::test]
    async fn a_rule_that_nobody_has_set_has_no_guard() {
        assert_eq!(heard(json!([])).await, (false, None));
        let other = json!({"rule": "sweep", "route": "default", "mode": "enforce"});
        assert_eq!(heard(json!([other])).await, (false, None));
        let guard = json!({"text": "18 of 105"});
        let signature =
            |route| json!({"rule": "botnet-sig", "route": route, "mode": "enforce", "guard": guard});
        assert_eq!(heard(json!([signature("team-a")])).await, (false, None));
        assert_eq!(
            heard(json!([other, signature("default")])).await,
            (true, Some("18 of 105".to_owned()))
        );
    }
}
