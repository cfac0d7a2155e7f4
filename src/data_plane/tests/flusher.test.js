/** @import { Calls } from "../wasm.js" */

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { DataPlane } from "../data_plane.js";
import { context, deployment, request, stopClock, wasm } from "./sample.js";

const asked = request("https://registry.example/v2/", {}, { colo: "IAD" });
const answers = async (/** @type {string} */ _url) => new Response("reply");
const fails = async (/** @type {string} */ _url) => new Response("", { status: 503 });

let clock = stopClock();
/** What waits for time to pass. @type {{ ms: number, pass: () => void }[]} */
let waits = [];

beforeEach(() => {
  clock = stopClock();
  waits = [];
  const wait = (/** @type {number} */ ms) => new Promise((resolve) => waits.push({ ms, pass: () => resolve(undefined) }));
  Object.assign(globalThis, { scheduler: { wait } });
  mock.method(console, "error", () => {});
  mock.method(console, "warn", () => {});
});

/** @param {Partial<Calls>} [calls] */
const isolate = (calls) => new DataPlane(wasm(calls), () => {});

/** Flushes that are due, one after another. @param {(string | undefined)[]} paths */
const due = (...paths) => mock.fn(() => paths.shift());

/** All that goes on in the background, and what it begins. @param {Promise<unknown>[]} waited */
async function settled(waited) {
  for (const work of waited) await work; // the list grows
}

test("a rulebook counts as confirmed for three and a half seconds", async () => {
  const plane = isolate();
  const { ctx, waited } = context();
  assert.equal(plane.flusher.isConfirmed(), false);
  await plane.flusher.refresh(asked, deployment(answers), ctx);
  await settled(waited);
  clock.tick(3_499);
  assert.equal(plane.flusher.isConfirmed(), true);
  clock.tick(1);
  assert.equal(plane.flusher.isConfirmed(), false);
});

test("a clock that is set back confirms nothing and delays nothing", async () => {
  for (const back of [2_000, 20_000, 3_600_000]) {
    clock = stopClock();
    waits = [];
    const plane = isolate();
    const { ctx, waited } = context();
    const fireLog = mock.fn(answers);
    await plane.flusher.refresh(asked, deployment(fireLog), ctx);
    await settled(waited);
    plane.flusher.later(deployment(fireLog), ctx);
    clock.setTime(Date.now() - back);
    assert.equal(plane.flusher.isConfirmed(), false);
    await plane.flusher.refresh(asked, deployment(fireLog), ctx);
    assert.equal(fireLog.mock.callCount(), 2, "asked again");
    const timers = waits.length;
    plane.flusher.later(deployment(fireLog), ctx);
    assert.equal(waits.length, timers + 1, "a timer of its own");
  }
});

test("a reply without the current rulebook confirms nothing", async () => {
  const plane = isolate({ learn: () => false });
  const { ctx, waited } = context();
  await plane.flusher.refresh(asked, deployment(answers), ctx);
  await settled(waited);
  assert.equal(plane.flusher.isConfirmed(), false);
});

test("a pull waits 50 ms for a FireLog, and the next one not at all", async () => {
  const plane = isolate();
  const { ctx } = context();
  const silent = mock.fn(() => new Promise(() => {}));
  const env = deployment(/** @type {() => Promise<Response>} */ (silent));
  const waiting = plane.flusher.refresh(asked, env, ctx);
  assert.deepEqual(waits.map(({ ms }) => ms), [50]);
  waits[0]?.pass();
  await waiting;
  clock.tick(999);
  await plane.flusher.refresh(asked, env, ctx);
  assert.equal(silent.mock.callCount(), 1);
  clock.tick(1);
  void plane.flusher.refresh(asked, env, ctx);
  assert.equal(silent.mock.callCount(), 2);
});

test("a FireLog that cannot be asked is counted", async () => {
  const plane = isolate();
  const { ctx, waited } = context();
  await plane.flusher.refresh(asked, deployment(fails), ctx);
  await settled(waited);
  assert.deepEqual([...plane.takeLosses()], [["rulebook_unread", 1]]);
});

test("what is due is sent, FireLog by FireLog", async () => {
  const plane = isolate({ next_flush: due("fl1-IAD-0/flush", "fl1-IAD-1/flush") });
  const { ctx, waited } = context();
  const fireLog = mock.fn(answers);
  plane.flusher.now(deployment(fireLog), ctx);
  await settled(waited);
  const urls = fireLog.mock.calls.map(({ arguments: [url] }) => url);
  assert.deepEqual(urls, ["https://fire-log/fl1-IAD-0/flush", "https://fire-log/fl1-IAD-1/flush"]);
});

