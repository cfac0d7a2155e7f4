//! A path between the worker and the registry: an HTTP proxy that passes bodies on as they come, and breaks some of them
//! for real: it stops in the middle of a body and keeps the connection open, or ends it, or refuses ranges.

use super::story::FACTOR;
use crate::http::{Body, plain, serve};
use anyhow::{Context, Error, Result};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::{HeaderMap, Request, Response, StatusCode};
use reqwest::Client;
use reqwest::redirect::Policy;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::sleep;

/// A hung connection is given up after five minutes of that time.
const HANGS_FOR: Duration = Duration::from_secs(5 * 60 / FACTOR as u64);

/// What goes wrong on a path, each as a share of the bodies with at least [`SMALLEST`] bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fault {
    /// The connection ends in the middle of the body.
    pub(super) cut: f64,
    /// The body stops in the middle; later the connection ends.
    pub(super) stall: f64,
    /// A range with an offset is answered 400 with some XML.
    pub(super) refuses_ranges: bool,
}

impl Fault {
    pub(super) const NONE: Self = Self {
        cut: 0.0,
        stall: 0.0,
        refuses_ranges: false,
    };
}

/// Shorter bodies are through before anything can break.
const SMALLEST: u64 = 64 * 1024;

/// What becomes of one body.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fate {
    Whole,
    CutAfter(u64),
    StallAfter(u64),
}

impl Fault {
    /// `dice` and `place` are uniform in 0 to 1.
    fn fate(self, length: u64, dice: f64, place: f64) -> Fate {
        if length < SMALLEST {
            return Fate::Whole;
        }
        let after = SMALLEST / 2 + (place * (length - SMALLEST / 2) as f64) as u64;
        if dice < self.stall {
            Fate::StallAfter(after)
        } else if dice < self.stall + self.cut {
            Fate::CutAfter(after)
        } else {
            Fate::Whole
        }
    }
}

/// A path that is open; it ends with the process.
pub(super) struct Path {
    address: SocketAddr,
}

impl Path {
    /// `fault` says what may go wrong with a request.
    pub(super) async fn open(
        registry: SocketAddr,
        fault: impl Fn(&HeaderMap) -> Fault + Copy + Send + 'static,
    ) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.context("failed to find a free port for a path to the registry")?;
        let address = listener
            .local_addr()
            .context("failed to read the address of a path")?;
        // Redirects are the client's to follow.
        let client = Client::builder().redirect(Policy::none()).build();
        let client = client.context("failed to make a path's client")?;
        let answer = move |request: Request<Incoming>| {
            let (client, fault) = (client.clone(), fault(request.headers()));
            async move { pass(&client, registry, fault, request).await }
        };
        tokio::spawn(serve(listener, answer));
        Ok(Self { address })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// By a host that clients know.
    pub(super) fn named(&self, host: &str) -> String {
        format!("http://{host}:{}", self.address.port())
    }
}

async fn pass(
    client: &Client,
    registry: SocketAddr,
    fault: Fault,
    request: Request<Incoming>,
) -> Response<Body> {
    let (request, _) = request.into_parts();
    if fault.refuses_ranges && asks_for_the_rest(&request.headers) {
        return refused();
    }
    let target = format!("http://{registry}{}", request.uri.path());
    let asked = client.request(request.method, target).headers(request.headers);
    match asked.send().await {
        Ok(answer) => passed(answer, fault),
        Err(_) => plain(StatusCode::BAD_GATEWAY, "the registry does not answer"),
    }
}

fn passed(answer: reqwest::Response, fault: Fault) -> Response<Body> {
    let fate = fault.fate(
        answer.content_length().unwrap_or(0),
        fastrand::f64(),
        fastrand::f64(),
    );
    let (status, headers) = (answer.status(), answer.headers().clone());
    let pieces = broken(answer.bytes_stream(), fate)
        .map_ok(Frame::data)
        .map_err(Error::from);
    let mut response = Response::new(StreamBody::new(pieces).boxed_unsync());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// The body up to where its fate says.
fn broken(
    body: impl Stream<Item = reqwest::Result<Bytes>> + Send + 'static,
    fate: Fate,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let (limit, hangs) = match fate {
        Fate::Whole => (u64::MAX, Duration::ZERO),
        Fate::CutAfter(bytes) => (bytes, Duration::ZERO),
        Fate::StallAfter(bytes) => (bytes, HANGS_FOR),
    };
    let body: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>> = Box::pin(body);
    stream::unfold((body, limit), move |(mut body, left)| async move {
        if left == 0 {
            sleep(hangs).await;
            return Some((Err(io::ErrorKind::ConnectionReset.into()), (body, left)));
        }
        let mut bytes = match body.next().await? {
            Ok(bytes) => bytes,
            Err(error) => return Some((Err(io::Error::other(error)), (body, left))),
        };
        bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        let left = left - bytes.len() as u64;
        Some((Ok(bytes), (body, left)))
    })
}

/// `bytes=N-…` with N above 0.
fn asks_for_the_rest(headers: &HeaderMap) -> bool {
    let value = headers.get("range").and_then(|value| value.to_str().ok());
    value
        .and_then(|value| value.strip_prefix("bytes="))
        .is_some_and(|range| !range.starts_with("0-"))
}

fn refused() -> Response<Body> {
    plain(
        StatusCode::BAD_REQUEST,
        "<?xml version=\"1.0\"?><Error><Code>InvalidRequest</Code></Error>",
    )
}

#[cfg(test)]
mod tests {
    use super::{Fate, Fault, SMALLEST, asks_for_the_rest, broken};
    use futures_util::{StreamExt, stream};
    use hyper::HeaderMap;
    use hyper::body::Bytes;
    use hyper::header::HeaderValue;

    const HALF: Fault = Fault {
        cut: 0.25,
        stall: 0.25,
        refuses_ranges: false,
    };

    #[test]
    fn the_dice_choose_the_fate() {
        assert_eq!(HALF.fate(SMALLEST, 0.1, 0.0), Fate::StallAfter(SMALLEST / 2));
        assert_eq!(HALF.fate(SMALLEST, 0.3, 0.0), Fate::CutAfter(SMALLEST / 2));
        assert_eq!(HALF.fate(SMALLEST, 0.6, 0.0), Fate::Whole);
        assert_eq!(HALF.fate(SMALLEST - 1, 0.1, 0.0), Fate::Whole);
    }

    #[test]
    fn only_offsets_are_the_rest() {
        let case = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("range", HeaderValue::from_static(value));
            asks_for_the_rest(&headers)
        };
        assert!(case("bytes=7-") && case("bytes=10-20"));
        assert!(!case("bytes=0-") && !case("bytes=0-1"));
    }

    #[tokio::test]
    async fn a_cut_body_ends_with_an_error_after_its_bytes() {
        let pieces = stream::iter([Ok(Bytes::from_static(b"abc")), Ok(Bytes::from_static(b"def"))]);
        let mut body = Box::pin(broken(pieces, Fate::CutAfter(4)));
        assert_eq!(body.next().await.unwrap().unwrap(), "abc");
        assert_eq!(body.next().await.unwrap().unwrap(), "d");
        assert!(body.next().await.unwrap().is_err());
    }
}
