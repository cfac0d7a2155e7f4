//! The event by which the platform hands over a request; `control` answers it.

use worker::{Context, Env, Request, Response, Result, event};

use super::control::answer_event;

#[event(fetch)]
async fn fetch(request: Request, env: Env, _ctx: Context) -> Result<Response> {
    answer_event(request, env).await
}
