import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { goOnFrom, tick } from "../clock.js";
import { Health } from "../health.js";
import { stopClock } from "./sample.js";

test("a fault is said for five minutes after it was met last, and logged when it is new", () => {
  const clock = stopClock();
  const logged = mock.method(console, "error", () => {});
  const health = new Health();
  health.note("one");
  clock.tick(200_000);
  health.note("one");
  health.note("two");
  clock.tick(299_999);
  assert.deepEqual(health.reasons(), ["one", "two"]);
  assert.equal(logged.mock.callCount(), 2);
  clock.tick(1);
  assert.deepEqual(health.reasons(), []);
  health.note("one");
  assert.deepEqual([health.reasons(), logged.mock.callCount()], [["one"], 3]);
});

test("the faults that are known are bounded", () => {
  stopClock();
  mock.method(console, "error", () => {});
  const health = new Health();
  for (let fault = 0; fault < 1_000; fault += 1) health.note(`${fault}`);
  assert.deepEqual([health.reasons().length, health.reasons().at(-1)], [16, "999"]);
});

test("a clock that was set back is said until it has caught up", () => {
  const clock = stopClock();
  const health = new Health();
  health.seen();
  assert.deepEqual(health.reasons(), []);
  clock.setTime(Date.now() - 20_000);
  health.seen();
  assert.deepEqual(health.reasons(), ["the clock was set back: it is 20 s behind what it said before"]);
  clock.tick(20_000);
  assert.deepEqual(health.reasons(), []);
});

test("a process that started behind the time of the one before it says so", () => {
  const clock = stopClock();
  const health = new Health();
  health.seen();
  goOnFrom(Date.now() + 3_600_000, Date.now());
  assert.deepEqual(health.reasons(), ["the clock was set back: it is 3600 s behind what it said before"]);
  clock.tick(3_600_000);
  tick(Date.now());
  assert.deepEqual(health.reasons(), []);
});
