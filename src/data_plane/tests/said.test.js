/** @import { Outcome } from "../said.js" */

import assert from "node:assert/strict";
import { test } from "node:test";

import { describe, describeOwn, lengthOf, writeSaid } from "../said.js";
import { sample, stopClock } from "./sample.js";

/** @type {Record<Outcome, true>} */
const OUTCOMES = { completed: true, client_closed: true, origin_failed: true, not_observed: true };

test("every part of an answer is on its line, with each outcome", () => {
  stopClock();
  const headers = new Headers({ "content-range": "bytes 5-9/10", "content-length": "5", "content-type": "application/octet-stream", "cf-cache-status": "HIT" });
  const outcomes = /** @type {Outcome[]} */ (Object.keys(OUTCOMES));
  const said = outcomes.map((outcome) => writeSaid(describe(206, headers, "https://cdn.example"), outcome));
  assert.equal(said.join("\n---\n"), sample("said"));
});

test("a header that is absent is an empty line", () => {
  assert.deepEqual(describe(304, new Headers(), ""), [304, "", "", "", "", "", ""]);
  assert.deepEqual(describeOwn(403), [403, "", "", "", "", "", ""]);
});

test("only a redirect says where it leads", () => {
  const headers = new Headers({ location: "https://cdn.example/x?sig=1" });
  assert.deepEqual(describe(307, headers, ""), [307, "", "", "", "https://cdn.example/x?sig=1", "", ""]);
  assert.deepEqual(describe(201, headers, ""), [201, "", "", "", "", "", ""]);
});

test("of caches the first one counts that says something", () => {
  /** @param {Record<string, string>} headers */
  const cache = (headers) => describe(200, new Headers(headers), "").at(-1);
  assert.equal(cache({ "cf-cache-status": "MISS", "x-cache": "HIT", age: "5" }), "MISS");
  assert.equal(cache({ "x-cache": "HIT", age: "5" }), "HIT");
  assert.equal(cache({ age: "5" }), "5");
});

test("a length that is said several times alike is that length", () => {
  /** @type {[string, string][]} */
  const cases = [["", ""], ["5", "5"], ["5, 5", "5"], ["5,5 ,5", "5"], ["5, 6", "5, 6"], ["0, 0", "0"], ["x, x", "x"]];
  for (const [said, length] of cases) assert.equal(lengthOf(new Headers({ "content-length": said })), length);
  assert.equal(lengthOf(new Headers()), "");
});

test("a length beside a transfer coding is none", () => {
  const headers = new Headers({ "content-length": "5", "transfer-encoding": "chunked" });
  assert.equal(lengthOf(headers), "");
  assert.equal(describe(200, headers, "")[2], "");
});
