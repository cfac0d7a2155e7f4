import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as bounds from "../bounds.js";

test("bounds are those of Rust", () => {
  assert.deepEqual({ ...bounds }, JSON.parse(readFileSync(`${import.meta.dirname}/lines/bounds.json`, "utf8")));
});
