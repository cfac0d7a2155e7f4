import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { callFireLog, controlElsewhere, sameSecret } from "../objects_host.js";
import { request } from "./sample.js";

const state = { reasons: ["a fault of its own"], fire_logs: ["fl1-akl-0"], untold: {} };

/** @param {(asked: Request) => Promise<Response>} fetch */
const elsewhere = (fetch) => {
  const objects = /** @type {Fetcher} */ (/** @type {unknown} */ ({ fetch }));
  const env = /** @type {Env} */ ({ OBJECTS: objects, OBJECTS_SECRET: "s", BLOBWATCH_CLIENT_SECRET: "c" });
  return { objects, env };
};

/**
 * @param {string} path
 * @param {(asked: Request) => Promise<Response>} fetch
 * @param {RequestInit} [init]
 */
const ask = (path, fetch, init) => {
  const { objects, env } = elsewhere(fetch);
  const asked = request(`http://registry.example${path}`, init, { clientIp: "192.0.2.7" });
  return controlElsewhere(asked, new URL(asked.url), env, objects, state);
};

beforeEach(() => {
  mock.timers.reset();
  mock.method(console, "error", () => {});
});

test("a flush goes to the objects' host with the secret, and to the object where that is here", async () => {
  const fetch = mock.fn(async (/** @type {unknown} */ _url, /** @type {unknown} */ _init) => new Response(""));
  const { env } = elsewhere(/** @type {(asked: Request) => Promise<Response>} */ (/** @type {unknown} */ (fetch)));
  await callFireLog(env, "fl1-akl-0/rulebook?held=1", { method: "GET" });
  assert.deepEqual(fetch.mock.calls[0]?.arguments, [
    "https://objects/fire-logs/fl1-akl-0/rulebook?held=1",
    { method: "GET", headers: { "blobwatch-objects-secret": "s" }, redirect: "manual" },
  ]);
  const FIRE_LOG = { idFromName: (/** @type {string} */ name) => name, get: (/** @type {string} */ name) => ({ fetch: (/** @type {string} */ url) => `${name} ${url}` }) };
  const here = /** @type {Env} */ (/** @type {unknown} */ ({ FIRE_LOG }));
  assert.equal(callFireLog(here, "fl1-akl-0/flush", {}), "fl1-akl-0 https://fire-log/fl1-akl-0/flush");
});

test("a call of the control plane keeps its address and credentials, and a client's claims are replaced", async () => {
  const fetch = mock.fn(async (/** @type {Request} */ _asked) => new Response("", { status: 302, headers: { Location: "/elsewhere" } }));
  const headers = { Authorization: "Bearer t", "Blobwatch-Objects-Secret": "a guess" };
  const answer = await ask("/_blobwatch/api/v1/rules?limit=5", fetch, { headers });
  const asked = fetch.mock.calls[0]?.arguments[0];
  assert.equal(asked?.url, "http://registry.example/_blobwatch/api/v1/rules?limit=5");
  assert.equal(asked?.redirect, "manual");
  assert.deepEqual(["authorization", "blobwatch-objects-secret"].map((name) => asked?.headers.get(name)), ["Bearer t", "s"]);
  assert.equal(answer.status, 302, "redirects are the caller's");
});

test("without an answer a call is a problem, and health is of this data plane alone", async () => {
  const dead = async () => Promise.reject(new Error("connection refused"));
  const called = await ask("/_blobwatch/api/v1/rules", dead);
  assert.deepEqual([called.status, called.headers.get("content-type")], [503, "application/problem+json"]);
  assert.match(await called.text(), /the objects' host does not answer; pulls go on/);
  const broken = async () => new Response("nonsense", { status: 503 });
  const stranger = async () => new Response("", { status: 403 });
  for (const [fetch, why] of /** @type {const} */ ([[dead, "connection refused"], [broken, "answered 503"], [stranger, "answered 403"]])) {
    const health = await ask("/_blobwatch/healthz", fetch);
    assert.equal(health.status, 200, "pulls go on: nobody may take it out of service");
    const { status, reasons } = /** @type {{ status: string, reasons: string[] }} */ (await health.json());
    assert.equal(status, "degraded");
    assert.equal(reasons[0], "a fault of its own");
    assert.match(reasons[1] ?? "", new RegExp(why));
    assert.equal((await ask("/_blobwatch/healthz?ready", fetch)).status, 503);
  }
});

test("an objects' host that hangs is not waited for", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  /** Hangs until it is given up. @param {Request} asked @returns {Promise<Response>} */
  const hangs = (asked) => new Promise((_, reject) => asked.signal.addEventListener("abort", () => reject(asked.signal.reason)));
  const asked = mock.fn(hangs);
  const health = ask("/_blobwatch/healthz", asked);
  while (asked.mock.callCount() === 0) await new Promise((resolve) => void setImmediate(resolve));
  mock.timers.tick(800);
  assert.equal((await health).status, 200);
});

test("two hosts compare their secrets without telling them", async () => {
  const of = (/** @type {string} */ secret) => sameSecret(/** @type {Env} */ ({ BLOBWATCH_CLIENT_SECRET: secret }));
  assert.equal(await of("a"), await of("a"));
  assert.notEqual(await of("a"), await of("b"));
  assert.match(await of("a"), /^[0-9a-f]{16}$/);
});