test("a FireLog that hangs holds nothing up but a sixth of what goes side by side", async () => {
  const paths = Array.from({ length: 20 }, (_, place) => `fl1-IAD-${place}/flush`);
  const plane = isolate({ next_flush: due(...paths) });
  const { ctx } = context();
  let [underWay, most] = [0, 0];
  const fireLog = mock.fn(async (/** @type {string} */ url) => {
    most = Math.max(most, (underWay += 1));
    await (url.includes("-3/") ? new Promise(() => {}) : new Promise((resolve) => void setImmediate(resolve)));
    underWay -= 1;
    return new Response("reply");
  });
  plane.flusher.now(deployment(fireLog), ctx);
  while (fireLog.mock.callCount() < 20) await new Promise((resolve) => void setImmediate(resolve));
  assert.equal(most, 6);
});

test("after a batch the next one for the same FireLog is asked for", async () => {
  const flushes = due("fl1-IAD-0/flush", undefined, "fl1-IAD-0/flush", undefined);
  const plane = isolate({ next_flush: flushes });
  const { ctx, waited } = context();
  const fireLog = mock.fn(answers);
  plane.flusher.now(deployment(fireLog), ctx);
  await settled(waited);
  assert.deepEqual([fireLog.mock.callCount(), flushes.mock.callCount()], [2, 5]);
});

test("a flush that fails is kept, and tried a second later", async () => {
  const kept = mock.fn();
  const plane = isolate({ next_flush: due("fl1-IAD-0/flush", ""), flush_failed: kept });
  const { ctx, waited } = context();
  plane.flusher.now(deployment(fails), ctx);
  await waited[0];
  assert.equal(kept.mock.callCount(), 1);
  assert.deepEqual(waits.map(({ ms }) => ms), [1000]);
});

test("a FireLog that stores nothing is known until it stores", async () => {
  const plane = isolate({ next_flush: due("fl1-IAD-0/flush", "", "fl1-IAD-0/flush") });
  const { ctx, waited } = context();
  const state = () => [plane.state().fire_logs, plane.state().reasons, plane.state().untold];
  const refuses = async () => Response.json({ detail: "the disk is full" }, { status: 503 });
  plane.flusher.now(deployment(refuses), ctx);
  await waited[0];
  const reason = "FireLog fl1-IAD-0 stores nothing since 2020-07-05T19:00:00.000Z: fl1-IAD-0/flush: status 503: the disk is full";
  const failing = [["fl1-IAD-0"], [reason], { flush_failed: 1 }];
  assert.deepEqual(state(), failing);
  await plane.flusher.refresh(asked, deployment(answers), ctx);
  await Promise.resolve(waited.at(-1));
  assert.deepEqual(state(), failing, "it tells the rulebook, and stores nothing");
  waits[0]?.pass();
  plane.flusher.now(deployment(answers), ctx);
  await waited.at(-1);
  assert.deepEqual(state(), [["fl1-IAD-0"], [], {}]);
});

test("a FireLog whose answer cannot be read stores nothing", async () => {
  const plane = isolate({ learn: () => { throw new Error("nonsense"); } });
  const { ctx, waited } = context();
  await plane.flusher.refresh(asked, deployment(answers), ctx);
  await waited[0];
  assert.match(plane.state().reasons[0] ?? "", /its answer cannot be read/);
});

test("one timer is set at a time, and one that died with its request is set again", () => {
  const plane = isolate();
  const { ctx } = context();
  plane.flusher.later(deployment(answers), ctx);
  clock.tick(1_999);
  plane.flusher.later(deployment(answers), ctx);
  assert.equal(waits.length, 1);
  clock.tick(1);
  plane.flusher.later(deployment(answers), ctx);
  assert.equal(waits.length, 2);
});

test("a timer that went off can be set again", async () => {
  const flushes = due(undefined);
  const plane = isolate({ next_flush: flushes });
  const { ctx, waited } = context();
  plane.flusher.later(deployment(answers), ctx);
  waits[0]?.pass();
  await settled(waited);
  assert.equal(flushes.mock.callCount(), 1);
  plane.flusher.later(deployment(answers), ctx);
  assert.equal(waits.length, 2);
});

