import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { log } from "../log.js";
import { sample } from "./sample.js";

test("a line is JSON with its level, message and fields, as Rust writes it", () => {
  const long = "x".repeat(3000);
  /** @type {string[]} */
  const lines = [];
  for (const level of /** @type {const} */ (["info", "warn", "error"])) mock.method(console, level, (/** @type {string} */ line) => void lines.push(line));
  log("info", "nothing else");
  log("warn", "failed to flush", { fire_log: "fl1-fra-0", revision: 17, route: "", cause: new Refused('status 503: "busy"\n\u0001\u007fé') });
  log("error", "too long", { cause: long });
  assert.equal(lines.join("\n").replace("x".repeat(2000), "<2,000 letters>"), sample("log"));
});

class Refused {
  #why;
  /** @param {string} why */
  constructor(why) {
    this.#why = why;
  }
  toString() {
    return this.#why;
  }
}
