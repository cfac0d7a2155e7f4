//! What is asked of each FireLog: the call of the API, and the gauges of the metrics.

use blobwatch_fire_log::{load_metrics, loads};
use blobwatch_rule_book::FireLogNamesCall;
use blobwatch_wire::Nothing;
use worker::{Env, Request, Response};

use super::http::{Answer, FailedTo, respond, without_parameters};
use super::object_call::call;
use super::records_api::Objects;

pub(super) async fn answer(request: &Request, env: &Env) -> Answer<Response> {
    without_parameters(&request.url().failed_to("read the address")?)?;
    let names = call(env, &FireLogNamesCall, Nothing).await?;
    let list = loads(&Objects(env.clone()), &names).await;
    respond(Ok(list)).failed_to("answer")
}

/// Of these FireLogs, as gauges of Prometheus.
pub(super) async fn gauges(names: &[String], env: &Env) -> String {
    load_metrics(&Objects(env.clone()), names).await
}
