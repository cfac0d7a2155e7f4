//! An API on this machine, answered by the test's process, one call a connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use blobwatch_wire::ApiRequest;

pub(crate) const TOKEN: &str = "an-operator";

/// A call as it came.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) method: String,
    /// Of the API, below its root.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) if_match: Option<String>,
    pub(crate) authorization: String,
    pub(crate) body: String,
}

impl Call {
    /// The same as the RuleBook is asked.
    pub(crate) fn of_rule_book(&self, now_ms: u64) -> ApiRequest<'_> {
        ApiRequest {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            body: &self.body,
            if_match: self.if_match.as_deref(),
            actor: "ada",
            now_ms,
        }
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) media: &'static str,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            media: "application/json",
            body: body.into(),
        }
    }
}

/// Answers the operator until the test ends; its address. What answers is made in the thread that it answers in.
pub(crate) fn serve<A: FnMut(&Call) -> Answer>(make: impl FnOnce() -> A + Send + 'static) -> String {
    let make = move || {
        let mut answer = make();
        move |call: &Call| match call.path.strip_prefix("/_blobwatch/api/v1/") {
            Some(path) if call.authorization == format!("Bearer {TOKEN}") => answer(&Call {
                path: path.to_owned(),
                ..call.clone()
            }),
            _ => Answer {
                status: 401,
                media: "application/problem+json",
                body: r#"{"title":"Who is it?","status":401,"detail":"expected a token"}"#.to_owned(),
            },
        }
    };
    listen(make)
}

/// Answers anybody.
pub(crate) fn listen<A: FnMut(&Call) -> Answer>(make: impl FnOnce() -> A + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut answer = make();
        for stream in listener.incoming() {
            serve_one(stream.unwrap(), &mut answer);
        }
    });
    format!("http://{address}")
}

fn serve_one(mut stream: TcpStream, answer: &mut impl FnMut(&Call) -> Answer) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let mut words = line.split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let (mut length, mut if_match, mut authorization) = (0, None, String::new());
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "if-match" => if_match = Some(value.to_owned()),
            "authorization" => value.clone_into(&mut authorization),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let answer = answer(&Call {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        if_match,
        authorization,
        body: String::from_utf8(body).unwrap(),
    });
    let head = format!(
        "HTTP/1.1 {} Done\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        answer.status,
        answer.media,
        answer.body.len()
    );
    // Whoever asked may be dead.
    let _ = stream.write_all(&[head.as_bytes(), answer.body.as_bytes()].concat());
}
