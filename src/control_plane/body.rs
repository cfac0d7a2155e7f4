//! Bodies that the control plane reads: none further than its limit, whatever `Content-Length` says.
//!
//! A stream that is dropped before its end is cancelled: the sender of a body that is too large is answered without
//! waiting for the rest.

use std::pin::pin;
use std::time::Duration;

use blobwatch_wire::{BoundedBody, MAX_OBJECT_BODY, Problem, text_of};
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use worker::{ByteStream, Delay, Headers, Request, Response, ResponseBody};

use super::http::{Answer, FailedTo, internal};

const READ: &str = "read the body";

/// A sender that is silent for so long is given up: its connection may be gone without a word, and nobody would ever say so.
const SILENT_FOR: Duration = Duration::from_secs(60);

/// The body of a request; 413 where it is larger.
pub(super) async fn bytes_of(request: &mut Request, limit: usize) -> Answer<Vec<u8>> {
    let body = begin(request.headers(), limit)?;
    if request.inner().body().is_none() {
        return Ok(Vec::new());
    }
    finish(body, request.stream().failed_to(READ)?).await
}

/// As [`bytes_of`], as text.
pub(super) async fn text_of_request(request: &mut Request, limit: usize) -> Answer<String> {
    bytes_of(request, limit).await.map(|bytes| text_of(&bytes))
}

/// The body of a response; an error where it is larger.
pub(super) async fn text_of_response(response: &mut Response, limit: usize) -> Answer<String> {
    let bytes = bytes_of_response(response, limit).await?;
    Ok(text_of(&bytes))
}

/// What an object of ours answered.
pub(super) async fn bytes_of_reply(response: &mut Response) -> Answer<Vec<u8>> {
    bytes_of_response(response, MAX_OBJECT_BODY).await
}

/// As [`bytes_of_reply`], as text.
pub(super) async fn text_of_reply(response: &mut Response) -> Answer<String> {
    text_of_response(response, MAX_OBJECT_BODY).await
}

/// Ends a response whose body nobody reads: it may have no end.
pub(super) fn discard(mut response: Response) {
    drop(response.stream());
}

async fn bytes_of_response(response: &mut Response, limit: usize) -> Answer<Vec<u8>> {
    // 413 is for whoever sent a request.
    let refused = |problem: Problem| internal("read an answer", problem.detail);
    let body = begin(response.headers(), limit).map_err(refused)?;
    match response.body() {
        ResponseBody::Stream(_) => {
            let stream = response.stream().failed_to(READ)?;
            finish(body, stream).await.map_err(refused)
        }
        ResponseBody::Body(bytes) => Ok(bytes.clone()),
        ResponseBody::Empty => Ok(Vec::new()),
    }
}

fn begin(headers: &Headers, limit: usize) -> Answer<BoundedBody> {
    let length = headers.get("content-length").ok().flatten();
    BoundedBody::begin(limit, length.as_deref())
}

async fn finish(mut body: BoundedBody, mut stream: ByteStream) -> Answer<Vec<u8>> {
    while let Some(piece) = next_piece(&mut stream).await? {
        body.push(&piece)?;
    }
    Ok(body.into_bytes())
}

/// What comes next of a body; none at its end. 408 where nothing comes.
pub(super) async fn next_piece(stream: &mut ByteStream) -> Answer<Option<Vec<u8>>> {
    match select(stream.next(), pin!(Delay::from(SILENT_FOR))).await {
        Either::Left((piece, _)) => piece.transpose().failed_to(READ),
        Either::Right(_) => {
            let detail = format!(
                "the body stopped: nothing of it came for {} s; send it again",
                SILENT_FOR.as_secs()
            );
            Err(Problem::new(408, "timeout", "The body stopped", detail))
        }
    }
}
