//! A bucket of S3, R2 or what speaks as they do: a file is there whole or not at all, because one request puts it.

use std::env;
use std::time::Duration;

use rusty_s3::{Bucket as Signer, Credentials, S3Action, UrlStyle};
use ureq::Agent;
use url::Url;

use crate::api::{agent, is_loopback};
use crate::problem::Problem;

/// A request is made as soon as it is signed.
const VALID: Duration = Duration::from_secs(300);

/// For an answer's first byte.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Bytes of a file: parts have 65,536 records at most, some 100 bytes each.
const MAX_FILE: u64 = 256 << 20;

pub(in crate::archive) struct Bucket {
    signer: Signer,
    credentials: Credentials,
    agent: Agent,
    /// Before every name; empty, or ends in `/`.
    prefix: String,
}

impl Bucket {
    /// Of `bucket/prefix`, with the credentials and region that AWS's own programs take from the environment.
    pub(super) fn open(path: &str, endpoint: Option<&str>) -> Result<Self, Problem> {
        let (name, prefix) = path.split_once('/').unwrap_or((path, ""));
        let credentials = Credentials::from_env().ok_or_else(|| {
            Problem::Usage(
                "expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment".to_owned(),
            )
        })?;
        let region = ["AWS_REGION", "AWS_DEFAULT_REGION"]
            .iter()
            .find_map(|name| env::var(name).ok());
        let region =
            region.unwrap_or_else(|| if endpoint.is_some() { "auto" } else { "us-east-1" }.to_owned());
        let address = match endpoint {
            Some(endpoint) => endpoint.to_owned(),
            None => format!("https://s3.{region}.amazonaws.com"),
        };
        if !address.starts_with("https://") && !is_loopback(&address) {
            return Err(Problem::Usage(
                "expected --endpoint with https://; http:// is allowed for loopback only".to_owned(),
            ));
        }
        let signer = Url::parse(&address)
            .map_err(|error| error.to_string())
            .and_then(|url| {
                Signer::new(url, UrlStyle::Path, name.to_owned(), region).map_err(|error| error.to_string())
            })
            .map_err(|error| {
                Problem::Usage(format!(
                    "expected the address of an S3 service, found {address}: {error}"
                ))
            })?;
        let prefix = prefix.trim_matches('/');
        Ok(Self {
            signer,
            credentials,
            agent: agent(TIMEOUT),
            prefix: if prefix.is_empty() {
                String::new()
            } else {
                format!("{prefix}/")
            },
        })
    }

    pub(super) fn get(&self, name: &str) -> Result<Option<Vec<u8>>, Problem> {
        let key = self.key(name);
        let url = self.signer.get_object(Some(&self.credentials), &key).sign(VALID);
        let mut answer = self
            .agent
            .get(url.as_str())
            .call()
            .map_err(|error| self.failed(&key, &error))?;
        let body = answer.body_mut().with_config().limit(MAX_FILE).read_to_vec();
        let body = body.map_err(|error| self.failed(&key, &error))?;
        match answer.status().as_u16() {
            200 => Ok(Some(body)),
            404 if !is_no_bucket(&body) => Ok(None),
            status => Err(self.refused(&key, status, &body)),
        }
    }

    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Problem> {
        let key = self.key(name);
        let url = self.signer.put_object(Some(&self.credentials), &key).sign(VALID);
        let answer = self.agent.put(url.as_str()).send(bytes);
        self.done(&key, answer)
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), Problem> {
        let key = self.key(name);
        let url = self
            .signer
            .delete_object(Some(&self.credentials), &key)
            .sign(VALID);
        self.done(&key, self.agent.delete(url.as_str()).call())
    }

    fn done(
        &self,
        key: &str,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<(), Problem> {
        let mut answer = answer.map_err(|error| self.failed(key, &error))?;
        let status = answer.status().as_u16();
        if (200..300).contains(&status) {
            return Ok(());
        }
        let body = answer.body_mut().read_to_vec().unwrap_or_default();
        Err(self.refused(key, status, &body))
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn failed(&self, key: &str, error: &dyn std::fmt::Display) -> Problem {
        Problem::Api(format!(
            "failed to reach s3://{}/{key}: {error}",
            self.signer.name()
        ))
    }

    /// With the code that S3 gives in XML, such as `AccessDenied`.
    fn refused(&self, key: &str, status: u16, body: &[u8]) -> Problem {
        let body = String::from_utf8_lossy(body);
        let code = body
            .split_once("<Code>")
            .and_then(|(_, rest)| rest.split_once("</Code>"));
        let code = code.map_or(String::new(), |(code, _)| format!(", {code:.100}"));
        Problem::Api(format!(
            "s3://{}/{key}: the service answered {status}{code}",
            self.signer.name()
        ))
    }
}

fn is_no_bucket(body: &[u8]) -> bool {
    String::from_utf8_lossy(body).contains("<Code>NoSuchBucket</Code>")
}
