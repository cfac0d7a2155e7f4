/** @import { Outcome } from "../said.js" */

import assert from "node:assert/strict";
import { test } from "node:test";

import { describe, lengthOf, writeSaid } from "../said.js";
import { sample, stopClock } from "./sample.js";

/** @type {Record<Outcome, true>} */
const OUTCOMES = { completed: true, client_closed: true, origin_failed: true, not_observed: true };

test("every part of an answer is on its line, with each outcome", () => {
  stopClock();
  const headers = new Headers({ "content-range": "bytes 5-9/10", "content-length": "5", "content-type": "application/octet-stream" });
  const outcomes = /** @type {Outcome[]} */ (Object.keys(OUTCOMES));
  const said = outcomes.map((outcome) => writeSaid(describe(206, headers), outcome));
  assert.equal(said.join("\n\n"), sample("said"));
});

test("a header that is absent is an empty line", () => {
  assert.deepEqual(describe(304, new Headers()), [304, "", "", ""]);
});

test("a length that is said several times alike is that length", () => {
  /** @type {[string, string][]} */
  const cases = [["", ""], ["5", "5"], ["5, 5", "5"], ["5,5 ,5", "5"], ["5, 6", "5, 6"], ["0, 0", "0"], ["x, x", "x"]];
  for (const [said, length] of cases) assert.equal(lengthOf(new Headers({ "content-length": said })), length);
  assert.equal(lengthOf(new Headers()), "");
});
