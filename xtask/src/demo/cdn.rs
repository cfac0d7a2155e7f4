//! The CDN to whose host the registry's redirects lead, and the bucket behind it.
//!
//! ```text
//! client ─▶ registry: Blobwatch ─▶ registry          307 to the CDN, or to the bucket where a rule takes its detour
//!        ─▶ CDN: front ─▶ Blobwatch ─▶ bucket        the front's mitigation drops or stalls
//!        ─▶ bucket
//! ```
//!
//! The front is what a client connects to. What it drops never comes to the worker behind it.

use super::mitigation::{Mitigation, STALLS, Treatment};
use super::path::{Fault, Path};
use super::story::{FACTOR, ORDINARY};
use crate::http::accept;
use crate::registry::Registry;
use anyhow::{Context, Result};
use hyper::HeaderMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// Names of the hosts; the demo's clients know their addresses.
pub(super) const HOST: &str = "cdn.example";
pub(super) const BUCKET: &str = "bucket.example";

/// A client that is connected and hears nothing gives up after 30 s of that time.
const SILENCE: Duration = Duration::from_millis(30_000 / FACTOR as u64);

/// The demo's clients send some 900 bytes.
const LONGEST_HEAD: usize = 16 * 1024;

/// Both hosts, open; they end with the process.
pub(super) struct Cdn {
    front: SocketAddr,
    origin: Path,
    to_bucket: SocketAddr,
    pub(super) mitigation: Arc<Mitigation>,
}

impl Cdn {
    /// Before the worker on `worker`, in front of the storage of `registry`.
    pub(super) async fn open(registry: SocketAddr, worker: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.context("failed to find a free port for the CDN")?;
        let front = listener
            .local_addr()
            .context("failed to read the address of the CDN")?;
        let mitigation = Arc::new(Mitigation::default());
        tokio::spawn(serve(listener, worker, Arc::clone(&mitigation)));
        Ok(Self {
            front,
            origin: Path::open(registry, fault).await?,
            to_bucket: redirecting_to_bucket(registry).await?,
            mitigation,
        })
    }

    /// Where redirects lead.
    pub(super) fn url(&self) -> String {
        format!("http://{HOST}:{}", self.front.port())
    }

    /// Where the worker fetches what is asked of the CDN.
    pub(super) fn origin(&self) -> String {
        self.origin.url()
    }

    /// The registry's other address, which redirects to the bucket.
    pub(super) fn detour(&self) -> String {
        format!("http://{}", self.to_bucket)
    }
}

async fn redirecting_to_bucket(storage: SocketAddr) -> Result<SocketAddr> {
    let bucket = Path::open(storage, |_| ORDINARY).await?;
    let registry = Registry::bind().await?;
    let address = registry.address()?;
    tokio::spawn(registry.redirecting(&bucket.named(BUCKET)).serve());
    Ok(address)
}

/// How a body breaks on its way from the bucket.
fn fault(headers: &HeaderMap) -> Fault {
    let stall = if headers.contains_key(STALLS) { 1.0 } else { 0.0 };
    Fault { stall, ..ORDINARY }
}

async fn serve(listener: TcpListener, worker: u16, mitigation: Arc<Mitigation>) {
    loop {
        let client = accept(&listener).await;
        let mitigation = Arc::clone(&mitigation);
        // A connection that fails is seen by its client.
        tokio::spawn(async move { connection(client, worker, &mitigation).await.ok() });
    }
}

/// One request, as each of the demo's clients sends it over a connection of its own.
async fn connection(mut client: TcpStream, worker: u16, mitigation: &Mitigation) -> io::Result<()> {
    let mut head = read_head(&mut client).await?;
    match mitigation.treat(&head) {
        Treatment::Pass => {}
        Treatment::Drop => {
            sleep(SILENCE).await;
            return Ok(());
        }
        Treatment::Stall => {
            let end = head.len().saturating_sub(2);
            head.insert_str(end, &format!("{STALLS}: yes\r\n"));
        }
    }
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, worker)).await?;
    server.write_all(head.as_bytes()).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// Up to the empty line; the body of a GET is empty.
async fn read_head(client: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if client.read_buf(&mut head).await? == 0 || head.len() > LONGEST_HEAD {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    String::from_utf8(head).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::{Cdn, HOST};
    use crate::registry::Registry;
    use reqwest::Client;
    use std::net::{Ipv4Addr, SocketAddr};
    use tokio::net::TcpListener;

    /// As a client of the cohort asks for a blob, with the CDN in front of a worker that is a registry.
    #[tokio::test]
    async fn what_the_front_drops_never_comes_to_the_worker() {
        let registry = Registry::bind().await.unwrap();
        let worker = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let cdn = Cdn::open(registry.address().unwrap(), worker.local_addr().unwrap().port());
        let cdn = cdn.await.unwrap();
        let http = Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .resolve(HOST, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .build()
            .unwrap();
        let ask = || {
            let asked = http
                .get(cdn.url())
                .header("user-agent", "docker/19.03 kernel/4.14.amzn2");
            asked.header("cf-blob", r#"{"colo":"SJC","clientIp":"100.64.0.1"}"#)
        };
        cdn.mitigation.activate();
        let (mut dropped, mut passed) = (0, 0);
        while dropped == 0 || passed == 0 {
            tokio::select! {
                answer = ask().send() => {
                    assert!(answer.is_err());
                    dropped += 1;
                }
                came = worker.accept() => {
                    came.unwrap();
                    passed += 1;
                }
            }
        }
        assert_eq!(cdn.mitigation.hit().len(), 1);
    }
}
