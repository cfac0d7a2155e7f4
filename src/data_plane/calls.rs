//! The synchronous calls: text in, text out, no I/O.
//!
//! JavaScript awaits; nothing here does. A panic in here is a trap: the entry counts it, makes the instance anew and
//! forwards the request as if Blobwatch were absent.

#![expect(
    unreachable_pub,
    reason = "what wasm-bindgen exports must be public, and nothing in Rust reaches it"
)]

use std::cell::RefCell;
use std::collections::HashMap;

use blobwatch_isolate::{Config, Isolate};
use blobwatch_pull::{ObservedAnswer, RecordId, known_colo};
use blobwatch_records::{Losses, Outgoing, fire_log_of, flush_path, rulebook_path as path_of_rulebook};
#[cfg(not(feature = "precompiled"))]
use blobwatch_rulebook::{Compiled, starter};
use blobwatch_rulebook::{OriginFailure, Program, unreachable};
use wasm_bindgen::prelude::{JsError, wasm_bindgen};

/// What [`settle`] answers is the sum of these. wasm-bindgen writes them into the module's JavaScript, so that they are numbers
/// there and said once.
#[wasm_bindgen]
pub enum Settled {
    FlushNow = 1,
    FlushLater = 2,
    /// Something was lost: [`unacknowledged`] says what.
    Lost = 4,
    /// Once for each record that no FireLog has acknowledged.
    Buffered = 8,
}

/// `config/rulebook.json`, compiled when this module was.
#[cfg(feature = "precompiled")]
fn shipped() -> Called<Program> {
    Program::decode(include_bytes!(concat!(env!("OUT_DIR"), "/rulebook.bin"))).map_err(refused)
}

/// `config/rulebook.json`, compiled now.
#[cfg(not(feature = "precompiled"))]
fn shipped() -> Called<Program> {
    let starter = starter().map_err(refused)?;
    Ok(Program::from(Compiled::build(starter).map_err(refused)?))
}

struct Plane {
    isolate: Isolate,
    /// Flushes that JavaScript has taken, by path.
    sending: HashMap<String, Outgoing>,
}

thread_local! {
    static PLANE: RefCell<Option<Plane>> = const { RefCell::new(None) };
}

type Called<T> = Result<T, JsError>;

fn with<T>(body: impl FnOnce(&mut Plane) -> Called<T>) -> Called<T> {
    PLANE.with_borrow_mut(|plane| match plane {
        Some(plane) => body(plane),
        None => Err(JsError::new("the data plane is not configured")),
    })
}

/// Runs once for each instance of the module: what a panic says, and the stack, go to the log before it becomes a trap,
/// which says nothing.
#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// Starts the isolate's state with what the deployment says; `isolate` is 12 random hex digits. Answers what of it cannot be
/// used and is left out, for the log.
#[wasm_bindgen]
pub fn configure(
    isolate: &str,
    secret: &str,
    tokens: &str,
    origin: &str,
    cloud_prefixes: &[u8],
) -> Called<Option<String>> {
    let (config, errors) = Config::read(isolate, secret, tokens, origin, cloud_prefixes).map_err(refused)?;
    let plane = Plane {
        isolate: Isolate::new(config, shipped()?),
        sending: HashMap::new(),
    };
    PLANE.with_borrow_mut(|slot| *slot = Some(plane));
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    Ok(Some(errors.join("; ")).filter(|errors| !errors.is_empty()))
}

/// Facts in (`crates/pull/src/facts.rs`), as UTF-8; plan out (`crates/rulebook/src/plan.rs`).
#[wasm_bindgen]
pub fn decide(facts: &[u8], confirmed: bool) -> Called<String> {
    let facts = std::str::from_utf8(facts).map_err(refused)?;
    #[cfg(feature = "test-hooks")]
    panic_if_told(facts);
    with(|plane| {
        let plan = plane.isolate.decide(facts, confirmed).map_err(refused)?;
        #[cfg(feature = "test-hooks")]
        TRAP_IN_SETTLE.set(TRAP_IN_SETTLE.get() || facts.contains("\nblobwatch-test-trap:settle"));
        Ok(plan.to_string())
    })
}

/// A plain Error for JavaScript: the instance stays whole.
fn refused(error: impl std::fmt::Display) -> JsError {
    JsError::new(&error.to_string())
}

/// The origin answered and the body is observed: keeps what is known until [`settle`]. `said` as for [`settle`].
#[wasm_bindgen]
pub fn answered(id: &str, said: &str) -> Called<()> {
    with(|plane| {
        let (id, said) = read(id, said)?;
        plane.isolate.answered(id, &said);
        Ok(())
    })
}

