import assert from "node:assert/strict";
import { test } from "node:test";

import { objectsPort } from "../objects_port.js";

const context = /** @type {ExecutionContext} */ ({});

/** What reached a FireLog. @type {string[]} */
let reached = [];

const FIRE_LOG = {
  idFromName: (/** @type {string} */ name) => name,
  get: (/** @type {string} */ name) => ({
    fetch: async (/** @type {Request} */ { method, url }) => {
      reached.push(`${name} ${method} ${url}`);
      return new Response("told");
    },
  }),
};

/**
 * @param {string} path
 * @param {RequestInit} [init]
 * @param {Partial<Env>} [settings]
 */
const ask = (path, init, settings = { OBJECTS_CERTIFICATES: "required" }) => {
  reached = [];
  const request = /** @type {ClientRequest} */ (new Request(`https://objects${path}`, init));
  return objectsPort.fetch(request, /** @type {Env} */ (/** @type {unknown} */ ({ FIRE_LOG, ...settings })), context);
};

test("a data plane flushes to a FireLog and asks it for the rulebook", async () => {
  assert.equal(await (await ask("/fire-logs/fl1-akl-0/flush", { method: "POST", body: "batch" })).text(), "told");
  assert.deepEqual(reached, ["fl1-akl-0 POST https://fire-log/fl1-akl-0/flush"]);
  await ask("/fire-logs/fl1-none-12/rulebook?held=7&epoch=1");
  assert.deepEqual(reached, ["fl1-none-12 GET https://fire-log/fl1-none-12/rulebook?held=7&epoch=1"]);
});

test("what objects call each other for is not reached", async () => {
  for (const [path, method] of /** @type {const} */ ([
    ["/fire-logs/fl1-akl-0/rulebook", "PUT"],
    ["/fire-logs/fl1-akl-0/flush", "GET"],
    ["/fire-logs/fl1-akl-0/slice", "POST"],
    ["/fire-logs/fl1-akl-0/constructor", "GET"],
    ["/fire-logs/rulebook/document", "GET"],
    ["/fire-logs/fl1-akl-0/x/../../fl1-akl-0/page", "GET"],
    ["/fire-logs/fl1-%61kl-0/flush", "POST"],
    ["/fire-logs/fl1-far-too-long-0/flush", "POST"],
    ["/guard/counts", "POST"],
    ["/", "GET"],
  ])) {
    assert.equal((await ask(path, { method })).status, 404, `${method} ${path}`);
    assert.deepEqual(reached, []);
  }
});

test("whoever has neither a certificate nor the secret is refused", async () => {
  const flush = (/** @type {string | undefined} */ secret, /** @type {Partial<Env>} */ settings) => {
    const headers = /** @type {Record<string, string>} */ (secret === undefined ? {} : { "Blobwatch-Objects-Secret": secret });
    return ask("/fire-logs/fl1-akl-0/flush", { method: "POST", headers }, settings).then(({ status }) => status);
  };
  const secret = { OBJECTS_SECRET: "0123456789abcdef0123456789abcdef" };
  assert.equal(await flush(secret.OBJECTS_SECRET, secret), 200);
  for (const guess of [undefined, "", "0123456789abcdef0123456789abcdee"]) {
    assert.equal(await flush(guess, secret), 403, guess);
    assert.equal(await flush(guess, { ...secret, OBJECTS_CERTIFICATES: "required" }), 403, "both are asked for");
    assert.deepEqual(reached, []);
  }
  for (const nothing of [{}, { OBJECTS_SECRET: "" }, { OBJECTS_CERTIFICATES: "" }]) {
    assert.equal(await flush("", nothing), 403, "set up by nobody, open for nobody");
    assert.equal(await flush(undefined, nothing), 403);
  }
});

test("the host of the control plane is its own here as well", async () => {
  const own = { OBJECTS_CERTIFICATES: "required", BLOBWATCH_HOST: "blobwatch.example" };
  assert.equal((await ask("/_blobwatch/api/v1/rules", {}, own)).status, 404);
});
