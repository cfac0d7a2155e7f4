//! Load: a few connections that are kept alive, each with one request at a time.

use super::traffic::Traffic;
use anyhow::{Context, Result, bail, ensure};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Connections of one run.
pub(crate) const CONNECTIONS: usize = 8;
/// An answer that takes longer is an error.
const PATIENCE: Duration = Duration::from_secs(60);
const BUFFER: usize = 256 * 1024;

/// Sends `count` requests as fast as they are answered; all must be 200 or 206.
///
/// # Errors
/// When one is not, or a connection breaks.
pub(crate) fn closed(to: SocketAddr, traffic: &Traffic, count: usize) -> Result<()> {
    each_connection(|connection| {
        let mut stream = Connection::open(to)?;
        for index in (connection..count).step_by(CONNECTIONS) {
            stream.ask(traffic.request(index))?;
        }
        Ok(())
    })
}

/// Sends `rate` requests a second for a time, whatever the answers take; answers how many were sent.
///
/// # Errors
/// As [`closed`]; also when the rate could not be kept.
pub(crate) fn paced(to: SocketAddr, traffic: &Traffic, rate: u32, lasting: Duration) -> Result<usize> {
    let count = usize::try_from(rate)? * usize::try_from(lasting.as_secs())?;
    let start = Instant::now();
    let gap = Duration::from_secs(1) / rate;
    each_connection(|connection| {
        let mut stream = Connection::open(to)?;
        for index in (connection..count).step_by(CONNECTIONS) {
            let due = start + gap * u32::try_from(index)?;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            stream.ask(traffic.request(index))?;
        }
        Ok(())
    })?;
    let took = start.elapsed();
    ensure!(
        took < lasting + lasting / 20,
        "{count} requests took {took:?}: the machine is too slow"
    );
    Ok(count)
}

/// One body of a given length.
///
/// # Errors
/// As [`closed`]; also when the length is another.
pub(crate) fn download(to: SocketAddr, request: &[u8], length: u64) -> Result<()> {
    let found = Connection::open(to)?.ask(request)?;
    ensure!(found == length, "a body has {found} bytes instead of {length}");
    Ok(())
}

fn each_connection(body: impl Fn(usize) -> Result<()> + Sync) -> Result<()> {
    let body = &body;
    thread::scope(|scope| {
        let threads = (0..CONNECTIONS).map(|index| scope.spawn(move || body(index)));
        for thread in threads.collect::<Vec<_>>() {
            match thread.join() {
                Ok(result) => result?,
                Err(_) => bail!("failed to run a connection"),
            }
        }
        Ok(())
    })
}

/// One connection, one request at a time.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// # Errors
    /// When nobody listens.
    pub(crate) fn open(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to).with_context(|| format!("failed to connect to {to}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            buffer: vec![0; BUFFER],
        })
    }

    /// Sends one request, reads the whole answer, and tells the length of its body.
    ///
    /// # Errors
    /// As [`closed`].
    pub(crate) fn ask(&mut self, request: &[u8]) -> Result<u64> {
        self.stream.write_all(request)?;
        let (head, mut received) = self.head()?;
        let length = body_length(&head)?;
        while received < length {
            received += self.read(0)? as u64;
        }
        ensure!(received == length, "more came than was promised:\n{head}");
        Ok(length)
    }

    /// The head, and how many bytes of the body came with it.
    fn head(&mut self) -> Result<(String, u64)> {
        let mut filled = 0;
        loop {
            filled += self.read(filled)?;
            let received = self.buffer.get(..filled).unwrap_or_default();
            if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
                let (head, body) = received.split_at(end + 4);
                return Ok((String::from_utf8_lossy(head).into_owned(), body.len() as u64));
            }
        }
    }

    fn read(&mut self, from: usize) -> Result<usize> {
        let space = self.buffer.get_mut(from..).unwrap_or_default();
        let count = self.stream.read(space).context("failed to read an answer")?;
        ensure!(count > 0, "the connection was closed");
        Ok(count)
    }
}

/// Content-Length of an answer that is 200 or 206.
fn body_length(head: &str) -> Result<u64> {
    ensure!(
        head.starts_with("HTTP/1.1 200") || head.starts_with("HTTP/1.1 206"),
        "unexpected answer:\n{head}"
    );
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    });
    length.with_context(|| format!("no Content-Length:\n{head}"))
}
