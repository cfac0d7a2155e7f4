//! July 2020 at the press of a button: `cargo xtask dev` serves this on loopback, and the worker hands the dashboard's
//! calls on to it. The switch is left to the person at the dashboard.

use super::account::Account;
use super::play::{Ending, Stage};
use super::story::Story;
use anyhow::{Context, Result};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;
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
        let routes = Router::new()
            .route("/demo/play", get(state).post(begin))
            .with_state((account, Arc::new(stage)));
        tokio::spawn(axum::serve(listener, routes).into_future());
        Ok(Self { address })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

type Shared = State<(Account, Arc<Stage>)>;

async fn state(State((account, _)): Shared) -> Json<Value> {
    Json(account.json())
}

async fn begin(State((account, stage)): Shared) -> (StatusCode, Json<Value>) {
    if !account.begin() {
        return (StatusCode::CONFLICT, Json(account.json()));
    }
    let now = account.json();
    tokio::spawn(async move {
        let played = stage.play().await;
        account.end(&played);
    });
    (StatusCode::ACCEPTED, Json(now))
}
