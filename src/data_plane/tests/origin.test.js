import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";

import { forward } from "../origin.js";
import { planned, request } from "./sample.js";

const CLIENT = "https://registry.example/v2/demo/hello/blobs/sha256:00?ns=docker.io";
const ORIGIN = "https://origin.example:5000";

/**
 * What the origin is asked.
 * @param {ClientRequest} asked
 * @param {Parameters<typeof planned>[0]} plan
 */
async function forwarded(asked, plan) {
  let seen = { url: "", headers: {}, redirect: "" };
  mock.method(globalThis, "fetch", async (/** @type {string | Request} */ target, /** @type {RequestInit} */ init) => {
    const { url, headers } = typeof target === "string" ? new Request(target, init) : target;
    seen = { url, headers: Object.fromEntries(headers), redirect: init.redirect ?? "" };
    return new Response();
  });
  await forward(asked, new URL(asked.url), planned(plan));
  return seen;
}

afterEach(() => mock.restoreAll());

test("path and query go to the route's origin as they came", async () => {
  const { url } = await forwarded(request(CLIENT), { origin: ORIGIN });
  assert.equal(url, "https://origin.example:5000/v2/demo/hello/blobs/sha256:00?ns=docker.io");
  assert.equal((await forwarded(request(CLIENT), { origin: "" })).url, CLIENT);
});

test("redirects are the client's unless the route follows them", async () => {
  for (const watched of [true, false]) {
    assert.equal((await forwarded(request(CLIENT), { watched })).redirect, "manual");
    assert.equal((await forwarded(request(CLIENT), { watched, follow: true })).redirect, "follow");
  }
});

test("an operator's token stays here", async () => {
  for (const watched of [true, false]) {
    const asked = request(CLIENT, { headers: { "blobwatch-token": "secret", range: "bytes=5-" } });
    const { headers } = await forwarded(asked, { watched });
    assert.deepEqual(headers, { range: "bytes=5-" });
    assert.equal(asked.headers.get("blobwatch-token"), "secret", "the client's own headers are left alone");
  }
});

test("the name that the client knows goes with what is not watched", async () => {
  const headers = { "x-forwarded-host": "forged.example", "x-forwarded-proto": "forged" };
  const forged = await forwarded(request(CLIENT, { headers }), { watched: false, origin: ORIGIN });
  assert.deepEqual(forged.headers, { "x-forwarded-host": "registry.example", "x-forwarded-proto": "https" });
  const watched = await forwarded(request(CLIENT), { watched: true, origin: ORIGIN });
  assert.deepEqual(watched.headers, {});
});