test("what one instance sent another does not learn from", async () => {
  const [learn, kept] = [mock.fn(() => true), mock.fn()];
  for (const answering of [answers, fails]) {
    const plane = isolate({ learn, flush_failed: kept, next_flush: due("fl1-IAD-0/flush") });
    const { ctx, waited } = context();
    const traps = () => {
      plane.generation += 1;
      return answering("");
    };
    plane.flusher.now(deployment(traps), ctx);
    await settled(waited);
  }
  assert.deepEqual([learn.mock.callCount(), kept.mock.callCount()], [0, 0]);
});

test("losses go with the next flush, and stay counted where they cannot be told", async () => {
  const told = mock.fn();
  const plane = isolate({ count_losses: told });
  const { ctx, waited } = context();
  plane.count("settle_trap", 2);
  plane.count("records_lost", 3);
  plane.flusher.now(deployment(answers), ctx);
  await settled(waited);
  assert.equal(told.mock.calls[0]?.arguments[0], "settle_trap 2\nrecords_lost 3");
  assert.deepEqual([...plane.takeLosses()], []);

  const refused = isolate({ count_losses: () => assert.fail() });
  refused.count("settle_trap", 2);
  refused.flusher.now(deployment(answers), ctx);
  await settled(waited);
  assert.deepEqual([...refused.takeLosses()], [["flush_trap", 1], ["settle_trap", 2]]);
});

/** An instance with one flush to send, and what is lost with it unless a FireLog acknowledges it. @param {Partial<Calls>} calls */
function holding(calls) {
  let unacknowledged = "records_lost 3\nsettle_trap 2";
  const plane = isolate({
    decide: () => assert.fail(), // as bad as a trap
    next_flush: due("fl1-IAD-0/flush"),
    flush_carries: () => "records_lost 2\nsettle_trap 2",
    unacknowledged: () => unacknowledged,
    learn: () => {
      unacknowledged = "records_lost 1";
      return true;
    },
    ...calls,
  });
  return plane;
}
const trapped = (/** @type {DataPlane} */ plane) => plane.decide(asked, new URL(asked.url), deployment(answers));

test("what a trap loses is what no FireLog acknowledged", async () => {
  const { ctx, waited } = context();
  const acknowledged = holding({});
  acknowledged.flusher.now(deployment(answers), ctx);
  await settled(waited);
  trapped(acknowledged);
  assert.deepEqual([...acknowledged.takeLosses()], [["decide_trap", 1], ["records_lost", 1]]);

  const refused = holding({});
  const later = context();
  refused.flusher.now(deployment(fails), later.ctx);
  await later.waited[0]; // the next try waits
  trapped(refused);
  assert.deepEqual([...refused.takeLosses()], [["decide_trap", 1], ["records_lost", 3], ["settle_trap", 2]]);
  trapped(refused);
  assert.deepEqual([...refused.takeLosses()], [["decide_trap", 1]], "once");
});

test("losses that were told are counted again where the instance traps before a FireLog has them", async () => {
  let told = "";
  const plane = holding({
    next_flush: () => undefined,
    count_losses: (losses) => {
      told = losses;
    },
    unacknowledged: () => told,
  });
  const { ctx, waited } = context();
  plane.count("rulebook_unread", 4);
  plane.flusher.now(deployment(answers), ctx);
  await settled(waited);
  trapped(plane);
  assert.deepEqual([...plane.takeLosses()], [["decide_trap", 1], ["rulebook_unread", 4]]);
});

test("of a flush that is under way when the instance traps, the answer decides", async () => {
  for (const [answering, lost] of /** @type {const} */ ([[answers, []], [fails, [["records_lost", 2], ["settle_trap", 2]]]])) {
    const plane = holding({});
    const { ctx, waited } = context();
    const traps = () => {
      trapped(plane);
      assert.deepEqual([...plane.takeLosses()], [["decide_trap", 1], ["records_lost", 1]]);
      return answering("");
    };
    plane.flusher.now(deployment(traps), ctx);
    await settled(waited);
    assert.deepEqual([...plane.takeLosses()], lost);
  }
});

test("an instance made anew knows no rulebook and asks at once", async () => {
  const plane = isolate({ decide: () => assert.fail() }); // as bad as a trap
  const { ctx, waited } = context();
  const fireLog = mock.fn(answers);
  await plane.flusher.refresh(asked, deployment(fireLog), ctx);
  await settled(waited);
  assert.equal(plane.flusher.isConfirmed(), true);
  plane.decide(asked, new URL(asked.url), deployment(fireLog));
  assert.equal(plane.flusher.isConfirmed(), false);
  await plane.flusher.refresh(asked, deployment(fireLog), ctx);
  assert.equal(fireLog.mock.callCount(), 2);
});
