//! The API of a deployment, as its operator calls it.
//!
//! In scope: where it is, the token, and problems as they are told. Not in scope: what the calls mean.

use std::io::Read;
use std::time::Duration;

use blobwatch_wire::API;
use serde_json::Value;
use ureq::http::Request;
use ureq::{Agent, Body};

use crate::answer::{list, text};
use crate::problem::Problem;

/// Of one answer that is held in memory: a rulebook has at most 1 MB, a page of records some more.
const MAX_ANSWER: u64 = 16 << 20;

/// For an answer's first byte. An export may go on for longer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Who makes requests: each answer is looked at whatever its status, and nobody is led elsewhere. `patience` is for an answer's
/// first byte.
pub(crate) fn agent(patience: Duration) -> Agent {
    Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(10)))
        .timeout_recv_response(Some(patience))
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent(concat!("blobwatch/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// Where the API is.
#[derive(clap::Args, Clone)]
pub(crate) struct Deployment {
    /// The deployment, such as <https://registry.example.com>
    #[arg(long, env = "BLOBWATCH_URL", value_name = "URL")]
    url: String,
}

/// Calls it.
pub(crate) struct Api {
    agent: Agent,
    base: String,
    token: String,
}

impl Api {
    /// Takes the token from `BLOBWATCH_TOKEN`: on a command line others would see it.
    ///
    /// # Errors
    /// Without a token, and for an address that would send it in the clear.
    pub(crate) fn new(deployment: &Deployment) -> Result<Self, Problem> {
        let refuse = |expected: &str| Problem::Usage(expected.to_owned());
        let base = deployment
            .url
            .trim_end_matches('/')
            .trim_end_matches("/_blobwatch");
        if !base.contains("://") {
            let scheme = if is_loopback(&format!("http://{base}")) {
                "http"
            } else {
                "https"
            };
            return Err(Problem::Usage(format!(
                "expected --url with its scheme, such as {scheme}://{base}; found {base}"
            )));
        }
        if !base.starts_with("https://") && !is_loopback(base) {
            return Err(refuse(
                "expected --url with https://, because each call sends the token; http:// is allowed for loopback only",
            ));
        }
        let token = std::env::var("BLOBWATCH_TOKEN").unwrap_or_default();
        if token.trim().is_empty() {
            return Err(refuse(
                "expected a token in the variable BLOBWATCH_TOKEN; `blobwatch token` makes one",
            ));
        }
        Ok(Self {
            agent: agent(TIMEOUT),
            base: format!("{base}{API}"),
            token: token.trim().to_owned(),
        })
    }

    /// An address of the deployment, for people; `path` begins with `/`.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base.trim_end_matches(API))
    }

    /// `GET` of a path with its query.
    pub(crate) fn get(&self, path: &str) -> Result<Value, Problem> {
        self.call("GET", path, None, None)
    }

    /// A call with a body, made only at a revision where one is given.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        revision: Option<u64>,
    ) -> Result<Value, Problem> {
        self.call(method, path, Some(body), revision)
    }

    /// A body that is read as it comes.
    pub(crate) fn stream(&self, path: &str) -> Result<impl Read + use<>, Problem> {
        let (status, body) = self.open("GET", path, None, None)?;
        if status != 200 {
            return Err(refused(status, &json(body).unwrap_or_default()));
        }
        Ok(body.into_reader())
    }

    /// A body that is text, whole.
    pub(crate) fn text(&self, path: &str) -> Result<String, Problem> {
        let mut bytes = Vec::new();
        let read = self.stream(path)?.take(MAX_ANSWER).read_to_end(&mut bytes);
        read.map_err(|error| self.failed(path, &error))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        revision: Option<u64>,
    ) -> Result<Value, Problem> {
        let (status, body) = self.open(method, path, body, revision)?;
        let json = json(body).map_err(|error| self.failed(path, &error))?;
        if (200..300).contains(&status) {
            Ok(json)
        } else {
            Err(refused(status, &json))
        }
    }

    fn open(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        revision: Option<u64>,
    ) -> Result<(u16, Body), Problem> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token))
            .header("accept-encoding", "identity");
        if let Some(revision) = revision {
            request = request.header("if-match", format!("\"{revision}\""));
        }
        let text = body.map(Value::to_string).unwrap_or_default();
        let answer = request
            .header("content-type", "application/json")
            .body(text)
            .map_err(|error| Problem::Usage(format!("expected a URL, found {}: {error}", self.base)))
            .and_then(|request| self.agent.run(request).map_err(|error| self.failed(path, &error)))?;
        let (parts, body) = answer.into_parts();
        Ok((parts.status.as_u16(), body))
    }

    fn failed(&self, path: &str, error: &dyn std::fmt::Display) -> Problem {
        let path = path.split('?').next().unwrap_or(path);
        Problem::Api(format!("failed to reach {}{path}: {error}", self.base))
    }
}

