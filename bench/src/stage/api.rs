//! The operator's side of one worker.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::net::SocketAddr;
use ureq::typestate::WithBody;
use ureq::{Agent, RequestBuilder};

/// Of every call.
const PREFIX: &str = "/_blobwatch/api/v1/";
/// Known to every worker under benchmark.
const TOKEN: &str = "benchmark";

/// Calls under `/_blobwatch/api/v1/`, with an operator's token, on connections that are kept alive.
pub(crate) struct Api {
    agent: Agent,
    base: String,
}

impl Api {
    pub(crate) fn at(address: SocketAddr) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).build();
        Self {
            agent: config.new_agent(),
            base: format!("http://{address}{PREFIX}"),
        }
    }

    /// `BLOBWATCH_TOKENS` of a worker that these calls are meant for.
    pub(crate) fn tokens() -> String {
        use sha2::{Digest, Sha256};
        let hash = Sha256::digest(TOKEN)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>();
        serde_json::json!([{ "name": "benchmark", "role": "operator", "sha256": hash }]).to_string()
    }

    /// What was billed so far, of a worker that counts (`data/counting.js`).
    ///
    /// # Errors
    /// When it does not.
    pub(crate) fn counts(&self) -> Result<Value> {
        json(
            "counts",
            self.agent.get(self.base.replace(PREFIX, "/counts")).call(),
        )
    }

    /// # Errors
    /// When the answer is not 200.
    pub(crate) fn get(&self, call: &str) -> Result<Value> {
        let request = self.agent.get(format!("{}{call}", self.base));
        let answer = request.header("Authorization", bearer()).call();
        json(call, answer)
    }

    /// Reads an answer that is not JSON to its end.
    ///
    /// # Errors
    /// When the answer is not 200, or breaks off.
    pub(crate) fn download(&self, call: &str) -> Result<()> {
        let request = self.agent.get(format!("{}{call}", self.base));
        let mut answer = request.header("Authorization", bearer()).call()?;
        ensure!(
            answer.status().is_success(),
            "{call} was answered {}",
            answer.status()
        );
        std::io::copy(&mut answer.body_mut().as_reader(), &mut std::io::sink())
            .with_context(|| format!("failed to read {call}"))?;
        Ok(())
    }

    /// # Errors
    /// When the answer is not 2xx.
    pub(crate) fn put(&self, call: &str, body: &Value) -> Result<Value> {
        send(self.agent.put(format!("{}{call}", self.base)), call, body)
    }

    /// # Errors
    /// When the answer is not 2xx.
    pub(crate) fn post(&self, call: &str, body: &Value) -> Result<Value> {
        send(self.agent.post(format!("{}{call}", self.base)), call, body)
    }
}

fn send(request: RequestBuilder<WithBody>, call: &str, body: &Value) -> Result<Value> {
    let request = request.header("Authorization", bearer());
    let answer = request
        .header("Content-Type", "application/json")
        .send(body.to_string());
    json(call, answer)
}

fn bearer() -> String {
    format!("Bearer {TOKEN}")
}

fn json(call: &str, answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value> {
    let mut answer = answer.with_context(|| format!("failed to call {call}"))?;
    let text = answer.body_mut().read_to_string()?;
    ensure!(
        answer.status().is_success(),
        "{call} was answered {}: {text}",
        answer.status()
    );
    serde_json::from_str(&text).with_context(|| format!("{call} was not answered in JSON: {text}"))
}
