import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { DATA_LOSSES } from "../../src/data_losses.ts";
import { DEFAULTS } from "../../src/rulebook/settings_fields.ts";

/** What the page knows of the worker without asking; Rust is held against it too. */
const WORKER = JSON.parse(readFileSync(new URL("worker.json", import.meta.url), "utf8")) as unknown;

test("what the page knows of the worker is so", () => {
  assert.deepEqual({ data_losses: Object.keys(DATA_LOSSES), settings: DEFAULTS }, WORKER);
});
