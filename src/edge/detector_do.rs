//! The Detector: what is wrong and for whom, in one object for the whole deployment.
//!
//! It must be one object because a fault in six colos is found sooner in their sum, and because the promise of few
//! false alarms is one promise for everything that is watched.

use blobwatch_core::problem::Problem;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use super::http::refuse;

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
