//! An origin that answers every blob at once from memory, a thread a connection. Its CPU is never counted.

use anyhow::{Context, Result};
use std::io::{BufRead, BufReader, Read, Result as IoResult, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Bytes of a body below [`LARGE`].
pub(crate) const GIGABYTE: u64 = 1_000_000_000;
/// Bytes of every other body.
pub(crate) const SMALL: u64 = 1024;
/// Repository of the large blobs.
pub(crate) const LARGE: &str = "/v2/large/";
/// Repository of blobs that never come.
pub(crate) const HUNG: &str = "/v2/hung/";

const MAX_HEAD: u64 = 64 * 1024;
const PIECE: usize = 256 * 1024;

/// A registry's blob routes, as far as a benchmark needs them. It ends with the process.
pub(crate) struct Origin {
    address: SocketAddr,
}

impl Origin {
    /// # Errors
    /// When no port is free.
    pub(crate) fn start() -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("failed to open the origin's port")?;
        let address = listener.local_addr()?;
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A connection that breaks is workerd's to report.
                thread::spawn(move || drop(serve(stream)));
            }
        });
        Ok(Self { address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

fn serve(stream: TcpStream) -> IoResult<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let piece = vec![b'b'; PIECE];
    while let Some(request) = read_head(&mut reader)? {
        if request
            .split(' ')
            .nth(1)
            .is_some_and(|target| target.starts_with(HUNG))
        {
            std::io::copy(&mut reader, &mut std::io::sink())?;
            return Ok(());
        }
        let (head, length) = answer(&request);
        let first = length.min(SMALL);
        let mut bytes = head.into_bytes();
        let (body, _) = piece.split_at(usize::try_from(first).unwrap_or_default());
        bytes.extend_from_slice(body);
        writer.write_all(&bytes)?;
        write_body(&mut writer, &piece, length - first)?;
    }
    Ok(())
}

/// `None` when the client has closed.
fn read_head(reader: &mut BufReader<TcpStream>) -> IoResult<Option<String>> {
    let mut head = String::new();
    let mut limited = reader.take(MAX_HEAD);
    while limited.read_line(&mut head)? > 0 {
        if head.ends_with("\r\n\r\n") {
            return Ok(Some(head));
        }
    }
    Ok(None)
}

/// Head of the answer, and how many bytes follow it.
fn answer(request: &str) -> (String, u64) {
    let target = request.split(' ').nth(1).unwrap_or_default();
    let digest = target.rsplit('/').next().unwrap_or_default();
    let size = if target.starts_with(LARGE) {
        GIGABYTE
    } else {
        SMALL
    };
    let (status, range, length) = match asked(request, size) {
        Some((start, end)) => (
            "206 Partial Content",
            format!("Content-Range: bytes {start}-{end}/{size}\r\n"),
            end - start + 1,
        ),
        None => ("200 OK", String::new(), size),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\n{range}Content-Length: {length}\r\nContent-Type: application/octet-stream\r\n\
         Accept-Ranges: bytes\r\nCache-Control: max-age=31536000\r\nDocker-Content-Digest: {digest}\r\n\
         Docker-Distribution-Api-Version: registry/2.0\r\nEtag: \"{digest}\"\r\n\
         Date: Mon, 06 Jul 2020 15:00:00 GMT\r\n\r\n"
    );
    (head, length)
}

/// First and last byte of a single range that can be satisfied.
fn asked(request: &str, size: u64) -> Option<(u64, u64)> {
    let mut lines = request.lines();
    let value = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("range").then_some(value.trim())
    })?;
    let (start, end) = value.strip_prefix("bytes=")?.split_once('-')?;
    let start = start.parse::<u64>().ok()?;
    let end = end.parse::<u64>().unwrap_or(u64::MAX).min(size - 1);
    (start <= end).then_some((start, end))
}

fn write_body(writer: &mut TcpStream, piece: &[u8], mut left: u64) -> IoResult<()> {
    while left > 0 {
        let next = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let (bytes, _) = piece.split_at(next);
        writer.write_all(bytes)?;
        left -= next as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{GIGABYTE, SMALL, answer};

    #[track_caller]
    fn case(request: &str, status: &str, length: u64) {
        let (head, found) = answer(&format!("{request}\r\n\r\n"));
        assert!(head.starts_with(status), "{head}");
        assert!(head.contains(&format!("Content-Length: {length}\r\n")), "{head}");
        assert_eq!(found, length);
    }

    #[test]
    fn sizes_and_ranges_are_a_registrys() {
        case("GET /v2/a/blobs/sha256:1 HTTP/1.1", "HTTP/1.1 200", SMALL);
        case("GET /v2/large/blobs/sha256:1 HTTP/1.1", "HTTP/1.1 200", GIGABYTE);
        case(
            "GET /v2/a/blobs/x HTTP/1.1\r\nrange: bytes=1000-",
            "HTTP/1.1 206",
            24,
        );
        case(
            "GET /v2/a/blobs/x HTTP/1.1\r\nRange: bytes=0-9",
            "HTTP/1.1 206",
            10,
        );
        case(
            "GET /v2/a/blobs/x HTTP/1.1\r\nRange: bytes=9999-",
            "HTTP/1.1 200",
            SMALL,
        );
    }
}
