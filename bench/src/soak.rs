//! A soak on workerd: requests of which most are of somebody and for something new, for as long as they last. Memory must not
//! grow with them once every table is full, and a pull must not wait for what is kept of others.
//!
//! Then requests that are never answered, each as large as requests get: what an isolate keeps of them is bounded.

mod hung;
mod sample;

use crate::figure::{Figure, Target};
use crate::report::Report;
use crate::stage::load::Connection;
use crate::stage::{BUNDLE, Origin, Worker, Workerd};
use anyhow::{Result, bail};
use sample::{Samples, sampled};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

/// What `soak` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Requests in all
    #[arg(long, default_value_t = 1_000_000)]
    requests: usize,
    /// Repositories, digests, User-Agents, networks and TLS handshakes, so many of each
    #[arg(long, default_value_t = 250_000)]
    distinct: usize,
    /// Connections that are kept alive, each with one request at a time
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// Requests that are never answered, in the second part
    #[arg(long, default_value_t = 8_192)]
    unanswered: usize,
    /// Soak this bundle
    #[arg(long, default_value = BUNDLE)]
    bundle: PathBuf,
}

/// Of the memory in the second half, most over first.
const FLAT: f64 = 1.1;

/// Of the pulls of a minute, the 99th percentile over the median.
const CALM: f64 = 10.0;

/// # Errors
/// When workerd does not start, or a pull is not answered with 200.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let origin = Origin::start()?;
    let worker = Worker::Blobwatch(args.bundle.clone());
    let samples = soaked(args, &Workerd::start(&worker, origin.address(), &[])?)?;
    let mut figures = figures(&samples);
    let kept = hung::kept(&Workerd::start(&worker, origin.address(), &[])?, args.unanswered)?;
    figures.push(Figure::new(
        format!("memory of {} requests that are not answered", args.unanswered),
        "MB",
        vec![kept],
        Target::AtMost(16.0),
    ));
    Ok(Report {
        name: "soak",
        setup: json!({ "requests": args.requests, "distinct": args.distinct, "connections": args.connections,
            "unanswered": args.unanswered }),
        figures,
    })
}

fn soaked(args: &Args, workerd: &Workerd) -> Result<Samples> {
    let next = AtomicUsize::new(0);
    sampled(workerd.pid(), |pulled| {
        thread::scope(|scope| {
            let pulls =
                (0..args.connections).map(|_| scope.spawn(|| pulls(args, workerd.address(), &next, pulled)));
            for thread in pulls.collect::<Vec<_>>() {
                match thread.join() {
                    Ok(result) => result?,
                    Err(_) => bail!("failed to run a connection"),
                }
            }
            Ok(())
        })
    })
}

fn pulls(args: &Args, to: SocketAddr, next: &AtomicUsize, pulled: &(dyn Fn(u32) + Sync)) -> Result<()> {
    let mut connection = Connection::open(to)?;
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        if index >= args.requests {
            return Ok(());
        }
        let start = Instant::now();
        connection.ask(&request(index, args.distinct))?;
        pulled(u32::try_from(start.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
}

/// Seven of ten are of somebody new for something new, until all were; the others of a hundred clients.
fn request(index: usize, distinct: usize) -> Vec<u8> {
    let who = if index % 10 < 7 {
        index % distinct.max(1)
    } else {
        index % 100
    };
    let colo = ["FRA", "IAD", "NRT", "GRU"].get(index % 4).unwrap_or(&"FRA");
    let network = u32::try_from(who).unwrap_or(0).wrapping_mul(256);
    let place = json!({"colo": colo, "country": "DE", "asn": 64_500 + who % 1_000, "tlsVersion": "TLSv1.3",
        "clientIp": Ipv4Addr::from(0x0100_0001_u32.wrapping_add(network)).to_string(),
        "tlsClientCiphersSha1": format!("{who:040x}"), "tlsClientExtensionsSha1": format!("{who:040x}")});
    format!(
        "GET /v2/soak/r{who}/blobs/sha256:{who:064x} HTTP/1.1\r\nHost: registry.example\r\n\
         User-Agent: client{who}/1.{who} os/system{who}\r\nAccept-Encoding: gzip;q=0.{who}\r\nCF-Blob: {place}\r\n\r\n"
    )
    .into_bytes()
}

fn figures(samples: &Samples) -> Vec<Figure> {
    let after_first = samples.minutes.get(1..).filter(|rest| !rest.is_empty());
    let minutes = after_first.unwrap_or(&samples.minutes);
    let of = |value: fn(&sample::Minute) -> f64| minutes.iter().map(value).collect();
    vec![
        Figure::new("pulls, median", "ms", of(|minute| minute.p50_ms), Target::None),
        Figure::new(
            "pulls, 99th percentile",
            "ms",
            of(|minute| minute.p99_ms),
            Target::None,
        ),
        Figure::new(
            "99th percentile ÷ median",
            "",
            of(|minute| minute.p99_ms / minute.p50_ms),
            Target::AtMost(CALM),
        ),
        Figure::new("memory", "MB", of(|minute| minute.memory_mb), Target::None),
        Figure::new(
            "memory in the second half, most ÷ first",
            "",
            vec![samples.growth()],
            Target::AtMost(FLAT),
        ),
    ]
}
