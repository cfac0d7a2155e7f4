//! Calls between our objects, on the platform; what they are called and what they carry is in the crate of the object
//! that answers.

use std::fmt::Display;
use std::time::Duration;

use blobwatch_sql::NEWER_SCHEMA;
use blobwatch_wire::{
    Body, LogField, MAX_OBJECT_BODY, Object, ObjectCall, Payload, Problem, STORAGE, answer_limit, broken_off,
    unanswered,
};
use futures_util::future::{Either, select};
use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use worker::{
    Delay, Env, Headers, Method, ObjectNamespace, Request, RequestInit, Response, Result, Stub, Url,
};

use super::body::{bytes_of, bytes_of_reply, text_of_reply, text_of_request};
use super::http::{Answer, FailedTo, internal, nothing_changed, text};
use super::log;
use super::pause::pause;
use super::storage_check::fault_of;

/// Carries the actor's name from the control plane; nothing outside can reach an object.
const ACTOR_HEADER: &str = "blobwatch-actor";

const IF_MATCH: &str = "if-match";

/// To read or to write so much takes milliseconds.
const LARGE: usize = 128 * 1024;

/// Asks the only object of its class.
pub(super) async fn call<C: ObjectCall>(env: &Env, call: &C, body: C::Request) -> Answer<C::Reply> {
    call_named(env, only_name(C::OBJECT), call, body).await
}

/// The answer of the only object of its class, with its headers.
pub(super) async fn send_only<C: ObjectCall>(env: &Env, call: &C, body: C::Request) -> Answer<Response> {
    send(env, only_name(C::OBJECT), call, body).await
}

/// Asks the object of that name.
pub(super) async fn call_named<C: ObjectCall>(
    env: &Env,
    name: &str,
    call: &C,
    body: C::Request,
) -> Answer<C::Reply> {
    let mut response = send(env, name, call, body).await?;
    reply::<C>(&mut response).await
}

/// As [`call`], where the object's problem is the caller's own.
pub(super) async fn call_through<C: ObjectCall>(env: &Env, call: &C, body: C::Request) -> Answer<C::Reply> {
    call_through_named(env, only_name(C::OBJECT), call, body).await
}

/// As [`call_named`], where the object's problem is the caller's own.
pub(super) async fn call_through_named<C: ObjectCall>(
    env: &Env,
    name: &str,
    call: &C,
    body: C::Request,
) -> Answer<C::Reply> {
    let mut response = fetch(env, name, call, body).await?;
    if response.status_code() == 200 {
        return reply::<C>(&mut response).await;
    }
    let why = text_of_reply(&mut response).await?;
    Err(serde_json::from_str::<Problem>(&why).unwrap_or_else(|_| internal(C::PURPOSE, why)))
}

/// The object's answer, which is not an error.
async fn send<C: ObjectCall>(env: &Env, name: &str, call: &C, body: C::Request) -> Answer<Response> {
    let mut response = fetch(env, name, call, body).await?;
    match response.status_code() {
        200 => Ok(response),
        status => {
            let why = text_of_reply(&mut response).await.unwrap_or_default();
            match serde_json::from_str::<Problem>(&why) {
                // It lasts until somebody deploys that build, or makes room: trying again is no remedy.
                Ok(problem) if problem.is(NEWER_SCHEMA) || problem.is(STORAGE) => Err(problem),
                _ => {
                    let asked = C::OBJECT.called(name);
                    Err(failed_at(
                        C::PURPOSE,
                        &asked,
                        &format_args!("status {status}: {why}"),
                    ))
                }
            }
        }
    }
}

/// Reads what an object answered.
pub(super) async fn reply<C: ObjectCall>(response: &mut Response) -> Answer<C::Reply> {
    let bytes = bytes_of_reply(response).await?;
    read(&bytes).await.failed_to(C::PURPOSE)
}

