//! A proxy inside the test process: it can add a field to every request, note what passes, and break things.
//!
//! Two uses. Before the registry it is the origin that fails. Before Blobwatch it is the edge of Cloudflare, which
//! puts what it knows of a client beside the request; real clients cannot do that themselves.
//! One request a connection: simple enough to be exact.

use std::io::{BufRead, BufReader, Read, Result, Write, copy};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

use super::head::Head;

/// What goes wrong with one exchange.
#[derive(Clone)]
pub(crate) enum Fault {
    /// The body ends after so many bytes: FIN.
    Cut(u64),
    /// The body ends after so many bytes: RST.
    Reset(u64),
    /// The body stops after so many bytes until the gate opens.
    Hold(u64, Gate),
    /// The request is not sent on until the gate opens.
    Await(Gate),
    /// The connection is reset without an answer.
    Refuse,
    /// These bytes are the answer, whatever was asked; the connection then ends.
    Answer(Vec<u8>),
    /// Range and If-Range do not reach the origin: everything is answered 200.
    IgnoreRange,
}

impl Fault {
    /// What ranges got after the move to another CDN (kubernetes/registry.k8s.io#333).
    pub(crate) fn bad_request() -> Self {
        let head = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/xml\r\nContent-Length: 8\r\n";
        Self::Answer((head.to_owned() + "Connection: close\r\n\r\n<Error/>").into())
    }

    /// Redirects every request to `to`.
    pub(crate) fn redirect(to: &str) -> Self {
        let head = format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {to}\r\nContent-Length: 0\r\n");
        Self::Answer((head + "Connection: close\r\n\r\n").into())
    }
}

/// How often a closed gate looks whether the client has gone away.
const LOOK: Duration = Duration::from_millis(100);

/// Closed until opened, once.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// Waits until it is open, or until nobody waits for what is behind it.
    fn wait(&self, is_gone: impl Fn() -> bool) {
        let (open, opened) = &*self.0;
        let mut open = open.lock().unwrap();
        while !*open && !is_gone() {
            (open, _) = opened.wait_timeout(open, LOOK).unwrap();
        }
    }
}

type Matcher = Box<dyn Fn(&Head) -> bool + Send>;
type Edit = Box<dyn Fn(&mut Head) + Send + Sync>;

struct State {
    upstream: SocketAddr,
    edit: Edit,
    armed: Mutex<Vec<(Matcher, Fault)>>,
    seen: Mutex<Vec<Head>>,
    open: AtomicUsize,
    stop: AtomicBool,
}

pub(crate) struct Relay {
    addr: SocketAddr,
    state: Arc<State>,
    acceptor: Option<JoinHandle<()>>,
}

impl Relay {
    pub(crate) fn before(upstream: SocketAddr) -> Self {
        Self::editing(upstream, |_| {})
    }

