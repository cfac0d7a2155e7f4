//! The Detector: what is wrong and for whom, in one object for the whole deployment.
//!
//! It must be one object because a fault in six colos is found sooner in their sum, and because the promise of few
//! false alarms is one promise for everything that is watched.

use blobwatch_core::problem::Problem;
use js_sys::Uint8Array;
use serde::Deserialize;
use worker::{DurableObject, Env, Method, Request, RequestInit, Response, Result, State, durable_object};

use super::http::{object, refuse};

/// Hands over a batch of cells; returns when the Detector holds it.
pub(super) async fn send_cells(env: &Env, seq: u64, body: Vec<u8>) -> std::result::Result<(), String> {
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_body(Some(Uint8Array::from(body.as_slice()).into()));
    let request = Request::new_with_init("https://detector/cells", &init).map_err(|e| e.to_string())?;
    let stub = object(env, "DETECTOR", "detector").map_err(|e| e.to_string())?;
    let mut response = stub
        .fetch_with_request(request)
        .await
        .map_err(|e| e.to_string())?;
    if response.status_code() != 200 {
        return Err(format!("status {}", response.status_code()));
    }
    let answer: Acknowledged = response.json().await.map_err(|e| e.to_string())?;
    if answer.ack == seq {
        Ok(())
    } else {
        Err(format!("batch {seq} was answered for {}", answer.ack))
    }
}

#[derive(Deserialize)]
struct Acknowledged {
    ack: u64,
}

#[durable_object(fetch)]
pub struct Detector;

impl DurableObject for Detector {
    fn new(_state: State, _env: Env) -> Self {
        Self
    }

    async fn fetch(&self, _request: Request) -> Result<Response> {
        refuse(&Problem::not_found("call of the Detector"))
    }
}