/// Others have the thread before something large is read, and after it.
async fn read<T: Body>(bytes: &[u8]) -> std::result::Result<T, String> {
    let is_large = bytes.len() >= LARGE;
    if is_large {
        pause().await;
    }
    let body = T::from_bytes(bytes);
    if is_large {
        pause().await;
    }
    body
}

async fn fetch<C: ObjectCall>(env: &Env, name: &str, call: &C, body: C::Request) -> Answer<Response> {
    let failed = |e| failed_at(C::PURPOSE, &C::OBJECT.called(name), &e);
    let payload = body.into_payload().failed_to(C::PURPOSE)?;
    let path = call.path();
    let address = C::OBJECT.address(name, &path);
    let request = request(to_platform(C::METHOD), &address, payload).map_err(failed)?;
    let stub = stub(env, C::OBJECT, name).map_err(failed)?;
    let asked = Box::pin(stub.fetch_with_request(request));
    let limit = answer_limit(C::OBJECT, &path);
    in_time(env, asked, C::OBJECT, name, C::PURPOSE, limit).await
}

/// As [`internal`], of a call to that object.
fn failed_at(purpose: &str, asked: &str, cause: &dyn Display) -> Problem {
    let fields: [LogField<'_>; 2] = [("asked", &asked), ("cause", cause)];
    log::error(&format!("failed to {purpose}"), &fields);
    nothing_changed(purpose)
}

/// The answer, unless the object hangs.
async fn in_time(
    env: &Env,
    asked: impl Future<Output = Result<Response>> + Unpin,
    object: Object,
    name: &str,
    purpose: &str,
    limit: Duration,
) -> Answer<Response> {
    match select(asked, Delay::from(limit)).await {
        Either::Left((Ok(response), _)) => Ok(response),
        Either::Left((Err(error), _)) => {
            let fault = fault_of(env, object, name, &error.to_string()).await;
            let problem = broken_off(object, name, purpose, fault.as_ref());
            let (asked, fault) = (object.called(name), fault.map(|fault| fault.sentence()));
            let fields: [LogField<'_>; 3] = [
                ("asked", &asked),
                ("fault", &fault.unwrap_or_default()),
                ("cause", &error),
            ];
            log::error(&format!("failed to {purpose}"), &fields);
            Err(problem)
        }
        Either::Right(_) => {
            let cause = format!("no answer within {} s", limit.as_secs());
            failed_at(purpose, &object.called(name), &cause);
            Err(unanswered(object, name, purpose, limit))
        }
    }
}

fn only_name(object: Object) -> &'static str {
    object.only_name().unwrap_or_default()
}

pub(super) fn stub(env: &Env, object: Object, name: &str) -> Result<Stub> {
    let namespace: ObjectNamespace = env.durable_object(object.binding())?;
    namespace.id_from_name(name)?.get_stub()
}

fn to_platform(method: blobwatch_wire::Method) -> Method {
    match method {
        blobwatch_wire::Method::Get => Method::Get,
        blobwatch_wire::Method::Put => Method::Put,
        blobwatch_wire::Method::Post => Method::Post,
        blobwatch_wire::Method::Delete => Method::Delete,
    }
}

fn request(method: Method, address: &str, payload: Payload) -> Result<Request> {
    let mut init = RequestInit::new();
    init.with_method(method);
    match payload {
        Payload::Nothing => &mut init,
        Payload::Text(text) => init.with_body(Some(JsValue::from_str(&text))),
        Payload::Bytes(bytes) => init.with_body(Some(Uint8Array::from(bytes.as_slice()).into())),
    };
    Request::new_with_init(address, &init)
}

/// The side of an object: a call of another object, with its way below the object's own address.
pub(super) struct ReceivedCall {
    request: Request,
    pub(super) url: Url,
    /// `None` is a method that no call has.
    pub(super) method: Option<blobwatch_wire::Method>,
}

impl ReceivedCall {
    pub(super) fn of(request: Request) -> Answer<Self> {
        let url = request.url().failed_to("read the address")?;
        let method = blobwatch_wire::Method::of_name(request.method().as_ref());
        Ok(Self { request, url, method })
    }

