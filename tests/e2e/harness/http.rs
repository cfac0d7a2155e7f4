//! An HTTP/1.1 client that does nothing by itself: one request, one connection, the answer as it came.
//!
//! In scope: status, fields in order, body bytes, and how the body ended. Not in scope: redirects, retries,
//! decoding, keep-alive. A test about fidelity must see what others hide.

use std::io::{BufRead, BufReader, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};

use super::clock::HANG;
use super::head::Head;

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        let head = Head {
            start: format!("{method} {target} HTTP/1.1"),
            fields: Vec::new(),
        };
        Self {
            head,
            body: Vec::new(),
        }
    }

    pub(crate) fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.head.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let length = self.body.len().to_string();
        self.header("Content-Type", media_type)
            .header("Content-Length", &length)
    }

    /// The whole exchange. Errors: no connection, or no head within [`HANG`].
    pub(crate) fn send(&self, to: SocketAddr) -> Result<Answer> {
        self.open(to)?.finish()
    }

    /// Until the head of the answer; the body is read, or not, by the caller.
    pub(crate) fn open(&self, to: SocketAddr) -> Result<Incoming> {
        let mut stream = TcpStream::connect(to)?;
        stream.set_read_timeout(Some(HANG))?;
        stream.set_nodelay(true)?;
        let mut head = self.head.clone();
        if head.get("host").is_none() {
            head.fields.insert(0, ("Host".to_owned(), to.to_string()));
        }
        head.write(&mut stream)?;
        stream.write_all(&self.body)?;
        let mut from = BufReader::with_capacity(1 << 16, stream);
        let mut answer = Head::read(&mut from)?.ok_or(ErrorKind::UnexpectedEof)?;
        while answer.status() == 100 {
            answer = Head::read(&mut from)?.ok_or(ErrorKind::UnexpectedEof)?;
        }
        Ok(Incoming {
            bodiless: self.head.method() == "HEAD",
            head: answer,
            from,
        })
    }
}

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Complete,
    /// The connection ended before the body's promised end.
    Cut,
    /// Nothing came for [`HANG`].
    Stalled,
}

/// One answer, complete.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
    pub(crate) ended: Ended,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.head.status()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.head.get(name)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{e}: {} {}", self.head.start, self.text()))
    }
}

/// An answer whose body is still to come. Dropped: the connection closes, as a client that goes away does.
pub(crate) struct Incoming {
    bodiless: bool,
    pub(crate) head: Head,
    from: BufReader<TcpStream>,
}

impl Incoming {
    /// The next `length` bytes of the body as they are on the wire.
    pub(crate) fn take(&mut self, length: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.from.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// The rest, with `already` counted against the promised length.
    pub(crate) fn rest(mut self, already: usize) -> Result<Answer> {
        let mut body = Vec::new();
        let ended = self.read_body(&mut body, already)?;
        Ok(Answer {
            head: self.head,
            body,
            ended,
        })
    }

    pub(crate) fn finish(self) -> Result<Answer> {
        self.rest(0)
    }

    fn read_body(&mut self, body: &mut Vec<u8>, already: usize) -> Result<Ended> {
        if self.bodiless || matches!(self.head.status(), 204 | 304) {
            return Ok(Ended::Complete);
        }
        if self.head.get("transfer-encoding").is_some() {
            return self.read_chunks(body);
        }
        let promised = self
            .head
            .get("content-length")
            .and_then(|l| l.parse::<u64>().ok());
        let left = promised.map(|p| p.saturating_sub(already as u64));
        exactly(&mut self.from, left, body)
    }

    fn read_chunks(&mut self, body: &mut Vec<u8>) -> Result<Ended> {
        loop {
            let mut size = String::new();
            if self.from.read_line(&mut size)? == 0 {
                return Ok(Ended::Cut);
            }
            let size = u64::from_str_radix(size.trim(), 16).map_err(std::io::Error::other)?;
            match exactly(&mut self.from, Some(size), body)? {
                Ended::Complete if size == 0 => return Ok(Ended::Complete),
                Ended::Complete => self.from.read_line(&mut String::new())?,
                other => return Ok(other),
            };
        }
    }
}

/// Reads `length` bytes, or to the end where none is promised.
fn exactly(from: &mut impl Read, length: Option<u64>, body: &mut Vec<u8>) -> Result<Ended> {
    let before = body.len() as u64;
    let read = match length {
        Some(length) => from.by_ref().take(length).read_to_end(body),
        None => from.read_to_end(body),
    };
    let got = body.len() as u64 - before;
    match read {
        _ if length == Some(got) => Ok(Ended::Complete),
        Ok(_) if length.is_none() => Ok(Ended::Complete),
        Ok(_) => Ok(Ended::Cut),
        Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(Ended::Stalled),
        Err(e) if e.kind() == ErrorKind::ConnectionReset => Ok(Ended::Cut),
        Err(e) => Err(e),
    }
}
