//! July 2020 at the press of a button: `cargo xtask dev` serves this on loopback, and the worker hands the dashboard's
//! calls on to it. The switch is left to the person at the dashboard.

use super::account::Account;
use super::play::{Ending, Stage};
use super::scene::Scene;
use super::story::Story;
use crate::http::{Body, plain, serve, whole};
use anyhow::{Context, Result};
use blobwatch_host::token::random;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue, ORIGIN};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::Value;
use std::future::ready;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;

/// A player that waits to be told; it ends with the process.
pub(crate) struct Player {
    address: SocketAddr,
    secret: Arc<str>,
}

impl Player {
    /// Plays against the worker on `port`, whose origin is `registry`, with an operator's token.
    pub(crate) async fn open(registry: SocketAddr, port: u16, token: &str) -> Result<Self> {
        let account = Account::default();
        let story = Story::July2020Rule;
        let scene = Scene::open(story, registry, &format!("http://{registry}"), port).await?;
        let stage = Stage::new(story, scene, port, token, account.clone(), Ending::ByHand);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.context("failed to find a free port for the demo's player")?;
        let address = listener
            .local_addr()
            .context("failed to read the address of the demo's player")?;
        let stage = Arc::new(stage);
        let secret: Arc<str> = random()?.into();
        let door = Arc::new(Door {
            host: address.to_string(),
            path: format!("/{secret}/demo/play"),
        });
        let answer = move |request: Request<Incoming>| ready(answer(&request, &door, &account, &stage));
        tokio::spawn(serve(listener, answer));
        Ok(Self { address, secret })
    }

    /// Whoever has it may play; the worker asks for an operator.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/{}", self.address, self.secret)
    }
}

/// What opens the player: it switches rules with an operator's token, and every program and web page of this machine can reach
/// its port.
struct Door {
    host: String,
    path: String,
}

impl Door {
    /// The worker's request: it names the address that it was given, and is of no page.
    fn opens<B>(&self, request: &Request<B>) -> bool {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let is_page = request.headers().contains_key(ORIGIN);
        host == Some(&*self.host) && !is_page && request.uri().path() == self.path
    }
}

fn answer(request: &Request<Incoming>, door: &Door, account: &Account, stage: &Arc<Stage>) -> Response<Body> {
    if !door.opens(request) {
        return plain(StatusCode::NOT_FOUND, "nothing is here");
    }
    match *request.method() {
        Method::GET => json(StatusCode::OK, &account.json()),
        Method::POST => begin(account, stage),
        _ => plain(StatusCode::METHOD_NOT_ALLOWED, "the player takes GET and POST"),
    }
}

fn begin(account: &Account, stage: &Arc<Stage>) -> Response<Body> {
    if !account.begin() {
        return json(StatusCode::CONFLICT, &account.json());
    }
    let now = account.json();
    let (account, stage) = (account.clone(), Arc::clone(stage));
    tokio::spawn(async move {
        let played = stage.play().await;
        account.end(&played);
    });
    json(StatusCode::ACCEPTED, &now)
}

fn json(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = Response::new(whole(value.to_string()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::Door;
    use hyper::Request;

    #[test]
    fn only_who_was_given_the_address_comes_in() {
        let door = Door {
            host: "127.0.0.1:40123".to_owned(),
            path: "/secret/demo/play".to_owned(),
        };
        let case = |path: &str, headers: &[(&str, &str)], expected: bool| {
            let request = headers
                .iter()
                .fold(Request::post(path), |request, (name, value)| {
                    request.header(*name, *value)
                });
            assert_eq!(
                door.opens(&request.body(()).unwrap()),
                expected,
                "{path} {headers:?}"
            );
        };
        let host = ("host", "127.0.0.1:40123");
        case("/secret/demo/play", &[host], true);
        case("/demo/play", &[host], false);
        case("/wrong/demo/play", &[host], false);
        case("/secret/demo/play/", &[host], false);
        case("/secret/demo/play", &[], false);
        // A name that somebody made resolve to loopback, and pages that try ports.
        case("/secret/demo/play", &[("host", "evil.example:40123")], false);
        case(
            "/secret/demo/play",
            &[host, ("origin", "https://evil.example")],
            false,
        );
        case("/secret/demo/play", &[host, ("origin", "null")], false);
    }
}
