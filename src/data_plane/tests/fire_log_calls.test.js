import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { objectsPort } from "../../control_plane/objects_port.js";
import { DataPlane } from "../data_plane.js";
import { context, request, sample, stopClock, wasm } from "./sample.js";

/** As Rust answers them (`crates/fire-log/src/object_calls.rs`): binding, method, address. */
const CALLS = sample("fire_log_calls").split("\n").map((line) => {
  const [binding = "", method = "", address = ""] = line.split(" ");
  const path = address.slice("https://fire-log/".length);
  return { line, binding, method, path, name: path.slice(0, path.indexOf("/")) };
});

/** What reached an object. @type {string[]} */
let reached = [];

/** A deployment with nothing but that namespace. @param {string} binding */
const bound = (binding) => {
  const called = (/** @type {string} */ name) => async (/** @type {string | Request} */ asked, /** @type {RequestInit} */ init = {}) => {
    const { url, method = "GET" } = typeof asked === "string" ? { url: asked, ...init } : asked;
    reached.push(`${name} ${binding} ${method} ${url}`);
    return new Response("reply");
  };
  const namespace = { idFromName: (/** @type {string} */ name) => name, get: (/** @type {string} */ name) => ({ fetch: called(name) }) };
  return /** @type {Env} */ (/** @type {unknown} */ ({ [binding]: namespace, OBJECTS_CERTIFICATES: "required" }));
};

beforeEach(() => {
  stopClock();
  reached = [];
  Object.assign(globalThis, { scheduler: { wait: () => new Promise(() => {}) } });
  mock.method(console, "error", assert.fail);
  mock.method(console, "warn", assert.fail);
});

test("an isolate calls its FireLogs where they answer", async () => {
  for (const { line, binding, method, path, name } of CALLS) {
    const flushes = [method === "POST" ? path : undefined];
    const plane = new DataPlane(wasm({ rulebook_path: () => path, next_flush: () => flushes.shift() }), () => {});
    const { ctx, waited } = context();
    if (method === "GET") void plane.flusher.refresh(request("https://registry.example/v2/"), bound(binding), ctx);
    else plane.flusher.now(bound(binding), ctx);
    for (const work of waited) await work;
    assert.deepEqual(reached.splice(0), [`${name} ${line}`]);
  }
});

test("the port of the objects' host lets each of these calls through", async () => {
  for (const { line, binding, method, path, name } of CALLS) {
    const asked = request(`https://objects/fire-logs/${path}`, { method, ...(method === "POST" && { body: "batch" }) });
    assert.equal((await objectsPort.fetch(asked, bound(binding), context().ctx)).status, 200);
    assert.deepEqual(reached.splice(0), [`${name} ${line}`]);
  }
});
