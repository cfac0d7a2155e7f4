//! July 2020 at the press of a button: `cargo xtask dev` serves this on loopback, and the worker hands the dashboard's
//! calls on to it. The switch is left to the person at the dashboard.

use super::account::Account;
use super::play::{Ending, Stage};
use super::story::Story;
use crate::http::{Body, plain, serve, whole};
use anyhow::{Context, Result};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::Value;
use std::future::ready;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;

/// A player that waits to be told; it ends with the process.
pub(crate) struct Player {
    address: SocketAddr,
}

impl Player {
    /// Plays against the worker on `port`, whose origin is `registry`, with an operator's token.
    pub(crate) async fn open(registry: SocketAddr, port: u16, token: &str) -> Result<Self> {
        let account = Account::default();
        let stage = Stage::open(
            Story::July2020,
            registry,
            format!("http://{registry}"),
            port,
            token,
            account.clone(),
            Ending::ByHand,
        )
        .await?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.context("failed to find a free port for the demo's player")?;
        let address = listener
            .local_addr()
            .context("failed to read the address of the demo's player")?;
        let stage = Arc::new(stage);
        let answer = move |request: Request<Incoming>| ready(answer(&request, &account, &stage));
        tokio::spawn(serve(listener, answer));
        Ok(Self { address })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn answer(request: &Request<Incoming>, account: &Account, stage: &Arc<Stage>) -> Response<Body> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/demo/play") => json(StatusCode::OK, &account.json()),
        (&Method::POST, "/demo/play") => begin(account, stage),
        _ => plain(StatusCode::NOT_FOUND, "the player has /demo/play only"),
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
