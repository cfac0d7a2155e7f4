/**
 * @import { Plan } from "../plan.js"
 * @import { Calls } from "../wasm.js"
 */

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { DataPlane } from "../data_plane.js";
import { context, deployment, planned, request, wasm } from "./sample.js";

const BLOB = "https://registry.example/v2/demo/hello/blobs/sha256:00";
const env = { ...deployment(async () => new Response()), ORIGIN: "https://origin.example" };
const { ctx } = context();

/** @param {Partial<Calls>} calls */
function isolate(calls) {
  const renew = mock.fn();
  return { plane: new DataPlane(wasm(calls), renew), renew };
}

const trap = () => {
  throw new WebAssembly.RuntimeError("unreachable");
};
const refusal = () => {
  throw new Error("the answer's lines do not match this build");
};

/**
 * @param {DataPlane} plane
 * @param {string} [method]
 */
const decide = (plane, method = "GET") => plane.decide(request(BLOB, { method }), new URL(BLOB), env);

beforeEach(() => mock.method(console, "error", () => {}));

test("whatever breaks, the pull goes to the deployment's origin and is counted", () => {
  for (const broken of [trap, refusal]) {
    const { plane } = isolate({ decide: broken });
    const plan = decide(plane, "HEAD");
    assert.deepEqual([plan.watched, plan.origin, plan.follow, plan.head], [false, env.ORIGIN, false, true]);
    assert.deepEqual([...plane.takeLosses()], [["decide_trap", 1]]);
  }
});

test("a trap makes the instance anew, what Rust refuses does not", () => {
  const configure = mock.fn(() => undefined);
  const refused = isolate({ configure, decide: refusal });
  decide(refused.plane);
  decide(refused.plane);
  assert.deepEqual([refused.renew.mock.callCount(), configure.mock.callCount()], [0, 1]);
  const trapped = isolate({ configure, decide: trap });
  decide(trapped.plane);
  decide(trapped.plane);
  assert.deepEqual([trapped.renew.mock.callCount(), configure.mock.callCount()], [2, 3]);
});

test("a request that cannot be read costs nobody else a record", () => {
  const { Settled } = wasm();
  const { plane, renew } = isolate({ settle: () => 7 * Settled.Buffered, decide: () => "go\n\n\n0\nid\n\n0" });
  plane.settleOwn(decide(plane), 403, "completed", env, ctx);
  const unreadable = { ...request(BLOB), headers: null };
  const plan = plane.decide(/** @type {ClientRequest} */ (/** @type {unknown} */ (unreadable)), new URL(BLOB), env);
  assert.deepEqual([plan.watched, plan.origin], [false, env.ORIGIN]);
  assert.deepEqual([[...plane.takeLosses()], renew.mock.callCount()], [[["decide_trap", 1]], 0]);
});

test("with an instance that traps, what it had buffered and what is under way is lost and counted", () => {
  let broken = false;
  const { Settled } = wasm();
  const settle = mock.fn(() => 7 * Settled.Buffered);
  const { plane } = isolate({ settle, decide: () => (broken ? trap() : "go\n\n\n0\nid\n\n0") });
  const [ended, underWay] = [decide(plane), decide(plane)];
  plane.settleOwn(ended, 403, "completed", env, ctx);
  broken = true;
  decide(plane);
  plane.settleOwn(underWay, 403, "completed", env, ctx);
  assert.equal(settle.mock.callCount(), 1, "another instance does not know the request");
  assert.deepEqual([...plane.takeLosses()], [["decide_trap", 1], ["records_lost", 7 + 1]]);
});

test("what Wasm counts between flushes is counted again where it traps", () => {
  const { Settled } = wasm();
  let broken = false;
  const { plane } = isolate({
    decide: () => (broken ? trap() : "go\n\n\n0\nid\n\n0"),
    settle: () => Settled.Lost + 7 * Settled.Buffered,
    unacknowledged: () => "history_evicted 5\nrecords_lost 7",
  });
  plane.settleOwn(decide(plane), 403, "completed", env, ctx);
  broken = true;
  decide(plane);
  assert.deepEqual([...plane.takeLosses()], [["decide_trap", 1], ["history_evicted", 5], ["records_lost", 7]]);
});

test("an instance that cannot be made anew fails no pull", () => {
  const plane = new DataPlane(wasm({ decide: trap }), trap);
  assert.equal(decide(plane).watched, false);
  assert.equal(decide(plane).watched, false);
});