    /// Every request goes through `edit` first.
    pub(crate) fn editing(upstream: SocketAddr, edit: impl Fn(&mut Head) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let state = Arc::new(State {
            upstream,
            edit: Box::new(edit),
            armed: Mutex::default(),
            seen: Mutex::default(),
            open: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        let acceptor = Some(spawn(move || accept(&listener, &shared)));
        Self {
            addr,
            state,
            acceptor,
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// From now on, requests that match fail like this; the latest word holds.
    pub(crate) fn arm(&self, fault: Fault, matches: impl Fn(&Head) -> bool + Send + 'static) {
        self.state
            .armed
            .lock()
            .unwrap()
            .insert(0, (Box::new(matches), fault));
    }

    pub(crate) fn disarm(&self) {
        self.state.armed.lock().unwrap().clear();
    }

    /// Heads of the requests that came, as they came, before any edit.
    pub(crate) fn seen(&self) -> Vec<Head> {
        self.state.seen.lock().unwrap().clone()
    }

    /// The Range fields of the requests that came.
    pub(crate) fn ranges(&self) -> Vec<String> {
        self.seen()
            .iter()
            .filter_map(|request| request.get("range").map(str::to_owned))
            .collect()
    }

    /// Exchanges under way.
    pub(crate) fn open(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.addr));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    for client in listener.incoming() {
        if state.stop.load(Ordering::SeqCst) {
            return;
        }
        let (Ok(client), state) = (client, Arc::clone(state)) else {
            continue;
        };
        spawn(move || {
            state.open.fetch_add(1, Ordering::SeqCst);
            // An exchange that fails is seen by whoever asked; there is nobody else to tell.
            drop(exchange(client, &state));
            state.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

fn exchange(client: TcpStream, state: &State) -> Result<()> {
    let mut from_client = BufReader::new(client.try_clone()?);
    let Some(mut request) = Head::read(&mut from_client)? else {
        return Ok(());
    };
    state.seen.lock().unwrap().push(request.clone());
    let fault = {
        let armed = state.armed.lock().unwrap();
        armed
            .iter()
            .find(|(matches, _)| matches(&request))
            .map(|(_, fault)| fault.clone())
    };
    match &fault {
        Some(Fault::Refuse) => return Ok(set_socket_linger(&client, Some(Duration::ZERO))?),
        Some(Fault::Answer(answer)) => return (&client).write_all(answer),
        Some(Fault::Await(gate)) => gate.wait(|| state.stop.load(Ordering::SeqCst)),
        Some(Fault::IgnoreRange) => ["range", "if-range"].iter().for_each(|name| request.remove(name)),
        _ => {}
    }
    (state.edit)(&mut request);
    forward(client, from_client, request, state.upstream, fault)
}

/// How the client's connection ends.
#[derive(PartialEq)]
enum Ending {
    Fin,
    Rst,
}

fn forward(
    mut client: TcpStream,
    mut from_client: BufReader<TcpStream>,
    mut request: Head,
    upstream: SocketAddr,
    fault: Option<Fault>,
) -> Result<()> {
    let mut upstream = TcpStream::connect(upstream)?;
    request.set("Connection", "close");
    request.write(&mut upstream)?;
    let (mut to_upstream, gone) = (upstream.try_clone()?, upstream.try_clone()?);
    let is_silent = Arc::new(AtomicBool::new(false));
    let silent = Arc::clone(&is_silent);
    let pump = spawn(move || {
        drop(copy(&mut from_client, &mut to_upstream));
        // The client is done asking, or has gone away: in both cases nobody sends more.
        drop(to_upstream.shutdown(Shutdown::Write));
        silent.store(true, Ordering::SeqCst);
    });
    let ending = answer(&mut client, BufReader::new(upstream), fault, &is_silent);
    drop(gone.shutdown(Shutdown::Both));
    // Ends the pump without a word to the client: only the last handle on a socket decides between FIN and RST.
    drop(client.shutdown(Shutdown::Read));
    drop(pump.join());
    if ending? == Ending::Rst {
        set_socket_linger(&client, Some(Duration::ZERO))?;
    }
    Ok(())
}

fn answer(
    client: &mut TcpStream,
    mut upstream: impl BufRead,
    fault: Option<Fault>,
    is_gone: &AtomicBool,
) -> Result<Ending> {
    let mut head = loop {
        let Some(head) = Head::read(&mut upstream)? else {
            return Ok(Ending::Fin);
        };
        if head.status() != 100 {
            break head;
        }
        head.write(client)?;
    };
    head.set("Connection", "close");
    head.write(client)?;
    match fault {
        Some(Fault::Cut(after)) => drop(copy(&mut upstream.take(after), client)?),
        Some(Fault::Reset(after)) => {
            copy(&mut upstream.take(after), client)?;
            return Ok(Ending::Rst);
        }
        Some(Fault::Hold(after, gate)) => {
            copy(&mut upstream.by_ref().take(after), client)?;
            gate.wait(|| is_gone.load(Ordering::SeqCst));
            copy(&mut upstream, client)?;
        }
        _ => drop(copy(&mut upstream, client)?),
    }
    Ok(Ending::Fin)
}
