import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { misconfigured, passedOn, refuse, unreachable, withHeaders } from "../answer.js";
import { DataPlane } from "../data_plane.js";
import { context, deployment, planned, request, wasm } from "./sample.js";

const ID = "01M85086S2MDP1HBJCFM000006";
const REFUSAL = { status: 429, proxyStatus: "blobwatch;error=http_request_denied", retryAfter: "60", body: "{}" };
const env = deployment(async () => new Response());
const { ctx } = context();

/** @param {Response} answer */
const shown = async (answer) => [answer.status, Object.fromEntries(answer.headers), await answer.text()];

/**
 * What is settled for an answer that is ours.
 * @param {(plane: DataPlane) => Response} answering
 */
function answered(answering) {
  /** @type {string[][]} */
  const settled = [];
  const plane = new DataPlane(wasm({ settle: (id, said) => settled.push([id, ...said.split("\n").slice(0, 8)]) && 0 }), () => {});
  return { answer: answering(plane), settled };
}

beforeEach(() => mock.method(console, "error", () => {}));

test("status and headers are the origin's, with the record's id", async () => {
  const headers = { "content-type": "application/octet-stream", "content-range": "bytes 0-3/9", etag: "e" };
  const origin = new Response("blob", { status: 206, headers: { ...headers, "blobwatch-id": "forged" } });
  const answer = withHeaders(origin, origin.body, planned());
  assert.deepEqual(await shown(answer), [206, { ...headers, "blobwatch-id": ID }, "blob"]);
});

test("what fired is told where it is disclosed", () => {
  assert.equal(withHeaders(new Response(), null, planned({ fired: "sweep;v=1" })).headers.get("blobwatch-fired"), "sweep;v=1");
  assert.equal(withHeaders(new Response(), null, planned()).headers.has("blobwatch-fired"), false);
});

test("on Cloudflare a blob is not coded anew behind the worker", () => {
  /** @param {string} [PLATFORM] @param {HeadersInit} [headers] */
  const control = (PLATFORM, headers) => passedOn(new Response("", headers && { headers }), null, planned(), { ...env, ...(PLATFORM && { PLATFORM }) }).headers.get("cache-control");
  assert.equal(control("workerd"), null);
  assert.equal(control("cloudflare"), "no-transform");
  assert.equal(control("cloudflare", { "cache-control": "max-age=60" }), "max-age=60, no-transform");
  assert.equal(control("cloudflare", { "cache-control": "No-Transform, private" }), "No-Transform, private");
});

test("a refusal is the envelope, and HEAD gets no body", async () => {
  for (const head of [true, false]) {
    const { answer, settled } = answered((plane) => refuse(plane, planned({ head }), REFUSAL, env, ctx));
    const headers = { "content-type": "application/json", "proxy-status": REFUSAL.proxyStatus, "retry-after": "60", "blobwatch-id": ID };
    assert.deepEqual(await shown(answer), [429, headers, head ? "" : "{}"]);
    assert.deepEqual(settled, [[ID, "429", "", "", "", "", "", "", "completed"]]);
  }
});

test("without an answer of the origin only what is watched has a record", async () => {
  const headers = { "content-type": "application/json", "proxy-status": "proxy status" };
  const watched = answered((plane) => unreachable(plane, planned(), new Error("refused"), env, ctx));
  assert.deepEqual(await shown(watched.answer), [502, { ...headers, "blobwatch-id": ID }, "{}"]);
  assert.deepEqual(watched.settled, [[ID, "0", "", "", "", "", "", "", "origin_failed"]]);
  const passed = answered((plane) => unreachable(plane, planned({ watched: false }), new Error("refused"), env, ctx));
  assert.deepEqual(await shown(passed.answer), [502, headers, "{}"]);
  assert.deepEqual(passed.settled, []);
});

test("the log has no query of an address", () => {
  const logged = mock.method(console, "error", () => {});
  answered((plane) => unreachable(plane, planned(), new TypeError("Invalid URL: https://b.example/x?X-Amz-Signature=s3cr3t#s3cr3t end"), env, ctx));
  assert.deepEqual(logged.mock.calls.map(({ arguments: [line] }) => JSON.parse(line)), [
    { level: "error", message: "failed to reach the origin", route: "demo", id: ID, cause: "TypeError: Invalid URL: https://b.example/x?… end" },
  ]);
});

test("without an answer of Wasm there is one all the same", async () => {
  const plane = new DataPlane(wasm({ no_answer: () => assert.fail() }), () => {});
  const answer = unreachable(plane, planned({ watched: false }), new Error("refused"), env, ctx);
  const headers = { "content-type": "application/json", "proxy-status": "blobwatch; error=destination_unavailable" };
  assert.deepEqual(await shown(answer), [502, headers, ""]);
});

test("what is our own deployment's fault is said, logged once and shown", async () => {
  const fault = { status: 508, error: "proxy_loop_detected", message: 'route "demo" comes back' };
  const headers = { "content-type": "application/json", "proxy-status": "blobwatch;error=proxy_loop_detected" };
  const body = (/** @type {object | null} */ detail) => JSON.stringify({ errors: [{ code: "UNAVAILABLE", message: fault.message, detail }] });
  const plane = new DataPlane(wasm(), () => {});
  const logged = mock.method(console, "error", () => {});
  const asked = request("https://registry.example/", { method: "PUT", body: "x".repeat(100) });
  const watched = await misconfigured(asked, plane, planned(), fault, env, ctx);
  assert.deepEqual(await shown(watched), [508, { ...headers, "blobwatch-id": ID }, body({ id: ID })]);
  assert.equal(asked.bodyUsed, true);
  const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1 << 16)) });
  const large = request("https://registry.example/", /** @type {RequestInit} */ ({ method: "PUT", body: endless, duplex: "half" }));
  const passed = await misconfigured(large, plane, planned({ watched: false, id: "" }), fault, env, ctx);
  assert.deepEqual(await shown(passed), [508, headers, body(null)]);
  assert.deepEqual([logged.mock.callCount(), plane.health.reasons()], [1, [fault.message]]);
});
