//! Requests that are never answered: their clients leave, and what is known of them is kept for minutes.

use super::sample::megabytes;
use crate::stage::{HUNG, Workerd};
use anyhow::{Result, bail};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Clients at a time.
const CLIENTS: usize = 32;

/// After so long without an answer a client leaves.
const PATIENCE: Duration = Duration::from_millis(50);

/// Of the largest header that clients send, and of ranges that are read.
const USER_AGENT_BYTES: usize = 16_384;
const RANGES: usize = 1_024;

/// Small ones before: connections and JavaScript take memory too, and are not what is measured.
const WARM_UP: usize = 2_000;

/// By how many megabytes the process grows with them.
///
/// # Errors
/// When workerd cannot be reached.
pub(super) fn kept(workerd: &Workerd, count: usize) -> Result<f64> {
    leave(workerd.address(), WARM_UP, &|index| request(index, 16, 1))?;
    let before = megabytes(workerd.pid())?;
    leave(workerd.address(), count, &|index| {
        request(index, USER_AGENT_BYTES, RANGES)
    })?;
    Ok(megabytes(workerd.pid())? - before)
}

fn leave(to: SocketAddr, count: usize, request: &(dyn Fn(usize) -> Vec<u8> + Sync)) -> Result<()> {
    let next = AtomicUsize::new(0);
    let clients = || -> Result<()> {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return Ok(());
            }
            let mut stream = TcpStream::connect(to)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(&request(index))?;
            // There is none, and the time is over: that is what is waited for.
            drop(stream.read(&mut [0]));
        }
    };
    thread::scope(|scope| {
        let threads = (0..CLIENTS).map(|_| scope.spawn(clients));
        for thread in threads.collect::<Vec<_>>() {
            match thread.join() {
                Ok(result) => result?,
                Err(_) => bail!("failed to run a client"),
            }
        }
        Ok(())
    })
}

fn request(index: usize, user_agent: usize, ranges: usize) -> Vec<u8> {
    let agent = format!("hung/{index} ").repeat(user_agent / 8);
    let agent = agent.get(..user_agent).unwrap_or(&agent).trim_end();
    let ranges: Vec<String> = (0..ranges)
        .map(|at| format!("{}-{}", at * 10, at * 10 + 5))
        .collect();
    format!(
        "GET {HUNG}r/blobs/sha256:{index:064x} HTTP/1.1\r\nHost: registry.example\r\nUser-Agent: {agent}\r\n\
         Range: bytes={}\r\n\r\n",
        ranges.join(",")
    )
    .into_bytes()
}