test("an answer that cannot be settled is the client's all the same", () => {
  const { plane } = isolate({});
  const answer = Response.error(); // its status cannot be copied
  assert.equal(plane.settle(planned(), answer, request(BLOB), env, ctx), answer);
  assert.deepEqual([...plane.takeLosses()], [["settle_trap", 1]]);
});

/**
 * An answer as `fetch` can make it and the constructor of Response cannot.
 * @param {number} status
 */
const odd = (status) => Object.defineProperty(new Response("blob"), "status", { value: status });

test("a status that no answer of ours can have is the client's, whole, with a record", async () => {
  const settle = mock.fn(() => 0);
  for (const observe of [true, false]) {
    for (const status of [101, 204, 205, 304, 600, 999]) {
      settle.mock.resetCalls();
      const { plane } = isolate({ settle, answered: () => assert.fail("observed") });
      const answer = odd(status);
      assert.equal(plane.settle(planned({ observe }), answer, request(BLOB), env, ctx), answer);
      assert.equal(await answer.text(), "blob", `${status}`);
      assert.equal(settle.mock.callCount(), 1, `${status}`);
      assert.deepEqual([...plane.takeLosses()], [], `${status}`);
    }
  }
});

test("whatever breaks where a body is observed, the body is the client's, whole", async () => {
  const breaks = () => {
    throw new RangeError("told to by a test");
  };
  /**
   * @param {() => void} pipe how one is made
   * @param {Partial<Plan>} plan
   * @param {ExecutionContext} context
   */
  async function isWhole(pipe, plan, context) {
    Object.assign(globalThis, { IdentityTransformStream: class extends TransformStream { unbroken = pipe(); } });
    const { plane } = isolate({});
    const answer = plane.settle(planned({ observe: true, ...plan }), new Response("blob"), request(BLOB), env, context);
    assert.equal(await answer.text(), "blob");
    assert.deepEqual([...plane.takeLosses()], [["settle_trap", 1]]);
  }
  await isWhole(breaks, {}, ctx); // no pipe
  await isWhole(() => {}, { fired: "\u0100" }, ctx); // no such header
  await isWhole(() => {}, {}, { ...ctx, waitUntil: breaks }); // begun already
});

test("only what is watched gets headers and a record", () => {
  const settle = mock.fn(() => 0);
  const { plane } = isolate({ settle });
  const answer = new Response("blob");
  assert.equal(plane.settle(planned({ watched: false }), answer, request(BLOB), env, ctx), answer);
  assert.equal(settle.mock.callCount(), 0);
  assert.notEqual(plane.settle(planned(), answer, request(BLOB), env, ctx), answer);
  assert.equal(settle.mock.callCount(), 1);
});

test("a body is observed where the plan says so, there is one, and it is not coded", () => {
  Object.assign(globalThis, { IdentityTransformStream: TransformStream });
  const answered = mock.fn();
  const { plane } = isolate({ answered });
  /**
   * @param {Parameters<typeof planned>[0]} plan
   * @param {Response} answer
   */
  function isObserved(plan, answer) {
    answered.mock.resetCalls();
    plane.settle(planned(plan), answer, request(BLOB), env, ctx);
    return answered.mock.callCount() === 1;
  }
  assert.equal(isObserved({ observe: true }, new Response("blob")), true);
  assert.equal(isObserved({ observe: false }, new Response("blob")), false);
  assert.equal(isObserved({ observe: true, head: true }, new Response("blob")), false);
  assert.equal(isObserved({ observe: true }, new Response(null)), false);
  assert.equal(isObserved({ observe: true }, new Response("blob", { headers: { "content-encoding": "gzip" } })), false);
});

test("what settles says when to flush", () => {
  const { Settled } = wasm();
  /**
   * @param {number} settled
   * @param {Partial<Env>} [changes]
   */
  function flushed(settled, changes) {
    const { plane } = isolate({ settle: () => settled });
    const [now, later] = [mock.method(plane.flusher, "now", () => {}), mock.method(plane.flusher, "later", () => {})];
    plane.settleOwn(planned(), 403, "completed", { ...env, ...changes }, ctx);
    return [now.mock.callCount(), later.mock.callCount()];
  }
  assert.deepEqual(flushed(Settled.FlushNow + 9 * Settled.Buffered), [1, 0]);
  assert.deepEqual(flushed(Settled.FlushLater + 9 * Settled.Buffered), [0, 1]);
  assert.deepEqual(flushed(9 * Settled.Buffered), [0, 0]);
  assert.deepEqual(flushed(Settled.FlushNow, { BLOBWATCH_FLUSH: "off" }), [0, 0]);
});