fn json(body: Body) -> Result<Value, String> {
    let mut text = String::new();
    let mut reader = body.into_reader().take(MAX_ANSWER);
    reader
        .read_to_string(&mut text)
        .map_err(|error| error.to_string())?;
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text)
        .map_err(|_| "the answer is not JSON: is this a Blobwatch deployment?".to_owned())
}

/// A problem document in words, with every place that it names, once.
fn refused(status: u16, problem: &Value) -> Problem {
    let places = list(problem, "errors");
    let detail = text(problem, "detail");
    let is_said = |place: &Value| detail.contains(&sentence_of(place));
    let repeats = !places.is_empty() && places.iter().all(is_said);
    let detail = if repeats { "" } else { detail };
    let mut message = match (text(problem, "title"), detail) {
        ("", _) => format!("the API answered {status}"),
        (title, "") => format!("{title} ({status})"),
        (title, detail) => format!("{title} ({status}): {detail}"),
    };
    for place in places {
        message.push_str(&format!("\n  {}", place_of(place)));
    }
    Problem::Api(message)
}

/// One place of a problem or of a plan's errors: where, what, and the line with the wrong word.
pub(crate) fn place_of(place: &Value) -> String {
    let mut message = sentence_of(place);
    for line in text(place, "excerpt").lines() {
        message.push_str(&format!("\n      {line}"));
    }
    message
}

fn sentence_of(place: &Value) -> String {
    format!("{}: {}", text(place, "place"), text(place, "message"))
}

/// A part of a query, escaped.
pub(crate) fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// A path with its query.
pub(crate) fn with_query(path: &str, query: &[(String, String)]) -> String {
    let pairs: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
        .collect();
    if pairs.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", pairs.join("&"))
    }
}

pub(crate) fn is_loopback(base: &str) -> bool {
    let Some(rest) = base.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    // A name with a user before it is another host.
    !authority.contains('@')
        && (host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{escaped, is_loopback, refused, with_query};

    #[test]
    fn the_token_is_sent_in_the_clear_to_this_machine_only() {
        for base in [
            "http://127.0.0.1:8787",
            "http://localhost",
            "http://[::1]:80/x",
            "http://127.9.9.9",
        ] {
            assert!(is_loopback(base), "{base}");
        }
        for base in [
            "http://example.com",
            "http://127.0.0.1@example.com",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "ftp://127.0.0.1",
            "http://",
        ] {
            assert!(!is_loopback(base), "{base}");
        }
    }

    #[test]
    fn a_problem_names_its_places() {
        let problem = json!({"title": "Invalid", "detail": "two places", "errors": [
            {"place": "body.rules[1].expression", "message": "expected a value", "excerpt": "asn eq\n      ^"},
        ]});
        assert_eq!(
            refused(422, &problem).to_string(),
            "Invalid (422): two places\n  body.rules[1].expression: expected a value\n      asn eq\n            ^"
        );
        // The API's detail is all of its places, one after the other.
        let problem = json!({"title": "Invalid", "detail": "body.a: expected b; body.c: expected d", "errors": [
            {"place": "body.a", "message": "expected b"}, {"place": "body.c", "message": "expected d"},
        ]});
        assert_eq!(
            refused(422, &problem).to_string(),
            "Invalid (422)\n  body.a: expected b\n  body.c: expected d"
        );
        assert_eq!(refused(502, &json!(null)).to_string(), "the API answered 502");
    }

    #[test]
    fn a_query_is_escaped() {
        assert_eq!(
            escaped("too many builds & more"),
            "too%20many%20builds%20%26%20more"
        );
    }

    #[test]
    fn a_query_is_escaped_part_by_part() {
        let query = [
            ("since".to_owned(), "-1h".to_owned()),
            ("os".to_owned(), "a&b".to_owned()),
        ];
        assert_eq!(with_query("fires", &query), "fires?since=-1h&os=a%26b");
        assert_eq!(with_query("anomalies", &[]), "anomalies");
    }
}