/// Completes a record: `said` is status, Content-Range, Content-Length, Content-Type, outcome and time, one a line.
/// Answers when to flush, whether something was lost, and how many records wait, as [`Settled`] counts them.
#[wasm_bindgen]
pub fn settle(id: &str, said: &str) -> Called<u32> {
    #[cfg(feature = "test-hooks")]
    if TRAP_IN_SETTLE.replace(false) {
        std::process::abort();
    }
    with(|plane| {
        let (id, said) = read(id, said)?;
        plane.isolate.settle(id, &said);
        let due = match plane.isolate.flush_due_ms() {
            None => 0,
            Some(at) if at <= said.time_ms => Settled::FlushNow as u32,
            Some(_) => Settled::FlushLater as u32,
        };
        let lost = u32::from(plane.isolate.has_lost()) * Settled::Lost as u32;
        // At most `MAX_BUFFERED_RECORDS`.
        let buffered = plane.isolate.buffered() as u32;
        Ok(due + lost + buffered * Settled::Buffered as u32)
    })
}

fn read<'a>(id: &str, said: &'a str) -> Called<(RecordId, ObservedAnswer<'a>)> {
    let id = id
        .parse()
        .map_err(|_| JsError::new("the id is not a record id"))?;
    let said = ObservedAnswer::parse(said)
        .ok_or_else(|| JsError::new("the answer's lines do not match this build"))?;
    Ok((id, said))
}

/// Status, Proxy-Status and body of the answer when the origin gave none, one a line; `id` is empty where the request
/// is not watched.
#[wasm_bindgen]
pub fn no_answer(id: &str) -> String {
    let refusal = unreachable(id.parse().ok(), OriginFailure::Unavailable);
    format!("{}\n{}\n{}", refusal.status, refusal.proxy_status, refusal.body)
}

/// Path of the call that reads the rulebook from a colo's FireLog.
#[wasm_bindgen]
pub fn rulebook_path(colo: &str) -> Called<String> {
    with(|plane| Ok(path_of_rulebook(known_colo(colo), plane.isolate.held())))
}

/// What the edge lost since it last said so: a name and a count a line.
#[wasm_bindgen]
pub fn count_losses(losses: &str, colo: &str, now_ms: f64) -> Called<()> {
    let colo = known_colo(colo);
    with(|plane| {
        for line in losses.lines() {
            let (name, times) = line.split_once(' ').unwrap_or((line, "1"));
            let times = times.parse().unwrap_or(u32::MAX);
            plane.isolate.count_loss(colo, name, times, now_ms as u64);
        }
        Ok(())
    })
}

/// What is lost with this instance where it traps now: a name and a count a line, as [`count_losses`] takes them.
#[wasm_bindgen]
pub fn unacknowledged() -> Called<String> {
    with(|plane| Ok(lines(&plane.isolate.unacknowledged())))
}

fn lines(losses: &Losses) -> String {
    let lines: Vec<String> = losses
        .iter()
        .map(|(name, times)| format!("{name} {times}"))
        .collect();
    lines.join("\n")
}

/// Path of the next flush that is due; its body is [`flush_body`]. Empty while something waits that is not due yet.
#[wasm_bindgen]
pub fn next_flush(now_ms: f64) -> Called<Option<String>> {
    with(|plane| {
        let Some(outgoing) = plane.isolate.next_flush(now_ms as u64) else {
            return Ok(plane.isolate.flush_due_ms().map(|_| String::new()));
        };
        let path = flush_path(&outgoing.to);
        plane.sending.insert(path.clone(), outgoing);
        Ok(Some(path))
    })
}

/// The bytes of a flush that [`next_flush`] named.
#[wasm_bindgen]
pub fn flush_body(path: &str) -> Called<Vec<u8>> {
    with(|plane| {
        let outgoing = plane
            .sending
            .get_mut(path)
            .ok_or_else(|| JsError::new("no such flush"))?;
        Ok(std::mem::take(&mut outgoing.body))
    })
}

/// What of [`unacknowledged`] is in a flush that [`next_flush`] named.
#[wasm_bindgen]
pub fn flush_carries(path: &str) -> Called<String> {
    with(|plane| {
        let outgoing = plane.sending.get(path);
        Ok(outgoing
            .map(|outgoing| lines(&outgoing.carries))
            .unwrap_or_default())
    })
}

/// No FireLog took the flush: it is kept and sent again.
#[wasm_bindgen]
pub fn flush_failed(path: &str, now_ms: f64) -> Called<()> {
    with(|plane| {
        if let Some(outgoing) = plane.sending.remove(path) {
            plane
                .isolate
                .flush_failed(&outgoing.to, outgoing.ticket, now_ms as u64);
        }
        Ok(())
    })
}

/// Takes over the answer to a flush or to a read of the rulebook. Answers whether the rulebook held is the current one.
#[wasm_bindgen]
pub fn learn(path: &str, reply: &[u8], now_ms: f64) -> Called<bool> {
    with(|plane| {
        plane.sending.remove(path);
        let from = fire_log_of(path);
        plane.isolate.learn(from, reply, now_ms as u64).map_err(refused)
    })
}

#[cfg(feature = "test-hooks")]
thread_local! {
    static TRAP_IN_SETTLE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// A real panic, for the tests of what happens then.
#[cfg(feature = "test-hooks")]
#[expect(clippy::panic, reason = "what it is for")]
fn panic_if_told(facts: &str) {
    if facts.contains("\nblobwatch-test-trap:decide") {
        panic!("told to by a test");
    }
}
