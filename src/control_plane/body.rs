//! Bodies that the control plane reads: none further than its limit, whatever `Content-Length` says.
//!
//! A stream that is dropped before its end is cancelled: the sender of a body that is too large is answered without
//! waiting for the rest.

use std::pin::pin;
use std::time::Duration;

use blobwatch_wire::{BoundedBody, MAX_OBJECT_BODY, Problem, text_of};
use futures_util::AsyncReadExt;
use futures_util::future::{Either, select};
use wasm_bindgen::JsCast;
use wasm_streams::ReadableStream;
use wasm_streams::readable::IntoAsyncRead;
use worker::{Delay, Headers, Request, Response, ResponseBody};

use super::http::{Answer, FailedTo, internal};

const READ: &str = "read the body";

/// A sender that is silent for so long is given up: its connection may be gone without a word, and nobody would ever say so.
const SILENT_FOR: Duration = Duration::from_secs(60);

/// What is read of a body at first, at most. The platform's own pieces have 4 KiB, and each costs a promise, a timer and garbage:
/// 2 MB of them were 40 ms.
const FIRST_PIECE: usize = 16 * 1024;

/// The same of a body that has filled each piece so far.
const LARGEST_PIECE: usize = 256 * 1024;

/// The body of a request; 413 where it is larger.
pub(super) async fn bytes_of(request: &mut Request, limit: usize) -> Answer<Vec<u8>> {
    let body = begin(request.headers(), limit)?;
    match Pieces::of(request)? {
        Some(pieces) => finish(body, pieces).await,
        None => Ok(Vec::new()),
    }
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
        ResponseBody::Stream(stream) => {
            let pieces = Pieces::begin(stream.clone())?;
            finish(body, pieces).await.map_err(refused)
        }
        ResponseBody::Body(bytes) => Ok(bytes.clone()),
        ResponseBody::Empty => Ok(Vec::new()),
    }
}

fn begin(headers: &Headers, limit: usize) -> Answer<BoundedBody> {
    let length = headers.get("content-length").ok().flatten();
    BoundedBody::begin(limit, length.as_deref())
}

async fn finish(mut body: BoundedBody, mut pieces: Pieces) -> Answer<Vec<u8>> {
    while let Some(piece) = pieces.next().await? {
        body.push(piece)?;
    }
    Ok(body.into_bytes())
}

/// A body, piece by piece.
pub(super) struct Pieces {
    stream: IntoAsyncRead<'static>,
    piece: Vec<u8>,
}

impl Pieces {
    /// `None` is a request without a body.
    pub(super) fn of(request: &Request) -> Answer<Option<Self>> {
        request.inner().body().map(Self::begin).transpose()
    }

    fn begin(stream: impl JsCast) -> Answer<Self> {
        let stream = ReadableStream::from_raw(stream.unchecked_into());
        let stream = stream.try_into_async_read().map_err(|(error, _)| error);
        Ok(Self {
            stream: stream.map_err(|error| internal(READ, error.to_string()))?,
            piece: vec![0; FIRST_PIECE],
        })
    }

    /// What comes next; none at the end. 408 where nothing comes.
    pub(super) async fn next(&mut self) -> Answer<Option<&[u8]>> {
        let read = self.stream.read(&mut self.piece);
        let read = match select(read, pin!(Delay::from(SILENT_FOR))).await {
            Either::Left((read, _)) => read.failed_to(READ)?,
            Either::Right(_) => return Err(stopped()),
        };
        if read == self.piece.len() && read < LARGEST_PIECE {
            self.piece.resize(4 * read, 0);
        }
        Ok(self.piece.get(..read).filter(|piece| !piece.is_empty()))
    }
}

fn stopped() -> Problem {
    let detail = format!(
        "the body stopped: nothing of it came for {} s; send it again",
        SILENT_FOR.as_secs()
    );
    Problem::new(408, "timeout", "The body stopped", detail)
}
