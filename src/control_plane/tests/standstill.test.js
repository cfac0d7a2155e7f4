import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Standstill } from "../standstill.js";

const START = 1_593_975_600_000;
let machine = START;
/** @type {number | null} */
let alarm = null;

const storage = /** @type {DurableObjectStorage} */ (
  /** @type {unknown} */ ({ getAlarm: async () => alarm, sql: { exec: () => ({ one: () => ({ now: machine }) }) } })
);

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["Date"], now: START });
  machine = START;
  alarm = null;
});

test("while the clock runs an alarm is the platform's", () => {
  const standstill = new Standstill(storage);
  for (const ahead of [-60_000, -1, 0, 1, 1_999]) {
    machine = START - ahead;
    assert.equal(standstill.isNoticed(), false, `${ahead}`);
  }
});

test("while it stands an alarm is due when the machine's time says so, and once", async () => {
  const standstill = new Standstill(storage);
  machine = START - 20_000;
  assert.equal(standstill.isNoticed(), true);
  assert.equal(await standstill.isOverdue(), false, "there is none");
  alarm = START; // at once
  assert.equal(await standstill.isOverdue(), true);
  alarm = START + 10_000; // set again, by the clock that stands
  machine += 9_999;
  assert.equal(standstill.isNoticed() && (await standstill.isOverdue()), false);
  machine += 1;
  assert.equal(standstill.isNoticed() && (await standstill.isOverdue()), true);
  assert.equal(standstill.isNoticed() && (await standstill.isOverdue()), false);
});

test("a storage without SQL notices nothing", () => {
  assert.equal(new Standstill(/** @type {DurableObjectStorage} */ ({})).isNoticed(), false);
});
