import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { isAhead, now, tick } from "../../data_plane/clock.js";
import { Standstill, isBell, remember, ringAll } from "../standstill.js";

let start = 1_593_975_600_000;
let machine = start;
/** @type {number | null} */
let alarm = null;

const storage = /** @type {DurableObjectStorage} */ (
  /** @type {unknown} */ ({
    getAlarm: async () => alarm,
    deleteAlarm: async () => void (alarm = null),
    sql: { exec: () => ({ one: () => ({ now: machine }) }) },
  })
);

const env = /** @type {Env} */ ({});

// A process has one clock: each test begins days after the one before, when nothing is ahead.
beforeEach(() => {
  start += 10 * 86_400_000;
  mock.timers.reset();
  mock.timers.enable({ apis: ["Date"], now: start });
  machine = start;
  tick(start);
  alarm = null;
});

test("while the clock runs an alarm is the platform's", () => {
  const standstill = new Standstill(storage, env);
  for (const behind of [1_999, 1, 0, -1, -60_000]) {
    machine = start + 60_000 - behind;
    assert.equal(standstill.isNoticed(), false, `${behind}`);
  }
});

test("where the clock was set back time goes on, and an alarm is due once", async () => {
  const standstill = new Standstill(storage, env);
  machine = start - 3_600_000;
  assert.equal(standstill.isNoticed(), true);
  assert.equal(now(), start);
  assert.equal(await standstill.takeOverdue(), false, "there is none");
  alarm = start + 9_000;
  machine += 9_999; // of which a tenth is paid back
  assert.equal(standstill.isNoticed() && (await standstill.takeOverdue()), false);
  machine += 1;
  assert.equal(standstill.isNoticed() && (await standstill.takeOverdue()), true);
  assert.equal(standstill.isNoticed() && (await standstill.takeOverdue()), false);
});

test("a clock that is set forward again is believed at once", () => {
  const standstill = new Standstill(storage, env);
  machine = start - 3_600_000;
  assert.equal(standstill.isNoticed(), true);
  machine = start + 5_000;
  assert.equal(standstill.isNoticed(), false);
  mock.timers.setTime(machine);
  assert.equal(now(), machine);
});

test("time never goes back, whatever the clock does, and the lead ends", () => {
  let before = now();
  for (const passed of [-3_600_000, 1, 999, -60_000, 1_000, 86_400_000, -1_999, -5_000, 10_000, 3_000_000, -10_000_000]) {
    machine += passed;
    tick(machine);
    assert.ok(now() >= before, `${passed}`);
    before = now();
  }
  assert.equal(isAhead(), true);
  for (let minutes = 0; minutes < 2_000; minutes += 1) tick((machine += 60_000));
  assert.equal(isAhead(), false);
});

test("a storage without SQL notices nothing, nor does Cloudflare, whose clocks are not ours", () => {
  assert.equal(new Standstill(/** @type {DurableObjectStorage} */ ({}), env).isNoticed(), false);
  machine -= 3_600_000;
  assert.equal(new Standstill(storage, { ...env, PLATFORM: "cloudflare" }).isNoticed(), false);
});

test("a round comes to every object, and again after a moment", async () => {
  /** @type {string[]} */
  const rung = [];
  const namespace = (/** @type {string} */ binding) => ({
    idFromName: (/** @type {string} */ name) => `${binding} ${name}`,
    get: (/** @type {string} */ id) => ({
      fetch: async (/** @type {string} */ url) => {
        assert.equal(isBell(new Request(url)), true);
        rung.push(id);
        if (id.startsWith("DETECTOR")) throw new Error("broken");
      },
    }),
  });
  const bindings = ["RULE_BOOK", "DETECTOR", "PREVIEWS", "FIRE_LOG"].map((binding) => [binding, namespace(binding)]);
  const all = /** @type {Env} */ (/** @type {unknown} */ (Object.fromEntries(bindings)));
  for (const url of ["https://fire-log/fl1-IAD-0/flush", "https://fire-log/fl1-IAD-0/losses", "https://fire-log/fl1-FRA-0/flush", ""]) remember(url);
  await ringAll(all);
  const names = ["RULE_BOOK rulebook", "DETECTOR detector", "PREVIEWS previews", "FIRE_LOG fl1-IAD-0", "FIRE_LOG fl1-FRA-0"];
  assert.deepEqual(rung, names);
  /** @type {number[]} */
  const waits = [];
  Object.assign(globalThis, { scheduler: { wait: async (/** @type {number} */ ms) => void waits.push(ms) } });
  await Promise.all([ringAll(all), ringAll(all), ringAll(all)]);
  assert.deepEqual([rung.length, waits], [10, [250, 250, 250]], "one of them, a moment later");
  mock.timers.tick(250);
  await ringAll(all);
  assert.deepEqual([rung.length, waits.length], [15, 3]);
});
