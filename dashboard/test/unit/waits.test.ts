// No test says how fast a machine is, and none waits for it: `hang.ts` has the one limit.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "..");

/** What waits for a time, or measures one. */
const TIMED = /waitForTimeout|setTimeout|setInterval|Timeout\(|\btimeout:|performance\.now/;

/** `bench/` measures, and this file names what it looks for. */
const NOT_LOOKED_AT = /^(bench|node_modules)\b|^hang\.ts$|^unit.waits\.test\.ts$/;

/** The limit of `hang.ts`, and how often something is looked at. */
const ALLOWED = /HANG_MS|LOOK_MS/;

/** What is waited for is a time. */
const IS_LATE = /until\(.*(Date\.now\(\)|\bnow\(\))/;

test("no test waits for a time", async () => {
  const files = (await readdir(ROOT, { recursive: true })).filter((name) => name.endsWith(".ts") && !NOT_LOOKED_AT.test(name));
  assert.ok(files.length > 10, files.join(" "));
  for (const file of files) {
    const lines = (await readFile(join(ROOT, file), "utf8")).split("\n");
    const timed = lines.filter((line) => (TIMED.test(line) && !ALLOWED.test(line)) || IS_LATE.test(line));
    assert.deepEqual(timed, [], `${file}: wait for what is to happen instead (hang.ts)`);
  }
});