    /// Without the first `/`.
    pub(super) fn path(&self) -> &str {
        self.url.path().trim_start_matches('/')
    }

    /// Below the API's prefix.
    pub(super) fn api_path(&self, object: Object) -> &str {
        self.path().strip_prefix(object.api_prefix()).unwrap_or_default()
    }

    pub(super) fn query(&self) -> &str {
        self.url.query().unwrap_or_default()
    }

    pub(super) fn method_name(&self) -> &'static str {
        self.method.map_or("", blobwatch_wire::Method::name)
    }

    /// The call's body.
    pub(super) async fn body<C: ObjectCall>(&mut self) -> Answer<C::Request> {
        let what = format!("read the body of {}", C::PATH);
        let bytes = bytes_of(&mut self.request, MAX_OBJECT_BODY).await?;
        read(&bytes).await.failed_to(&what)
    }

    /// The body as text.
    pub(super) async fn text(&mut self) -> Answer<String> {
        text_of_request(&mut self.request, MAX_OBJECT_BODY).await
    }

    /// Who calls, by the name of the token.
    pub(super) fn actor(&self) -> String {
        self.header(ACTOR_HEADER).unwrap_or_default()
    }

    pub(super) fn if_match(&self) -> Option<String> {
        self.header(IF_MATCH)
    }

    fn header(&self, name: &str) -> Option<String> {
        self.request.headers().get(name).ok().flatten()
    }
}

/// Answers a call.
pub(super) fn answer<C: ObjectCall>(reply: C::Reply) -> Answer<Response> {
    let payload = reply.into_payload().failed_to("answer")?;
    let response = match payload {
        Payload::Nothing => Response::empty(),
        Payload::Text(body) => text(200, "application/json", body),
        Payload::Bytes(bytes) => Response::from_bytes(bytes),
    };
    response.failed_to("answer")
}

/// A call of the API, handed on to the object that answers it.
pub(super) struct ForwardedCall<'a> {
    pub(super) method: Method,
    /// Below the API's prefix, with the query.
    pub(super) call: &'a str,
    pub(super) body: &'a str,
    pub(super) actor: &'a str,
    pub(super) if_match: Option<&'a str>,
}

/// Hands a call to the object in the name of `actor`, and its answer back, whatever it is. `path` is below the API's
/// prefix.
pub(super) async fn forward(
    env: &Env,
    object: Object,
    path: &str,
    request: &Request,
    body: &str,
    actor: &str,
) -> Answer<Response> {
    let url = request.url().failed_to("read the address")?;
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let if_match = request.headers().get(IF_MATCH).ok().flatten();
    let forwarded = ForwardedCall {
        method: request.method(),
        call: &format!("{path}{query}"),
        body,
        actor,
        if_match: if_match.as_deref(),
    };
    forwarded.send(env, object).await
}

impl ForwardedCall<'_> {
    pub(super) async fn send(self, env: &Env, object: Object) -> Answer<Response> {
        let what = format!("reach {}", object.title());
        let failed = |e| internal(&what, e);
        let name = only_name(object);
        let path = format!("{}{}", object.api_prefix(), self.call);
        let address = object.address(name, &path);
        let payload = match self.body {
            "" => Payload::Nothing,
            body => Payload::Text(body.to_owned()),
        };
        let request = request(self.method.clone(), &address, payload).map_err(failed)?;
        self.set_headers(request.headers()).map_err(failed)?;
        let stub = stub(env, object, name).map_err(failed)?;
        let asked = Box::pin(stub.fetch_with_request(request));
        in_time(env, asked, object, name, &what, answer_limit(object, &path)).await
    }

    fn set_headers(&self, headers: &Headers) -> Result<()> {
        headers.set(ACTOR_HEADER, self.actor)?;
        match self.if_match {
            Some(revision) => headers.set(IF_MATCH, revision),
            None => Ok(()),
        }
    }
}
